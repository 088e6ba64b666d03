"""Asks one source again and again for what is shown, and keeps its latest good answers. One task a source: a slow one
delays no other. Only the hub enters."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tui.hub.balance import AskedBalances, Part
from tui.hub.outage import Outage
from tui.hub.overdue import overdue
from tui.hub.pace import next_beat
from tui.hub.wanted import Trend as Trend
from tui.hub.wanted import Wanted as Wanted
from tui.model import Freshness, Grouping, History, HostStatus, MailTotals, QueueQuery, QueueTable, SourceStatus
from tui.sources.source import Source, SourceError
from tui.text import clean

Answer = TypeVar("Answer")

ANSWER_SECONDS = 300.0
"""A source that does not answer for so long has failed; it is asked anew. Sources bound each of their own questions,
and may have many: this is for what hangs for ever, such as a dead disk."""

REST_SECONDS = 30.0
"""The pace of what is not on the screen: often enough to know how the source is."""

HISTORY_SECONDS = 60
"""A history is asked for anew each minute, even when nothing changed: time has passed."""


class Poller:
    """Keeps what one source answered last; ``told`` is called whenever something of it changed.

    ``totals``, ``table`` (the answer to ``query``) and ``histories`` stay ``None`` or absent before the first answer
    and where the source does not offer them. ``confirmed`` is when the table was last known to be true (loop time),
    ``totals_confirmed`` when the totals were; ``totals_time`` is when these were told. ``generation`` grows whenever
    any number may have changed.

    ``hosts`` is how the source's hosts are, where it adds up several; ``senders`` are those that its rows were told
    apart by; ``isps`` is the query's mail by ISP, where that is wanted and ``hosts`` do not tell it. ``phase`` (0 to 1)
    is when in each interval it is asked, so that many sources are not asked at once.
    """

    def __init__(
        self,
        source: Source,
        told: Callable[[], None],
        clock: Callable[[], float] = time.time,
        phase: float | None = None,
    ) -> None:
        self.source = source
        self.totals: list[MailTotals] | None = None
        self.query: QueueQuery | None = None
        self.table: QueueTable | None = None
        self.histories: dict[Trend, History | None] = {}
        self.hosts: list[HostStatus] | None = None
        self.senders: frozenset[int] = frozenset()
        self.isps: QueueTable | None = None
        self._balances = AskedBalances(source, told, ANSWER_SECONDS)
        self.confirmed = 0.0
        self.totals_time = -math.inf
        self.totals_confirmed = -math.inf
        self._told = told
        self._clock = clock
        self._phase = phase
        self._wanted = Wanted()
        self._paused = False
        self._asked = False
        self._wake = asyncio.Event()
        self._fetch: asyncio.Task[None] | None = None
        self._fetching = Wanted()
        self._ticking = False
        self._began = 0.0
        self._due = math.inf
        self._took_seconds = 0.0
        self._abandoned: set[asyncio.Task[None]] = set()
        self._status: SourceStatus | None = None
        self._status_time = 0.0
        self._outage = Outage()
        self.generation = 1
        self._fetched: dict[object, object] = {}

    @property
    def failing(self) -> bool:
        """Whether the last poll failed; the numbers are those of the last good one."""
        return self._outage.error is not None

    @property
    def offers_totals(self) -> bool:
        """Whether it tells mail totals, or has not been heard yet: false once it told of a queue and of no totals."""
        return self.totals is not None or self.table is None

    @property
    def keeps_history(self) -> bool:
        """Whether it has told a history; false also before it was asked for one."""
        return any(history is not None for history in self.histories.values())

    @property
    def complete(self) -> bool:
        """Whether the numbers can be compared with later ones: nothing of them is missing or old."""
        return self._status is not None and self._status.freshness in (Freshness.LIVE, Freshness.REPLAY)

    @property
    def why_not_asked(self) -> str:
        """Why the source is not to be asked for anything just now; empty when it is."""
        if self._paused:
            return "Paused: nothing is asked."
        if not self.failing and self.wants_rest:
            return "It wants to be left alone for a while."
        return self._outage.error or ""

    @property
    def wants_rest(self) -> bool:
        """Whether the source asked to be left alone for now: that binds everybody."""
        return self._now() < self._outage.not_before

    @property
    def may_be_asked(self) -> bool:
        """Whether others than this may ask the source now."""
        return not self.why_not_asked

    def want(self, wanted: Wanted) -> None:
        """Show this from now on: what is new of it is asked for at once, unless the source fails just now; a new query
        even then. Nothing is asked before the first call."""
        if self._due == math.inf:
            self._due = 0.0
            self._wake.set()
        if wanted == self._wanted:
            return
        if wanted.query != self._wanted.query or not self.failing:
            self._asked = True
            self._wake.set()
        if self._wanted.nothing and not self.failing:
            self._due = min(self._due, self._began + self._pace(wanted))  # it comes back from its rest
        self._wanted = wanted

    def refresh(self) -> None:
        """Ask for everything now, unless the source wants to be left alone."""
        self.generation += 1
        self._ask_at_once()

    def pause(self, paused: bool) -> None:
        """Ask for nothing while paused."""
        if paused != self._paused:
            self._paused = paused
            self._ask_at_once()

    def _ask_at_once(self) -> None:
        self._asked = True
        self._due = 0.0
        self._wake.set()

    @property
    def is_doubtful(self) -> bool:
        """Whether its numbers are old, or cannot be had."""
        return self._running_status().freshness in (Freshness.ERROR, Freshness.STALE)

    def status(self) -> SourceStatus:
        """How the source is, with the age of its numbers now."""
        status, failure = self._running_status(), self._balances.failure
        if failure is not None:
            note = f"Whether its mail is accounted for could not be asked: {sentence_of(failure)}"
            status = msgspec.structs.replace(status, notes=(*status.notes, note))
        return msgspec.structs.replace(status, freshness=Freshness.PAUSED) if self._paused else status

    def _running_status(self) -> SourceStatus:
        now = self._now()
        status = self._status or SourceStatus(
            name=self.source.name,
            type=self.source.type,
            freshness=Freshness.STALE,
            notes=("It has not answered yet.",),
        )
        if status.age_seconds is not None:
            age_seconds = status.age_seconds + now - self._status_time
            status = msgspec.structs.replace(status, age_seconds=age_seconds)
        if self._fetch is not None and not self.failing:
            return overdue(status, now - self._began, self.source.interval_seconds, self._took_seconds)
        return self._outage.told(status)

    def balance(self, account_id: int | None = None) -> Part:
        """Whether the mail of the host, or of one account, is accounted for."""
        return self._balances.part(self.source.name, account_id, is_old=self.is_doubtful)

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            while True:
                await self._wait()
                if self._paused:
                    self._abandon()
                    self._balances.stop()
                elif self._fetch is None:
                    if self._now() >= self._next():
                        self._begin()
                elif self._fetching.query != self._wanted.query:
                    self._begin()
                elif self._now() >= self._began + ANSWER_SECONDS:
                    self._abandon()
                    self._fail(SourceError(f"It has not answered for {ANSWER_SECONDS:.0f} seconds; it is asked again."))
        finally:
            self._abandon()
            self._balances.stop()

    async def _wait(self) -> None:
        """Wait until there is something to do."""
        deadline: float | None
        if self._paused:
            deadline = None
        elif self._fetch is not None:
            deadline = self._began + ANSWER_SECONDS
        else:
            deadline = self._next() if self._next() < math.inf else None
        try:
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _next(self) -> float:
        """When to ask next (loop time)."""
        return max(self._outage.not_before, 0.0 if self._asked else self._due)

    def _pace(self, wanted: Wanted) -> float:
        """Seconds between two polls."""
        interval = self.source.interval_seconds
        return max(REST_SECONDS, interval) if wanted.nothing else interval

    def _begin(self) -> None:
        self._abandon()
        self._asked = False
        self._began = self._now()
        self._ticking = self._began >= self._due
        self._fetching = self._wanted
        self._fetch = asyncio.create_task(self._poll(self._wanted, self._ticking))

    def _abandon(self) -> None:
        """Wait no longer for the answer under way; if it comes late it is dropped. What it was told of changes is lost
        with it, so everything counts as changed."""
        fetch, self._fetch = self._fetch, None
        if fetch is not None:
            self.generation += self._ticking
            self._abandoned.add(fetch)
            fetch.add_done_callback(self._abandoned.discard)
            fetch.cancel()

    async def _poll(self, wanted: Wanted, tick: bool) -> None:
        """Ask for what is wanted and not known: at a tick for what has changed, between ticks for what is newly
        shown."""
        failure: SourceError | None = None
        try:
            if tick:
                await self._ask_for_changes()
            await self._ask(wanted, tick)
            if tick:
                status = await self._answer(self.source.status())
                self.confirmed = self._now()
                if not self._is_old("totals", self.generation):
                    self.totals_confirmed = self.confirmed
                self._set_status(status)
        except Exception as error:  # a source's mistake must not end the others
            failure = error if isinstance(error, SourceError) else SourceError(sentence_of(error))
        if asyncio.current_task() is self._fetch:
            self._fetch = None
            if failure is not None:
                self._fail(failure)
                return
            if tick:
                self._succeed()
            else:
                self._wake.set()
            self._balances.ask(wanted.balances, self.generation)

    async def _ask_for_changes(self) -> None:
        """How the source is, and whether anything has changed since the last tick."""
        self._set_good(await self._answer(self.source.status()))
        if await self._answer(self.source.changed()):
            self.generation += 1

    def _set_good(self, status: SourceStatus) -> None:
        """Take over a status; while the source fails its last good one stands until all is answered again."""
        if not self.failing:
            self._set_status(status)

    def _set_status(self, status: SourceStatus) -> None:
        self._status, self._status_time = status, self._now()

    async def _ask(self, wanted: Wanted, tick: bool) -> None:
        source = self.source
        query, changes = wanted.query, self.generation
        if query is not None and (tick or self._is_old("queue", (changes, query))):
            self.hosts = await self._answer(source.hosts())  # which grow old though nothing changes
        if query is not None and self._is_old("queue", (changes, query)):
            table = await self._answer(source.queue(query))
            if tick:  # what the answer is worth must be known before it is shown
                self._set_good(await self._answer(source.status()))
            self.table, self.query, self.confirmed = table, query, self._now()
            self._note_senders(query, table)
            self._keep("queue", (changes, query))
        rested = self._now() >= self.totals_time + REST_SECONDS
        if self._is_old("totals", changes) and (wanted.totals or rested or "totals" not in self._fetched):
            self.totals = await self._answer(source.totals(wanted.accounts))
            self.totals_time = self.totals_confirmed = self._now()
            self._keep("totals", changes)
        if query is not None and wanted.isps and self.hosts is None and self._is_old("isps", (changes, query)):
            self.isps = await self._answer(source.queue(query.grouped(Grouping.ISP)))
            self._keep("isps", (changes, query))
        if wanted.nothing and self.totals is None:
            await self._answer(source.queue(QueueQuery()))  # one row, to know how it is
        self.histories = {trend: kept for trend, kept in self.histories.items() if trend in wanted.trends}
        self._fetched = {
            what: kept for what, kept in self._fetched.items() if what in ("queue", "totals", "isps", *self.histories)
        }
        for trend in wanted.trends:
            end = int(self._clock())
            if self._is_old(trend, (changes, end // HISTORY_SECONDS)):
                self.histories[trend] = await self._answer(source.history(trend.query, end, trend.span_seconds))
                self._keep(trend, (changes, end // HISTORY_SECONDS))

    def _note_senders(self, query: QueueQuery, table: QueueTable | None) -> None:
        """A filter may leave rows of few of them."""
        senders = frozenset(table.sender_id if table is not None else ())
        is_whole = query == QueueQuery(query.grouping)
        self.senders = senders if is_whole else self.senders | senders

    async def _answer(self, answer: Awaitable[Answer]) -> Answer:
        """The answer, unless it comes too late."""
        result = await answer
        if asyncio.current_task() is not self._fetch:
            raise asyncio.CancelledError
        return result

    def _is_old(self, what: object, stamp: object) -> bool:
        return self._fetched.get(what) != stamp

    def _keep(self, what: object, stamp: object) -> None:
        self._fetched[what] = stamp
        self._told()

    def _succeed(self) -> None:
        """The next poll is at the next tick that is still to come."""
        now, pace = self._now(), self._pace(self._fetching)
        self._outage.end()
        self._took_seconds = now - self._began
        self._due = next_beat(self._began, now, pace, self._phase)
        self._wake.set()
        self._told()

    def _fail(self, failure: SourceError) -> None:
        """Tell why, and try again later, but not before the source wishes, whoever asks."""
        self._due = self._outage.fail(failure, self.source.interval_seconds, self._now(), self._clock())
        self._wake.set()
        self._told()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def sentence_of(error: Exception) -> str:
    """What a source says of its failure; what it never should raise is for somebody to report."""
    if isinstance(error, SourceError):
        return clean(str(error))
    return clean(f"It failed as it never should ({type(error).__name__}: {error}); please report this.")
