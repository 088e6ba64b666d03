"""What waited since the screen began, for sources that keep no history: samples of the rows that were shown, at three
paces. The hub's loop enters."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from tui.model import Counts, History, QueueQuery, QueueRow

PACES = ((5, 60), (30, 120), (300, 288))
"""Seconds between samples and how many are kept: five minutes, an hour and a day, as the chart's spans are."""

MAX_TRENDS = 256
"""So many rows have a past; those that were not shown for longest lose theirs."""

HOLD_INTERVALS = 3
"""A sample holds until the next, unless that is more than three of the source's intervals later: that is a gap."""

Sample = tuple[float, Counts | None]


class Trail:
    """The samples of one trend: at each pace the last of every step."""

    def __init__(self) -> None:
        self._paces = [deque[Sample](maxlen=count) for _, count in PACES]

    def add(self, time: float, counts: Counts | None) -> None:
        """What waited at ``time`` (seconds since 1970); ``None`` is a gap. A clock that was set back forgets what lies
        after it."""
        for (step, _), samples in zip(PACES, self._paces, strict=True):
            while samples and samples[-1][0] >= time:
                samples.pop()
            if samples and samples[-1][0] // step == time // step:
                samples.pop()
            samples.append((time, counts))

    def is_known(self) -> bool:
        """Whether the newest sample is none of a gap."""
        return bool(self._paces[0]) and self._paces[0][-1][1] is not None

    def history(self, end: int, span_seconds: int, hold_seconds: float) -> History:
        """The samples of the ``span_seconds`` before ``end`` in steps; each holds until the next, but no longer than
        ``hold_seconds``."""
        level = next((i for i, (step, count) in enumerate(PACES) if step * count >= span_seconds), len(PACES) - 1)
        step, samples = PACES[level][0], self._paces[level]
        start = (end - span_seconds) // step * step + step
        points: list[Counts | None] = []
        place, newest = 0, None
        for upto in range(start + step, end // step * step + step + 1, step):
            while place < len(samples) and samples[place][0] < upto:
                newest = samples[place]
                place += 1
            holds = newest is not None and newest[0] >= min(upto, end) - max(hold_seconds, step)
            points.append(newest[1] if newest is not None and holds else None)
        return History(start, step, points)


class Past:
    """The trails of what was shown last, by source and filters, at most ``most``."""

    def __init__(self, most: int = MAX_TRENDS) -> None:
        self._most = most
        self._trails: OrderedDict[tuple[str, QueueQuery], Trail] = OrderedDict()

    def add(self, source: str, time: float, rows: Iterable[tuple[QueueQuery, QueueRow]]) -> None:
        """What ``source`` answered at ``time`` (seconds since 1970) to some filters."""
        for filters, row in rows:
            trail = self._trails.setdefault((source, filters), Trail())
            trail.add(time, Counts(new=row.new, proc=row.proc, retry=row.retry, hold=row.hold))
            self._trails.move_to_end((source, filters))
        while len(self._trails) > self._most:
            self._trails.popitem(last=False)

    def break_off(self, source: str, time: float) -> None:
        """``source`` did not answer at ``time``: what waited then is not known."""
        for (name, _), trail in self._trails.items():
            if name == source and trail.is_known():
                trail.add(time, None)

    def history(
        self, source: str, filters: QueueQuery, end: int, span_seconds: int, interval_seconds: float
    ) -> History | None:
        """What waited in ``source`` over the ``span_seconds`` before ``end``, ``None`` where nobody looked; the source
        is asked every ``interval_seconds``."""
        trail = self._trails.get((source, filters))
        return None if trail is None else trail.history(end, span_seconds, HOLD_INTERVALS * interval_seconds)
