"""The help screen: every command, from the declarations, and what the words and signs mean. Lies over the main
screen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingsMap

from tui.hub.protocol import Span
from tui.model import Freshness
from tui.ui.commands import COMMANDS, Command, Scope
from tui.ui.glyphs import Glyphs
from tui.ui.screens.narrow import NarrowScreen
from tui.ui.widgets.lines import Line, Lines, justified, line_width, wrapped

TWO_COLUMNS_FROM = 120
_WORD = 14

_WORDS = (
    ("new", "new", "not tried yet"),
    ("proc", "proc", "being delivered now"),
    ("retry", "retry", "tried and put off; will be tried again"),
    ("hold", "hold", "held or frozen until someone acts"),
    ("", "recipients", "what is counted; a message to three is three"),
    ("", "queue files", "what the mail system itself counts: messages"),
)
_FRESHNESS = {
    Freshness.LIVE: "up to date",
    Freshness.STALE: "older than it should be",
    Freshness.PARTIAL: "a part is missing",
    Freshness.ERROR: "cannot be read; the last good numbers stay",
    Freshness.PAUSED: "held still by you",
    Freshness.REPLAY: "from a recording",
}


class HelpText(Lines):
    """The text of the help screen below a title that stays, from line ``top`` on; in two columns where there is
    room."""

    DEFAULT_CSS = """
    HelpText { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__(glyphs, id="help")
        self._commands = commands
        self._top = 0

    def turn(self, lines: int) -> None:
        """Move the text by ``lines``."""
        last = max(len(self._text(self.size.width)) + 1 - self.size.height, 0)
        self._top = min(max(self._top + lines, 0), last)
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """The lines in sight."""
        text = self._text(width)
        more = self._top + height - 1 < len(text)
        hint = [Span("Down ", "key"), Span("more  ", "muted")] if more else []
        right = [*hint, Span("Esc ", "key"), Span("close ", "muted")]
        title = justified([Span(" mailtop ", "strong"), Span("top for mail", "muted")], right, width)
        return [title, *text[self._top : self._top + height - 1]]

    def _text(self, width: int) -> list[Line]:
        keys, words = key_lines(self._commands), word_lines(self.glyphs)
        if width < TWO_COLUMNS_FROM:
            return _folded(keys + words, width)
        half = width // 2
        pairs = zip_longest(_folded(keys, half), _folded(words, width - half))
        return [[*(left or []), Span(" " * (half - line_width(left or []))), *(right or [])] for left, right in pairs]


class HelpScreen(NarrowScreen[None]):
    """Closes on the keys that open it, and on Esc."""

    CLOSING, MOVES = ("help", "quit", "in", "out", "left"), ("up", "down", "page-up", "page-down", "top", "bottom")

    DEFAULT_CSS = """
    HelpScreen { background: $background; }
    """

    def __init__(self, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.text = HelpText(glyphs, commands)  # there for keys that come before or after it is seen
        self._bindings = BindingsMap(
            Binding(",".join(command.keys), "close" if command.name in self.CLOSING else command.action, show=False)
            for command in commands
            if command.keys and command.name in (*self.CLOSING, *self.MOVES)
        )

    def compose(self) -> ComposeResult:
        """Nothing but the text."""
        yield self.text

    async def obey(self, event: events.Key) -> None:
        """Keys of what lies below do nothing here."""
        if event.key in self._bindings.key_to_bindings:
            await super().obey(event)

    def action_close(self) -> None:
        """Back to what lies below."""
        self.dismiss()

    def action_move(self, lines: int) -> None:
        """Scroll by lines."""
        self.text.turn(lines)

    def action_top(self) -> None:
        """To the beginning."""
        self.text.turn(-1000)

    def action_bottom(self) -> None:
        """To the end."""
        self.text.turn(1000)

    def on_mouse_scroll_down(self) -> None:
        """The wheel scrolls."""
        self.text.turn(3)

    def on_mouse_scroll_up(self) -> None:
        """The wheel scrolls."""
        self.text.turn(-3)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.text.turn(pages * max(self.text.size.height - 1, 1))


def key_lines(commands: Sequence[Command] = COMMANDS) -> list[Line]:
    """Every command by scope."""
    lines: list[Line] = []
    for scope in Scope:
        lines += [[], [Span(f" {scope}", "header")]]
        lines += [
            _entry(command.shown_keys or f":{command.name}", "key", command.help)
            for command in commands
            if command.scope is scope
        ]
    return lines


def word_lines(glyphs: Glyphs) -> list[Line]:
    """What the words and signs mean."""
    lines: list[Line] = [[], [Span(" What waits", "header")]]
    lines += [_entry(word, role or "strong", text) for role, word, text in _WORDS]
    lines += [[], [Span(" How fresh a source is", "header")]]
    for freshness, text in _FRESHNESS.items():
        lines.append(_entry(f"{glyphs.freshness[freshness]} {freshness.value}", freshness.value, text))
    lines.append(_entry(f"{glyphs.freshness[Freshness.PARTIAL]} partial 4/5", "partial", "a sum of only 4 of 5 hosts"))
    lines += [[], [Span(" Signs", "header")]]
    signs = (
        (glyphs.unknown, "strong", "not known, which is not zero"),
        (glyphs.cursor, "strong", "the row under the cursor"),
        (glyphs.follow, "follow", "the same, which the cursor follows"),
        (glyphs.focus, "focus", "the part of the screen that has the keys"),
        (glyphs.marked, "marked", "marked: added up below the rows"),
        (glyphs.problem, "problem", "a problem: held, mostly put off, or growing fast"),
        (f"{glyphs.well} balanced", "success", "all recipients that were accepted are accounted for"),
        (f"{glyphs.problem} off by 3", "stale", "3 of them are not: `mailtop show balance` says whose"),
        (f"name{glyphs.unverified}", "strong", "unverified: its certificate was not checked"),
        (glyphs.per_minute, "strong", "how much more or less waits than a minute ago"),
        ("drain", "strong", "how long until nothing waits, at that pace"),
        (f"{glyphs.down} {glyphs.up}", "strong", "sorted by this column, down or up"),
        ("n p r h", "strong", "in charts: new, proc, retry, hold"),
    )
    lines += [_entry(*sign) for sign in signs]
    lines += [[], [Span(" What can be typed after /", "header")]]
    filters = (
        ("gmail", "rows with this text in a name; several all hold"),
        ("/^news-/", "rows with this pattern in a name"),
        ("retry>100", "also new proc hold total delta share drain, < and ="),
        ("account:bob", "only in this column; account=bob for all of a name"),
        ("!gmail", "all others"),
    )
    return lines + [_entry(word, "strong", text) for word, text in filters]


def _entry(word: str, role: str, text: str) -> Line:
    return [Span(f"   {word:<{_WORD}} ", role), Span(text)]


def _folded(lines: list[Line], width: int) -> list[Line]:
    """The lines with what is told of a word broken at blanks where it is too long."""
    folded: list[Line] = []
    for line in lines:
        word, text = line if len(line) == 2 else (Span(""), Span(""))
        pieces = wrapped(text.text, max(width - line_width([word]) - 1, 20))
        folded += (
            [[word, Span(pieces[0])], *([Span(" " * line_width([word])), Span(each)] for each in pieces[1:])]
            if pieces
            else [line]
        )
    return folded
