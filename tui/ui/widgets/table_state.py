"""Where a table stands: cursor, scroll, marks, the row it follows, and the window of rows the hub sent. No drawing, no
Textual: values and arithmetic that a property test can drive."""

from __future__ import annotations

from collections.abc import Collection, Hashable, KeysView, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from tui.hub.protocol import MAX_MARKS

SCREENS_AROUND = 2
"""Screens of rows to hold above and below the visible one, so that a key is answered without asking."""


class Sourced(Hashable, Protocol):
    """A row's key: it says whose the row is."""

    @property
    def source(self) -> str:
        """The name of the source."""
        ...


Key = TypeVar("Key", bound=Sourced)
Row = TypeVar("Row")


class Window(msgspec.Struct, Generic[Key, Row], frozen=True):
    """What a view says of a table: the rows from ``first`` of ``count`` sorted rows, with their keys, and where the
    ``selected`` row stands among all. ``sources`` are those that have answered, so that a row of theirs which is not
    there is gone. ``sought`` is the row that the request looked for, with its place."""

    serial: int = 0
    first: int = 0
    count: int = 0
    keys: Sequence[Key] = ()
    rows: Sequence[Row] = ()
    selected: Key | None = None
    selected_index: int | None = None
    sources: Collection[str] = ()
    sought: Key | None = None
    sought_index: int | None = None

    def place(self, index: int) -> int | None:
        """Where row ``index`` of all rows stands in the window; ``None`` when it does not."""
        place = index - self.first
        return place if 0 <= place < len(self.rows) else None

    def find(self, key: Key | None) -> int | None:
        """Where the row with this key stands among all rows; ``None`` when it is not in the window."""
        return next((self.first + place for place, other in enumerate(self.keys) if other == key), None)


class Followed(msgspec.Struct, Generic[Key, Row]):
    """The row that the cursor is kept on wherever rows are ``grouped`` that way, and what was last known of it;
    ``gone`` is true while it is not there any more."""

    grouped: Hashable
    key: Key
    row: Row
    gone: bool = False


