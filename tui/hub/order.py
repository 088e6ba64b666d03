"""Many rows sorted, each piece of them when it is first looked at. Only the hub enters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, overload

import msgspec

PIECE_ROWS = 512
"""How many rows are sorted in one call: a sort holds the interpreter's lock, and a key press must not wait for it."""

MAX_PIECE_ROWS = 4 * PIECE_ROWS


class SortKey(msgspec.Struct, frozen=True):
    """A column to sort by."""

    column: Sequence[Any]
    descending: bool = False


class Order(Sequence[int]):
    """``rows``, indices of the columns of ``keys``, sorted by the first key, where equal by the next, and so on. Making
    it deals the rows into pieces, which takes a tenth of the time that sorting takes; a view looks at few of them."""

    def __init__(self, rows: Sequence[int], keys: Sequence[SortKey]) -> None:
        self._keys = list(keys)
        self._root = _dealt(rows, self._keys)
        self._pieces = list(self._root.pieces())
        self._ends = list(accumulate(map(len, self._pieces)))
        start = 0
        for piece, end in zip(self._pieces, self._ends, strict=True):
            piece.start, start = start, end

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> list[int]: ...

    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return self._between(start, stop) if step == 1 else [self[at] for at in range(start, stop, step)]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(place)
        piece = self._pieces[bisect_right(self._ends, at)]
        return piece.sorted()[at - piece.start]

    def __iter__(self) -> Iterator[int]:
        for piece in self._pieces:
            yield from piece.sorted()

    def rank(self, row: int) -> int:
        """How many rows stand before ``row``, which need not be one of them."""
        piece = self._root.piece_of(row)
        return piece.start + bisect_left(piece.sorted(), True, key=partial(self._reached, row))

    def _reached(self, row: int, other: int) -> bool:
        """Whether ``other`` stands where ``row`` does, or after it."""
        for key in self._keys:
            one, two = key.column[row], key.column[other]
            if one != two:
                return bool(two < one) is key.descending
        return True

    def _between(self, start: int, stop: int) -> list[int]:
        found: list[int] = []
        at = bisect_right(self._ends, start)
        while at < len(self._pieces) and self._pieces[at].start < stop:
            piece = self._pieces[at]
            found += piece.sorted()[max(0, start - piece.start) : stop - piece.start]
            at += 1
        return found


class _Piece:
    """Some rows, which stand together in the order from ``start``."""

    def __init__(self, rows: list[int], keys: Sequence[SortKey]) -> None:
        self.start = 0
        self._rows = rows
        self._keys = keys
        self._is_sorted = False

    def __len__(self) -> int:
        return len(self._rows)

    def sorted(self) -> list[int]:
        if not self._is_sorted:
            rows = self._rows
            for key in reversed(self._keys):
                rows = sorted(rows, key=key.column.__getitem__, reverse=key.descending)
            self._rows, self._is_sorted = rows, True
        return self._rows

    def pieces(self) -> Iterator[_Piece]:
        yield self

    def piece_of(self, row: int) -> _Piece:
        del row  # wherever it belongs, it is here
        return self


class _Dealt:
    """Pieces by where their values stand between ``bounds``; ``exact``: those equal to a bound apart from others."""

    def __init__(self, rows: Sequence[int], keys: Sequence[SortKey]) -> None:
        self._key = key = keys[0]
        is_all = isinstance(rows, range) and len(rows) == len(key.column)
        values = key.column if is_all else list(map(key.column.__getitem__, rows))
        sample = sorted(values[:: PIECE_ROWS // 16])
        picked = sample[16::16]
        self._bounds = sorted(set(picked))
        self._exact = len(self._bounds) < len(picked)  # many rows are equal
        dealt: list[list[int]] = [[] for _ in range((2 if self._exact else 1) * len(self._bounds) + 1)]
        for row, place in zip(rows, self._places(values, many_equal=len(set(sample)) < 0.9 * len(sample)), strict=True):
            dealt[place].append(row)
        self._parts = [
            _dealt(some, keys[1:] if self._exact and place % 2 else keys) for place, some in enumerate(dealt)
        ]

    def _places(self, values: Sequence[Any], *, many_equal: bool) -> Iterator[int]:
        """Where each value belongs; of values that are often equal each is looked for once."""
        if many_equal:
            return map({value: self._place(value) for value in _distinct(values)}.__getitem__, values)
        return map(self._place if self._exact else partial(bisect_right, self._bounds), values)

    def _place(self, value: Any) -> int:
        right = bisect_right(self._bounds, value)
        return right + bisect_left(self._bounds, value) if self._exact else right

    def pieces(self) -> Iterator[_Piece]:
        for part in reversed(self._parts) if self._key.descending else self._parts:
            yield from part.pieces()

    def piece_of(self, row: int) -> _Piece:
        return self._parts[self._place(self._key.column[row])].piece_of(row)


def _distinct(values: Sequence[Any]) -> set[Any]:
    found: set[Any] = set()
    for start in range(0, len(values), MAX_PIECE_ROWS):
        found.update(values[start : start + MAX_PIECE_ROWS])
    return found


def _dealt(rows: Sequence[int], keys: Sequence[SortKey]) -> _Piece | _Dealt:
    if len(rows) <= MAX_PIECE_ROWS or not keys:
        return _Piece(rows if isinstance(rows, list) else list(rows), keys)
    return _Dealt(rows, keys)
