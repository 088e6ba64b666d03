"""The help screen: every command, from the declarations, and what the words and signs mean. Lies over the main
screen."""

from __future__ import annotations

from typing import ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.hub.protocol import Span
from tui.model import Freshness
from tui.ui.commands import COMMANDS, Scope
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines

_WORDS = (
    ("new", "new", "not tried yet"),
    ("proc", "proc", "being delivered now"),
    ("retry", "retry", "tried and put off; will be tried again"),
    ("hold", "hold", "held or frozen; nothing happens until someone acts"),
    ("", "recipients", "what is counted: a message to three is three; queue files are what the MTA counts"),
)
_FRESHNESS = {
    Freshness.LIVE: "up to date",
    Freshness.STALE: "older than it should be",
    Freshness.PARTIAL: "a part is missing",
    Freshness.ERROR: "cannot be read; the last good numbers stay, with their age",
    Freshness.PAUSED: "held still by you",
    Freshness.REPLAY: "from a recording",
}


class HelpText(Lines):
    """The text of the help screen, from line ``top`` on."""

    DEFAULT_CSS = """
    HelpText { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="help")
        self._top = 0

    def turn(self, lines: int) -> None:
        """Move the text by ``lines``."""
        last = max(len(help_lines(self.glyphs)) - self.size.height, 0)
        self._top = min(max(self._top + lines, 0), last)
        self.redraw()

    def lines(self, _width: int, height: int) -> list[Line]:
        """The lines in sight."""
        return help_lines(self.glyphs)[self._top : self._top + height]


class HelpScreen(Screen[None]):
    """Closes on the keys that open it, and on Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,question_mark,f1,h,q,backspace,left", "dismiss", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    DEFAULT_CSS = """
    HelpScreen { background: $background; }
    """

    text = getters.query_one(HelpText)

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Nothing but the text."""
        yield HelpText(self.glyphs)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.text.turn(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.text.turn(pages * max(self.text.size.height - 1, 1))


def help_lines(glyphs: Glyphs) -> list[Line]:
    """The whole help text."""
    lines: list[Line] = [
        [Span(" mailtop", "strong"), Span("  top for mail", "muted"), Span("      Esc closes this page")]
    ]
    for scope in Scope:
        lines += [[], [Span(f" {scope}", "header")]]
        for command in COMMANDS:
            if command.scope is scope:
                lines.append([Span(f"   {command.shown_keys:<19}", "key"), Span(command.help)])
    lines += [[], [Span(" What waits", "header")]]
    lines += [[Span(f"   {word:<19}", role or "strong"), Span(text)] for role, word, text in _WORDS]
    lines += [[], [Span(" How fresh a source is", "header")]]
    for freshness, text in _FRESHNESS.items():
        sign = f"{glyphs.freshness[freshness]} {freshness.value}"
        lines.append([Span(f"   {sign:<19}", freshness.value), Span(text)])
    return lines
