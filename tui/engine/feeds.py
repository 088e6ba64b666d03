"""What the collector reads from: a real mail system's log and queue, or a simulated one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from tui.engine.collect import CHUNK_BYTES, Reading
from tui.engine.logs.reader import LogReader
from tui.engine.queues.listing import Listing, ListingError, QueueLister
from tui.engine.queues.postcat import Postcat
from tui.engine.simulate import Simulation
from tui.engine.tail import Tail


class MtaFeed:
    """A mail system on this host: ``tail`` follows its log, ``reader`` understands it, ``lister`` lists its queue,
    ``headers`` knows campaigns that a listing does not tell."""

    def __init__(self, tail: Tail, reader: LogReader, lister: QueueLister, headers: Postcat | None = None) -> None:
        self._tail = tail
        self._reader = reader
        self._lister = lister
        self._headers = headers
        self._skipped = 0
        self._gaps = 0
        self._copies = 0

    @property
    def problem(self) -> str | None:
        """Why the log cannot be followed now, in one sentence."""
        return self._tail.problem

    def counters(self) -> dict[str, int]:
        """``unparsed``: lines that should have meant something and did not parse, or were too long to read;
        ``log_gaps``: places where lines may be missing, since what they stood in was gone, cut short or damaged before
        it was read; ``log_copies``: copies of the log that were made to truncate it."""
        unparsed = self._reader.unparsed.count + self._skipped
        return {"unparsed": unparsed, "log_gaps": self._gaps, "log_copies": self._copies}

    def read(self) -> Reading | None:
        """The events of the next piece of the log; ``None`` at its end."""
        chunk = self._tail.read(CHUNK_BYTES)
        if chunk is None:
            return None
        self._skipped += chunk.skipped
        self._gaps += chunk.gap
        self._copies += chunk.copied
        return Reading(self._reader.events(chunk.lines, chunk.written), chunk.position, len(chunk.lines))

    def list(self) -> Listing | None:
        """The queue as it is now. Raises ``ListingError``."""
        return self._lister.list()

    def campaigns(self, ids: Iterable[bytes], /) -> Mapping[bytes, bytes]:
        """The campaigns of some of the queued messages ``ids``. Raises ``ListingError``."""
        return self._headers.campaigns(ids) if self._headers is not None else {}

    def close(self) -> None:
        """Give back the log's files."""
        self._tail.close()


class FirstThatWorks:
    """Lists the queue in the first way that works: Exim's spool, else its own command."""

    def __init__(self, listers: Sequence[QueueLister]) -> None:
        self._listers = listers

    def list(self) -> Listing:
        """The queue. Raises ``ListingError`` with every reason when no way works."""
        reasons = []
        for lister in self._listers:
            try:
                return lister.list()
            except ListingError as error:
                reasons.append(str(error).removesuffix("."))
        raise ListingError("; ".join(reasons))


class DemoFeed:
    """The simulated mail system, which lives as the clock goes."""

    problem: str | None = None

    def __init__(self, simulation: Simulation, clock: Callable[[], float] = time.time) -> None:
        self._simulation = simulation
        self._clock = clock
        self._now = 0
        self._listing: Listing | None = None

    def read(self) -> Reading | None:
        """What happened since the last second; ``None`` until the next one."""
        now = int(self._clock())
        if now <= self._now:
            return None
        self._now = now
        events, listing = self._simulation.step(now)
        self._listing = listing or self._listing
        return Reading(events, None, 0)

    def counters(self) -> dict[str, int]:
        """Nothing: all of it is understood."""
        return {}

    def list(self) -> Listing | None:
        """The queue after all that was read; ``None`` when it was not listed since the last call."""
        listing, self._listing = self._listing, None
        if listing is not None and listing.taken != self._now:
            return self._simulation.listing()
        return listing

    def campaigns(self, _ids: Iterable[bytes], /) -> Mapping[bytes, bytes]:
        """Nothing: the log tells them all."""
        return {}
