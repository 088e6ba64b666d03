"""Asks one source again and again for what is shown, and keeps its latest good answers. One task a source: a slow one
delays no other. Only the hub enters."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tui.model import Freshness, History, MailTotals, QueueQuery, QueueTable, SourceStatus
from tui.sources.source import Source, SourceError
from tui.text import clean

Answer = TypeVar("Answer")

ANSWER_SECONDS = 30.0
"""A source that does not answer for so long has failed; it is asked anew."""

SLOW_SECONDS = 5.0
SLOW_INTERVALS = 3
"""Numbers are stale when an answer takes five seconds, or three intervals where these take longer."""

RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
PATIENT_RETRIES = 8
"""A source that fails is asked again so often before it is asked more and more seldom: what is only starting, as a
collector that makes its ledger, is then seen as soon as it is there."""

_CHANCE = random.SystemRandom()
"""Spreads retries, so that many screens do not ask a server that comes back all at once."""

HISTORY_SECONDS = 60
"""A history is asked for anew each minute, even when nothing changed: time has passed."""


class Trend(msgspec.Struct, frozen=True):
    """Which history is wanted: filters, and how far back."""

    query: QueueQuery
    span_seconds: int


class Wanted(msgspec.Struct, frozen=True):
    """What is shown of a source. ``query`` is ``None`` when its queue is not."""

    query: QueueQuery | None = None
    trends: tuple[Trend, ...] = ()


class Poller:
    """Keeps what one source answered last; ``told`` is called whenever something of it changed.

    ``totals``, ``table`` (the answer to ``query``) and ``histories`` stay ``None`` or absent before the first answer
    and where the source does not offer them. ``confirmed`` is when the table was last known to be true (loop time).
    """

    def __init__(self, source: Source, told: Callable[[], None], clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self.totals: list[MailTotals] | None = None
        self.query: QueueQuery | None = None
        self.table: QueueTable | None = None
        self.histories: dict[Trend, History | None] = {}
        self.confirmed = 0.0
        self._told = told
        self._clock = clock
        self._wanted = Wanted()
        self._paused = False
        self._asked = True
        self._wake = asyncio.Event()
        self._fetch: asyncio.Task[None] | None = None
        self._fetching = Wanted()
        self._ticking = False
        self._began = 0.0
        self._due = 0.0
        self._abandoned: set[asyncio.Task[None]] = set()
        self._status: SourceStatus | None = None
        self._status_time = 0.0
        self._error: str | None = None
        self._failures = 0
        self._generation = 1
        self._fetched: dict[object, object] = {}

    @property
    def complete(self) -> bool:
        """Whether the numbers can be compared with later ones: nothing of them is missing or old."""
        return self._status is not None and self._status.freshness in (Freshness.LIVE, Freshness.REPLAY)

    def want(self, wanted: Wanted) -> None:
        """Show this from now on: what is new of it is asked for at once, unless the source fails just now; a new query
        even then."""
        if wanted == self._wanted:
            return
        if wanted.query != self._wanted.query or self._error is None:
            self._asked = True
            self._wake.set()
        self._wanted = wanted

    def refresh(self) -> None:
        """Ask for everything now."""
        self._generation += 1
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

    def status(self) -> SourceStatus:
        """How the source is, with the age of its numbers now."""
        now = self._now()
        status = self._status or SourceStatus(
            name=self.source.name,
            type=self.source.type,
            freshness=Freshness.STALE,
            notes=("It has not answered yet.",),
        )
        replace = msgspec.structs.replace
        if status.age_seconds is not None:
            status = replace(status, age_seconds=status.age_seconds + now - self._status_time)
        waited = now - self._began if self._fetch else 0.0
        if self._error is not None:
            status = replace(status, freshness=Freshness.ERROR, error=self._error)
        elif waited > max(SLOW_SECONDS, SLOW_INTERVALS * self.source.interval_seconds):
            note = f"It has not answered for {waited // 5 * 5:.0f} seconds."
            status = replace(status, freshness=Freshness.STALE, notes=(note, *status.notes))
        return replace(status, freshness=Freshness.PAUSED) if self._paused else status

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            while True:
                await self._wait()
                if self._paused:
                    self._abandon()
                elif self._fetch is None:
                    if self._asked or self._now() >= self._due:
                        self._begin()
                elif self._fetching.query != self._wanted.query:
                    self._begin()
                elif self._now() >= self._began + ANSWER_SECONDS:
                    self._abandon()
                    self._end(f"It has not answered for {ANSWER_SECONDS:.0f} seconds; it is asked again.")
        finally:
            self._abandon()

    async def _wait(self) -> None:
        """Wait until there is something to do."""
        if self._paused:
            deadline = None
        elif self._fetch is not None:
            deadline = self._began + ANSWER_SECONDS
        else:
            deadline = 0.0 if self._asked else self._due
        try:
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

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
            self._generation += self._ticking
            self._abandoned.add(fetch)
            fetch.add_done_callback(self._abandoned.discard)
            fetch.cancel()

    async def _poll(self, wanted: Wanted, tick: bool) -> None:
        """Ask for what is wanted and not known: at a tick for what has changed, between ticks for what is newly
        shown."""
        error = None
        try:
            if tick:
                status = await self._ask_for_changes()
            await self._ask(wanted)
            if tick:
                self.confirmed = self._now()
                self._set_status(status)
        except SourceError as failure:
            error = str(failure)
        except Exception as failure:  # a source's mistake must not end the others
            error = f"It failed as it never should ({type(failure).__name__}: {failure}); please report this."
        if asyncio.current_task() is self._fetch:
            self._fetch = None
            if tick or error is not None:
                self._end(error)
            else:
                self._wake.set()

    async def _ask_for_changes(self) -> SourceStatus:
        """How the source is; while it fails its last good status stands until all is answered again."""
        status = await self._answer(self.source.status())
        if self._error is None:
            self._set_status(status)
        if await self._answer(self.source.changed()):
            self._generation += 1
        return status

    def _set_status(self, status: SourceStatus) -> None:
        self._status, self._status_time = status, self._now()

    async def _ask(self, wanted: Wanted) -> None:
        source = self.source
        query, changes = wanted.query, self._generation
        if query is not None and self._is_old("queue", (changes, query)):
            self.table = await self._answer(source.queue(query))
            self.query, self.confirmed = query, self._now()
            self._keep("queue", (changes, query))
        if self._is_old("totals", changes):
            self.totals = await self._answer(source.totals())
            self._keep("totals", changes)
        self.histories = {trend: kept for trend, kept in self.histories.items() if trend in wanted.trends}
        self._fetched = {
            what: kept for what, kept in self._fetched.items() if what in ("queue", "totals", *self.histories)
        }
        for trend in wanted.trends:
            end = int(self._clock())
            if self._is_old(trend, (changes, end // HISTORY_SECONDS)):
                self.histories[trend] = await self._answer(source.history(trend.query, end, trend.span_seconds))
                self._keep(trend, (changes, end // HISTORY_SECONDS))

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

    def _end(self, error: str | None) -> None:
        """Note how a poll ended and when the next one is due: after a good one at the next tick that is still to come,
        after a failure later each time."""
        now, interval = self._now(), self.source.interval_seconds
        self._error = None if error is None else clean(error)
        if error is None:
            self._failures = 0
            self._due = self._began + interval * max(1, math.ceil((now - self._began) / interval))
        else:
            delay = min(MAX_RETRY_SECONDS, min(RETRY_SECONDS, interval) * 2 ** max(0, self._failures - PATIENT_RETRIES))
            self._failures = min(self._failures + 1, 16)
            self._due = now + delay * _CHANCE.uniform(0.5, 1)
        self._wake.set()
        self._told()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
