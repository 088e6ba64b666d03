"""The trend of the selected row, drawn and named by the hub: here it only gets its colours, which are those of the
table's columns."""

from __future__ import annotations

from textual import events

from tui.hub.protocol import ChartLine, Span
from tui.ui.commands import footer_key
from tui.ui.glyphs import Glyphs
from tui.ui.messages import WindowMoved
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
        self._title = ""
        self._chart: list[ChartLine] = []
        self._focused = False

    def show(self, title: str, chart: list[ChartLine], *, focused: bool = False) -> None:
        """Draw a chart and the words above it; ``focused`` says that it has the keys."""
        if (title, chart, focused) != (self._title, self._chart, self._focused):
            self._title, self._chart, self._focused = title, chart, focused
            self.redraw()

    def on_resize(self, event: events.Resize) -> None:
        """A chart of another size is another chart: the hub should be asked for it."""
        super().on_resize(event)
        self.post_message(WindowMoved())

    def lines(self, width: int, _height: int) -> list[Line]:
        """The title, with the keys for another span of time at its right, then the chart."""
        right = [Span(f"{footer_key('span')} ", "key"), Span("span ", "muted")]
        room = max(width - line_width(right) - 2, 0)
        mark = Span(self.glyphs.focus, "focus") if self._focused else Span(" ")
        text = self.glyphs.fit(self._title, min(self.glyphs.width(self._title), room))
        words = Span(text, "tab" if self._focused else "strong")
        title = justified([mark, words], right, width)
        if not self._chart:
            return [title, [Span(" no history yet", "muted")]]
        return [title, *([Span(" " * MARGIN), *line] for line in self._chart)]
