"""The last line: the keys that matter, from the declarations of the commands."""

from __future__ import annotations

from tui.hub.protocol import Span
from tui.ui.commands import footer_items
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, line_width


class KeyLine(Lines):
    """As many keys as fit; help and quit always do."""

    DEFAULT_CSS = """
    KeyLine { height: 1; background: $panel; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="keys")

    def lines(self, width: int, _height: int) -> list[Line]:
        """Keys and their words, from the left."""
        items = [[Span(f" {key}", "key"), Span(f" {label} ", "muted")] for key, label in footer_items()]
        first, always = items[:-2], items[-2:]
        while first and sum(map(line_width, first + always)) > width:
            first.pop()
        return [[span for item in first + always for span in item]]
