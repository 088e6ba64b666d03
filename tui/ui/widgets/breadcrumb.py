"""Where one is in the drill-down: the query as words."""

from __future__ import annotations

from tui.hub.protocol import AccountsPage, AccountsRequest, Span, View, ViewRequest
from tui.model import NO_CAMPAIGN_NAME, Grouping, QueueQuery
from tui.ui.account_columns import ACCOUNT_HEADERS
from tui.ui.columns import NO_ISP_NAME
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, Lines, justified, line_width

_BY = {
    Grouping.TOTAL: "in total",
    Grouping.ACCOUNT: "by account",
    Grouping.ACCOUNT_CAMPAIGN: "by campaign",
    Grouping.ISP: "by isp",
    Grouping.HOST: "by host",
}


def steps(query: QueueQuery, source: str | None = None, hosts: int = 0, *, together: bool = False) -> list[str]:
    """The way to ``query``, outermost first: whose queue it is, by the source where it is one of several and by the
    sender, or that it is of several ``hosts``, each for itself or ``together``; the filters, and how rows are added
    up."""
    whose = [source] if source is not None else []
    if query.sender_id is not None:
        whose.append(query.sender or f"sender {query.sender_id}")
    if whose:
        path = [f"queue of {whose[0]}", *whose[1:]]
    elif hosts < 2:
        path = ["queue"]
    elif together or query.grouping is Grouping.HOST:
        path = [f"all {hosts:,} hosts"]
    else:
        path = [f"{hosts:,} hosts, apart by host"]
    if query.account_id is not None:
        path.append(query.account or f"account {query.account_id}")
    if query.campaign_id is not None:
        path.append(query.campaign or NO_CAMPAIGN_NAME)
    if query.isp is not None:
        path.append(query.isp or NO_ISP_NAME)
    return [*path, _BY[query.grouping]]


class Breadcrumb(Lines):
    """One line: the steps, what was typed to see fewer rows, and at the right which row the cursor is on."""

    DEFAULT_CSS = """
    Breadcrumb { height: 1; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="breadcrumb")
        self._steps: list[str] = ["queue"]
        self._filter = self._problem = self._place = ""
        self._problems = False

    def show(
        self, asked: ViewRequest, source: str | None, view: View | None, cursor: int, count: int, hosts: int = 0
    ) -> None:
        """Draw the way to what is asked for in ``source`` (``None``: in all ``hosts``), and row ``cursor`` (from 0) of
        ``count`` rows of the view."""
        self._steps = steps(asked.query, source, hosts, together=asked.together)
        self._filter, self._problems = asked.filter, asked.problems
        self._problem = view.filter_problem if view is not None else ""
        self._place = f"row {cursor + 1:,} of {count:,}" if count else ""
        if view is not None and view.all_count > count > 0:
            self._place += f" (of {view.all_count:,})"
        self.redraw()

    def show_accounts(self, page: AccountsPage | None, asked: AccountsRequest) -> None:
        """Draw that all accounts are shown, in which order."""
        self._steps = ["accounts", _BY_SORT.get(asked.sort) or f"by {ACCOUNT_HEADERS[asked.sort]}"]
        self._filter, self._problems = asked.filter, False
        self._problem = page.filter_problem if page is not None else ""
        count = page.count if page is not None else 0
        self._place = f"row {(page.selected_index or 0) + 1:,} of {count:,}" if page is not None and count else ""
        self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The steps, the longest shortened first until all fit."""
        names = [self.glyphs.plain(step) for step in self._steps]
        right = [Span(self._place, "muted"), Span(" ")]
        filtered = self._filtered(width // 3)
        room = width - line_width(right) - line_width(filtered) - 2 - 3 * (len(names) - 1)
        while sum(map(self.glyphs.width, names)) > room and max(map(self.glyphs.width, names)) > 8:
            longest = max(range(len(names)), key=lambda i: self.glyphs.width(names[i]))
            names[longest] = self.glyphs.fit(names[longest], self.glyphs.width(names[longest]) - 1)
        left = [Span(" "), Span(names[0], "muted")]
        for name in names[1:-1]:
            left += [Span(f" {self.glyphs.step} ", "muted"), Span(name, "strong")]
        left += [Span(f" {self.glyphs.step} ", "muted"), Span(names[-1]), *filtered]
        return [justified(left, right, width)]

    def _filtered(self, width: int) -> Line:
        """What was typed to see fewer rows, and whether only problems are shown."""
        line: Line = []
        if self._problems:
            line += [Span(f"  {self.glyphs.problem} ", "problem"), Span("problems only", "problem")]
        if self._filter:
            text = f"/{self._filter}"
            role = "error" if self._problem else "match"
            line += [Span("  "), Span(self.glyphs.fit(text, min(self.glyphs.width(text), width)), role)]
            if self._problem:
                line += [Span(" is not used", "error")]
        return line


_BY_SORT = {"attention": "who needs attention first", "account": "by name"}
