"""One sentence in place of everything, for a terminal too small for more."""

from __future__ import annotations

from tui.hub.protocol import Span
from tui.text import cell_width
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines


class Sentence(Lines):
    """A sentence, broken at blanks."""

    DEFAULT_CSS = """
    Sentence { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs, text: str) -> None:
        super().__init__(glyphs)
        self._text = text

    def lines(self, width: int, _height: int) -> list[Line]:
        """The sentence in lines of at most ``width`` cells."""
        lines: list[str] = []
        for word in self.glyphs.plain(self._text).split():
            if lines and cell_width(lines[-1]) + 1 + cell_width(word) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return [[Span(line)] for line in lines]
