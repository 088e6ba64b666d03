"""The time of day as a collector takes it: a clock that is wrong for a moment must not cost a ledger its history. Who
builds collectors enters."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAP_SECONDS = 86_400.0
"""A clock that is set ahead by more is believed later: history is dropped by the time of day."""

BELIEVED_SECONDS = 3_600.0
"""When a clock that was set ahead is believed, if it is so still."""


_ASLEEP_TOO = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _since_start() -> float:
    """Seconds since the host was started, with those that it slept through."""
    return time.clock_gettime(_ASLEEP_TOO)


class SteadyClock:
    """``clock`` (seconds since 1970), which goes on as it went before for an hour after it was set ahead by more than a
    day; ``steady`` counts seconds whatever becomes of it."""

    def __init__(self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = _since_start) -> None:
        self._clock, self._steady = clock, steady
        self._ahead = clock() - steady()
        self._leapt_at: float | None = None

    def __call__(self) -> float:
        """Seconds since 1970."""
        steady = self._steady()
        ahead = self._clock() - steady
        if ahead - self._ahead > LEAP_SECONDS:
            if self._leapt_at is None:
                self._leapt_at = steady
            if steady - self._leapt_at < BELIEVED_SECONDS:
                return steady + self._ahead
        self._ahead, self._leapt_at = ahead, None
        return steady + ahead
