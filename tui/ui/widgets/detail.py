"""All that is known of one row: how much waits, why, since when and in whose words, and the oldest messages. It draws
what the hub found out."""

from __future__ import annotations

from tui.hub.protocol import Detail, View
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines


class DetailView(Lines):
    """The detail of a row, as long as it is; ``move`` scrolls."""

    DEFAULT_CSS = """
    DetailView { height: 1fr; display: none; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="detail")
        self._detail: Detail | None = None
        self._view: View | None = None
        self._focused = False
        self._top = 0

    def show(self, detail: Detail | None, view: View, *, focused: bool = False) -> None:
        """Draw ``detail`` (``None`` while the hub has not answered) as it was at the view's time."""
        self._detail, self._view, self._focused = detail, view, focused
        self.redraw()

    def move(self, rows: int) -> None:
        """Scroll by ``rows`` lines, down or (negative) up, as far as there is something."""
        self._top += rows
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """The part of the detail that is scrolled to."""
        return []
