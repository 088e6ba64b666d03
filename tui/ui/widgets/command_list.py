"""What can be typed after ``:``, above the prompt, fewer with each letter. Lies over what is below."""

from __future__ import annotations

from collections.abc import Sequence

from tui.hub.protocol import Span
from tui.ui.glyphs import Glyphs
from tui.ui.palette import Entry
from tui.ui.widgets.lines import Line, Lines

MOST_LINES = 10
_WORD = 21


class CommandList(Lines):
    """A word, what it does and its keys, on each line."""

    DEFAULT_CSS = """
    CommandList { display: none; layer: above; dock: bottom; margin: 0 0 1 0; background: $panel; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="commands")
        self._entries: Sequence[Entry] = ()
        self._height = 0

    def show(self, entries: Sequence[Entry] | None, room: int) -> None:
        """Show the entries in at most ``room`` lines; ``None`` takes the list away."""
        self._entries = entries or ()
        if entries is None:
            self.display = False
            return
        height = max(min(MOST_LINES, room, len(self._entries)), 1)
        if not self.display or height != self._height:
            self._height = height
            self.styles.height = height
            self.display = True
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """As many entries as fit, the rest counted; a sentence where there is none."""
        if not self._entries:
            return [[Span(" no command has this", "muted")]]
        shown = list(self._entries[:height])
        left = len(self._entries) - len(shown)
        if left:
            shown.pop()
        lines = [self._line(entry, width) for entry in shown]
        if left:
            lines.append([Span(f" {left + 1} more", "muted")])
        return [*lines, *([[]] * (height - len(lines)))]

    def _line(self, entry: Entry, width: int) -> Line:
        room = max(width - _WORD - 3 - self.glyphs.width(entry.keys), 0)
        return [
            Span(" "),
            Span(self.glyphs.fit(entry.word, _WORD), "strong"),
            Span(self.glyphs.fit(entry.help, room), "muted"),
            Span(" "),
            Span(entry.keys, "key"),
            Span(" "),
        ]
