"""Blocks: the deltas of many keys in one minute or hour as one blob, sorted by key. Only the embedded ledger enters.

As rows of their own the deltas of a back-fill would cost twice the time to write, and twice the room.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from struct import Struct
from typing import Literal

Rows = Mapping[int, Sequence[int]]
"""Nine signed counts (in the order of ``batch.SEND`` …) by key."""

Selection = tuple[int, int] | frozenset[int]
"""Which keys of a block: from the first to the last inclusive, or just these."""

NOTHING = (0,) * 9
"""Nine counts of nothing."""

_HEAD_BYTES = 10
_Code = Literal["b", "h", "i", "q"]
_CODES: dict[str, tuple[_Code, int]] = {"b": ("b", 1), "h": ("h", 2), "i": ("i", 4), "q": ("q", 8)}


class BlockError(ValueError):
    """A block's bytes are not what was written."""


def encode(rows: Rows) -> bytes:
    """A block: ten ``struct`` codes (of the key and of each count, as wide as they must be), the sorted keys, then the
    counts row by row, in the machine's byte order. Raises ``OverflowError`` for counts beyond 64 bits."""
    keys = sorted(rows)
    counts = [rows[key] for key in keys]
    head = "".join(map(_code, (keys, *zip(*counts, strict=True)))).encode()
    code, _, row = _layout(head)
    return b"".join((head, array(code, keys).tobytes(), *starmap(row.pack, counts)))


def decode(block: bytes) -> dict[int, tuple[int, ...]]:
    """The rows of a block. Raises ``BlockError``."""
    keys, row, start = _parts(block)
    return dict(zip(keys, row.iter_unpack(memoryview(block)[start:]), strict=True))


def length(block: bytes) -> int:
    """How many rows a block has. Raises ``BlockError``."""
    return len(_parts(block)[0])


def sums(block: bytes, selection: Selection) -> Sequence[int]:
    """The nine counts of the selected keys added up. Raises ``BlockError``."""
    keys, row, start = _parts(block)
    places: Sequence[int]
    if isinstance(selection, tuple):
        first = bisect_left(keys, selection[0])
        places = range(first, bisect_right(keys, selection[1], first))
    else:
        places = [place for place, key in enumerate(keys) if key in selection]
    if not places:
        return NOTHING
    found = [row.unpack_from(block, start + place * row.size) for place in places]
    return found[0] if len(found) == 1 else tuple(map(sum, zip(*found, strict=True)))


def merged(parts: Iterable[Rows]) -> Rows:
    """Rows with the same key added up."""
    groups: defaultdict[int, list[Sequence[int]]] = defaultdict(list)
    for rows in parts:
        for key, counts in rows.items():
            groups[key].append(counts)
    return added_up(groups)


def added_up(groups: Mapping[int, list[Sequence[int]]]) -> dict[int, Sequence[int]]:
    """The sum of each group of nine counts."""
    return {
        key: group[0] if len(group) == 1 else tuple(map(sum, zip(*group, strict=True))) for key, group in groups.items()
    }


def _code(column: Sequence[int]) -> _Code:
    bits = max(max(column), ~min(column)).bit_length()
    if bits > 63:
        raise OverflowError("a count is beyond 64 bits")
    return "b" if bits < 8 else "h" if bits < 16 else "i" if bits < 32 else "q"


@lru_cache(maxsize=256)
def _layout(head: bytes) -> tuple[_Code, int, Struct]:
    """The code of the key, its width in bytes, and how a row of counts is packed."""
    codes = head.decode("latin-1")
    if len(codes) < _HEAD_BYTES or not all(code in _CODES for code in codes):
        raise BlockError("a block begins with no known columns")
    return *_CODES[codes[0]], Struct("=" + codes[1:])


def _parts(block: bytes) -> tuple[Sequence[int], Struct, int]:
    """The keys, how a row is packed, and where the rows start."""
    code, key_bytes, row = _layout(block[:_HEAD_BYTES])
    count, rest = divmod(len(block) - _HEAD_BYTES, key_bytes + row.size)
    if rest:
        raise BlockError(f"a block of {len(block)} bytes ends within a row")
    start = _HEAD_BYTES + count * key_bytes
    return memoryview(block)[_HEAD_BYTES:start].cast(code), row, start
