"""A ledger on real ClickHouse servers as ``ledger_contract`` wants it: what is written has arrived, and ids are those
of the contract."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from tests.clickhouse_server import CLUSTER, ClickhouseServer
from tui.config.ledger_place import Place, parse
from tui.engine.batch import Batch
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_names import account_id, campaign_id, host_id
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_schema import TABLES, create
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerStatus
from tui.model import Balance, Cause, History, HostStatus, MailTotals, QueueQuery, QueueTable, WaitingMessage

SECONDS = 20.0
HOST = "mx1"
SENDER = 7
_databases = itertools.count(1)


class Addressed(Protocol):
    """A server that may be asked."""

    @property
    def address(self) -> str: ...


def place_of(servers: Sequence[Addressed], database: str) -> Place:
    """The ledger called ``database`` on these servers; of several they are a cluster."""
    nodes = ",".join(server.address for server in servers)
    return parse(f"clickhouse://{nodes}/{database}{f'?cluster={CLUSTER}' if len(servers) > 1 else ''}")


@contextmanager
def new_place(servers: list[ClickhouseServer]) -> Iterator[Place]:
    """An empty ledger on every server for the length of the context."""
    place = place_of(servers, f"mail{next(_databases)}")
    try:
        for node in place.nodes:
            client = Client(place, only=node)
            create(client)
            client.close()
        yield place
    finally:
        for server in servers:
            server.ask(f"DROP DATABASE IF EXISTS {place.database}")


@contextmanager
def emptied_place(servers: Sequence[Addressed]) -> Iterator[Place]:
    """The same ledger for all tests that nothing but its rows tells apart, without any: quicker than a new one."""
    place = place_of(servers, f"emptied{len(servers)}")
    for node in place.nodes:
        client = Client(place, only=node)
        create(client)
        for table in TABLES:
            client.tell(f"TRUNCATE TABLE {place.database}.{table}")
        client.close()
    yield place


class PromptWriter(ClickhouseWriter):
    """A writer whose writes are done when they have arrived."""

    def __init__(
        self,
        path: Path,
        place: Place,
        host: str = HOST,
        *,
        minutes_kept_hours: int = 24,
        hours_kept_days: int = 90,
        max_spool_bytes: int = 1024**3,
    ) -> None:
        super().__init__(
            path,
            place,
            host,
            minutes_kept_hours=minutes_kept_hours,
            hours_kept_days=hours_kept_days,
            max_spool_bytes=max_spool_bytes,
            ship_seconds=0.0,
        )
        self._arrive()

    def write(self, batch: Batch) -> None:
        super().write(batch)
        self._arrive()

    def note(self, key: str, text: str | None) -> None:
        super().note(key, text)
        self._arrive()

    def maintain(self, now: float) -> None:
        super().maintain(now)
        self._arrive()

    def _arrive(self) -> None:
        assert self.flush(SECONDS), self.trouble


class RenumberedReader:
    """A reader that speaks of accounts and campaigns by the numbers that the writer gave them."""

    def __init__(self, place: Place, writer_names: Path) -> None:
        self._reader = ClickhouseReader(place, sender_id=SENDER)
        self._numbers = writer_names

    def version(self) -> int:
        return self._reader.version()

    def status(self) -> LedgerStatus:
        return self._reader.status()

    def hosts(self) -> list[HostStatus] | None:
        return self._reader.hosts()

    def totals(self) -> list[MailTotals]:
        accounts, _ = self._ids()
        own = {id_: number for number, id_ in accounts.items()}
        found = [msgspec.structs.replace(one, account_id=own[one.account_id]) for one in self._reader.totals()]
        return sorted(found, key=lambda one: one.account_id)

    def balances(self, accounts: Collection[int] | None = None) -> list[Balance]:
        ids, _ = self._ids()
        own = {0: 0, **{id_: number for number, id_ in ids.items()}}
        found = self._reader.balances(None if accounts is None else [ids[each] for each in accounts if each in ids])
        found = [msgspec.structs.replace(one, account_id=own[one.account_id]) for one in found]
        return sorted(found, key=lambda one: one.account_id)

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        accounts, campaigns = self._ids()
        table = self._reader.queue(self._asked(query), limit)
        own_accounts = {0: 0, **{id_: number for number, id_ in accounts.items()}}
        own_campaigns = {0: 0, **{id_: number for number, id_ in campaigns.items()}}
        senders = {host_id(HOST): SENDER}
        return msgspec.structs.replace(
            table,
            query=query,
            sender_id=[senders.get(number, number) for number in table.sender_id],
            account_id=[own_accounts[id_] for id_ in table.account_id],
            campaign_id=[own_campaigns[id_] for id_ in table.campaign_id],
        )

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        return self._reader.history(self._asked(query), end, span_seconds)

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        return self._reader.causes(self._asked(query), limit)

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        return self._reader.messages(self._asked(query), limit)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Servers have none: answers come from the states they find."""
        yield

    def close(self) -> None:
        self._reader.close()

    def _asked(self, query: QueueQuery) -> QueueQuery:
        accounts, campaigns = self._ids()
        return msgspec.structs.replace(
            query,
            account_id=None if query.account_id is None else accounts.get(query.account_id, query.account_id),
            campaign_id=None if query.campaign_id is None else campaigns.get(query.campaign_id, query.campaign_id),
        )

    def _ids(self) -> tuple[dict[int, int], dict[int, int]]:
        """The ids of the writer's accounts and campaigns, by its numbers."""
        if not self._numbers.exists():
            return {}, {}
        with sqlite3.connect(f"file:{self._numbers}?mode=ro", uri=True) as db:
            names = dict(db.execute("SELECT account_id, name FROM accounts"))
            campaigns = db.execute("SELECT campaign_id, account_id, name FROM campaigns").fetchall()
        db.close()
        return (
            {number: account_id(name) for number, name in names.items()},
            {number: campaign_id(names[account], name) for number, account, name in campaigns},
        )


class ClickhouseLedger:
    """One ledger that a test may open and open again; ``path`` is the writer's own."""

    def __init__(self, place: Place, path: Path) -> None:
        self.place = place
        self.path = path

    def writer(self, *, minutes_kept_hours: int = 24, hours_kept_days: int = 90) -> PromptWriter:
        return PromptWriter(
            self.path, self.place, minutes_kept_hours=minutes_kept_hours, hours_kept_days=hours_kept_days
        )

    def reader(self) -> RenumberedReader:
        return RenumberedReader(self.place, self.path)
