"""Samples over time: rings of bounded length, counters to rates, gaps that stay gaps. Pure; all above may enter."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise


class Series:
    """The newest ``capacity`` samples of one number, oldest first. A value of ``None`` is a gap."""

    def __init__(self, capacity: int) -> None:
        self._samples: deque[tuple[float, float | None]] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, time: float, value: float | None) -> None:
        """Add a sample at ``time`` (seconds on any clock). A clock that was set back forgets what lies after it."""
        while self._samples and self._samples[-1][0] >= time:
            self._samples.pop()
        self._samples.append((time, value))

    def rates_per_minute(self, start: float, step_seconds: float, count: int) -> list[float | None]:
        """The rate of a counter in each of ``count`` steps from ``start``: its growth over the part of the step that
        samples cover. ``None`` where no two neighbouring samples reach into the step, or the counter was reset
        there."""
        growth = [0.0] * count
        covered = [0.0] * count
        broken = [False] * count
        for (begin, before), (end, after) in pairwise(self._samples):
            first = max(0, int((begin - start) // step_seconds))
            for step in range(first, count):
                left = start + step * step_seconds
                if end <= left:
                    break
                overlap = min(end, left + step_seconds) - max(begin, left)
                increase = rate_per_minute(begin, before, end, after)
                if increase is None:
                    broken[step] = True
                else:
                    growth[step] += increase * overlap
                    covered[step] += overlap
        return [
            growth[step] / covered[step] if covered[step] > 0 and not broken[step] else None for step in range(count)
        ]


def rate_per_minute(begin: float, before: float | None, end: float, after: float | None) -> float | None:
    """The growth a minute of a counter between two samples; ``None`` when either is a gap, no time has passed, or the
    counter fell: a fall is a reset (counts cover a retention period), and how much was counted since is unknown."""
    if before is None or after is None or end <= begin or after < before:
        return None
    return (after - before) * 60 / (end - begin)


def newest(values: Sequence[float | None]) -> float | None:
    """The last value, or the one before it where the newest bucket has only just begun and is not known yet."""
    return next((value for value in reversed(values[-2:]) if value is not None), None)
