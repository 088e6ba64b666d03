from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.counts import Columns, columns_of, merged, rows_of
from tui.engine.sqlite_blocks import BlockError, decode, encode, length, sums

EDGES = [0, 1, -1, 127, -128, 128, 32767, -32769, 2**31 - 1, 2**31, -(2**63), 2**63 - 1]
KEYS = st.one_of(st.integers(0, 20), st.integers(0, 2**63 - 1))
COUNTS = st.tuples(*[st.one_of(st.integers(-3, 3), st.sampled_from(EDGES))] * 9).filter(any)
ROWS = st.dictionaries(KEYS, COUNTS, max_size=12)


def added(rows: list[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip([0] * 9, *rows, strict=True)]


def lists(columns: Columns) -> dict[int, list[int]]:
    return {key: list(row) for key, row in rows_of(columns).items()}


@given(ROWS, KEYS, KEYS)
def test_a_block_gives_back_its_rows_and_their_sums(rows: dict[int, Sequence[int]], one: int, other: int) -> None:
    block = encode(columns_of(rows))
    assert lists(decode(block)) == {key: list(row) for key, row in rows.items()}
    assert length(block) == sum(1 for row in rows.values() for count in row if count)
    first, last = min(one, other), max(one, other)
    assert list(sums(block, (first, last))) == added([row for key, row in rows.items() if first <= key <= last])
    some = frozenset([one, other, *list(rows)[::2]])
    assert list(sums(block, some)) == added([row for key, row in rows.items() if key in some])


@given(st.lists(st.dictionaries(st.integers(0, 5), st.tuples(*[st.integers(0, 9)] * 9)), min_size=1, max_size=4))
def test_rows_with_the_same_key_add_up(parts: list[dict[int, Sequence[int]]]) -> None:
    keys = {key for rows in parts for key, row in rows.items() if any(row)}
    expected = {key: added([rows[key] for rows in parts if key in rows]) for key in keys}
    given_ = [columns_of(rows) for rows in parts]
    kept = [lists(columns) for columns in given_]
    assert lists(merged(given_)) == expected
    assert [lists(columns) for columns in given_] == kept


def test_small_counts_take_little_room() -> None:
    rows = {number << 24: (1, 1, 0, 0, 40_000, -1, 0, 1, 0) for number in range(1000)}
    assert len(encode(columns_of(rows))) < 46 * 1000
    rows = {number << 24 | 1: (0, 1, 0, 0, 0, 0, 0, 0, 0) for number in range(1000)}
    assert len(encode(columns_of(rows))) < 9 * 1000


def test_a_count_beyond_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode(columns_of({1: (2**63,) + (0,) * 8}))


WHOLE = encode(columns_of({1: (1, 2, 3, 4, 5, 6, 7, 8, 9)}))


@pytest.mark.parametrize("damaged", [b"", WHOLE[:53], b"x" * len(WHOLE), WHOLE[:-1], WHOLE + b"\0"])
def test_a_damaged_block_is_refused(damaged: bytes) -> None:
    for read in (decode, length, lambda block: sums(block, (0, 9))):
        with pytest.raises(BlockError):
            read(damaged)
