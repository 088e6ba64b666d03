"""The four groupings as tabs, and at the right how much waits, in recipients and in the queue files the MTA counts."""

from __future__ import annotations

from tui.hub.protocol import Span, View
from tui.model import DOUBTFUL, Freshness, Grouping
from tui.ui.columns import is_filtered
from tui.ui.commands import group_key
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, justified

LABELS = {
    Grouping.TOTAL: "total",
    Grouping.ACCOUNT: "account",
    Grouping.ACCOUNT_CAMPAIGN: "campaign",
    Grouping.ISP: "isp",
}


class Tabs(Lines):
    """One line: ``t total  a account  c campaign  i isp``."""

    DEFAULT_CSS = """
    Tabs { height: 1; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="tabs")
        self._grouping = Grouping.TOTAL
        self._view: View | None = None

    def show(self, view: View | None, grouping: Grouping) -> None:
        """Mark ``grouping``; say how much of the view's queue waits."""
        self._view, self._grouping = view, grouping
        self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The tabs, and the counts where they fit."""
        tabs: Line = []
        for grouping, label in LABELS.items():
            chosen = grouping is self._grouping
            tabs += [
                Span(f" {group_key(grouping)}", "tab" if chosen else "key"),
                Span(f" {label} ", "tab" if chosen else "muted"),
            ]
        sign = self._sign()
        for words in self._amounts():
            if (line := justified(tabs, [*sign, *map(Span, words), Span(" ")], width)) is not tabs:
                return [line]
        return [tabs]

    def _sign(self) -> Line:
        """How far the amounts can be trusted, where that is not all the way."""
        freshness = self._view.queue_freshness if self._view is not None else Freshness.LIVE
        return [Span(f"{self.glyphs.freshness[freshness]} ", freshness.value)] if freshness in DOUBTFUL else []

    def _amounts(self) -> list[tuple[str, ...]]:
        """How much waits, in ever shorter words; each number apart, so that it is painted alone when it changes."""
        view = self._view
        if view is None or not view.queue_known:
            return []
        total = view.sums.total
        amount = (f"{total:,}", f" recipient{'' if total == 1 else 's'}")
        # The mail system counts the files of its whole queue: beside a part of the recipients they would mislead.
        if view.files is None or is_filtered(view.query):
            return [amount]
        files = (f"{view.files:,}", f" queue file{'' if view.files == 1 else 's'}")
        return [(*amount, " in ", *files), (f"{total:,}", " in ", *files), amount]
