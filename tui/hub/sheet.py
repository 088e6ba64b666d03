"""The rows of a query as columns, merged from all sources, added up and sorted. Only the hub enters: a sheet is made in
its worker thread and read by its loop."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import chain, pairwise
from typing import Any, TypeVar

import msgspec

from tui.model import STATES, QueueQuery, QueueRow, QueueTable, RowKey

SORTS = ("account", "campaign", "isp", *STATES, "total", "delta")
"""What rows can be sorted by."""

KEY_COLUMNS = ("campaign_id", "isp", "account_id", "sender_id", "source")
"""The columns that make a row's key. Rows that are equal otherwise stand in their order, ascending."""

TABLE_COLUMNS = ("sender_id", "account_id", "account", "campaign_id", "campaign", "isp", *STATES)

QUICK_ROWS = 8192
"""So many rows are sorted fast enough for the hub's loop to do it."""

RANGE_ROWS = 1024
"""How many rows are sorted in one call: a sort holds the interpreter's lock, and a key press must not wait for it."""


Number = TypeVar("Number", int, float)


class Part(msgspec.Struct, frozen=True):
    """One source's rows, with each row's total and its change a minute (``None`` unknown)."""

    source: str
    table: QueueTable
    totals: list[int]
    deltas: list[float | None]
    sum_delta: float | None


class Sheet:
    """The rows of ``query`` from every source that answered it; ``nameless`` are the sources that tell campaigns by id
    alone. Nothing changes after it is built but the cache of orders."""

    def __init__(self, query: QueueQuery, parts: Sequence[Part], nameless: Collection[str] = ()) -> None:
        self.query = query
        self._nameless = nameless
        self._columns: dict[str, list[Any]] = {
            "source": _joined([[part.source] * len(part.totals) for part in parts]),
            "total": _joined([part.totals for part in parts]),
            "delta": _joined([part.deltas for part in parts]),
        }
        for name in TABLE_COLUMNS:
            self._columns[name] = _joined([getattr(part.table, name) for part in parts])
        self._columns["sender"] = _joined([part.table.sender or [""] * len(part.totals) for part in parts])
        self.sources = [part.source for part in parts]
        self.several_senders = any(not _constant(part.table.sender_id) for part in parts)
        # Joined columns are copies: the parts' own are kept too, so that only release frees them.
        self._parts = [[getattr(part.table, name) for name in TABLE_COLUMNS] for part in parts]
        self._keys, self._base = self._sort_by_keys()
        self._orders: dict[tuple[str, bool], tuple[list[int], Sequence[Any]]] = {}
        self.source_sums = {part.source: _sums(part) for part in parts}
        self.sums = QueueRow(
            **{state: sum(getattr(sums, state) for sums in self.source_sums.values()) for state in STATES}
        )
        self.sum_delta = _sum_known([part.sum_delta for part in parts])
        self.files = _sum_known([part.table.files for part in parts])
        self.moving = any(self._columns["delta"])

    def __len__(self) -> int:
        return len(self._columns["total"])

    def is_sorted_by(self, sort: str, descending: bool) -> bool:
        """Whether this order is made already, so that asking for it costs nothing."""
        return (sort, descending) in self._orders

    def order(self, sort: str, descending: bool) -> list[int]:
        """The row indices sorted by a column of ``SORTS``; rows that are equal there by their keys. Rows whose change
        is unknown come last either way. Kept once made."""
        if (sort, descending) not in self._orders:
            column = self._columns[sort]
            if sort == "delta":
                unknown = -math.inf if descending else math.inf
                column = [unknown if delta is None else delta for delta in column]
            self._orders[sort, descending] = ordered(self._base, column, descending), column
        return self._orders[sort, descending][0]

    def position(self, index: int, sort: str, descending: bool) -> int:
        """Where row ``index`` stands in an order."""
        order = self.order(sort, descending)
        column = self._orders[sort, descending][1]
        value, key = column[index], self._key(index)

        def reached(other: int) -> bool:
            if column[other] == value:
                return self._key(other) >= key
            return bool(column[other] < value) is descending

        return bisect_left(order, True, key=reached)

    def find(self, key: RowKey) -> int | None:
        """The index of the row with this key."""
        wanted = tuple(getattr(key, name) for name in self._keys)
        place = bisect_left(self._base, wanted, key=self._key)
        if place == len(self._base):
            return None
        index = self._base[place]
        found = all(self._columns[name][index] == getattr(key, name) for name in KEY_COLUMNS)
        return index if found else None

    def row(self, index: int) -> QueueRow:
        """Row ``index`` as a value of its own."""
        columns = self._columns
        return QueueRow(
            source=columns["source"][index],
            sender_id=columns["sender_id"][index],
            sender=columns["sender"][index],
            account_id=columns["account_id"][index],
            account=columns["account"][index],
            campaign_id=columns["campaign_id"][index],
            campaign=columns["campaign"][index] or self._campaign_by_id(index),
            isp=columns["isp"][index],
            new=columns["new"][index],
            proc=columns["proc"][index],
            retry=columns["retry"][index],
            hold=columns["hold"][index],
        )

    def _campaign_by_id(self, index: int) -> str:
        number, source = self._columns["campaign_id"][index], self._columns["source"][index]
        return f"campaign {number}" if number and source in self._nameless else ""

    def delta(self, index: int) -> float | None:
        """The change of row ``index``'s total a minute; ``None`` unknown."""
        delta: float | None = self._columns["delta"][index]
        return delta

    def release(self) -> None:
        """Free the columns one by one: freeing a million values in one go would hold the interpreter's lock."""
        self._base.clear()
        while self._orders:
            self._orders.popitem()
        while self._columns:
            self._columns.popitem()
        for columns in self._parts:
            while columns:
                columns.pop()

    def _key(self, index: int) -> tuple[Any, ...]:
        return tuple(self._columns[name][index] for name in self._keys)

    def _sort_by_keys(self) -> tuple[list[str], list[int]]:
        """The key columns that tell all rows apart, as few as do, and the row indices sorted by them."""
        rows = list(range(len(self)))
        varying = [name for name in KEY_COLUMNS if not _constant(self._columns[name])]
        for name in varying[:1]:
            column = self._columns[name]
            base = ordered(rows, column)
            if all(column[row] != column[after] for row, after in pairwise(base)):
                return [name], base
        for name in reversed(varying):
            rows = ordered(rows, self._columns[name])
        return varying, rows


