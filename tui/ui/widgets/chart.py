"""The trend of the selected row, drawn and named by the hub: here it only gets its colours, which are those of the
table's columns."""

from __future__ import annotations

from tui.hub.protocol import Span, View
from tui.ui.commands import footer_key
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, justified, line_width

MARGIN = 1
"""Cells left and right of the chart."""


class Chart(Lines):
    """A title line and the chart."""

    DEFAULT_CSS = """
    Chart { display: none; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="chart")
        self._view: View | None = None

    def show(self, view: View) -> None:
        """Draw the view's chart."""
        self._view = view
        self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The title, with the keys for another span of time at its right, then the chart."""
        if self._view is None:
            return []
        right = [Span(f"{footer_key('span')} ", "key"), Span("span ", "muted")]
        room = max(width - line_width(right) - 2, 0)
        title = justified([Span(" "), Span(self.glyphs.fit(self._view.chart_title, room), "strong")], right, width)
        if not self._view.chart:
            return [title, [Span(" no history yet", "muted")]]
        return [title, *([Span(" " * MARGIN), *line] for line in self._view.chart)]
