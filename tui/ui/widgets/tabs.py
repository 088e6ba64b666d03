"""The groupings as tabs, the heading of the queue; at the right how much waits, in recipients and in the queue
files the MTA counts."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui.hub.protocol import Span, View
from tui.model import DOUBTFUL, Freshness, Grouping
from tui.ui.columns import is_filtered
from tui.ui.commands import COMMANDS, Command, group_key
from tui.ui.glyphs import Glyphs
from tui.ui.host_columns import partial
from tui.ui.messages import CommandChosen
from tui.ui.widgets.lines import Line, Lines, justified, line_width

LABELS = {
    Grouping.TOTAL: "total",
    Grouping.ACCOUNT: "account",
    Grouping.ACCOUNT_CAMPAIGN: "campaign",
    Grouping.ISP: "isp",
    Grouping.HOST: "host",
}


class Tabs(Lines):
    """One line: ``t total  a account  c campaign  i isp``, and ``H host`` where there are several. A click on a tab
    does what its key does."""

    DEFAULT_CSS = """
    Tabs { height: 1; }
    """

    def __init__(self, glyphs: Glyphs, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__(glyphs, id="tabs")
        self._commands = commands
        self._grouping = Grouping.TOTAL
        self._view: View | None = None
        self._focused = self._several_hosts = False

    def show(
        self, view: View | None, grouping: Grouping, *, focused: bool = False, several_hosts: bool = False
    ) -> None:
        """Mark ``grouping``; say how much of the view's queue waits. ``focused`` says that the queue has the keys."""
        self._view, self._grouping, self._focused, self._several_hosts = view, grouping, focused, several_hosts
        self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The tabs, and the counts where they fit; that hosts are missing in them before all."""
        edge = [Span(self.glyphs.focus, "focus") if self._focused else Span(" ")]
        tabs = [*edge, *(span for _, tab in self._tabs() for span in tab)]
        for amounts in self._amounts():
            if (line := justified(tabs, [*amounts, Span(" ")], width)) is not tabs:
                return [line]
        return [tabs]

    def on_click(self, event: events.Click) -> None:
        """Add up as the tab says that was clicked."""
        x = event.x - 1
        for grouping, tab in self._tabs():
            if 0 <= x < line_width(tab):
                self.post_message(CommandChosen(f"group('{grouping}')"))
            x -= line_width(tab)

    def _tabs(self) -> list[tuple[Grouping, Line]]:
        tabs = []
        for grouping, label in LABELS.items():
            chosen, key = grouping is self._grouping, group_key(grouping, self._commands)
            if grouping is Grouping.HOST and not (chosen or self._several_hosts):
                continue
            spans = [Span(f"{key} " if key else "", "tab" if chosen else "key")]
            tabs.append((grouping, [*spans, Span(f"{label} ", "tab" if chosen else "muted"), Span(" ")]))
        return tabs

    def _sign(self, freshness: Freshness) -> Line:
        """How far the amounts can be trusted, where that is not all the way."""
        return [Span(f"{self.glyphs.freshness[freshness]} ", freshness.value)] if freshness in DOUBTFUL else []

    def _amounts(self) -> list[Line]:
        """How much waits and how far that can be trusted, in ever shorter words."""
        view = self._view
        if view is None or not view.queue_known:
            return []
        lacking, role = partial(view), Freshness.PARTIAL.value
        if not lacking:
            return [[*self._sign(view.queue_freshness), *map(Span, words)] for words in self._counts(view)]
        sign = self._sign(Freshness.PARTIAL)
        told = [*sign, Span(lacking, role), Span("  ")]
        full = [[*told, *map(Span, words)] for words in (*self._counts(view), (f"{view.whole.total:,}",))]
        return [*full, told[:-1], [*sign, Span(lacking.removeprefix("partial "), role)]]

    def _counts(self, view: View) -> list[tuple[str, ...]]:
        """How much waits; each number apart, so that it is painted alone when it changes."""
        total = view.whole.total  # also of rows that a filter hides: that what waits gets less is another matter
        amount = (f"{total:,}", f" recipient{'' if total == 1 else 's'}")
        # The mail system counts the files of its whole queue: beside a part of the recipients they would mislead.
        if view.files is None or is_filtered(view.query):
            return [amount]
        files = (f"{view.files:,}", f" queue file{'' if view.files == 1 else 's'}")
        return [(*amount, " in ", *files), (f"{total:,}", " in ", *files), amount]
