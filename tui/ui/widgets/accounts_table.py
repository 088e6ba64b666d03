"""The table of all accounts, which the account panes become on the whole screen; see ``table.py`` for what tables have
in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tui.hub.protocol import AccountKey, AccountPane, AccountsPage, AccountsRequest, Span, View
from tui.model import DOUBTFUL, Freshness
from tui.ui.account_columns import AccountColumn, AccountFacts, account_columns
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.account_pane import reason
from tui.ui.widgets.lines import Line
from tui.ui.widgets.table import Table
from tui.ui.widgets.table_state import Window


class AccountsTable(Table[AccountKey, AccountPane, AccountFacts]):
    """What each account sends, with the sums of all of them below."""

    DEFAULT_CSS = """
    AccountsTable { height: 1fr; }
    """

    def __init__(
        self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic, *, interval_seconds: float = 1.0
    ) -> None:
        super().__init__(glyphs, "accounts", interval_seconds, clock)
        self._view: View | None = None
        self._page: AccountsPage | None = None
        self._asked = AccountsRequest()
        self._sources: Mapping[str, str | None] = {}
        self._freshness: dict[str, Freshness] = {}

    @property
    def selected(self) -> AccountKey | None:
        """The account to ask for: the one under the cursor."""
        return self.state.selected

    def begin(self, asked: AccountsRequest) -> AccountsRequest:
        """Another order or filter is asked for, with the cursor to stand on ``asked.selected``. Gives back the request
        to send for it."""
        self._begin(asked.selected, None)
        offset = self.state.anchor_offset()
        self._asked = replace(asked, anchor=asked.selected, anchor_offset=offset, first=0)
        return self._asked

    def show(self, view: View, *, latest: bool) -> None:
        """Draw the accounts of a view; ``latest`` says that it answers the last request. A table in another order or
        with another filter than was asked for is still the one before."""
        page = view.accounts
        if page is None:
            if self._page is None or not view.totals_known:
                self._show(view, None)
            return
        asked = self._asked
        if (page.sort, page.descending, page.filter) != (asked.sort, asked.descending, asked.filter):
            return
        if self._take(self._window(view, page), latest=latest, same=True):
            self._show(view, page)

    def columns(self, width: int) -> list[AccountColumn]:
        """The columns for what is shown."""
        return account_columns(width, self.glyphs, self._sources)

    def order(self) -> tuple[str, bool]:
        """What the accounts are sorted by, and whether downwards."""
        shown = self._shown() or self._asked
        return shown.sort, shown.descending

    def facts(self, row: AccountPane, _index: int | None) -> AccountFacts:
        """An account."""
        return AccountFacts(row)

    def sign(self, row: AccountPane, _index: int) -> Span:
        """The sign of an account that needs attention, as its pane says; else of one whose source is not as it should
        be, where accounts of several stand together."""
        if reason(row):
            return Span(self.glyphs.problem, "problem")
        known = self._freshness.get(row.source, Freshness.LIVE)
        if known not in DOUBTFUL or len(self._freshness) < 2:
            return Span(" ")
        return Span(self.glyphs.freshness[known], known.value)

    def sentences(self) -> list[tuple[str, str]] | None:
        """What to say in place of accounts."""
        view, page = self._view, self._shown()
        if view is not None and not view.totals_offered:
            return [("no source tells what accounts have sent", "strong")]
        if view is not None and not view.totals_known:
            names = ", ".join(source.name for source in view.sources if source.age_seconds is None)
            return [(f"waiting for the first totals of accounts{f' from {names}' if names else ''}", "strong")]
        if page is None:
            return [(self.glyphs.wait, "muted")]
        if page.count:
            return None
        if self._asked.filter and page.all_count:
            return [(f"no account matches '{self._asked.filter}'; Esc clears the filter", "strong")]
        return [("no account has sent mail yet", "strong")]

    def footer_lines(self, columns: list[AccountColumn]) -> list[Line]:
        """The sums of all accounts that match."""
        page = self._page
        if page is None:
            return []
        word = "account" if page.all_count == 1 else "accounts"
        names = [f"all {page.count:,} {word}", f"all {page.count:,}"]
        if page.count < page.all_count:
            some, count = f"{page.count:,}", f"{page.all_count:,}"
            names = [f"{some} of {count} {word}", f"{some} of {count}", f"{some}/{count}"]
        facts = AccountFacts(AccountPane(source="", totals=page.sums), summed=True)
        return [self.summed(columns, names, facts, "sum")]

    def _shown(self) -> AccountsPage | None:
        """The page to draw; ``None`` when another was asked for and does not come."""
        return None if self.waits() else self._page

    def _show(self, view: View, page: AccountsPage | None) -> None:
        """Draw this page. Where accounts are those of all sources together, none of them has a source."""
        self._view, self._page = view, page
        apart = page is None or not page.rows or page.rows[0].source
        self._sources = {source.name: source.color for source in view.sources} if apart else {}
        self._freshness = {source.name: source.freshness for source in view.sources}
        self.redraw()

    def _window(self, view: View, page: AccountsPage) -> Window[AccountKey, AccountPane]:
        """What a view says of the accounts."""
        return Window(
            serial=view.serial,
            first=page.first,
            count=page.count,
            keys=[row.key for row in page.rows],
            rows=page.rows,
            selected=page.selected,
            selected_index=page.selected_index,
            sources=["", *(source.name for source in view.sources if source.age_seconds is not None)],
        )
