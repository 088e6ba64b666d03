from __future__ import annotations

import time

import pytest

from tui.engine.steady import BELIEVED_SECONDS, LEAP_SECONDS, SteadyClock

YEAR = 365 * 86_400.0


class Times:
    """A clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.clock, self.steady = 1.8e9, 100.0

    def pass_by(self, seconds: float) -> None:
        self.clock += seconds
        self.steady += seconds


def made() -> tuple[Times, SteadyClock]:
    times = Times()
    return times, SteadyClock(lambda: times.clock, lambda: times.steady)


def test_time_passes_and_may_be_set_by_hours_or_back() -> None:
    times, steady = made()
    for change in (0.0, 7200.0, -7200.0, LEAP_SECONDS / 2, -YEAR):
        times.pass_by(2.0)
        times.clock += change
        assert steady() == times.clock


def test_a_year_ahead_for_a_moment_never_was() -> None:
    times, steady = made()
    for _ in range(2):
        times.clock += YEAR
        for _ in range(3):
            times.pass_by(600.0)
            assert steady() == times.clock - YEAR
        times.clock -= YEAR
        times.pass_by(BELIEVED_SECONDS)
        assert steady() == times.clock


def test_a_year_ahead_for_an_hour_is_believed() -> None:
    times, steady = made()
    times.clock += YEAR
    assert steady() == times.clock - YEAR
    times.pass_by(BELIEVED_SECONDS)
    assert steady() == times.clock
    times.pass_by(1.0)
    assert steady() == times.clock


def test_a_host_that_slept_for_days_knows_the_time_when_it_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times()
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)  # stands still meanwhile
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: times.steady)
    steady = SteadyClock(lambda: times.clock)
    times.pass_by(3 * LEAP_SECONDS)
    assert steady() == times.clock
