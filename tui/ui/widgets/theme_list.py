"""The themes as a list, with a sample of what their colours mean. Knows no app: the screen around it shows what is
chosen."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.hub.protocol import Span
from tui.model import STATES, Freshness
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines

LEAST_WIDTH = 28
_EDGE, _MARGIN = 1, 2
_SAMPLE_LINES = 4
_AROUND = 1 + _SAMPLE_LINES + 1
"""Lines that are no themes: title, sample and keys."""


class ThemeList(Lines):
    """``chosen`` is the theme that the cursor came to. Says ``Chosen`` when another one is clicked, and ``Kept`` when
    it is that one."""

    DEFAULT_CSS = """
    ThemeList { background: $panel; }
    """

    class Chosen(Message):
        """Another theme was clicked, and is chosen."""

    class Kept(Message):
        """The theme under the cursor is to stay."""

    def __init__(self, glyphs: Glyphs, names: list[str], current: str) -> None:
        super().__init__(glyphs, id="themes")
        self._names = names
        self._current = self.chosen = current
        self._cursor = names.index(current) if current in names else 0
        longest = max(map(self.glyphs.width, names), default=0)
        self.wanted_width = max(LEAST_WIDTH, _EDGE + 2 * _MARGIN + longest)
        self.wanted_height = _AROUND + len(names)

    def move(self, steps: int) -> None:
        """Move the cursor by ``steps``, at most to an end."""
        cursor = min(max(self._cursor + steps, 0), len(self._names) - 1)
        if cursor != self._cursor:
            self._cursor, self.chosen = cursor, self._names[cursor]
            self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """The title, as many themes as there is room for, the sample, where there is room, and the keys."""
        room, first = self._in_sight(height)
        rows = [self._row(index, width - _EDGE) for index in range(first, min(first + room, len(self._names)))]
        rows += [[] for _ in range(room - len(rows))]
        keys = [Span(" Enter", "key"), Span(" keep", "muted"), Span("  Esc", "key"), Span(" as before", "muted")]
        sample = self._sample() if room + _AROUND <= height else []
        text: list[Line] = [[Span(" Theme", "strong")], *rows, *sample, keys]
        return [[Span(self.glyphs.focus, "focus"), *line] for line in text]

    def on_click(self, event: events.Click) -> None:
        """Choose the theme that was clicked; keep the one that is chosen already."""
        room, first = self._in_sight(self.size.height)
        index = first + event.y - 1
        if not 1 <= event.y <= room or index >= len(self._names):
            return
        if index == self._cursor:
            self.post_message(self.Kept())
        else:
            self.move(index - self._cursor)
            self.post_message(self.Chosen())

    def _in_sight(self, height: int) -> tuple[int, int]:
        """How many themes there is room for, and the first of them, so that the cursor is in sight."""
        room = height - _AROUND if height > 2 * _AROUND else max(height - _AROUND + _SAMPLE_LINES, 1)
        return room, max(min(self._cursor - room // 2, len(self._names) - room), 0)

    def _row(self, index: int, width: int) -> Line:
        name = self._names[index]
        here = index == self._cursor
        sign = self.glyphs.cursor if here else " "
        kept = self.glyphs.bullet if name == self._current else " "
        text = self.glyphs.fit(name, max(width - _MARGIN - 1, 0))
        return [Span(f"{sign}{kept}{text} ", "cursor" if here else "")]

    def _sample(self) -> list[Line]:
        fresh = (Freshness.LIVE, Freshness.STALE, Freshness.ERROR)
        return [
            [],
            [span for state in STATES for span in (Span(" "), Span(state, state))],
            [
                Span(" "),
                Span("delivered", "success"),
                Span(" "),
                Span("failed", "fail"),
                Span(" "),
                Span("other", "muted"),
            ],
            [span for one in fresh for span in (Span(" "), Span(f"{self.glyphs.freshness[one]} {one}", one.value))],
        ]
