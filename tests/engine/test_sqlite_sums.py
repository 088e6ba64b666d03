from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.ledger_model import CELLS, COUNTS, OWNERS
from tui.engine.batch import D_NEW, ISP_BITS, cell_key
from tui.engine.sqlite_sums import ISP_MASK, add_up, together

Cells = Mapping[int, Sequence[int]]


def summed(buckets: list[dict[int, tuple[int, ...]]], key: Callable[[int], int]) -> dict[int, list[int]]:
    sums: dict[int, list[int]] = {}
    for cells in buckets:
        for cell, counts in cells.items():
            held = sums.get(key(cell), [0] * 9)
            sums[key(cell)] = [one + more for one, more in zip(held, counts, strict=True)]
    return sums


def lists(rows: Cells) -> dict[int, list[int]]:
    return {key: list(counts) for key, counts in rows.items()}


@given(st.lists(st.dictionaries(CELLS, COUNTS, min_size=1, max_size=8), min_size=1, max_size=3))
def test_sums_are_those_of_naive_dictionaries(buckets: list[dict[int, tuple[int, ...]]]) -> None:
    sums = together([add_up(cells, OWNERS) for cells in buckets], OWNERS)
    assert lists(sums.campaigns) == summed(buckets, lambda cell: cell >> ISP_BITS)
    assert lists(sums.accounts) == summed(buckets, lambda cell: OWNERS[cell >> ISP_BITS])
    assert lists(sums.isps) == summed(buckets, lambda cell: cell & ISP_MASK)
    assert list(sums.total) == summed(buckets, lambda cell: 0)[0]
    expected = {cell: row[D_NEW:] for cell, row in summed(buckets, int).items() if any(row[D_NEW:])}
    assert {cell: list(row) for cell, row in sums.waiting.items() if any(row)} == expected


def test_a_campaign_of_nobody_is_refused() -> None:
    with pytest.raises(KeyError):
        add_up({cell_key(77, 1): (1,) * 9}, OWNERS)
