"""One sentence in place of everything, for a terminal too small for more."""

from __future__ import annotations

from tui.hub.protocol import Span
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, wrapped


class Sentence(Lines):
    """A sentence, broken at blanks."""

    DEFAULT_CSS = """
    Sentence { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs, text: str) -> None:
        super().__init__(glyphs)
        self._text = text

    def lines(self, width: int, _height: int) -> list[Line]:
        """The sentence in lines of ``width`` cells."""
        return [[Span(line)] for line in wrapped(self._text, width)]
