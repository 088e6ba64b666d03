"""What went wrong, in a sentence: a source's error, a restarted hub, a theme that is no good. Not there when all is
well."""

from __future__ import annotations

from textual import events

from tui.hub.protocol import Span, View
from tui.model import Freshness, SourceStatus
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, wrapped

MOST_LINES = 3


class Notice(Lines):
    """What was said last stands until the next key; a hub's silence and a source's error as long as they last."""

    DEFAULT_CSS = """
    Notice { height: 1; display: none; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="notice")
        self._said = self._silence = ""
        self._complaints: list[tuple[Freshness, str]] = []

    def say(self, sentence: str) -> None:
        """Show ``sentence``; "" takes back what was said."""
        if sentence != self._said:
            self._said = sentence
            self._update()

    def show(self, view: View) -> None:
        """Show what the view's sources complain about, and its own problems once."""
        complaints = [
            (source.freshness, f"{source.name}: {reason}") for source in view.sources if (reason := _reason(source))
        ]
        complaints.sort(key=lambda complaint: complaint[0] is Freshness.PARTIAL)
        said = " ".join(view.problems) or self._said
        if (complaints, said) != (self._complaints, self._said):
            self._complaints, self._said = complaints, said
            self._update()

    def show_silence(self, seconds: int) -> None:
        """Show that the hub has said nothing for so long; 0: that it answers."""
        silence = f"The hub has not answered for {seconds} s; the numbers are that old." if seconds else ""
        if silence != self._silence:
            self._silence = silence
            self._update()

    def on_resize(self, event: events.Resize) -> None:
        """Another width may take more or fewer lines."""
        self._update()
        super().on_resize(event)

    def lines(self, width: int, _height: int) -> list[Line]:
        """What was said, else the hub's silence, else why the first source that fails or lacks something does so, and
        how many more there are; cut after ``MOST_LINES``."""
        sentence = self._said or self._silence
        sentences = [sentence] if sentence else [reason for _, reason in self._complaints]
        sign = Span(f" {self.glyphs.problem} ", "error")
        if not sentence and self._complaints and self._complaints[0][0] is Freshness.PARTIAL:
            sign = Span(f" {self.glyphs.freshness[Freshness.PARTIAL]} ", "partial")
        which = f"1 of {len(sentences)}: " if len(sentences) > 1 else ""
        room = max(width - 4, 1)
        lines = wrapped(f"{which}{sentences[0]}" if sentences else "", room)
        if len(lines) > MOST_LINES:
            lines[MOST_LINES - 1 :] = [" ".join(lines[MOST_LINES - 1 :])]
        signs = [sign, *[Span("   ")] * MOST_LINES]
        return [[mark, Span(self.glyphs.fit(line, room))] for mark, line in zip(signs, lines, strict=False)]

    def _update(self) -> None:
        self.display = bool(self._said or self._silence or self._complaints)
        if self.display:
            self.styles.height = len(self.lines(self.size.width or self.app.size.width, MOST_LINES))
        self.redraw()


def _reason(source: SourceStatus) -> str:
    """Why a source's numbers are not what they should be, where it says so."""
    if source.freshness is Freshness.PAUSED:
        return ""
    return source.error or (source.notes[0] if source.notes and source.freshness is Freshness.PARTIAL else "")
