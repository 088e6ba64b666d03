"""What was sent to a terminal, and how fast its link is: pure counting, of writes and of answers. For the driver, and
whoever shows it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0
"""Over how long bytes are counted."""

LEAST_BYTES_PER_SECOND = 50.0
"""Less is told as 0: what it costs to show the rate itself must not count as a change of the rate."""

KEPT_BETWEEN = 0.6, 1.6
"""A rate that is told stays as it is while the real one lies between these parts of it."""

TELLING_SECONDS = 0.05
STOPPED_SECONDS = 5.0
"""What came sooner than the one is told apart from a busy machine by nothing, and after the other the terminal did not
read at all: neither says that the link is slow."""

SLOW_BYTES_PER_SECOND = 32_000.0
FAST_BYTES_PER_SECOND = 128_000.0
"""A link becomes slow below the one, and is no longer so above the other."""

SLOW_TIMES, SLOW_BYTES = 2, 4096
FAST_TIMES, FAST_BYTES = 2, 2048
"""So often in turn, and in so many bytes, it must have been seen: of fast ones each time."""

SLOW_FOR_SECONDS = 60.0
"""So long a link stays slow that nothing more is seen of."""


class Traffic:
    """Counts what is sent, and judges the link by what is known to have been carried. Each method is for one thread,
    the properties for any. Times are those of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, int]] = deque(maxlen=4096)
        self._told = 0
        self._least_seconds = math.inf
        self._slow: list[int] = []
        self._fast_times = 0
        self._slow_until = -math.inf

    def sent(self, size: int, seconds: float) -> None:
        """A write of ``size`` bytes, which took ``seconds``: long where it had to wait for the link."""
        self._sent.append((self._clock(), size))
        if TELLING_SECONDS <= seconds < STOPPED_SECONDS:
            self._is_slow_with(size)

    def answered(self, size: int, seconds: float) -> None:
        """The terminal said that it has the last ``size`` bytes, ``seconds`` after they were sent."""
        self._least_seconds = min(self._least_seconds, seconds)
        seconds -= self._least_seconds
        if seconds >= STOPPED_SECONDS:
            return
        if seconds >= TELLING_SECONDS and size < SLOW_BYTES_PER_SECOND * seconds:
            self._is_slow_with(size)
        elif size >= FAST_BYTES and size > FAST_BYTES_PER_SECOND * seconds:
            self._slow.clear()
            self._fast_times += 1
            if self._fast_times >= FAST_TIMES:
                self._slow_until = -math.inf

    @property
    def bytes_per_second(self) -> int:
        """What was sent a second of late, in one significant digit; 0 when next to nothing was."""
        since = self._clock() - WINDOW_SECONDS
        rate = sum(size for at, size in list(self._sent) if at > since) / WINDOW_SECONDS
        low, high = KEPT_BETWEEN
        if rate < LEAST_BYTES_PER_SECOND:
            self._told = 0
        elif not low * self._told <= rate <= high * self._told:
            step = 10 ** math.floor(math.log10(rate))
            self._told = round(rate / step) * step
        return self._told

    @property
    def is_slow(self) -> bool:
        """Whether the link is slow."""
        return self._clock() < self._slow_until

    def _is_slow_with(self, size: int) -> None:
        self._fast_times = 0
        self._slow = [*self._slow[-15:], size]
        often = len(self._slow) >= SLOW_TIMES and sum(self._slow) >= SLOW_BYTES
        if often or self.is_slow:
            self._slow_until = self._clock() + SLOW_FOR_SECONDS
