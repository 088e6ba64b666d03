"""What went wrong, in a sentence: a source's error, a restarted hub, a theme that is no good. Not there when all is
well."""

from __future__ import annotations

from textual import events

from tui.hub.protocol import Span, View
from tui.model import Freshness, SourceStatus
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, wrapped
from tui.ui.widgets.status_line import WORST_FIRST

MOST_LINES = 3
INDENT = 3


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
        complaints.sort(key=lambda complaint: WORST_FIRST.index(complaint[0]))
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

    @property
    def line_count(self) -> int:
        """The lines it takes now."""
        return len(self.lines(self.size.width or self.app.size.width, MOST_LINES)) if self.display else 0

    def on_resize(self, event: events.Resize) -> None:
        """Another width may take more or fewer lines."""
        self._update()
        super().on_resize(event)

    def lines(self, width: int, _height: int) -> list[Line]:
        """What was said, else the hub's silence, else why each source that fails or lacks something does so, the worst
        first: a line for each, and those that are left for the first ones that need more; cut after ``MOST_LINES``."""
        sentence = self._said or self._silence
        shown = [(Freshness.ERROR, sentence)] if sentence else self._complaints
        if len(shown) > MOST_LINES:
            rest = shown[MOST_LINES - 1 :]
            names = ", ".join(reason.partition(":")[0] for _, reason in rest)
            shown = [*shown[: MOST_LINES - 1], (rest[0][0], f"{len(rest)} more, which mailtop check explains: {names}")]
        room, spare = max(width - INDENT - 1, 1), MOST_LINES - len(shown)
        result: list[Line] = []
        for freshness, reason in shown:
            lines = wrapped(reason, room)
            last = min(len(lines) - 1, spare)
            spare -= last
            lines[last:] = [" ".join(lines[last:])]
            sign = Span(f" {self.glyphs.freshness[freshness]} ", freshness.value)
            for mark, line in zip([sign, *[Span(" " * INDENT)] * last], lines, strict=True):
                result.append([mark, Span(self.glyphs.fit(line, room))])
        return result

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