class TableState(msgspec.Struct, Generic[Key, Row]):
    """The rows that are there and the place among them; ``cursor`` and ``scroll`` count from 0 over all sorted rows.

    ``key`` is the row the cursor stands on, ``None`` while that row has not come yet. ``awaiting`` is true from a new
    question (another query or order) until its first answer: the rows are then still the old ones. ``held`` is true
    once the cursor was put on a row; until then it stands on the first, whichever that is. ``sought`` is a row that the
    cursor goes to as soon as its source answers; until then it stands on the first. ``grouped`` says what a row of the
    table is, so that what is marked and followed by one grouping is there again when one comes back to it.
    """

    height: int = 0
    cursor: int = 0
    scroll: int = 0
    key: Key | None = None
    window: Window[Key, Row] = msgspec.field(default_factory=Window)
    awaiting: bool = True
    held: bool = False
    sought: Key | None = None
    grouped: Hashable = None
    _offset: int = 0
    _marks: dict[Hashable, dict[Key, None]] = msgspec.field(default_factory=dict)
    _followed: Followed[Key, Row] | None = None
    _found_serial: int | None = None

    @property
    def count(self) -> int:
        """How many rows there are in all."""
        return self.window.count

    @property
    def stands(self) -> bool:
        """Whether the cursor stands on a row, and not where the followed row was or is still looked for."""
        return self.followed is None or self.followed.key == self.key

    @property
    def row(self) -> Row | None:
        """The row under the cursor; ``None`` when it has not come yet, when there is none, or when what is shown is no
        longer asked for."""
        return self.row_at(self.cursor) if self.stands and not self.awaiting else None

    @property
    def selected(self) -> Key | None:
        """The row to ask for: the one that is followed, or that the cursor goes to, else the one it stands on."""
        followed = self.followed
        return followed.key if followed else self.sought or self.key

    @property
    def followed(self) -> Followed[Key, Row] | None:
        """The row that the cursor is kept on in this table."""
        return self._followed if self._followed is not None and self._followed.grouped == self.grouped else None

    @property
    def gone(self) -> Row | None:
        """What was last known of the followed row, once it is not there any more."""
        followed = self.followed
        return followed.row if followed is not None and followed.gone else None

    @property
    def marked(self) -> KeysView[Key]:
        """The marked rows of this table, in the order in which they were marked."""
        return self._marks.setdefault(self.grouped, {}).keys()

    def row_at(self, index: int) -> Row | None:
        """Row ``index`` of all rows, if it lies in the window."""
        place = self.window.place(index)
        return None if place is None else self.window.rows[place]

    def key_at(self, index: int) -> Key | None:
        """The key of row ``index``, if it lies in the window."""
        place = self.window.place(index)
        return None if place is None else self.window.keys[place]

    def resize(self, height: int) -> None:
        """``height`` rows can be seen now; the cursor stays among them."""
        self.height = height
        self._keep_visible()

    def move_to(self, index: int) -> None:
        """Put the cursor on row ``index``, or the nearest there is. Whoever moves away from the followed row has let it
        go."""
        if self.awaiting or not self.count:
            return
        index = min(max(index, 0), self.count - 1)
        if self.followed is not None and (index != self.cursor or self.followed.gone):
            self._followed = None
        self.cursor, self.held, self.sought, self.key = index, True, None, self.key_at(index)
        self._keep_visible()

    def follow(self) -> bool:
        """Keep the cursor on the row under it, or let go of the row that is followed. Says whether one is now."""
        if self.followed is not None:
            self._followed = None
            self.key = self.key_at(self.cursor)
            return False
        row = self.row
        if row is None or self.key is None:
            return False
        self._followed, self.held = Followed(self.grouped, self.key, row), True
        return True

    def toggle_mark(self) -> bool:
        """Mark the row under the cursor, or mark it no more. False when there is none, or when too many are marked."""
        marks = self._marks.setdefault(self.grouped, {})
        if self.row is None or self.key is None:
            return False
        if self.key in marks:
            del marks[self.key]
            return True
        if len(marks) >= MAX_MARKS:
            return False
        marks[self.key] = None
        return True

    def unmark(self) -> None:
        """Mark no row any more, whatever it is grouped by."""
        self._marks.clear()

    def begin(self, key: Key | None, grouped: Hashable = None) -> None:
        """Another question was asked: its first answer places the cursor on the row that is followed there, else on
        ``key``, at the height it now has on the screen; without one, on the first row."""
        self.grouped = grouped
        followed = self.followed
        if followed is not None:
            key, followed.gone = followed.key, False
        self._offset = self.cursor - self.scroll if key is not None else 0
        self.key, self.sought = key, None
        self.awaiting, self.held = True, key is not None

    def anchor_offset(self) -> int:
        """Where in the window that is asked for the awaited row should stand (rows from the window's first)."""
        return self._offset + SCREENS_AROUND * self.height

    def show(self, window: Window[Key, Row], *, latest: bool) -> bool:
        """Take over a view's rows; ``latest`` says that it answers the last request. False when it does not say where
        the cursor's row is now: such a view is overtaken by one that is on its way."""
        if latest and self._go_to_sought(window):
            return True
        target, followed = self.selected, self.followed
        told = latest and target is not None and window.selected == target
        index = window.selected_index if told else window.find(target)
        if self.held and target is not None and index is None and not latest:
            return False
        waits = self.awaiting or self.sought is not None
        if not waits and (followed is None or not followed.gone):
            self._offset = self.cursor - self.scroll
        gone = told and target is not None and target.source in window.sources
        self.sought = target if waits and followed is None and index is None and not gone else None
        if followed is not None and (told or index is not None):
            followed.gone = index is None
        cursor = 0 if waits or not self.held else self.cursor
        cursor = min(index if self.held and index is not None else cursor, max(window.count - 1, 0))
        moved_away = self.awaiting or not self.scroll <= cursor < self.scroll + self.height
        self.window, self.cursor, self.awaiting = window, cursor, False
        self._stand(followed, target if index is not None else None)
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

    def _stand(self, followed: Followed[Key, Row] | None, target: Key | None) -> None:
        """Note the row that the cursor stands on: ``target`` where it has not come yet; none where the followed row is
        another one."""
        row, self.key = self.row_at(self.cursor), self.key_at(self.cursor) or target
        if followed is None:
            return
        if self.key != followed.key:
            self.key = None
        elif row is not None:
            followed.row = row

    def _go_to_sought(self, window: Window[Key, Row]) -> bool:
        """Go to the row that the request looked for, once for each request; a row out of sight comes to the middle."""
        index = window.sought_index
        if index is None or window.serial == self._found_serial:
            return False
        self._found_serial = window.serial
        if self.followed is not None and self.followed.key != window.sought:
            self._followed = None
        self.window, self.cursor, self.key = window, min(index, max(window.count - 1, 0)), window.sought
        self.awaiting, self.held, self.sought = False, True, None
        if not self.scroll <= self.cursor < self.scroll + self.height:
            self.scroll = self.cursor - self.height // 2
        self._keep_visible()
        return True

    def _keep_visible(self) -> None:
        """Scroll no further than needed to see the cursor, and never past the last row."""
        if not self.height:
            return
        self.scroll = min(max(self.scroll, self.cursor - self.height + 1), self.cursor)
        self.scroll = max(min(self.scroll, self.count - self.height), 0)
