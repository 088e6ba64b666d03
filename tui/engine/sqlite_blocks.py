"""Blocks: the deltas of many keys in one minute or hour as one blob, sorted by key. Only the embedded ledger enters.

As rows of their own the deltas of a back-fill would cost twice the time to write, and twice the room.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import starmap
from operator import add
from struct import Struct
from struct import error as StructError
from typing import Literal

Rows = Mapping[int, Sequence[int]]
"""Nine signed counts (in the order of ``batch.SEND`` …) by key."""

Selection = tuple[int, int] | frozenset[int]
"""Which keys of a block: from the first to the last inclusive, or just these."""

NOTHING = (0,) * 9
"""Nine counts of nothing."""

_HEAD_BYTES = 2
_LAYOUTS = (Struct("=4bi4b"), Struct("=4hi4h"), Struct("=4iq4i"), Struct("=9q"))
"""How a row may be packed, the narrowest first: events, bytes, changes of what waits."""

_HEADS = {
    b"%d%c" % (number, code): (layout, width)
    for number, layout in enumerate(_LAYOUTS)
    for code, width in ((b"i", 4), (b"q", 8))
}


class BlockError(ValueError):
    """A block's bytes are not what was written."""


def encode(rows: Rows) -> bytes:
    """A block: the number of its layout, the code of its keys (``i`` or ``q``), the sorted keys, then the counts row by
    row, all in the machine's byte order. Raises ``OverflowError`` for counts beyond 64 bits."""
    keys = sorted(rows)
    code: Literal["i", "q"] = "i" if keys[-1] < 1 << 31 else "q"
    counts = list(map(rows.__getitem__, keys))
    for number, layout in enumerate(_LAYOUTS):
        packed = _packed(layout, counts)
        if packed is not None:
            return b"%d%c%b%b" % (number, code.encode(), array(code, keys).tobytes(), packed)
    raise OverflowError("a count is beyond 64 bits")


def decode(block: bytes) -> dict[int, Sequence[int]]:
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


def merged(parts: Collection[Rows]) -> Rows:
    """Rows with the same key added up; for many parts, whose rows are often the same."""
    if len(parts) == 1:
        return next(iter(parts))
    groups: defaultdict[int, list[Sequence[int]]] = defaultdict(list)
    for rows in parts:
        for key, counts in rows.items():
            groups[key].append(counts)
    return {
        key: group[0] if len(group) == 1 else tuple(map(sum, zip(*group, strict=True))) for key, group in groups.items()
    }


def gathered(
    keys: Iterable[int], counts: Iterable[Sequence[int]], into: dict[int, Sequence[int]] | None = None
) -> dict[int, Sequence[int]]:
    """Nine counts for each of the keys added up (in ``into``); for keys that are mostly not the same."""
    sums = {} if into is None else into
    for key, more in zip(keys, counts, strict=True):
        held = sums.get(key)
        sums[key] = more if held is None else tuple(map(add, held, more))
    return sums


def _packed(layout: Struct, counts: Iterable[Sequence[int]]) -> bytes | None:
    """The rows one after another; ``None`` when a count is too large for the layout."""
    try:
        return b"".join(starmap(layout.pack, counts))
    except StructError:
        return None


def _parts(block: bytes) -> tuple[Sequence[int], Struct, int]:
    """The keys, how a row is packed, and where the rows start."""
    try:
        row, key_bytes = _HEADS[block[:_HEAD_BYTES]]
    except KeyError:
        raise BlockError("a block begins with no known layout") from None
    count, rest = divmod(len(block) - _HEAD_BYTES, key_bytes + row.size)
    if rest:
        raise BlockError(f"a block of {len(block)} bytes ends within a row")
    start = _HEAD_BYTES + count * key_bytes
    keys = memoryview(block)[_HEAD_BYTES:start]
    return keys.cast("q") if key_bytes == 8 else keys.cast("i"), row, start
