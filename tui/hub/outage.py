"""How a source fails: why, since when, and when it may be asked again. Only the poller enters."""

from __future__ import annotations

import time

import msgspec

from tui.hub.pace import retry_seconds
from tui.model import Freshness, SourceStatus
from tui.sources.source import SourceError, Unreachable
from tui.text import clean

MAX_WISH_SECONDS = 3600.0
"""A source that wants to be left alone for longer is asked again nevertheless: it may have meant something else."""


class Outage:
    """What went wrong since the source was last good: ``error``, which is ``None`` while nothing does. Before
    ``not_before`` nobody may ask it, since it said so; that outlasts the outage."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.not_before = 0.0
        self._is_away = False
        self._failures = 0
        self._since = 0.0

    def fail(self, failure: SourceError, interval_seconds: float, now: float, clock_time: float) -> float:
        """Note a failure, ``now`` on the clock by which sources are asked, ``clock_time`` on the one on the wall; when
        to try again, unless ``not_before`` is later."""
        if self.error is None:
            self._since = now
        self.error, self._is_away = clean(str(failure)), isinstance(failure, Unreachable)
        due = now + retry_seconds(interval_seconds, now - self._since, self._failures, unreachable=self._is_away)
        self._failures += 1
        wish = failure.retry_after_seconds
        if wish is not None and wish > 0:
            wish = min(wish, MAX_WISH_SECONDS)
            self.not_before = now + wish
            until = time.strftime("%H:%M:%S", time.localtime(clock_time + wish))
            self.error += f" It wants to be left alone until {until}."
        return due

    def end(self) -> None:
        """The source is good again."""
        self.error, self._is_away, self._failures = None, False, 0

    def told(self, status: SourceStatus) -> SourceStatus:
        """``status`` with what is wrong: numbers of a server that is away are old; what refuses or fails is for
        somebody to mend."""
        if self.error is None:
            return status
        is_old = self._is_away and status.age_seconds is not None
        freshness = Freshness.STALE if is_old else Freshness.ERROR
        return msgspec.structs.replace(status, freshness=freshness, error=self.error)
