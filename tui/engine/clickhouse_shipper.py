"""Brings the spool to ClickHouse, in order, again and again until it is there, in a thread of its own. Only the
``clickhouse_*`` rooms enter."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_rows import HostState, Insert, inserts
from tui.engine.clickhouse_schema import DAY_SECONDS, MARK, MONTH_SECONDS, TABLES, create, everywhere
from tui.engine.clickhouse_spool import Package, Spool
from tui.engine.clickhouse_text import quoted
from tui.engine.ledger import LedgerError
from tui.text import clean

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 15.0
_REST_TIMES = 8
"""A server that takes long for a package is left alone for so many times as long, and at most for so many times the
usual pause: the more hosts ship to it, the less often each of them does."""
_PARTITION_SECONDS = {
    "minutes": DAY_SECONDS,
    "hours": MONTH_SECONDS,
    "causes": MONTH_SECONDS,
    "messages": MONTH_SECONDS,
}

_log = logging.getLogger("mailtop.clickhouse")


class Shipper:
    """Ships the spool in ``path`` as ``host``. ``connect`` makes a client of one server, ``node``: the host's rows stay
    where they began. Entries are shipped together ``ship_seconds`` after the first, and later where the server is slow.

    However often an insert comes, and whatever became of the answer, it counts once: the server compares its serial
    with the host's mark, which stands in the same part as the counts, and never does two of a host at a time.
    """

    def __init__(self, path: Path, host: str, node: str, connect: Callable[[str], Client], ship_seconds: float) -> None:
        self._host = host
        self._node = node
        self._connect = connect
        self._ship_seconds = ship_seconds
        self._took_seconds = 0.0
        self._spool = Spool(path)
        self._client: Client | None = None
        self._joined = False
        self._news = threading.Event()
        self._ending = threading.Event()
        self._changed = threading.Condition()
        self._arrived = 0
        self._hurry = False
        self._tidied = dict.fromkeys(_PARTITION_SECONDS, 0)
        self.trouble: tuple[float, str] | None = None
        """Since when nothing arrives (seconds since 1970), and why."""
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to ship."""
        self._news.set()

    def flush(self, version: int, timeout_seconds: float) -> bool:
        """Wait until the entry ``version`` has arrived; whether it has."""
        with self._changed:
            self._hurry = True
            self._news.set()
            done = self._changed.wait_for(lambda: self._arrived >= version, timeout_seconds)
            self._hurry = False
            return done

    def close(self) -> None:
        """End after the insert that is under way; what is left waits for the next collector."""
        self._ending.set()
        self._news.set()
        self._thread.join()
        self._spool.close()

    def _run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        try:
            while not self._ending.is_set():
                try:
                    more = self._ship()
                except Exception as error:  # nobody would hear of a thread that ended, nor of a secret not to be had
                    self._failed(error)
                    self._ending.wait(_FIRST_PAUSE_SECONDS if self._hurry else pause_seconds)
                    pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
                    continue
                self.trouble = None
                pause_seconds = _FIRST_PAUSE_SECONDS
                if not more:
                    self._wait()
        finally:
            if self._client is not None:
                self._client.close()

    def _wait(self) -> None:
        self._news.wait()
        self._news.clear()
        usual = self._ship_seconds
        deadline = time.monotonic() + min(max(usual, self._took_seconds * _REST_TIMES), usual * _REST_TIMES)
        while not (self._hurry or self._ending.is_set()) and (left := deadline - time.monotonic()) > 0:
            self._news.wait(left)
            self._news.clear()

    def _failed(self, error: Exception) -> None:
        self._joined = False
        since = time.time() if self.trouble is None else self.trouble[0]
        self.trouble = since, clean(str(error) or repr(error))
        _log.warning("%s", self.trouble[1])

    def _ship(self) -> bool:
        """Ship a package; whether there was one."""
        last = self._spool.last()
        package = self._spool.package()
        if package is None:
            self._tell(last)
            return False
        if self._client is None:
            self._client = self._connect(self._node)
        planned = list(inserts(self._host, package.serial, package.entries))
        serials = [insert.serial for insert in planned if insert.serial is not None]
        if not self._joined:
            create(self._client)
            if package.replaces:
                forget_host(self._client.place, self._host, self._connect)
                self._spool.replaced()
            self._compare(self._client, package, serials)
            self._joined = True
        began = time.monotonic()
        for insert in planned:
            self._insert(self._client, insert)
        self._took_seconds = time.monotonic() - began
        mark = serials[-1] if serials else package.mark
        if serials and (found := self._mark(self._client)) != mark:
            raise _mismatch(self._host, found, mark)
        self._spool.shipped(mark)
        self._tell(package.entries[-1][0])
        self._tidy(self._client, package)
        return True

    def _insert(self, client: Client, insert: Insert) -> None:
        # The server refuses what has the id of a query that still runs: no two inserts of counts of a host at a time.
        only_one = {} if insert.serial is None else {"query_id": _query_id(self._host)}
        client.insert(insert.table, insert.columns, insert.block, **only_one)

    def _compare(self, client: Client, package: Package, serials: list[int]) -> None:
        """Before anything is shipped to a server that was away: it must have what it had, and nothing else."""
        found = self._mark(client)
        if found != package.mark and found not in serials:
            raise _mismatch(self._host, found, package.mark)

    def _mark(self, client: Client) -> int:
        mine = f"level = {MARK} AND host = {quoted(self._host)}"
        answer = client.ask(f"SELECT sum(applied) FROM {client.place.database}.sums WHERE {mine}")
        return int(answer[0][0])

    def _tell(self, version: int) -> None:
        with self._changed:
            self._arrived = max(self._arrived, version)
            self._changed.notify_all()

    def _tidy(self, client: Client, package: Package) -> None:
        """Drop what the host keeps no longer, whole partitions at a time."""
        states = [entry.state for _, _, entry in package.entries if entry.state is not None]
        if not states:
            return
        keep = msgspec.json.decode(states[-1], type=HostState)
        database = client.place.database
        for table, seconds in _PARTITION_SECONDS.items():
            first = (keep.minutes_from if table == "minutes" else keep.hours_from) // seconds
            if first <= self._tidied[table]:
                continue
            found = client.ask(
                f"SELECT DISTINCT partition FROM system.parts WHERE active AND database = '{database}' "
                f"AND table = '{table}' AND toUInt64(partition) < {first}"
            )
            for partition in found[0] if found else []:
                client.tell(f"ALTER TABLE {database}.{table} DROP PARTITION {int(partition)}")
            self._tidied[table] = first


