"""The ledger as a source: what a collector wrote, read by another process. Only the command line builds one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

import msgspec

from tui.engine.ledger import LedgerError, LedgerReader, LedgerStatus
from tui.model import (
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
from tui.sources.source import SourceError, Unreachable
from tui.sources.worker import Worker

LIVE_SECONDS = 5.0
LIVE_INTERVALS = 3
"""Numbers are live while the collector wrote within five seconds, or three polls where these take longer."""

Answer = TypeVar("Answer")


class NoLedger(LedgerError):
    """Nobody has made this ledger yet; ``open_reader`` may say so."""


class LedgerSource:
    """Reads one ledger, which need not exist yet. ``open_reader`` is called in the source's own thread, where every
    call to the reader runs; when a call fails the reader is opened anew for the next one. ``look`` tells what there is
    to collect from; it runs in that thread, too."""

    def __init__(
        self,
        name: str,
        open_reader: Callable[[], LedgerReader],
        *,
        type: str = "local",
        interval_seconds: float = 2.0,
        clock: Callable[[], float] = time.time,
        look: Callable[[], Checkup] = lambda: Checkup(reached="a ledger"),
        color: str | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.interval_seconds = interval_seconds
        self._open_reader = open_reader
        self._clock = clock
        self._look = look
        self._color = color
        self._worker = Worker(f"ledger {name}")
        self._reader: LedgerReader | None = None
        self._version: int | None = None

    async def status(self) -> SourceStatus:
        """How far the ledger's numbers can be trusted; never raises."""
        try:
            ledger = await self._ask(lambda reader: reader.status())
        except SourceError as error:
            status = SourceStatus(name=self.name, type=self.type, freshness=Freshness.ERROR, error=str(error))
        else:
            status = describe(self.name, self.type, ledger, self._clock(), self.interval_seconds)
        return msgspec.structs.replace(status, color=self._color)

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The mail totals of every account; ``None`` before anything was read. Of a log that was never read nothing is
        known but what waits."""

        def known(reader: LedgerReader) -> list[MailTotals] | None:
            ledger = reader.status()
            if "log_time" in ledger.gauges:
                return reader.totals()
            if not _has_listed(ledger):
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
            return table if _has_listed(ledger) or ("queue" in ledger.notes and waits) else None

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

    async def hosts(self) -> list[HostStatus] | None:
        """How each host is, in a ledger of several."""
        return await self._ask(lambda reader: reader.hosts())

    async def changed(self) -> bool:
        """Whether anything was written since the last call."""
        return await self._ask(self._has_new_version)

    async def check(self) -> Checkup:
        """What there is to collect from, whether that is done and how old the numbers are; never raises."""
        checkup = await self._worker.run(self._look)
        try:
            ledger = await self._ask(lambda reader: reader.status())
        except SourceError as error:
            if isinstance(error.__cause__, NoLedger):
                note = "Nothing was collected yet; mailtop does so while it runs."
                return msgspec.structs.replace(checkup, notes=(*checkup.notes, note))
            return msgspec.structs.replace(checkup, problems=(*checkup.problems, str(error)))
        problems, notes = _collecting(ledger, self._clock(), self.interval_seconds)
        problems = [each for each in problems if each not in checkup.problems]
        return msgspec.structs.replace(checkup, problems=(*checkup.problems, *problems), notes=(*checkup.notes, *notes))

    async def close(self) -> None:
        """Give back the file, after the calls that are under way."""
        await self._worker.run(self._forget_reader)
        self._worker.stop()

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
                kind = Unreachable if isinstance(error, NoLedger) else SourceError
                raise kind(str(error)) from error

        return await self._worker.run(call)

    def _forget_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def describe(name: str, type: str, ledger: LedgerStatus, now: float, interval_seconds: float) -> SourceStatus:
    """How a ledger that stands so at ``now`` (seconds since 1970) is shown: an error when its queue could not be
    listed, stale when nobody writes it, partial while some of the log is missing."""
    age_seconds = _age_seconds(ledger, now)
    notes = []
    freshness, error = Freshness.LIVE, ledger.notes.get("queue")
    if error is not None:
        freshness = Freshness.ERROR
    elif ledger.collector is None:
        freshness = Freshness.STALE
        notes.append(f"No collector runs; {_age(age_seconds)}.")
    elif ledger.gauges.get("backfill"):
        freshness = Freshness.PARTIAL
        notes.append("The log is still being read from its beginning; the numbers grow until it is done.")
    elif "log" in ledger.notes:
        freshness = Freshness.PARTIAL
    elif not _has_listed(ledger):
        freshness = Freshness.PARTIAL
        notes.append("The collector has only just begun; it has not listed the queue yet.")
    elif _is_late(age_seconds, interval_seconds):
        freshness = Freshness.STALE
        notes.append(_has_not_written(ledger, age_seconds))
    notes += [text for key, text in sorted(ledger.notes.items()) if key != "queue"]
    notes += _unexplained(ledger)
    return SourceStatus(
        name=name, type=type, freshness=freshness, age_seconds=age_seconds, error=error, notes=tuple(notes)
    )


def _collecting(ledger: LedgerStatus, now: float, interval_seconds: float) -> tuple[list[str], list[str]]:
    """What is wrong with the collecting, and what is worth knowing of it. What a collector that has ended could not
    read says nothing of now."""
    age_seconds = _age_seconds(ledger, now)
    if ledger.collector is None:
        return [], [f"No collector runs; {_age(age_seconds)}.", *_unexplained(ledger)]
    problems = [text for _, text in sorted(ledger.notes.items())]
    if _is_late(age_seconds, interval_seconds) and not ledger.gauges.get("backfill"):
        problems.append(_has_not_written(ledger, age_seconds))
    return problems, [f"Process {ledger.collector} collects; {_age(age_seconds)}.", *_unexplained(ledger)]


def _age_seconds(ledger: LedgerStatus, now: float) -> float | None:
    if ledger.updated is None or not _has_read(ledger):
        return None
    return max(0.0, now - ledger.updated)


def _is_late(age_seconds: float | None, interval_seconds: float) -> bool:
    return age_seconds is not None and age_seconds > max(LIVE_SECONDS, LIVE_INTERVALS * interval_seconds)


def _has_not_written(ledger: LedgerStatus, age_seconds: float | None) -> str:
    return f"The collector (process {ledger.collector}) has not written; {_age(age_seconds)}."


def _has_listed(ledger: LedgerStatus) -> bool:
    """Whether the queue was ever listed: before that nothing waits in it because nothing is known."""
    return "listed_at" in ledger.gauges


def _has_read(ledger: LedgerStatus) -> bool:
    """Whether any of the log was read: a collector's first batch is empty."""
    return "log_time" in ledger.gauges or _has_listed(ledger)


def _unexplained(ledger: LedgerStatus) -> list[str]:
    """What was counted without an explanation, and the ledger's size: a sentence each."""
    sentences = [
        ("vanished", "{} left the queue without a line in the log", "recipient"),
        ("unlogged", "{} in the queue without a line in the log that tells of it", "recipient"),
        ("unparsed", "{} of the log could not be understood", "line"),
        ("log_gaps", "{} of the log was rotated away before it was read", "piece"),
    ]
    told = [
        sentence.format(f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s") + "."
        for key, sentence, noun in sentences
        if (count := ledger.counters.get(key, 0)) > 0
    ]
    return [*told, f"The ledger takes {_megabytes(ledger.size)} on disk."]


def _age(seconds: float | None) -> str:
    """An age in words, coarse, so that the sentence changes seldom."""
    if seconds is None:
        return "there are no numbers yet"
    if seconds < 60:
        return "the numbers are less than a minute old"
    size, noun = next(unit for unit in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= unit[0])
    count = int(seconds // size)
    return f"the numbers are {count} {noun}{'s' if count > 1 else ''} old"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"
