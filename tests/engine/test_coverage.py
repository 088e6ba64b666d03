from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tui.engine.coverage import Ranges, after_batch, cover, covered

STRETCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=8)


@given(STRETCHES, st.integers(0, 70), st.integers(0, 9))
def test_ranges_hold_exactly_the_minutes_that_were_added(stretches: list[tuple[int, int]], at: int, more: int) -> None:
    ranges: Ranges = []
    minutes: set[int] = set()
    for first, length in stretches:
        ranges = cover(ranges, first, first + length)
        minutes |= set(range(first, first + length + 1))
    assert {minute for first, last in ranges for minute in range(first, last + 1)} == minutes
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))
    assert covered(ranges, at, at + more) == bool(minutes & set(range(at, at + more + 1)))


def test_a_first_batch_covers_from_its_first_mail_to_where_the_log_was_read() -> None:
    assert after_batch([], [10, 14], 20, None) == ([(10, 20)], 20)
    assert after_batch([], [10, 14], None, None) == ([(10, 14)], 14)
    assert after_batch([], [], 20, None) == ([(20, 20)], 20)
    assert after_batch([(1, 2)], [], None, None) == ([(1, 2)], None)


def test_a_running_collector_has_no_gaps() -> None:
    assert after_batch([(10, 20)], [], 30, 20) == ([(10, 30)], 30)
    assert after_batch([(10, 20)], [25], 24, 20) == ([(10, 25)], 25)


def test_a_new_run_goes_on_only_as_far_as_mail_tells() -> None:
    assert after_batch([(10, 20)], [21, 28], 30, None) == ([(10, 30)], 30)
    assert after_batch([(10, 20)], [25], 30, None) == ([(10, 20), (25, 30)], 30)
    assert after_batch([(10, 20)], [], 30, None) == ([(10, 20), (30, 30)], 30)


def test_corrections_in_the_past_cover_their_own_minute_only() -> None:
    assert after_batch([(10, 20)], [5, 15], 21, 20) == ([(5, 5), (10, 21)], 21)
    assert after_batch([(10, 20)], [5], None, 20) == ([(5, 5), (10, 20)], 20)
    assert after_batch([(10, 20)], [15, 25], 30, None) == ([(10, 20), (25, 30)], 30)
