from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.sqlite_blocks import BlockError, decode, encode, gathered, length, merged, sums

EDGES = [0, 1, -1, 127, -128, 128, 32767, -32769, 2**31 - 1, 2**31, -(2**63), 2**63 - 1]
KEYS = st.one_of(st.integers(0, 20), st.integers(0, 2**63 - 1))
COUNTS = st.tuples(*[st.one_of(st.integers(-3, 3), st.sampled_from(EDGES))] * 9)
ROWS = st.dictionaries(KEYS, COUNTS, min_size=1, max_size=12)


def added(rows: list[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip([0] * 9, *rows, strict=True)]


@given(ROWS, KEYS, KEYS)
def test_a_block_gives_back_its_rows_and_their_sums(rows: dict[int, Sequence[int]], one: int, other: int) -> None:
    block = encode(rows)
    assert decode(block) == rows
    assert length(block) == len(rows)
    first, last = min(one, other), max(one, other)
    assert list(sums(block, (first, last))) == added([row for key, row in rows.items() if first <= key <= last])
    some = frozenset([one, other, *list(rows)[::2]])
    assert list(sums(block, some)) == added([row for key, row in rows.items() if key in some])


@given(st.lists(st.dictionaries(st.integers(0, 5), st.tuples(*[st.integers(-9, 9)] * 9)), min_size=1, max_size=4))
def test_rows_with_the_same_key_add_up(parts: list[dict[int, Sequence[int]]]) -> None:
    expected = {
        key: added([rows[key] for rows in parts if key in rows]) for key in {key for rows in parts for key in rows}
    }
    assert {key: list(row) for key, row in merged(parts).items()} == expected
    keys = [key for rows in parts for key in rows]
    counts = [row for rows in parts for row in rows.values()]
    assert {key: list(row) for key, row in gathered(keys, counts).items()} == expected


def test_small_counts_take_little_room() -> None:
    rows = {number << 24: (1, 1, 0, 0, 40_000, -1, 0, 1, 0) for number in range(1000)}
    assert len(encode(rows)) < 21 * 1000


def test_a_count_beyond_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode({1: (2**63,) + (0,) * 8})


@pytest.mark.parametrize("damaged", [b"", b"0", b"9i", b"0x", b"0i\x00", encode({1: (1,) * 9})[:-1]])
def test_a_damaged_block_is_refused(damaged: bytes) -> None:
    for read in (decode, length, lambda block: sums(block, (0, 9))):
        with pytest.raises(BlockError):
            read(damaged)
