"""The queue table: our own virtual table on the Line API, which holds only the window of rows that the hub sent and
paints only the cells that changed."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual import events

from tui.hub.protocol import Span, View, ViewRequest
from tui.model import DOUBTFUL, Freshness, QueueRow
from tui.ui.columns import (
    GAP,
    MARGIN,
    MIX,
    NOUNS,
    ROWS,
    Column,
    RowFacts,
    Whose,
    columns_for,
    is_filtered,
    is_told_apart,
)
from tui.ui.glyphs import Glyphs
from tui.ui.messages import WindowMoved
from tui.ui.widgets.lines import Line, Lines, line_width
from tui.ui.widgets.table_state import TableState

PATIENCE_SECONDS = 0.4
"""How long the old rows stay after another question was asked, so that a quick answer replaces them without a blink."""


class QueueTable(Lines):
    """Header, rows and the line of sums. Moves answer at once from the rows that are there."""

    DEFAULT_CSS = """
    QueueTable { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(glyphs, id="queue")
        self.state = TableState()
        self._view: View | None = None
        self._asked = ViewRequest(serial=0)
        self._asked_at = 0.0
        self._clock = clock

    @property
    def by_sender(self) -> bool:
        """Whether the rows shown are told apart by their senders."""
        return self._view is not None and self._view.several_senders

    def begin(self, asked: ViewRequest) -> None:
        """Another query or order was asked for, with the cursor to stand on ``asked.selected``."""
        self.state.begin(asked.selected)
        self._asked, self._asked_at = asked, self._clock()
        self.set_timer(PATIENCE_SECONDS, self.redraw)

    def show(self, view: View, *, latest: bool) -> None:
        """Draw a view of the query that was asked for; ``latest`` says that it answers the last request."""
        if self.state.show(view, latest=latest):
            self._view = view
            self.redraw()

    def move_to(self, index: int) -> None:
        """Put the cursor on row ``index`` of all rows, or the nearest there is."""
        self.state.move_to(index)
        self.redraw()

    def on_resize(self, event: events.Resize) -> None:
        """Fewer or more rows can be seen, so others are wanted."""
        self.state.resize(max(event.size.height - 2, 0))
        super().on_resize(event)
        self.post_message(WindowMoved())

    def lines(self, width: int, height: int) -> list[Line]:
        """The table as lines; a sentence in place of the rows where there are none."""
        view = self._view
        if self.state.awaiting and self._clock() - self._asked_at >= PATIENCE_SECONDS:
            view = None
        query = view.query if view else self._asked.query
        columns = columns_for(query, width, self.glyphs, self._whose())
        sort, descending = (view.sort, view.descending) if view else (self._asked.sort, self._asked.descending)
        header = self._header(columns, sort, descending=descending)
        if view is None:
            return [header, [Span(f"  {self.glyphs.wait}", "muted")]]
        if not view.queue_known:
            return [header, *self._sentences(self._waiting(view), width)]
        if not view.row_count:
            return [header, *self._sentences([("nothing waits", "strong"), *self._hint(view)], width)]
        visible = range(self.state.scroll, min(self.state.scroll + height - 2, view.row_count))
        rows = [self._row(index, columns, view.sums) for index in visible]
        blank: list[Line] = [[] for _ in range(height - 2 - len(rows))]
        return [header, *rows, *blank, self._sums(columns, view)]

    def _header(self, columns: list[Column], sort: str, *, descending: bool) -> Line:
        line = [Span(" " * (MARGIN - GAP))]
        for column in columns:
            chosen = column.sort == sort and column.sort is not None
            arrow = (self.glyphs.down if descending else self.glyphs.up) if chosen else ""
            text = f"{arrow}{column.header}" if column.number else f"{column.header} {arrow}"
            role = "strong" if chosen else "header"
            line += [Span(" " * GAP), Span(self.glyphs.fit(text, column.width, right=column.number), role)]
        return line

    def _row(self, index: int, columns: list[Column], sums: QueueRow) -> Line:
        row = self.state.row_at(index)
        if row is None:
            line = [Span(self.glyphs.fit(f"  {self.glyphs.wait}", self.size.width), "muted")]
        else:
            facts = RowFacts(row, self.state.delta_at(index), sums)
            line = [Span(" " * (MARGIN - 1)), self._freshness(row), *self._cells(columns, facts)]
        if index != self.state.cursor:
            return line
        spare = self.size.width - line_width(line)
        line = [Span(span.text, f"{span.role} cursor") for span in (*line, Span(" " * spare))]
        return [Span(self.glyphs.cursor, "cursor"), Span(line[0].text[1:], line[0].role), *line[1:]]

    def _freshness(self, row: QueueRow) -> Span:
        """The sign of a row whose source is not as it should be, where rows of several stand together."""
        view = self._view
        freshness = {source.name: source.freshness for source in view.sources} if view is not None else {}
        known = freshness.get(row.source, Freshness.LIVE)
        if known not in DOUBTFUL or view is None or len(view.queue_sources) < 2:
            return Span(" ")
        return Span(self.glyphs.freshness[known], known.value)

    def _sums(self, columns: list[Column], view: View) -> Line:
        one, many = ROWS if is_told_apart(view.query, self._whose()) else NOUNS[view.query.grouping]
        name = f"all {view.row_count:,} {one if view.row_count == 1 else many}"
        keys = [column for column in columns if not column.number and column.header != MIX]
        keys_width = sum(column.width + GAP for column in keys) - GAP
        rest = [column for column in columns if column.number or column.header == MIX]
        line = [
            Span(" " * MARGIN),
            Span(self.glyphs.fit(name, keys_width), "strong"),
            Span(" " * GAP),
            *self._cells(rest, RowFacts(view.sums, view.sum_delta, view.sums)),
        ]
        line.append(Span(" " * (self.size.width - line_width(line))))
        return [Span(span.text, f"{span.role} sum") for span in line]

    def _cells(self, columns: list[Column], facts: RowFacts) -> Line:
        line: Line = []
        for number, column in enumerate(columns):
            if number:
                line.append(Span(" " * GAP))
            line += column.cell(facts, column.width, self.glyphs)
        return line

    def _whose(self) -> Whose:
        """Whose rows are shown."""
        view = self._view
        if view is None:
            return Whose()
        colors = {source.name: source.color for source in view.sources if source.color}
        return Whose(view.queue_sources, view.several_senders, colors)

    def _waiting(self, view: View) -> list[tuple[str, str]]:
        """What is being waited for: nothing is known yet, which is not the same as nothing waiting."""
        unknown = [source for source in view.sources if source.age_seconds is None]
        names = ", ".join(source.name for source in unknown or view.sources) or "the hub"
        if view.sources and not unknown:
            return [(f"no queue is known of {names}", "strong")]
        failed = [source for source in unknown if source.freshness is Freshness.ERROR]
        if failed and len(failed) == len(unknown):
            return [(f"no numbers from {names} yet", "strong")]
        return [(f"waiting for the first numbers from {names}", "strong")]

    def _hint(self, view: View) -> list[tuple[str, str]]:
        return [("Esc goes back out", "muted")] if is_filtered(view.query) else []

    def _sentences(self, sentences: list[tuple[str, str]], width: int) -> list[Line]:
        room = max(width - MARGIN, 0)
        return [[], *([Span(" " * MARGIN), Span(self.glyphs.fit(text, room), role)] for text, role in sentences)]
