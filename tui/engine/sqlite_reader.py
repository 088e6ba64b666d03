"""The embedded ledger's readers: answers from roll-ups, beside the writer, from any process. ``sources`` and ``serve``
enter, and the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from tui.engine import coverage, ledger_lock, sqlite_history
from tui.engine.batch import ISP_MASK, cell_key
from tui.engine.counts import D_NEW
from tui.engine.ledger import LedgerStatus
from tui.engine.messages import decode_message, isp_mark, shown
from tui.engine.sqlite_balances import balances
from tui.engine.sqlite_blocks import NOTHING, BlockError, Selection
from tui.engine.sqlite_causes import find_causes
from tui.engine.sqlite_history import ACCOUNT, CELL, HOUR_SECONDS, ISP, MINUTE_SECONDS, TOTAL
from tui.engine.sqlite_schema import open_to_read, reading_values
from tui.model import (
    Balance,
    Cause,
    Counts,
    Grouping,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    WaitingMessage,
)
from tui.text import clean

_DIMENSIONS: dict[Grouping, tuple[str, ...]] = {
    Grouping.TOTAL: (),
    Grouping.HOST: (),
    Grouping.ACCOUNT: ("account_id",),
    Grouping.ACCOUNT_CAMPAIGN: ("account_id", "campaign_id"),
    Grouping.ISP: ("isp_id",),
}


_NAMED_IN = {"account_id": "accounts", "campaign_id": "campaigns", "isp_id": "isps"}
"""The dimensions, and the tables of their names."""


class _RollUp(msgspec.Struct, frozen=True):
    """A table of sums: the ``dimensions`` it knows, which of them tell its rows apart (``key``), and which rows have
    mail waiting."""

    table: str
    dimensions: frozenset[str]
    key: frozenset[str]
    waiting: str


_WAITING = "(new + proc + retry + hold)"
_ROLL_UPS = (  # the smallest first
    _RollUp("ledger", frozenset(), frozenset(), "true"),
    _RollUp("accounts", frozenset({"account_id"}), frozenset({"account_id"}), _WAITING + " > 0"),
    _RollUp("isps", frozenset({"isp_id"}), frozenset({"isp_id"}), _WAITING + " > 0"),
    # Both say the same, each to another index.
    _RollUp(
        "campaigns",
        frozenset({"account_id", "campaign_id"}),
        frozenset({"campaign_id"}),
        "waits = 1 AND " + _WAITING + " > 0",
    ),
    _RollUp("cells", frozenset(_NAMED_IN), frozenset({"campaign_id", "isp_id"}), _WAITING + " > 0"),
)
_SUMMED_STATES = "coalesce(sum(new), 0), coalesce(sum(proc), 0), coalesce(sum(retry), 0), coalesce(sum(hold), 0)"
_NAME_OF = {
    "account_id": "(SELECT a.name FROM accounts AS a WHERE a.account_id = TABLE.account_id)",
    "campaign_id": "(SELECT c.name FROM campaigns AS c WHERE c.campaign_id = TABLE.campaign_id)",
    "isp_id": "(SELECT i.name FROM isps AS i WHERE i.isp_id = TABLE.isp_id)",
}
_FINDS_MESSAGE = {
    "account_id": "campaign_id IN (SELECT campaign_id FROM campaigns WHERE account_id = ? AND waits = 1)",
    "campaign_id": "campaign_id = ?",
    "isp_id": "isps & ? <> 0",
}
_MINUTE_HISTORY_SECONDS = 24 * HOUR_SECONDS
_File = tuple[int, int] | None
_NOBODY = -1
"""An id that nothing has: the filter for a name that the ledger does not know."""


class SqliteReader:
    """Reads the ledger at ``path``, whose mail system is known as ``sender_id``; follows when another file takes its
    place. One thread at a time.

    Raises ``LedgerError``, as every method does: no ledger there, not readable, damaged, of another version.
    """

    def __init__(self, path: Path, sender_id: int = 1) -> None:
        self._path = path
        self._sender_id = sender_id
        self._wal = path.with_name(path.name + "-wal")
        self._files: tuple[_File, _File] | None = None
        self._files_before = 0
        self._open()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All answers within come from the same state of the ledger."""
        with reading_values(self._path):
            if self._files is not None and self._db.in_transaction:
                yield
                return
            self._follow()
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def version(self) -> int:
        """A number that grows whenever anything was written."""
        with reading_values(self._path):
            self._follow()
            serial: int = self._db.execute("SELECT serial FROM ledger").fetchone()[0]
            return (self._files_before << 48) + serial

    def status(self) -> LedgerStatus:
        """How the ledger stands."""
        writer = ledger_lock.holder(self._path)
        with self.snapshot():
            updated, cells = self._db.execute("SELECT updated, (SELECT count(*) FROM cells) FROM ledger").fetchone()
            return LedgerStatus(
                updated=updated,
                collector=None if writer is None else writer.pid,
                counters=dict(self._db.execute("SELECT name, value FROM counters ORDER BY name")),
                gauges=dict(self._db.execute("SELECT name, value FROM gauges ORDER BY name")),
                notes=dict(self._db.execute("SELECT key, text FROM notes ORDER BY key")),
                size=self._size_bytes(),
                cells=cells,
            )

    def hosts(self) -> list[HostStatus] | None:
        """It is the ledger of one host."""
        return None

    def totals(self) -> list[MailTotals]:
        """Mail totals by account, of every account that has any."""
        with self.snapshot():
            return [
                MailTotals(
                    account=account,
                    account_id=account_id,
                    send_count=send,
                    success_count=success,
                    defer_count=defer,
                    fail_count=fail,
                    in_progress_count=waiting,
                    total_size=size,
                )
                for account, account_id, send, success, defer, fail, waiting, size in self._db.execute(
                    """SELECT name, account_id, send, success, defer, fail, new + proc + retry + hold, size
                    FROM accounts WHERE send OR success OR defer OR fail OR size OR new OR proc OR retry OR hold
                    ORDER BY account_id"""
                )
            ]

    def balances(self, accounts: Collection[int] | None = None) -> list[Balance]:
        """Whether all mail is accounted for: of everybody first, then of each account that ever had any; with
        ``accounts`` (ids) of these alone and of those that are off."""
        with self.snapshot():
            return balances(self._db, accounts)

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        """Rows of the query's grouping where mail waits, the longest queues first; ``limit`` rows at the most. Totals
        and filters are exact whatever the limit. ``Grouping.TOTAL`` is one row, also when nothing waits."""
        if not self._is_here(query):
            return QueueTable(query=query)
        with self.snapshot():
            statement, values = _queue_statement(query.grouping, self._filters(query))
            rows = self._db.execute(statement, (*values, -1 if limit is None else limit)).fetchall()
            files = self._db.execute("SELECT value FROM gauges WHERE name = 'queue_files'").fetchone()
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(9)]
        account_id, account, campaign_id, campaign, isp, new, proc, retry, hold = columns
        return QueueTable(
            query=query,
            sender_id=[self._sender_id] * len(rows),
            account_id=account_id,
            account=account,
            campaign_id=campaign_id,
            campaign=campaign,
            isp=isp,
            new=new,
            proc=proc,
            retry=retry,
            hold=hold,
            files=None if files is None else files[0],
        )

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        """Counts over the ``span_seconds`` before ``end`` of all cells that the query's filters select, in minutes
        when the span is a day at the most and they are kept, else in hours."""
        with self.snapshot():
            keep = sqlite_history.kept(self._db)
            step = MINUTE_SECONDS if span_seconds <= _MINUTE_HISTORY_SECONDS else HOUR_SECONDS
            start, stop = _window(end, span_seconds, step)
            if step == MINUTE_SECONDS and start < keep.minutes_from:
                step = HOUR_SECONDS
                start, stop = _window(end, span_seconds, step)
            if not self._is_here(query):
                return History(start, step, [None] * ((stop - start) // step))
            points = self._points(self._filters(query), start, stop, step)
            forgotten = min(max(0, (keep.hours_from - start) // step), len(points))
            return History(start, step, [*[None] * forgotten, *points[forgotten:]])

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        """Why the mail that the query's filters select waits, most frequent first: the replies of all cells where mail
        waits now. Where these are thousands the counts may be some seconds old (``sqlite_causes``)."""
        if not self._is_here(query):
            return []
        with self.snapshot():
            return find_causes(self._db, self._filters(query), limit)

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        """The oldest messages that wait among what the query's filters select, a recipient each, the oldest first;
        before them those whose arrival nobody told."""
        found: list[WaitingMessage] = []
        if not self._is_here(query):
            return found
        with self.snapshot():
            filters = self._filters(query)
            statement, values = _queue_statement(Grouping.TOTAL, filters)
            most = min(limit, sum(self._db.execute(statement, (*values, 1)).fetchone()[-4:]))
            for (id_,) in self._db.execute(*_oldest_statement(filters)):
                if len(found) >= most:
                    break
                found += islice(self._waiting(id_, filters.get("isp_id")), most - len(found))
        return found

    def close(self) -> None:
        """Give back the file."""
        self._db.close()

    def _waiting(self, id_: bytes, isp_id: int | None) -> Iterator[WaitingMessage]:
        row = self._db.execute("SELECT state FROM messages WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise BlockError("an index names a message that is not there")
        try:
            return shown(id_, decode_message(row[0]), isp_id)
        except msgspec.DecodeError as error:
            raise BlockError(f"a message: {error}") from error

    def _follow(self) -> None:
        """Open the file that stands at the path now, when it is not the one that was opened. Who held on to a WAL that
        was removed would read what is no longer so, and keep the next writer from making another."""
        if (_identity(self._path), _identity(self._wal)) != self._files:
            # First, since SQLite shares the index of a WAL among all connections of a process.
            self._db.close()
            self._files = None
            self._open()
            self._files_before += 1

    def _open(self) -> None:
        file = _identity(self._path)
        self._db = open_to_read(self._path)
        self._files = file, _identity(self._wal)  # which may have been made just now

    def _is_here(self, query: QueueQuery) -> bool:
        return query.sender_id is None or query.sender_id == self._sender_id

    def _filters(self, query: QueueQuery) -> dict[str, int]:
        """The query's filters by column."""
        filters = {}
        for column, number in (("account_id", query.account_id), ("campaign_id", query.campaign_id)):
            if number is not None:
                filters[column] = number if 0 <= number < 1 << 63 else _NOBODY
        if query.isp is not None:
            found = self._db.execute("SELECT isp_id FROM isps WHERE name = ?", (clean(query.isp),)).fetchone()
            filters["isp_id"] = found[0] if found else _NOBODY
        return filters

    def _points(self, filters: dict[str, int], start: int, stop: int, step: int) -> list[Counts | None]:
        level, selection = self._selected(filters)
        sums = sqlite_history.sums_since(self._db, level, selection, step, start)
        known = self._db.execute(
            "SELECT first_minute, last_minute FROM covered WHERE last_minute >= ? ORDER BY 1",
            (start // MINUTE_SECONDS,),
        ).fetchall()
        # What waited at the end of a bucket is what waits now less all that changed since: never less than nothing,
        # though where a clock was set back mail left before it came.
        statement, values = _queue_statement(Grouping.TOTAL, filters)
        waiting = list(self._db.execute(statement, (*values, 1)).fetchone()[-4:])
        for later in [bucket for bucket in sums if bucket >= stop]:
            _take_back(waiting, sums[later])
        points: list[Counts | None] = []
        for bucket in range(stop - step, start - step, -step):
            counts = sums.get(bucket, NOTHING)
            minute = bucket // MINUTE_SECONDS
            seen = coverage.covered(known, minute, minute + step // MINUTE_SECONDS - 1)
            points.append(Counts(*counts[:D_NEW], *[max(count, 0) for count in waiting]) if seen else None)
            _take_back(waiting, counts)
        points.reverse()
        return points

    def _selected(self, filters: dict[str, int]) -> tuple[int, Selection]:
        """Which level of the history tells of the filters' cells, and the keys there."""
        account_id, campaign_id, isp_id = (filters.get(column) for column in _NAMED_IN)
        if campaign_id is not None:
            if account_id is not None and not self._owns(account_id, campaign_id):
                return CELL, frozenset()
            first, last = (0, ISP_MASK) if isp_id is None else (isp_id, isp_id)
            return CELL, (cell_key(campaign_id, first), cell_key(campaign_id, last))
        if account_id is not None and isp_id is not None:
            campaigns = self._db.execute("SELECT campaign_id FROM campaigns WHERE account_id = ?", (account_id,))
            return CELL, frozenset(cell_key(number, isp_id) for (number,) in campaigns)
        if account_id is not None:
            return ACCOUNT, (account_id, account_id)
        if isp_id is not None:
            return ISP, (isp_id, isp_id)
        return TOTAL, (0, 0)

    def _owns(self, account_id: int, campaign_id: int) -> bool:
        owned = "SELECT 1 FROM campaigns WHERE campaign_id = ? AND account_id = ?"
        return self._db.execute(owned, (campaign_id, account_id)).fetchone() is not None

    def _size_bytes(self) -> int:
        files = [self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in files if file.exists())


def _identity(path: Path) -> _File:
    """Which file stands at the path: device and inode; ``None`` when that cannot be told."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _window(end: int, span_seconds: int, step: int) -> tuple[int, int]:
    """The buckets of the span: from, and up to but without; the last is the one that ``end`` falls in or closes."""
    stop = -(-end // step) * step
    return stop + -span_seconds // step * step, stop


def _take_back(waiting: list[int], counts: Sequence[int]) -> None:
    for place, change in enumerate(counts[D_NEW:]):
        waiting[place] -= change


def _queue_statement(grouping: Grouping, filters: dict[str, int]) -> tuple[str, list[int]]:
    """Nine columns: account id and name, campaign id and name, ISP, and the four states."""
    dimensions = _DIMENSIONS[grouping]
    wanted = filters.keys() | dimensions
    roll_up = next(one for one in _ROLL_UPS if wanted <= one.dimensions)
    one_each = roll_up.key <= wanted and bool(dimensions)
    states = "new, proc, retry, hold" if one_each else _SUMMED_STATES
    parts = [
        *("SELECT", ", ".join([*_dimension_columns(roll_up.table, dimensions), states]), "FROM", roll_up.table),
        *("WHERE", " AND ".join([roll_up.waiting, *(f"{column} = ?" for column in filters)])),
    ]
    if dimensions:
        total = _WAITING if one_each else f"sum{_WAITING}"
        parts += [] if one_each else ["GROUP BY", ", ".join(dimensions)]
        parts += ["ORDER BY", total, "DESC,", dimensions[-1]]
    return " ".join([*parts, "LIMIT ?"]), list(filters.values())


def _dimension_columns(table: str, dimensions: tuple[str, ...]) -> list[str]:
    columns = []
    for column, named_in in _NAMED_IN.items():
        shown = column in dimensions
        name = "name" if named_in == table else _NAME_OF[column].replace("TABLE", table)
        # The isp of the sender-queue API is a name, without an id.
        columns += [] if column == "isp_id" else [column if shown else "0"]
        columns.append(name if shown else "''")
    return columns


def _oldest_statement(filters: dict[str, int]) -> tuple[str, list[int]]:
    """The ids of the messages that wait, the oldest first; where the ISP is asked for, all that wait for it and some
    others. It needs the index alone."""
    conditions = ["since IS NOT NULL", *(_FINDS_MESSAGE[column] for column in filters)]
    values = [isp_mark(value) if column == "isp_id" else value for column, value in filters.items()]
    return " ".join(["SELECT id FROM messages WHERE", " AND ".join(conditions), "ORDER BY since, id"]), values
