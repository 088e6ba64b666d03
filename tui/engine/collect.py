"""The collector: reads a mail system's log to its end, lists its queue, reads on, reconciles, writes a batch a second.

The command line builds it; it knows its parts by protocol only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from tui.engine.batch import Batch, LogPosition
from tui.engine.events import Event
from tui.engine.ledger import LedgerError, LedgerLost, LedgerWriter
from tui.engine.queue_state import QueueState
from tui.engine.queues.listing import Listing, ListingError
from tui.engine.reconcile import Reconciler
from tui.engine.tracker import Tracker
from tui.isp import IspTable

CHUNK_BYTES = 256 * 1024
"""How much log is read at once: what is made of it stays in the processor's cache."""

BATCH_BYTES = 64 * 1024 * 1024
"""How much log goes into one batch at the most: memory stays flat however long the log is."""

TICK_SECONDS = 1.0
LISTING_SECONDS = 2.0
LISTING_SHARE = 10
LISTING_PAUSE_SECONDS = 300.0
"""A listing that took a second is not repeated for ten, a slower one not for so many times as long, up to this."""

MAINTENANCE_SECONDS = 300.0


class Reading(msgspec.Struct, frozen=True):
    """What a feed read: ``events``, the place in the log after them (``None``: there is no log), and bytes read."""

    events: Sequence[Event]
    position: LogPosition | None
    size: int


class Feed(Protocol):
    """A mail system as the collector sees it: a log to follow and a queue to list."""

    @property
    def problem(self) -> str | None:
        """Why the log cannot be followed now, in one sentence."""
        ...

    def counters(self) -> dict[str, int]:
        """What the log kept from being understood since the feed was made: ``unparsed`` lines that should have meant
        something, ``log_gaps`` where lines before may be missing."""
        ...

    def read(self) -> Reading | None:
        """The next piece of the log; ``None`` at its end."""
        ...

    def list(self) -> Listing | None:
        """The queue as it is now; ``None`` when the feed has nothing newer. Raises ``ListingError``."""
        ...

    def campaigns(self, ids: Iterable[bytes], /) -> Mapping[bytes, bytes]:
        """The campaigns of some of the queued messages ``ids``, whose campaigns neither log nor listing tell. Raises
        ``ListingError`` when they cannot be had."""
        ...


class Collector:
    """Feeds one ledger from one mail system. What is older than ``minutes_kept_hours`` is counted by the hour, since
    the ledger keeps no minutes of it."""

    def __init__(
        self,
        feed: Feed,
        writer: LedgerWriter,
        isps: IspTable,
        minutes_kept_hours: int = 24,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._state = QueueState(writer.names(), writer.messages(), isps)
        self._tracker = Tracker(self._state)
        self._reconciler = Reconciler(self._state)
        self._clock = clock
        self._minutes_kept_hours = minutes_kept_hours
        self._position: LogPosition | None = None
        self._gauges: dict[str, int] = {}
        self._counted: dict[str, int] = {}
        self._begun = False
        self._unwritten: Batch | None = None
        self._listed_at = self._list_again = 0.0
        self._maintained_at = 0.0
        self.queue_problem: str | None = None

    @property
    def log_problem(self) -> str | None:
        """Why the log cannot be followed now, in one sentence."""
        return self._feed.problem

    def run(self, wait: Callable[[float], bool], report: Callable[[str], None]) -> None:
        """Collect until ``wait(seconds)`` says that it is time to stop; ``report`` gets a sentence a trouble. Raises
        ``LedgerLost``."""
        told: str | None = None
        while True:
            trouble = None
            try:
                self.tick()
            except LedgerLost:
                raise
            except LedgerError as error:
                trouble = str(error)
            if trouble and trouble != told:
                report(trouble)
            told = trouble
            if wait(TICK_SECONDS):
                break
        self._write()

    def tick(self) -> None:
        """Read to the log's end, list the queue if it is due, and write. Raises ``LedgerError``; nothing is lost then:
        the batch is kept and written by a later tick, and no more is read until it is."""
        if not self._begun:
            self._begin()
        self._write()
        self._read_to_end()
        now = self._clock()
        if not self._listed_at <= now < self._list_again:  # before: the clock was set back
            self.list_queue()
        self._write()
        if not self._maintained_at <= now < self._maintained_at + MAINTENANCE_SECONDS:
            self._maintain(now)

    def _begin(self) -> None:
        """Before the first line is read: let old minutes of a back-fill go straight to their hours, and tell readers
        that the numbers are not complete yet."""
        self._maintain(self._clock())
        self._gauges["backfill"] = 1
        self._write()
        self._begun = True

    def _maintain(self, now: float) -> None:
        self._maintained_at = now
        self._writer.maintain(now)

    def list_queue(self) -> None:
        """List the queue, read what was logged meanwhile, and reconcile."""
        begun = self._clock()
        try:
            listing = self._feed.list()
        except ListingError as error:
            self.queue_problem = str(error)
            self._writer.note("queue", self.queue_problem)
            return
        finally:
            self._listed_at = ended = self._clock()
            pause_seconds = min(LISTING_SHARE * (ended - begun), LISTING_PAUSE_SECONDS)
            self._list_again = ended + max(LISTING_SECONDS, pause_seconds)
        if listing is None:
            return
        listing = msgspec.structs.replace(listing, taken=min(listing.taken, int(self._clock())))
        self.queue_problem = listing.problem
        self._writer.note("queue", self.queue_problem)
        touched: set[bytes] = set()
        self._read_to_end(touched)
        self._reconciler.reconcile(listing, touched)
        self._gauges |= {"queue_files": len(listing.messages), "listed_at": listing.taken}
        self._ask_for_campaigns(listing.taken)

    def _ask_for_campaigns(self, time: int) -> None:
        """A queue whose campaigns cannot be had is listed all the same."""
        problem = None
        try:
            found = self._feed.campaigns(self._reconciler.without_campaign())
        except ListingError as error:
            problem = str(error)
        else:
            for id_, campaign in found.items():
                self._reconciler.campaign(id_, campaign, time)
        self._writer.note("queue_headers", problem)

    def _read_to_end(self, touched: set[bytes] | None = None) -> None:
        """Read and apply all that was logged; ``touched`` gets the ids that the lines name."""
        unwritten_bytes, tally = 0, self._state.tally
        tally.fine_from = (int(self._clock()) // 3600 - self._minutes_kept_hours) * 60
        tally.until = int(self._clock()) // 60 + 1
        while (reading := self._feed.read()) is not None:
            tally.until = int(self._clock()) // 60 + 1
            self._tracker.apply(reading.events)
            if touched is not None:
                touched.update(event.id for event in reading.events)
            self._position = reading.position
            unwritten_bytes += reading.size
            if unwritten_bytes >= BATCH_BYTES:
                self._write()
                unwritten_bytes = 0
        self._gauges["backfill"] = 0
        self._writer.note("log", self._feed.problem)

    def _write(self) -> None:
        if self._unwritten is None:
            self._unwritten = self._batch()
        self._writer.write(self._unwritten)
        self._unwritten = None

    def _batch(self) -> Batch:
        log_time = min(self._tracker.log_time, int(self._clock()))  # a line of the future was written by a wrong clock
        batch = self._state.take(log_time)
        for name, count in self._feed.counters().items():
            if more := count - self._counted.get(name, 0):
                batch.counters[name] = batch.counters.get(name, 0) + more
                self._counted[name] = count
        batch.gauges = dict(self._gauges)
        if self._tracker.log_time:
            batch.gauges["log_time"] = log_time
        if self._position is not None:
            batch.positions = [self._position]
        return batch
