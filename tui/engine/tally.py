"""Signed deltas by minute and cell, added up between two batches. For the tracker."""

from __future__ import annotations

from tui.engine.batch import Delta

_NONE: Delta = [0] * 9


class Tally:
    """Adds up deltas; rows that came to nothing are left out when they are taken.

    ``fine_from`` is the first minute that is counted for itself: earlier ones, which the ledger keeps by the hour only,
    are counted at the start of their hour.
    """

    def __init__(self) -> None:
        self.fine_from = 0
        self._minutes: dict[int, dict[int, Delta]] = {}
        self._minute = -1
        self._cells: dict[int, Delta] = {}

    def row(self, minute: int, cell: int) -> Delta:
        """The row of ``cell`` (``batch.cell_key``) in ``minute`` (seconds since 1970 // 60), to be added to."""
        if minute != self._minute:
            self._minute = minute
            start = minute if minute >= self.fine_from else minute - minute % 60
            self._cells = self._minutes.setdefault(start, {})
        row = self._cells.get(cell)
        if row is None:
            row = self._cells[cell] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        return row

    def take(self) -> dict[int, dict[int, Delta]]:
        """The rows since the last call that changed anything."""
        minutes = {
            minute: changed
            for minute, cells in self._minutes.items()
            if (changed := {cell: row for cell, row in cells.items() if row != _NONE})
        }
        self._minutes, self._minute, self._cells = {}, -1, {}
        return minutes
