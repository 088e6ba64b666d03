"""The last line: the keys that matter for the part that has them, from the declarations of the commands; or the prompt
while one types."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui.hub.protocol import Span
from tui.ui.commands import COMMANDS, Command, FooterItem, Part, footer_items
from tui.ui.glyphs import Glyphs
from tui.ui.messages import CommandChosen
from tui.ui.widgets.lines import Line, Lines, line_width
from tui.ui.widgets.prompt import Prompt

_ALWAYS = ("help", "quit")


class KeyLine(Lines):
    """As many keys as fit; help and quit always do. A click does what the key does."""

    DEFAULT_CSS = """
    KeyLine { height: 1; background: $panel; }
    """

    def __init__(self, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__(glyphs, id="keys")
        self._commands = commands
        self._part = Part.QUEUE
        self._told = ""
        self._several_hosts = False
        self.prompt: Prompt | None = None

    def show(self, part: Part, prompt: Prompt | None, *, several_hosts: bool = False) -> None:
        """Show the prompt, or without one the keys for ``part``; with ``several_hosts`` those that matter to them."""
        self._part, self.prompt, self._several_hosts = part, prompt, several_hosts
        self.redraw()

    def tell(self, sentence: str) -> None:
        """Tell what was done, in place of the keys; "" brings them back."""
        if sentence != self._told:
            self._told = sentence
            self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The prompt, what is told, or keys and their words from the left."""
        if self.prompt is not None:
            return [self.prompt.line(width, self.glyphs)]
        if self._told:
            return [[Span(f" {self.glyphs.bullet} ", "prompt"), Span(self.glyphs.fit(self._told, max(width - 4, 0)))]]
        return [[span for item in self._shown(width) for span in _spans(item)]]

    def on_click(self, event: events.Click) -> None:
        """Do what the key that was clicked does."""
        x = event.x
        if self.prompt is not None or self._told:
            return
        for item in self._shown(self.size.width):
            width = line_width(_spans(item))
            if x < width:
                self.post_message(CommandChosen(_action(item, x)))
                return
            x -= width

    def _shown(self, width: int) -> list[FooterItem]:
        items = footer_items(self._part, self._commands, several_hosts=self._several_hosts)
        first = [item for item in items if item.label not in _ALWAYS]
        always = [item for item in items if item.label in _ALWAYS]
        while first and sum(line_width(_spans(item)) for item in first + always) > width:
            first.pop()
        return first + always


def _spans(item: FooterItem) -> Line:
    return [Span(f" {item.shown_keys}", "key"), Span(f" {item.label} ", "muted")]


def _action(item: FooterItem, x: int) -> str:
    """What a click on cell ``x`` of the item does: its key there, else its last."""
    end = 1
    for key, action in item.keys:
        end += len(key) + 1
        if x < end:
            return action
    return item.keys[-1][1]
