"""One line for what went wrong: a source's error, a restarted hub, a theme that is no good. Not there when all is
well."""

from __future__ import annotations

from tui.hub.protocol import Span, View
from tui.model import Freshness
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines


class Notice(Lines):
    """What was said last stands until the next key; a source's error as long as it lasts."""

    DEFAULT_CSS = """
    Notice { height: 1; display: none; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="notice")
        self._said = ""
        self._errors: list[str] = []

    def say(self, sentence: str) -> None:
        """Show ``sentence``; "" takes back what was said."""
        if sentence != self._said:
            self._said = sentence
            self._update()

    def show(self, view: View) -> None:
        """Show what the view's sources complain about, and its own problems once."""
        errors = [
            f"{source.name}: {source.error}"
            for source in view.sources
            if source.error and source.freshness is Freshness.ERROR
        ]
        said = " ".join(view.problems) or self._said
        if (errors, said) != (self._errors, self._said):
            self._errors, self._said = errors, said
            self._update()

    def lines(self, width: int, _height: int) -> list[Line]:
        """What was said, then the errors; the number of further ones where there are several."""
        sentences = [self._said] if self._said else self._errors
        more = f"  (+{len(sentences) - 1} more)" if len(sentences) > 1 else ""
        text = (sentences or [""])[0]
        room = max(width - 3 - len(more), 0)
        return [[Span(f" {self.glyphs.problem} ", "error"), Span(self.glyphs.fit(text, room)), Span(more, "muted")]]

    def _update(self) -> None:
        self.display = bool(self._said or self._errors)
        self.redraw()
