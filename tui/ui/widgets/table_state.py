"""Where the queue table stands: cursor, scroll and the window of rows the hub sent. No drawing, no Textual: values and
arithmetic that a property test can drive."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.hub.protocol import View
from tui.model import QueueRow, RowKey

SCREENS_AROUND = 2
"""Screens of rows to hold above and below the visible one, so that a key is answered without asking."""


@dataclass
class TableState:
    """The rows that are there and the place among them; ``cursor`` and ``scroll`` count from 0 over all sorted rows.

    ``key`` is the row the cursor stands on, ``None`` while that row has not come yet. ``awaiting`` is true from a new
    question (another query or order) until its first answer: the rows are then still the old ones. ``held`` is true
    once the cursor was put on a row; until then it stands on the first, whichever that is. ``sought`` is a row that the
    cursor goes to as soon as its source answers; until then it stands on the first.
    """

    height: int = 0
    cursor: int = 0
    scroll: int = 0
    key: RowKey | None = None
    count: int = 0
    first: int = 0
    rows: list[QueueRow] = field(default_factory=list)
    deltas: list[float | None] = field(default_factory=list)
    awaiting: bool = True
    held: bool = False
    sought: RowKey | None = None
    _offset: int = 0

    @property
    def row(self) -> QueueRow | None:
        """The row under the cursor; ``None`` when it has not come yet or what is shown is no longer asked for."""
        return None if self.awaiting else self.row_at(self.cursor)

    @property
    def selected(self) -> RowKey | None:
        """The row to ask for: the one the cursor goes to, else the one it stands on."""
        return self.sought or self.key

    def row_at(self, index: int) -> QueueRow | None:
        """Row ``index`` of all rows, if it lies in the window."""
        return self.rows[index - self.first] if 0 <= index - self.first < len(self.rows) else None

    def delta_at(self, index: int) -> float | None:
        """The change a minute of row ``index``; ``None`` unknown."""
        return self.deltas[index - self.first] if 0 <= index - self.first < len(self.deltas) else None

    def resize(self, height: int) -> None:
        """``height`` rows can be seen now; the cursor stays among them."""
        self.height = height
        self._keep_visible()

    def move_to(self, index: int) -> None:
        """Put the cursor on row ``index``, or the nearest there is."""
        if self.awaiting or not self.count:
            return
        self.cursor, self.held, self.sought = min(max(index, 0), self.count - 1), True, None
        row = self.row_at(self.cursor)
        self.key = row.key if row else None
        self._keep_visible()

    def begin(self, key: RowKey | None) -> None:
        """Another question was asked: its first answer places the cursor on ``key``, at the height it now has on the
        screen; without one, on the first row."""
        self._offset = self.cursor - self.scroll if key is not None else 0
        self.key, self.sought = key, None
        self.awaiting, self.held = True, key is not None

    def anchor_offset(self) -> int:
        """Where in the window that is asked for the awaited row should stand (rows from the window's first)."""
        return self._offset + SCREENS_AROUND * self.height

    def show(self, view: View, *, latest: bool) -> bool:
        """Take over the view's rows; ``latest`` says that it answers the last request. False when it does not say where
        the cursor's row is now: such a view is overtaken by one that is on its way."""
        cursor = self._find(view, latest=latest)
        if cursor is None:
            return False
        if not self.awaiting and self.sought is None:
            self._offset = self.cursor - self.scroll
        sought = self.selected if self.awaiting else self.sought
        gone = sought is not None and sought.source in view.queue_sources
        self.sought = None if view.selected_index is not None or gone or not latest else sought
        moved_away = self.awaiting or not self.scroll <= cursor < self.scroll + self.height
        self.first, self.rows, self.deltas, self.count = view.first, view.rows, view.deltas, view.row_count
        self.cursor, self.awaiting = cursor, False
        row = self.row_at(cursor)
        if row is not None:
            self.key = row.key
        elif view.selected_index is None or not latest:
            self.key = None
        if moved_away:
            self.scroll = cursor - self._offset
        self._keep_visible()
        return True

    def wanted(self, first: int, rows: int) -> tuple[int, int]:
        """The window to ask for (first row, rows), given the one that is asked for now: it moves only when what can be
        seen comes within a screen of its edge."""
        size = (2 * SCREENS_AROUND + 1) * self.height
        if self.awaiting:
            return 0, size
        near, far = max(self.scroll - self.height, 0), min(self.scroll + 2 * self.height, self.count)
        if rows == size and first <= near and far <= first + rows:
            return first, rows
        return max(self.scroll - SCREENS_AROUND * self.height, 0), size

    def _find(self, view: View, *, latest: bool) -> int | None:
        """Where the cursor belongs in the view's order; ``None`` when the view cannot tell."""
        if not self.held:
            return 0
        last = max(view.row_count - 1, 0)
        if self.selected is not None:
            if latest and view.selected_index is not None:
                return min(view.selected_index, last)
            if not latest:
                return next((view.first + i for i, row in enumerate(view.rows) if row.key == self.selected), None)
        return 0 if self.awaiting or self.sought is not None else min(self.cursor, last)

    def _keep_visible(self) -> None:
        """Scroll no further than needed to see the cursor, and never past the last row."""
        if not self.height:
            return
        self.scroll = min(max(self.scroll, self.cursor - self.height + 1), self.cursor)
        self.scroll = max(min(self.scroll, self.count - self.height), 0)
