"""Rings and rates: a fall is a reset, a gap is a gap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.series import Series, newest, rate_per_minute


def filled(*samples: tuple[float, float | None], capacity: int = 100) -> Series:
    series = Series(capacity)
    for time, value in samples:
        series.add(time, value)
    return series


def test_a_counter_becomes_a_rate_per_minute() -> None:
    assert rate_per_minute(10, 100, 40, 150) == 100


@pytest.mark.parametrize("before, after", [(None, 5), (5, None), (None, None), (6, 5)])
def test_a_gap_or_a_fall_has_no_rate(before: float | None, after: float | None) -> None:
    assert rate_per_minute(0, before, 60, after) is None


def test_no_time_has_no_rate() -> None:
    assert rate_per_minute(5, 1, 5, 2) is None


def test_steps_without_samples_stay_gaps() -> None:
    series = filled((60, 0), (120, 30), (180, 30))
    assert series.rates_per_minute(0, 60, 5) == [None, 30, 0, None, None]


def test_a_reset_blanks_its_step_only() -> None:
    series = filled((0, 10), (60, 20), (120, 3), (180, 8))
    assert series.rates_per_minute(0, 60, 3) == [10, None, 5]


def test_a_gap_sample_blanks_its_step_only() -> None:
    series = filled((0, 10), (60, 20), (90, None), (120, 40), (180, 50))
    assert series.rates_per_minute(0, 60, 3) == [10, None, 10]


def test_growth_is_shared_between_the_steps_that_two_samples_span() -> None:
    series = filled((30, 0), (150, 120))
    assert series.rates_per_minute(0, 60, 3) == [60, 60, 60]


def test_only_the_newest_samples_are_kept() -> None:
    series = filled(*((minute * 60.0, 1.0) for minute in range(10)), capacity=3)
    assert len(series) == 3
    assert series.rates_per_minute(0, 60, 9)[:7] == [None] * 7


def test_a_clock_set_back_forgets_what_lies_after_it() -> None:
    series = filled((60, 10), (120, 20), (90, 15))
    assert series.rates_per_minute(60, 60, 1) == [10]


def test_the_newest_value_may_be_one_bucket_old_and_no_more() -> None:
    assert newest([1, 2, 3]) == 3
    assert newest([1, 2, None]) == 2
    assert newest([1, None, None]) is None
    assert newest([]) is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=30))
def test_the_rates_of_a_growing_counter_add_up_to_its_growth(increments: list[int]) -> None:
    series, value = Series(100), 0
    for minute, increment in enumerate(increments):
        value += increment
        series.add(minute * 60, value)
    rates = series.rates_per_minute(0, 60, len(increments) - 1)
    assert sum(rate or 0 for rate in rates) == pytest.approx(value - increments[0])
