"""The ledger as a source: what a collector wrote, read by another process. Only the command line builds one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tui.engine.ledger import LedgerAway, LedgerError, LedgerReader
from tui.model import (
    Balance,
    Cause,
    Checkup,
    Freshness,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
    WaitingMessage,
)
from tui.sources.accounting import accounted
from tui.sources.ledger_words import Standing, collecting, describe, has_listed
from tui.sources.source import SourceError, Unreachable
from tui.sources.worker import Worker

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled

HOSTS_SECONDS = 1.0
"""So long it is known how the hosts of a ledger are; who asks for them and for the whole in one look asks once."""

Answer = TypeVar("Answer")


class NoLedger(LedgerAway):
    """Nobody has made this ledger yet; ``open_reader`` may say so."""


class LedgerSource:
    """Reads one ledger, which need not exist yet. ``open_reader`` is called in the source's own thread, where every
    call to the reader runs; when a call fails the reader is opened anew for the next one. In that thread run, too,
    ``look``, which tells what there is to collect from, and ``unsent``, which tells what still waits to be sent to
    ClickHouse (``None``: it is not sent anywhere)."""

    def __init__(
        self,
        name: str,
        open_reader: Callable[[], LedgerReader],
        *,
        type: str = "local",
        interval_seconds: float = 2.0,
        clock: Callable[[], float] = time.time,
        look: Callable[[], Checkup] = lambda: Checkup(reached="a ledger"),
        unsent: Callable[[], Spooled | None] = lambda: None,
        color: str | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.interval_seconds = interval_seconds
        self._open_reader = open_reader
        self._clock = clock
        self._look = look
        self._unsent = unsent
        self._color = color
        self._worker = Worker(f"ledger {name}")
        self._reader: LedgerReader | None = None
        self._version: int | None = None
        self._hosts: tuple[float, list[HostStatus] | None] | None = None
        self._last: tuple[float, SourceStatus] | None = None

    async def status(self) -> SourceStatus:
        """How far the ledger's numbers can be trusted; never raises."""
        try:
            standing = await self._ask(self._standing)
        except SourceError as error:
            status = self._failing(error)
        else:
            now = self._clock()
            status = describe(self.name, self.type, standing, now, self.interval_seconds)
            self._last = now, status
        return msgspec.structs.replace(status, color=self._color)

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The mail totals of every account; ``None`` before anything was read. Of a log that was never read nothing is
        known but what waits."""

        def known(reader: LedgerReader) -> list[MailTotals] | None:
            ledger = reader.status()
            if "log_time" in ledger.gauges:
                return reader.totals()
            if not has_listed(ledger):
                return None
            return [
                MailTotals(
                    account=totals.account,
                    account_id=totals.account_id,
                    in_progress_count=totals.in_progress_count,
                )
                for totals in reader.totals()
            ]

        return await self._ask(known)

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        """The queue cells that ``query`` selects, added up by its grouping; ``None`` before the queue was listed. Where
        it cannot be listed the log's word stands, unless that is that nothing waits."""

        def known(reader: LedgerReader) -> QueueTable | None:
            table, ledger = reader.queue(query), reader.status()
            waits = any(map(any, (table.new, table.proc, table.retry, table.hold)))
            return table if has_listed(ledger) or ("queue" in ledger.notes and waits) else None

        return await self._ask(known)

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        """Counts over the ``span_seconds`` before ``end`` of the cells that the query's filters select."""
        return await self._ask(lambda reader: reader.history(query, end, span_seconds))

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        """Why the mail that the query's filters select waits, most frequent first."""
        return await self._ask(lambda reader: reader.causes(query))

    async def messages(self, query: QueueQuery, limit: int) -> list[WaitingMessage] | None:
        """The ``limit`` oldest messages that wait among what the query's filters select, a recipient each, the oldest
        first."""
        return await self._ask(lambda reader: reader.messages(query, limit))

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        """Whether all mail is accounted for: of everybody, then of each account, or of ``accounts`` and those that are
        off. ``None`` before the log was read and the queue was listed, and where the ledger does not tell."""

        def known(reader: LedgerReader) -> list[Balance] | None:
            ledger = reader.status()
            if "log_time" not in ledger.gauges or not has_listed(ledger):
                return None
            return reader.balances(accounts) or None

        return await self._ask(known)

    async def hosts(self) -> list[HostStatus] | None:
        """How each host is, in a ledger of several."""
        return await self._ask(self._known_hosts)

    async def unsent(self) -> Spooled | None:
        """What waits to be sent to ClickHouse; ``None`` where nothing is sent there."""
        return await self._ask(lambda _: self._unsent())

    async def changed(self) -> bool:
        """Whether anything was written since the last call."""
        return await self._ask(self._has_new_version)

    async def check(self) -> Checkup:
        """What there is to collect from, whether that is done and how old the numbers are; never raises."""
        checkup = await self._worker.run(self._look)
        try:
            standing, balances = await self._ask(self._standing), await self.balances(())
        except SourceError as error:
            if str(error) in checkup.problems:
                return checkup
            if isinstance(error.__cause__, NoLedger):
                note = "Nothing was collected yet; mailtop does so while it runs."
                return msgspec.structs.replace(checkup, notes=(*checkup.notes, note))
            return msgspec.structs.replace(checkup, problems=(*checkup.problems, str(error)))
        problems, notes = collecting(standing, self._clock(), self.interval_seconds)
        problems = [each for each in problems if each not in checkup.problems]
        found = [each for each in checkup.problems if not any(each in told for told in problems)]
        notes = [*checkup.notes, *notes[:1], *accounted(balances), *notes[1:]]
        return msgspec.structs.replace(checkup, problems=(*found, *problems), notes=tuple(notes))

    async def close(self) -> None:
        """Give back the file, after the calls that are under way."""
        await self._worker.run(self._forget_reader)
        self._worker.stop()

    def _standing(self, reader: LedgerReader) -> Standing:
        return Standing(reader.status(), self._known_hosts(reader), self._unsent())

    def _known_hosts(self, reader: LedgerReader) -> list[HostStatus] | None:
        now = self._clock()
        if self._hosts is None or not 0 <= now - self._hosts[0] < HOSTS_SECONDS:
            self._hosts = now, reader.hosts()
        return self._hosts[1]

    def _failing(self, error: SourceError) -> SourceStatus:
        """How the source is while it cannot be read: of a ledger that is away the last numbers grow old."""
        is_away = isinstance(error, Unreachable) and not isinstance(error.__cause__, NoLedger)
        if not is_away or self._last is None:
            return SourceStatus(name=self.name, type=self.type, freshness=Freshness.ERROR, error=str(error))
        then, last = self._last
        age_seconds = None if last.age_seconds is None else last.age_seconds + max(0.0, self._clock() - then)
        return msgspec.structs.replace(last, freshness=Freshness.STALE, age_seconds=age_seconds, error=str(error))

    def _has_new_version(self, reader: LedgerReader) -> bool:
        version = reader.version()
        changed = version != self._version
        self._version = version
        return changed

    async def _ask(self, question: Callable[[LedgerReader], Answer]) -> Answer:
        def call() -> Answer:
            try:
                if self._reader is None:
                    self._reader = self._open_reader()
                    self._version = None
                return question(self._reader)
            except (LedgerError, OSError) as error:
                self._forget_reader()
                kind = Unreachable if isinstance(error, LedgerAway) else SourceError
                raise kind(str(error)) from error

        return await self._worker.run(call)

    def _forget_reader(self) -> None:
        reader, self._reader, self._hosts = self._reader, None, None
        if reader is not None:
            reader.close()
