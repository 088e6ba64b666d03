"""Orders: dealt at once and sorted when looked at, they are as if sorted naively."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.hub.order import MAX_PIECE_ROWS, Order, SortKey

MANY = 3 * MAX_PIECE_ROWS + 7


def naively(rows: list[int], keys: list[SortKey]) -> list[int]:
    for key in reversed(keys):
        rows = sorted(rows, key=key.column.__getitem__, reverse=key.descending)
    return rows


def column(values: list[int], spread: int) -> list[int]:
    """Many values made of few: equal ones stand apart, and some are much more frequent than others."""
    return [values[at * 7919 % len(values)] * (at % spread == 0) for at in range(MANY)]


a_column = st.builds(column, st.lists(st.integers(-40, 40) | st.integers(), min_size=1, max_size=30), st.integers(1, 9))


@settings(max_examples=40, deadline=None)
@given(a_column, st.booleans(), a_column, st.booleans(), st.integers(1, 3), st.data())
def test_many_rows_are_sorted_as_they_are_naively(
    first: list[int], first_descending: bool, second: list[int], second_descending: bool, step: int, data: st.DataObject
) -> None:
    keys = [SortKey(first, first_descending), SortKey(second, second_descending), SortKey(range(MANY))]
    rows = list(range(0, MANY, step))
    order, expected = Order(rows, keys), naively(rows, keys)
    start = data.draw(st.integers(0, len(rows)))
    assert order[start : start + 700] == expected[start : start + 700]
    place = data.draw(st.integers(-len(rows), len(rows) - 1))
    assert order[place] == expected[place]
    assert order.rank(expected[place]) == place % len(rows)
    assert list(order) == expected


@pytest.mark.parametrize("descending", [True, False])
def test_the_rank_of_a_row_that_is_not_there_is_how_many_stand_before_it(descending: bool) -> None:
    values = [at * 7919 % 5000 for at in range(MANY)]
    keys = [SortKey(values, descending), SortKey(range(MANY))]
    even = Order(range(0, MANY, 2), keys)
    everything = naively(list(range(MANY)), keys)
    for row in (1, 4999, MANY - 2, everything[0], everything[-1]):
        before = everything[: everything.index(row)]
        assert even.rank(row) == sum(other % 2 == 0 for other in before)


@pytest.mark.parametrize(("rows", "values"), [(0, ""), (1, "one"), (MANY, "same")])
def test_rows_that_are_equal_stay_as_they_are(rows: int, values: str) -> None:
    order = Order(range(rows), [SortKey([values] * rows, descending=True)])
    assert len(order) == rows
    assert list(order) == list(range(rows))
    assert order[:5] == list(range(min(5, rows)))
    assert order[5:2] == []


def test_there_is_nothing_beyond_the_end() -> None:
    order = Order(range(3), [SortKey([2, 0, 1])])
    assert order[::2] == [1, 0] and order[-1] == 0
    with pytest.raises(IndexError):
        order[3]
    with pytest.raises(IndexError):
        order[-4]
