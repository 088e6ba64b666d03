"""Blocks: the counts of many keys in one minute or hour as one blob, sorted by key. Only the embedded ledger enters.

As rows of their own the counts of a back-fill would cost many times the time to write, and the room.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from struct import Struct, pack
from typing import Literal

from tui.engine.counts import COLUMNS, Columns

Selection = tuple[int, int] | frozenset[int]
"""Which keys of a block: from the first to the last inclusive, or just these."""

NOTHING = (0,) * len(COLUMNS)
"""Nine counts of nothing."""

_Code = Literal["b", "h", "i", "q"]
_COUNT_CODES: tuple[_Code, ...] = ("b", "h", "i", "q")
_CODES: dict[int, _Code] = {ord(code): code for code in _COUNT_CODES}
_WIDTHS = {number: array(code).itemsize for number, code in _CODES.items()}
_ALL_ONE = ord("1")
_HEAD = Struct("<" + "I2B" * len(COLUMNS))
"""Of each column: how many keys, how wide they are, how wide their counts are."""


class BlockError(ValueError):
    """A block's bytes are not what was written."""


_Column = tuple[int, Sequence[int], Sequence[int] | None]
"""Which column, its sorted keys, and their counts; ``None``: each is one."""


def encode(columns: Columns) -> bytes:
    """A block: the heads of the nine columns, then each column's sorted keys and their counts, unless all are one. All
    in the machine's byte order. Raises ``OverflowError`` for counts beyond 64 bits."""
    heads: list[int] = []
    parts: list[bytes] = []
    for column in columns:
        keys = sorted(column)
        code = "i" if not keys or keys[-1] < 1 << 31 else "q"
        parts.append(pack(f"{len(keys)}{code}", *keys))  # an array would take twice as long to fill
        heads += [len(keys), ord(code), _ALL_ONE]
        counts = list(map(column.__getitem__, keys))
        if counts.count(1) < len(counts):
            narrow = _narrow(counts)
            parts.append(narrow.tobytes())
            heads[-1] = ord(narrow.typecode)
    return b"".join([_HEAD.pack(*heads), *parts])


def decode(block: bytes) -> Columns:
    """The columns of a block. Raises ``BlockError``."""
    columns: list[dict[int, int]] = [{} for _ in COLUMNS]
    for place, keys, counts in _filled(block):
        columns[place] = dict.fromkeys(keys, 1) if counts is None else dict(zip(keys, counts, strict=True))
    return columns


def length(block: bytes) -> int:
    """How many counts a block has. Raises ``BlockError``."""
    return sum(len(keys) for _, keys, _ in _filled(block))


def sums(block: bytes, selection: Selection) -> Sequence[int]:
    """The nine counts of the selected keys added up. Raises ``BlockError``."""
    found = [0] * len(COLUMNS)
    for place, keys, counts in _filled(block):
        if isinstance(selection, tuple):
            first = bisect_left(keys, selection[0])
            last = bisect_right(keys, selection[1], first)
            found[place] = last - first if counts is None else sum(counts[first:last])
        else:
            places = [index for index, key in enumerate(keys) if key in selection]
            found[place] = len(places) if counts is None else sum(map(counts.__getitem__, places))
    return found


def _narrow(counts: Sequence[int]) -> array[int]:
    """The counts, each in as few bytes as hold them all. Raises ``OverflowError``."""
    for code in _COUNT_CODES[:-1]:
        try:
            return array(code, counts)
        except OverflowError:
            continue
    return array(_COUNT_CODES[-1], counts)


def _filled(block: bytes) -> list[_Column]:
    """The columns that are not empty."""
    if len(block) < _HEAD.size:
        raise BlockError(f"a block of {len(block)} bytes ends within its head")
    heads, view, end = _HEAD.unpack_from(block), memoryview(block), _HEAD.size
    filled: list[_Column] = []
    try:
        for place in COLUMNS:
            count, key_code, count_code = heads[3 * place : 3 * place + 3]
            if not count:
                continue
            start, end = end, end + count * _WIDTHS[key_code]
            keys, counts = view[start:end].cast(_CODES[key_code]), None
            if count_code != _ALL_ONE:
                start, end = end, end + count * _WIDTHS[count_code]
                counts = view[start:end].cast(_CODES[count_code])
            filled.append((place, keys, counts))
    except (KeyError, TypeError):
        raise BlockError("a block does not hold what its head says") from None
    if end != len(block):
        raise BlockError(f"a block of {len(block)} bytes should have {end}")
    return filled
