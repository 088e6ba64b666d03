"""Blocks: the counts of many keys in one minute or hour as one blob, sorted by key. Only the embedded ledger enters.

As rows of their own the counts of a back-fill would cost many times the time to write, and the room.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Literal

import msgspec

from tui.engine.counts import COLUMNS, Columns

Selection = tuple[int, int] | frozenset[int]
"""Which keys of a block: from the first to the last inclusive, or just these."""

NOTHING = (0,) * len(COLUMNS)
"""Nine counts of nothing."""

_Code = Literal["b", "h", "i", "q"]
_COUNT_CODES: tuple[_Code, ...] = ("b", "h", "i", "q")
_KEY_CODES: tuple[_Code, ...] = ("i", "q")
_CODES: dict[int, _Code] = {ord(code): code for code in _COUNT_CODES}
_ALL_ONE = ord("1")
_HEAD = Struct("<I2B")
"""Of each column: how many keys, how wide they are, how wide their counts are."""
_HEAD_BYTES = _HEAD.size * len(COLUMNS)


class BlockError(ValueError):
    """A block's bytes are not what was written."""


class _Column(msgspec.Struct, frozen=True):
    """The sorted keys of one column, and their counts; ``None``: each is one."""

    keys: Sequence[int]
    counts: Sequence[int] | None


def encode(columns: Columns) -> bytes:
    """A block: the heads of the nine columns, then each column's sorted keys and their counts, unless all are one. All
    in the machine's byte order. Raises ``OverflowError`` for counts beyond 64 bits."""
    heads, parts = [], []
    for column in columns:
        keys = sorted(column)
        packed = _packed(keys, _KEY_CODES)
        counts = list(map(column.__getitem__, keys))
        parts.append(packed)
        if counts.count(1) == len(counts):
            heads.append(_HEAD.pack(len(keys), ord(packed.typecode), _ALL_ONE))
        else:
            parts.append(_packed(counts, _COUNT_CODES))
            heads.append(_HEAD.pack(len(keys), ord(packed.typecode), ord(parts[-1].typecode)))
    return b"".join([*heads, *(part.tobytes() for part in parts)])


def decode(block: bytes) -> Columns:
    """The columns of a block. Raises ``BlockError``."""
    return [
        dict.fromkeys(column.keys, 1) if column.counts is None else dict(zip(column.keys, column.counts, strict=True))
        for column in _columns(block)
    ]


def length(block: bytes) -> int:
    """How many counts a block has. Raises ``BlockError``."""
    return sum(len(column.keys) for column in _columns(block))


def sums(block: bytes, selection: Selection) -> Sequence[int]:
    """The nine counts of the selected keys added up. Raises ``BlockError``."""
    return [_sum(column, selection) for column in _columns(block)]


def _sum(column: _Column, selection: Selection) -> int:
    keys, counts = column.keys, column.counts
    if isinstance(selection, tuple):
        first = bisect_left(keys, selection[0])
        last = bisect_right(keys, selection[1], first)
        return last - first if counts is None else sum(counts[first:last])
    places = [place for place, key in enumerate(keys) if key in selection]
    return len(places) if counts is None else sum(map(counts.__getitem__, places))


def _packed(numbers: Sequence[int], codes: Sequence[_Code]) -> array[int]:
    """The numbers, each in as few bytes as hold them all. Raises ``OverflowError``."""
    for code in codes[:-1]:
        try:
            return array(code, numbers)
        except OverflowError:
            continue
    return array(codes[-1], numbers)


def _columns(block: bytes) -> Iterator[_Column]:
    if len(block) < _HEAD_BYTES:
        raise BlockError(f"a block of {len(block)} bytes ends within its head")
    view, start = memoryview(block), _HEAD_BYTES
    for place in COLUMNS:
        count, key_code, count_code = _HEAD.unpack_from(block, place * _HEAD.size)
        if key_code not in _CODES or (count_code != _ALL_ONE and count_code not in _CODES):
            raise BlockError("a block begins with no known layout")
        keys, start = _numbers(view, start, count, _CODES[key_code])
        counts = None
        if count_code != _ALL_ONE:
            counts, start = _numbers(view, start, count, _CODES[count_code])
        yield _Column(keys, counts)
    if start != len(block):
        raise BlockError(f"a block of {len(block)} bytes ends at {start}")


def _numbers(view: memoryview, start: int, count: int, code: _Code) -> tuple[Sequence[int], int]:
    """So many numbers of a width, and where they end."""
    end = start + count * array(code).itemsize
    if end > len(view):
        raise BlockError(f"a block of {len(view)} bytes ends within a column")
    return view[start:end].cast(code), end