def ordered(indices: list[int], column: Sequence[Any], descending: bool = False) -> list[int]:
    """``indices`` sorted stably by ``column[index]``: dealt into ranges that are sorted one by one, so that other
    threads can run in between."""
    key = column.__getitem__
    if len(indices) <= 2 * RANGE_ROWS:
        return sorted(indices, key=key, reverse=descending)
    ranges = len(indices) // RANGE_ROWS
    sample = sorted(map(key, indices[:: len(indices) // (16 * ranges)]))
    bounds = sorted(set(sample[16::16]))
    dealt: list[list[int]] = [[] for _ in range(len(bounds) + 1)]
    for index in indices:
        dealt[bisect_right(bounds, column[index])].append(index)
    result: list[int] = []
    for some in reversed(dealt) if descending else dealt:
        result += sorted(some, key=key, reverse=descending)
    return result


def _sums(part: Part) -> QueueRow:
    """What waits in one source; of the sender whose rows these are, where there is only one."""
    senders = part.table.sender_id
    return QueueRow(
        source=part.source,
        sender_id=senders[0] if senders and _constant(senders) else 0,
        **{state: sum(getattr(part.table, state)) for state in STATES},
    )


def _joined(columns: Sequence[list[Any]]) -> list[Any]:
    return columns[0] if len(columns) == 1 else list(chain.from_iterable(columns))


def _constant(column: list[Any]) -> bool:
    return not column or column.count(column[0]) == len(column)


def _sum_known(values: Sequence[Number | None]) -> Number | None:
    """The sum, unknown when any part of it is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None
