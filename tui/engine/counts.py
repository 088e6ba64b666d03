"""Signed counts by column and key, as the engine adds them up. The tracker, the ledgers and their tests enter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

SEND, SUCCESS, DEFER, FAIL, SIZE, D_NEW, D_PROC, D_RETRY, D_HOLD = COLUMNS = range(9)
"""Events counted, bytes, and signed changes of what waits in each state."""

Columns = Sequence[Mapping[int, int]]
"""Nine mappings, one a column, of a key (a cell's, an account's, …) to its count. Most keys have one or two counts that
are not zero, so columns of their own are far less to add up, sort and write than rows of nine."""


def merged(parts: Sequence[Columns]) -> Columns:
    """The counts of several parts (one at the least) added up."""
    return parts[0] if len(parts) == 1 else [_summed(column) for column in zip(*parts, strict=True)]


def rows_of(columns: Columns) -> dict[int, list[int]]:
    """The counts of each key, one a column."""
    rows: dict[int, list[int]] = {}
    for place, column in enumerate(columns):
        for key, count in column.items():
            row = rows.get(key)
            if row is None:
                row = rows[key] = [0] * len(columns)
            row[place] = count
    return rows


def counted(columns: Columns) -> set[int]:
    """The keys that have any count other than zero."""
    return {key for column in columns for key, count in column.items() if count}


def counts_of(column: Mapping[int, int], keys: Sequence[int]) -> list[int]:
    """The counts of ``keys`` in one column, in the keys' order; zero where it has none."""
    return list(map(column.get, keys, repeat(0)))


def columns_of(rows: Mapping[int, Sequence[int]]) -> Columns:
    """The columns of rows of nine counts."""
    return [{key: counts[place] for key, counts in rows.items() if counts[place]} for place in COLUMNS]


def _summed(columns: Iterable[Mapping[int, int]]) -> Mapping[int, int]:
    """One column of several parts."""
    filled = [column for column in columns if column]
    if len(filled) < 2:
        return filled[0] if filled else {}
    sums = dict(filled[0])
    for column in filled[1:]:
        for key, count in column.items():
            sums[key] = sums.get(key, 0) + count
    return sums