def forget_host(place: Place, host: str, connect: Callable[[str], Client]) -> None:
    """Take a host's rows away from every server of the ledger at ``place``, so that they can be sent anew; ``connect``
    makes a client of one server. Raises ``LedgerError``, also where one that the address does not name has any."""
    for node in place.nodes:
        client = connect(node)
        try:
            create(client)
            drop_host(client, host)
            left = client.ask(f"SELECT count() FROM {everywhere(place, 'sums')} WHERE host = {quoted(host)}")[0][0]
        finally:
            client.close()
    if left:
        raise LedgerError(
            f"a server of the cluster {place.cluster} has rows of the host {host}, and the ledger's address does not "
            "name it; name all servers there, with commas between"
        )


def drop_host(client: Client, host: str, timeout_seconds: float = 600.0) -> None:
    """Take a host's rows away from the client's server, so that it can be rebuilt. Raises ``LedgerError``."""
    database = client.place.database
    deadline = time.monotonic() + timeout_seconds
    # What a collector that was killed has sent may still be on its way into the tables.
    running = f"SELECT count() FROM system.processes WHERE query_id = {quoted(_query_id(host))}"
    _wait_for_none(client, running, deadline, f"still takes in rows of the host {host}")
    for table in [name for name, table in TABLES.items() if "host" in table.columns]:
        client.tell(f"ALTER TABLE {database}.{table} DELETE WHERE host = {quoted(host)}")
    unfinished = f"SELECT count() FROM system.mutations WHERE database = '{database}' AND NOT is_done"
    _wait_for_none(client, unfinished, deadline, f"has not taken the rows of the host {host} away yet")


def _wait_for_none(client: Client, question: str, deadline: float, what: str) -> None:
    while client.ask(question)[0][0]:
        if time.monotonic() > deadline:
            raise LedgerError(f"the ClickHouse server {what}; look again later")
        time.sleep(0.1)


def _query_id(host: str) -> str:
    return f"mailtop {host}"


def _mismatch(host: str, found: int, expected: int) -> LedgerError:
    return LedgerError(
        f"the ClickHouse server has counts of the host {host} up to {found}, and its spool says {expected}: another "
        "collector writes by the same name, the address leads to another server, or one of both lost data; nothing is "
        "shipped until the host is rebuilt"
    )
