"""What both tables are: a virtual table of our own on the Line API, which holds only the window of rows that the hub
sent and paints only the cells that changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from textual import events
from textual.timer import Timer

from tui.hub.protocol import Span
from tui.ui.columns import GAP, MARGIN, Column, sort_names
from tui.ui.glyphs import Glyphs
from tui.ui.messages import RowChosen, SortBy, WindowMoved
from tui.ui.widgets.changes import Changes
from tui.ui.widgets.lines import Line, Lines, line_width
from tui.ui.widgets.table_state import Sourced, TableState, Window

PATIENCE_SECONDS = 0.4
"""How long the old rows stay after another question was asked, so that a quick answer replaces them without a blink."""

WHEEL_ROWS = 3
"""Rows that one notch of the mouse wheel moves."""

FLOOD_CELLS, FLOOD_SHARE = 12, 0.25
"""When more cells change than these, and than this part of those that can be seen, none is marked: it would say
nothing, and cost twice the bytes."""

Key = TypeVar("Key", bound=Sourced)
Row = TypeVar("Row")
Facts = TypeVar("Facts")


class Table(Lines, Generic[Key, Row, Facts]):
    """Header, rows and lines of sums. Moves answer at once from the rows that are there.

    ``interval_seconds`` is how often new numbers come; a count that changed is marked so long, unless ``marks_changes``
    is off; the bars over the cursor's row and marked ones end with its names where ``short_bars`` is set, so that
    little is sent. Whoever makes a table of it says what its columns, rows and sums are.
    """

    def __init__(
        self, glyphs: Glyphs, id: str, interval_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(glyphs, id=id)
        self.state: TableState[Key, Row] = TableState()
        self.marks_changes = True
        self.short_bars = False
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._asked_at = 0.0
        self._changes: Changes[Key, Row] = Changes()
        self._kept: dict[int, Line] = {}
        self._made_from: tuple[object, object] = (None, None)
        self._shape = (0, False)
        self._timer: Timer | None = None

    def columns(self, width: int) -> list[Column[Facts]]:
        """The columns in ``width`` cells."""
        raise NotImplementedError

    def order(self) -> tuple[str, bool]:
        """What the rows are sorted by, and whether downwards."""
        raise NotImplementedError

    def facts(self, row: Row, index: int | None) -> Facts:
        """What the cells of a row are made from; ``index`` is ``None`` for a row as it once was."""
        raise NotImplementedError

    def sign(self, row: Row, index: int) -> Span:
        """The sign of a row that is a problem, or whose numbers are in doubt."""
        raise NotImplementedError

    def sentences(self) -> list[tuple[str, str]] | None:
        """What to say, with its role, in place of rows; ``None`` where there are rows."""
        raise NotImplementedError

    def footers(self) -> int:
        """How many lines stand below the rows."""
        return 1

    def footer_lines(self, columns: list[Column[Facts]]) -> list[Line]:
        """The lines below the rows."""
        raise NotImplementedError

    @property
    def sorts(self) -> list[tuple[str, bool]]:
        """The sort names one can walk through now, left to right, each with whether it is a number."""
        return sort_names(self.columns(self.size.width))

    def move_to(self, index: int) -> None:
        """Put the cursor on row ``index`` of all rows, or the nearest there is."""
        self.state.move_to(index)
        self.redraw()

    def toggle_mark(self) -> bool:
        """Mark the row under the cursor, or mark it no more; false when that cannot be."""
        done = self.state.toggle_mark()
        self.redraw()
        return done

    def unmark(self) -> None:
        """Mark no row any more."""
        self.state.unmark()
        self.redraw()

    def follow(self) -> bool:
        """Keep the cursor on the row under it wherever it goes, or let go; whether a row is followed now."""
        follows = self.state.follow()
        self.redraw()
        return follows

    def redraw(self) -> None:
        """Draw anew; other lines below the rows leave more or fewer of these to be seen, so others are wanted."""
        self._fit(self.size.height)
        super().redraw()

    def on_resize(self, _event: events.Resize) -> None:
        """Other columns may have room now, and so other charts be wanted."""
        self.post_message(WindowMoved())

    def on_click(self, event: events.Click) -> None:
        """A click on a head sorts, one on a row puts the cursor there, one on the cursor's row goes in."""
        state, index = self.state, self.state.scroll + event.y - 1
        if event.y == 0:
            sort = self._sort_at(event.x)
            if sort is not None:
                self.post_message(SortBy(sort))
        elif event.y <= state.height and index < state.count and self.sentences() is None:
            into = index == state.cursor and state.row is not None
            self.move_to(index)
            self.post_message(RowChosen(into=into))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        self._wheel(event, WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        self._wheel(event, -WHEEL_ROWS)

    def lines(self, width: int, height: int) -> list[Line]:
        """The table as lines; sentences in place of the rows where there are none."""
        self._fit(height)  # the first time it is painted before it is told its size
        columns = self.columns(width)
        header, sentences = self._header(columns), self.sentences()
        if sentences is not None:
            room = max(width - MARGIN, 0)
            said = [[Span(" " * MARGIN), Span(self.glyphs.fit(text, room), role)] for text, role in sentences]
            return [header, [], *said] if height > len(said) + 1 else [header, *said]
        state, below = self.state, self.footer_lines(columns)
        self._forget_cells(width)
        rows = [
            self._row(index, columns) for index in range(state.scroll, min(state.scroll + state.height, state.count))
        ]
        blank: list[Line] = [[] for _ in range(height - 1 - len(rows) - len(below))]
        return [header, *rows, *blank, *below]

    def waits(self) -> bool:
        """Whether the old rows have stood long enough while others are asked for."""
        return self.state.awaiting and self._clock() - self._asked_at >= PATIENCE_SECONDS

    def _fit(self, height: int) -> None:
        rows = max(height - 1 - self.footers(), 0)
        if rows != self.state.height:
            self.state.resize(rows)
            self.post_message(WindowMoved())

    def _begin(self, key: Key | None, grouped: object) -> None:
        self.state.begin(key, grouped)
        self._changes.settle()
        self._asked_at = self._clock()
        self.set_timer(PATIENCE_SECONDS, self.redraw)

    def _take(self, window: Window[Key, Row], *, latest: bool, same: bool) -> bool:
        """Take over the rows of a view, of the ``same`` question as the last; false when it is overtaken."""
        if not self.state.show(window, latest=latest):
            return False
        if not same:
            self._changes.forget()
        if self._changes.take(dict(zip(window.keys, window.rows, strict=True))):
            if self.marks_changes and not self._is_flooded():
                self._settle_later()
            else:
                self._changes.settle()
        return True

    def _is_flooded(self) -> bool:
        state = self.state
        counted = [column for column in self.columns(self.size.width) if column.counted] if self.size.width else []
        visible = range(state.scroll, min(state.scroll + state.height, state.count))
        changed = sum(span.role.endswith("changed") for index in visible for span in self._row_cells(index, counted))
        return changed > max(FLOOD_CELLS, FLOOD_SHARE * len(visible) * len(counted))

    def _settle_later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(1.5 * self._interval_seconds, self._settle)

    def _settle(self) -> None:
        if self._changes.settle():
            self.redraw()

    def _wheel(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        self.move_to(self.state.cursor + rows)
        self.post_message(RowChosen(into=False))

    def _sort_at(self, x: int) -> str | None:
        start = MARGIN
        for column in self.columns(self.size.width):
            if start <= x < start + column.width + GAP:
                return column.sort
            start += column.width + GAP
        return None

    def _header(self, columns: Sequence[Column[Facts]]) -> Line:
        line, (sort, descending) = [Span(" " * (MARGIN - GAP))], self.order()
        for column in columns:
            chosen = column.sort == sort and column.sort is not None
            arrow = (self.glyphs.down if descending else self.glyphs.up) if chosen else ""
            right = column.number and not column.left
            text = f"{arrow}{column.header}" if right else f"{column.header} {arrow}"
            role = "strong" if chosen else "header"
            line += [Span(" " * GAP), Span(self.glyphs.fit(text, column.width, right=right), role)]
        return line

    def _row(self, index: int, columns: Sequence[Column[Facts]]) -> Line:
        state, glyphs = self.state, self.glyphs
        row, key = state.row_at(index), state.key_at(index)
        if row is None:
            line = [Span(glyphs.fit(" " * (MARGIN - 1) + glyphs.wait, self.size.width - 1), "muted")]
            mark = Span(" ")
        else:
            line = [self.sign(row, index), Span(" "), *self._kept_cells(index, columns)]
            mark = Span(glyphs.marked, "marked") if key in state.marked else Span(" ")
            line = [mark, *line]
        under = index == state.cursor and state.stands
        overlay = (" marked" if mark.role else "") + (" cursor" if under else "")
        if not overlay:
            return [Span(" "), *line]
        line.append(Span(" " * (self.size.width - 1 - line_width(line))))
        sign = (Span(glyphs.follow, "follow") if state.followed else Span(glyphs.cursor)) if under else Span(" ")
        spans = [sign, *line]
        barred = self._barred(spans, columns)
        return [Span(span.text, (span.role + overlay).strip()) for span in spans[:barred]] + spans[barred:]

    def _barred(self, line: Line, columns: Sequence[Column[Facts]]) -> int:
        """How many of a row's spans a bar covers."""
        if not self.short_bars:
            return len(line)
        end = MARGIN + _keys_width(columns)
        ends = accumulate(self.glyphs.width(span.text) for span in line)
        return sum(1 for each in ends if each <= end)

    def _row_cells(self, index: int, columns: Sequence[Column[Facts]]) -> Line:
        """The cells of a row; counts that are not what they were are marked."""
        row = self.state.row_at(index)
        if row is None:
            return []
        before, facts = self._changes.before(self.state.key_at(index)), self.facts(row, index)
        return self.cells(columns, facts) if before is None else self._marked(columns, facts, before)

    def _kept_cells(self, index: int, columns: Sequence[Column[Facts]]) -> Line:
        """The cells of a row as they were made for the last key, which changes none of them."""
        if index not in self._kept:
            self._kept[index] = self._row_cells(index, columns)
        return self._kept[index]

    def _forget_cells(self, width: int) -> None:
        """Make the cells anew where there are other rows, other changes or other columns."""
        made_from, shape = (self.state.window, self._changes.now), (width, self.waits())
        same = all(old is new for old, new in zip(self._made_from, made_from, strict=True))
        if not same or shape != self._shape:
            self._kept, self._made_from, self._shape = {}, made_from, shape

    def _marked(self, columns: Sequence[Column[Facts]], facts: Facts, before: Row) -> Line:
        """The cells of a row, in which counts that are not what they were are marked."""
        earlier = self.facts(before, None)
        line: Line = []
        for column in columns:
            spans = column.cell(facts, column.width, self.glyphs)
            if column.counted:
                old = column.cell(earlier, column.width, self.glyphs)
                changed = [span.text for span in old] != [span.text for span in spans]
                spans = [Span(span.text, f"{span.role} changed") for span in spans] if changed else spans
            line += [Span(" " * GAP), *spans] if line else spans
        return line

    def cells(self, columns: Sequence[Column[Facts]], facts: Facts) -> Line:
        """The cells of some columns, side by side."""
        line: Line = []
        for number, column in enumerate(columns):
            if number:
                line.append(Span(" " * GAP))
            line += column.cell(facts, column.width, self.glyphs)
        return line

    def summed(self, columns: Sequence[Column[Facts]], names: Sequence[str], facts: Facts | None, role: str) -> Line:
        """A line of sums below the rows: the first of ``names`` that fits below the keys, and the cells of the other
        columns, blank where the sums are not known yet."""
        keys, keys_width = [column for column in columns if column.key], _keys_width(columns)
        name = next((name for name in names if self.glyphs.width(name) <= keys_width), names[-1])
        line = [Span(" " * MARGIN), Span(self.glyphs.fit(name, keys_width), "strong"), Span(" " * GAP)]
        if facts is not None:
            line += self.cells(columns[len(keys) :], facts)
        line.append(Span(" " * (self.size.width - line_width(line))))
        return [Span(span.text, f"{span.role} {role}") for span in line]


def _keys_width(columns: Sequence[Column[Facts]]) -> int:
    """The cells that the names of a row take."""
    return sum(column.width + GAP for column in columns if column.key) - GAP
