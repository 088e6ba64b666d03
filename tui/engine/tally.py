"""Signed counts by minute, column and cell, added up between two batches. For the tracker."""

from __future__ import annotations

import sys
from collections import Counter

from tui.engine.counts import COLUMNS, Columns


class Tally:
    """Adds up counts; what came to nothing is left out when they are taken.

    ``fine_from`` is the first minute that is counted for itself: earlier ones, which the ledger keeps by the hour only,
    are counted at the start of their hour. What a wrong clock dates later than the minute ``until`` is counted there:
    the future is not known, and its minutes would pass for watched.

    ``columns`` has the counts of the ``minute`` of the last ``turn``. ``more`` has a list for each column: a cell's key
    appended there counts one more, which is the cheapest way; they are added up when the minute is over.
    """

    def __init__(self) -> None:
        self.fine_from = 0
        self.until = sys.maxsize
        self.minute = -1
        self.more: tuple[list[int], ...] = tuple([] for _ in COLUMNS)
        self.columns: tuple[Counter[int], ...] = ()
        self._minutes: dict[int, tuple[Counter[int], ...]] = {}

    def turn(self, minute: int) -> None:
        """Count in ``minute`` (seconds since 1970 // 60) from now on."""
        self.minute = minute
        start = min(minute, self.until)
        if start < self.fine_from:
            start -= start % 60
        columns = self._minutes.get(start)
        if columns is None:
            columns = self._minutes[start] = tuple(Counter() for _ in COLUMNS)
        if columns is not self.columns:
            self._count()
            self.columns = columns

    def add(self, minute: int, cell: int, column: int, amount: int) -> None:
        """Count ``amount`` in a column of ``cell`` (``batch.cell_key``) in ``minute``."""
        if minute != self.minute:
            self.turn(minute)
        if amount == 1:
            self.more[column].append(cell)
        else:
            counts = self.columns[column]
            counts[cell] = counts.get(cell, 0) + amount

    def take(self) -> dict[int, Columns]:
        """The counts since the last call, by minute."""
        self._count()
        minutes: dict[int, Columns] = {}
        for minute, columns in self._minutes.items():
            changed = [column if all(column.values()) else _without_zeros(column) for column in columns]
            if any(changed):
                minutes[minute] = changed
        self._minutes, self.columns, self.minute = {}, (), -1
        return minutes

    def _count(self) -> None:
        for keys, counts in zip(self.more, self.columns, strict=False):
            if keys:
                counts.update(keys)
                keys.clear()


def _without_zeros(column: Counter[int]) -> dict[int, int]:
    return {cell: count for cell, count in column.items() if count}
