"""The queue table: what waits, by whatever it is grouped; see ``table.py`` for what tables have in common."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from tui.hub.protocol import Span, View, ViewRequest
from tui.model import DOUBTFUL, Freshness, Grouping, QueueRow, RowKey
from tui.ui.columns import (
    MARGIN,
    NOUNS,
    ROWS,
    QueueColumn,
    RowFacts,
    Whose,
    columns_for,
    is_filtered,
    is_told_apart,
    row_name,
    trend_cells,
)
from tui.ui.glyphs import Glyphs
from tui.ui.host_columns import host_columns, partial
from tui.ui.widgets.lines import Line
from tui.ui.widgets.table import Table
from tui.ui.widgets.table_state import Window

LEAST_AGE_SECONDS = 10
"""Ages of hosts below this one are not told apart: the hub tells them anew no more often."""


class QueueTable(Table[RowKey, QueueRow, RowFacts]):
    """The rows of the query that is asked for, with what is marked and all in all below them."""

    DEFAULT_CSS = """
    QueueTable { height: 1fr; }
    """

    def __init__(
        self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic, *, interval_seconds: float = 1.0
    ) -> None:
        super().__init__(glyphs, "queue", interval_seconds, clock)
        self._view: View | None = None
        self._asked = ViewRequest(serial=0)
        self._whose = Whose()
        self._freshness: dict[str, Freshness] = {}
        self._least_age_seconds = max(LEAST_AGE_SECONDS, round(2 * interval_seconds))

    @property
    def by_sender(self) -> bool:
        """Whether the rows shown are told apart by their senders."""
        return self._whose.several_senders

    @property
    def trend_cells(self) -> int:
        """The steps of a trend that there is room for beside each row (0: none)."""
        return trend_cells(self.columns(self.size.width))

    def begin(self, asked: ViewRequest) -> ViewRequest:
        """Another query, order or filter is asked for, with the cursor to stand on ``asked.selected``, or on the row
        that is followed there. Gives back the request to send for it."""
        self._begin(asked.selected, (asked.query.grouping, asked.together))
        row, marked = self.state.selected, list(self.state.marked)
        self._asked = replace(asked, selected=row, anchor=row, anchor_offset=self.state.anchor_offset(), marked=marked)
        self.redraw_first(self._header(self.columns(self.size.width)))
        return self._asked

    def show(self, view: View, *, latest: bool) -> None:
        """Draw a view of the query that was asked for; ``latest`` says that it answers the last request."""
        same = self._view is not None and self._view.query == view.query
        if self._take(window_of(view), latest=latest, same=same):
            self._view, self._whose = view, _whose(view, self._asked)
            self._freshness = {source.name: source.freshness for source in view.sources}
            self.redraw()

    def columns(self, width: int) -> list[QueueColumn]:
        """The columns for what is shown."""
        view = self._shown()
        query, whose = (view.query, self._whose) if view else (self._asked.query, Whose())
        if query.grouping is Grouping.HOST:
            return host_columns(width, self.glyphs, whose, self._least_age_seconds)
        return columns_for(query, width, self.glyphs, whose)

    def order(self) -> tuple[str, bool]:
        """What the rows are to be sorted by, and whether downwards: the key is seen to be taken before they are."""
        return self._asked.sort, self._asked.descending

    def facts(self, row: QueueRow, index: int | None) -> RowFacts:
        """A row with its change and trend."""
        view, place = self._view, None if index is None else self.state.window.place(index)
        if view is None or place is None or place >= len(view.deltas):  # a longer view is just being taken over
            return RowFacts(row, None, 0)
        trend = view.trends[place] if place < len(view.trends) else ""
        host = view.hosts[place] if place < len(view.hosts) else None
        return RowFacts(row, view.deltas[place], _whole(view), trend, host)

    def sign(self, row: QueueRow, index: int) -> Span:
        """The sign of a row that is a problem; else of one whose source is not as it should be, where rows of several
        stand together."""
        view, place = self._view, self.state.window.place(index)
        if view is None or place is None:
            return Span(" ")
        if place < len(view.row_problems) and view.row_problems[place]:
            return Span(self.glyphs.problem, "problem")
        known = self._freshness.get(row.source, Freshness.LIVE)
        if known not in DOUBTFUL or len(self._whose.sources) < 2 or view.query.grouping is Grouping.HOST:
            return Span(" ")  # of a host a column says it in words
        return Span(self.glyphs.freshness[known], known.value)

    def sentences(self) -> list[tuple[str, str]] | None:
        """What to say in place of rows."""
        view = self._shown()
        if view is None:
            return [(self.glyphs.wait, "muted")]
        if not view.queue_known:
            return [(_waiting(view), "strong")]
        return None if view.row_count else self._nothing(view)

    def footers(self) -> int:
        """The sums of all, those of the marked rows, and what became of the followed row."""
        return 1 + bool(self.state.marked) + (self.state.gone is not None)

    def footer_lines(self, columns: list[QueueColumn]) -> list[Line]:
        """These lines."""
        view, lines = self._view, []
        if view is None:
            return []
        if self.state.gone is not None:
            text = f"{self.glyphs.follow} {self._gone(view, self.state.gone)}"
            lines.append([Span(self.glyphs.fit(text, self.size.width), "follow")])
        if count := len(self.state.marked):
            name = (
                f"{count:,} marked" if view.marked_count in (0, count) else f"{view.marked_count:,} of {count:,} marked"
            )
            facts = RowFacts(view.marked_sums, view.marked_delta, _whole(view)) if view.marked_count else None
            lines.append(self.summed(columns, [name], facts, "marked"))
        facts, lacking = RowFacts(view.sums, view.sum_delta, _whole(view)), partial(view)
        line = self.summed(columns, self._names(view, lacking), facts, "sum")
        if lacking:
            sign = f"  {self.glyphs.freshness[Freshness.PARTIAL]}".ljust(MARGIN)
            line[:1] = [Span(sign, f"{Freshness.PARTIAL} sum")]
        return [*lines, line]

    def _shown(self) -> View | None:
        """The view to draw; ``None`` when another was asked for and does not come."""
        return None if self.waits() else self._view

    def _names(self, view: View, lacking: str) -> list[str]:
        """What the sums are of, in full and shorter, and what they lack, which is never left out."""
        one, many = ROWS if is_told_apart(view.query, self._whose) else NOUNS[view.query.grouping]
        some, count = f"{view.row_count:,}", f"{view.all_count:,}"
        if view.row_count < view.all_count:
            names = [f"{some} of {count} {one if view.all_count == 1 else many}", f"{some} of {count}"]
            names.append(f"{some}/{count}")
        elif view.query.grouping is Grouping.HOST and lacking:
            names = []  # which are not all
        else:
            names = [f"all {some} {one if view.row_count == 1 else many}", f"all {some}"]
        return [*(f"{name}, {lacking}" for name in names), f"{lacking} hosts", lacking] if lacking else names

    def _nothing(self, view: View) -> list[tuple[str, str]]:
        """Why there is no row: nothing waits, or nothing of what was asked to be seen."""
        one = ROWS[0] if is_told_apart(view.query, self._whose) else NOUNS[view.query.grouping][0]
        if self._asked.filter and view.all_count:
            problem = " that is a problem" if self._asked.problems else ""
            return [(f"no {one}{problem} matches '{self._asked.filter}'; Esc clears the filter", "strong")]
        if self._asked.problems and view.all_count:
            return [(f"no {one} is a problem; ! shows them all", "strong")]
        return [("nothing waits", "strong"), *([("Esc goes back out", "muted")] if is_filtered(view.query) else [])]

    def _gone(self, view: View, row: QueueRow) -> str:
        """What became of the followed row."""
        name = row_name(view.query.grouping, row, by_sender=self._whose.several_senders)
        if row.source and row.source not in view.queue_sources:
            return f"{name}: {row.source} does not tell what waits"
        if view.row_count < view.all_count:
            return f"{name}: not among these"
        return f"{name}: nothing waits any more"


def window_of(view: View) -> Window[RowKey, QueueRow]:
    """What a view says of the queue's rows."""
    return Window(
        serial=view.serial,
        first=view.first,
        count=view.row_count,
        keys=[row.key for row in view.rows],
        rows=view.rows,
        selected=view.selected,
        selected_index=view.selected_index,
        sources=[*view.queue_sources, ""],  # rows of all together have no source
        sought=view.sought,
        sought_index=view.sought_index,
    )


def _whose(view: View, asked: ViewRequest) -> Whose:
    """Whose the rows of a view are; nobody's where they are those of all together."""
    if not view.rows[0].source if view.rows else asked.together:
        return Whose()
    colors = {source.name: source.color for source in view.sources if source.color}
    return Whose(view.queue_sources, view.several_senders, colors)


def _whole(view: View) -> int:
    """What waits in all, whatever the filter leaves."""
    return view.whole.total or view.sums.total


def _waiting(view: View) -> str:
    """What is being waited for: nothing is known yet, which is not the same as nothing waiting."""
    unknown = [source for source in view.sources if source.age_seconds is None]
    names = ", ".join(source.name for source in unknown or view.sources) or "the hub"
    if view.sources and not unknown:
        return f"no queue is known of {names}"
    failed = [source for source in unknown if source.freshness is Freshness.ERROR]
    if failed and len(failed) == len(unknown):
        return f"no numbers from {names} yet"
    return f"waiting for the first numbers from {names}"
