from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.ledger_model import CELLS, COUNTS, OWNERS
from tui.engine.batch import ISP_BITS, ISP_MASK, cell_key
from tui.engine.counts import D_NEW, Columns, columns_of, rows_of
from tui.engine.sqlite_sums import add_up, together

Rows = dict[int, list[int]]


def summed(buckets: Sequence[dict[int, tuple[int, ...]]], key: Callable[[int], int]) -> Rows:
    sums: Rows = {}
    for cells in buckets:
        for cell, counts in cells.items():
            held = sums.get(key(cell), [0] * 9)
            sums[key(cell)] = [one + more for one, more in zip(held, counts, strict=True)]
    return {number: row for number, row in sums.items() if any(row)}


def lists(columns: Columns) -> Rows:
    return {key: row for key, row in rows_of(columns).items() if any(row)}


@given(st.lists(st.dictionaries(CELLS, COUNTS, min_size=1, max_size=8), min_size=1, max_size=3))
def test_sums_are_those_of_naive_dictionaries(buckets: list[dict[int, tuple[int, ...]]]) -> None:
    sums = together([add_up(columns_of(cells), OWNERS) for cells in buckets], OWNERS)
    assert lists(sums.campaigns) == summed(buckets, lambda cell: cell >> ISP_BITS)
    assert lists(sums.accounts) == summed(buckets, lambda cell: OWNERS[cell >> ISP_BITS])
    assert lists(sums.isps) == summed(buckets, lambda cell: cell & ISP_MASK)
    assert list(sums.total) == summed(buckets, lambda cell: 0).get(0, [0] * 9)
    expected = {cell: row[D_NEW:] for cell, row in summed(buckets, int).items() if any(row[D_NEW:])}
    assert lists(sums.waiting) == expected


def test_a_campaign_of_nobody_is_refused() -> None:
    with pytest.raises(KeyError):
        add_up(columns_of({cell_key(77, 1): (1,) * 9}), OWNERS)
