"""All accounts as columns: what they sent, shares and rates, filtered, sorted and added up. Only the hub enters: a roll
is made in its worker thread and read by its loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from tui.hub.filters import ACCOUNTS, FilterError, parse_filter
from tui.hub.order import Order, SortKey
from tui.hub.protocol import AccountKey, AccountPane, AccountsPage, AccountsRequest
from tui.model import MailTotals
from tui.series import rate_per_minute
from tui.sorts import ACCOUNT_SORTS

QUICK_ACCOUNTS = 500
"""So many accounts are sorted fast enough for the hub's loop to do it."""

MAX_ORDERS = 8
"""So many filters and orders are kept: the accounts soon have new totals."""

COUNTS = {
    "sent": "send_count",
    "delivered": "success_count",
    "deferred": "defer_count",
    "failed": "fail_count",
    "progress": "in_progress_count",
    "bytes": "total_size",
}
"""The columns of what a source tells, and where it stands in ``MailTotals``."""


class Sample(msgspec.Struct, frozen=True):
    """What a source told of its accounts at ``time`` (seconds of a clock that never goes back)."""

    time: float
    totals: Mapping[str, MailTotals]


class Told(msgspec.Struct, frozen=True):
    """What ``source`` tells of its accounts, true at ``time``; ``samples`` are what it told before, the oldest first,
    none of them too young to be measured against. What is not ``measured`` is old or not complete: it has no rates."""

    source: str
    totals: Sequence[MailTotals]
    time: float
    samples: Sequence[Sample] = ()
    measured: bool = True

    def rate(self, totals: MailTotals, count: Callable[[MailTotals], int | None]) -> float | None:
        """How much ``count`` grew a minute since the oldest sample that has the account; ``None`` where none has it,
        the count is unknown, or it fell."""
        for sample in self.samples:
            before = sample.totals.get(totals.account)
            if before is not None:
                return rate_per_minute(sample.time, count(before), self.time, count(totals))
        return None

    def parts(self, totals: MailTotals) -> Mapping[str, MailTotals]:
        """The account alone."""
        return {self.source: totals}


class Telling(Protocol):
    """Whoever tells of accounts: one source, or several that are added up."""

    @property
    def source(self) -> str:
        """Its name; ``""`` where there are several."""
        ...

    @property
    def totals(self) -> Sequence[MailTotals]:
        """All its accounts."""
        ...

    def rate(self, totals: MailTotals, count: Callable[[MailTotals], int | None]) -> float | None:
        """How much ``count`` of one of the accounts grows a minute; ``None`` unknown."""
        ...

    def parts(self, totals: MailTotals) -> Mapping[str, MailTotals]:
        """What one of the accounts is added up of: what each source tells of it."""
        ...


class Selected(msgspec.Struct, frozen=True):
    """The accounts that a filter leaves, of ``all_count``, and their sums."""

    rows: Sequence[int]
    all_count: int
    sums: MailTotals
    problem: str = ""


class Roll:
    """The accounts of every source that tells some. ``places`` is where each stands when those that need attention come
    first, in the order of ``told``. Nothing changes after it is built but what it has worked out."""

    def __init__(self, told: Sequence[Telling], places: Sequence[int], index: Mapping[AccountKey, int]) -> None:
        self.told: Sequence[Telling] = told
        self.source = [each.source for each in told for _ in each.totals]
        self.totals = [totals for each in told for totals in each.totals]
        self._by_source = {each.source: each for each in told}
        self._index = index
        self._columns: dict[str, Sequence[Any]] = {"source": self.source, "attention": places}
        self._selected: dict[tuple[str | None, str], Selected] = {}
        self._orders: dict[tuple[str | None, str, str, bool], Order] = {}

    def __len__(self) -> int:
        return len(self.totals)

    def find(self, key: AccountKey | None) -> int | None:
        """The row of an account."""
        return None if key is None else self._index.get(key)

    def pane(self, row: int) -> AccountPane:
        """Row ``row`` as a value of its own."""
        totals, told = self.totals[row], self._by_source[self.source[row]]
        return AccountPane(
            source=told.source,
            totals=totals,
            rate_per_minute=told.rate(totals, sent),
            defer_rate_per_minute=told.rate(totals, deferred),
        )

    def parts(self, row: int) -> Mapping[str, MailTotals]:
        """What each source tells of row ``row``'s account."""
        return self._by_source[self.source[row]].parts(self.totals[row])

    def is_ready(self, request: AccountsRequest, source: str | None) -> bool:
        """Whether a page can be made at once."""
        if (source, request.filter) not in self._selected:
            return len(self) <= QUICK_ACCOUNTS and not request.filter.strip()
        return len(self) <= QUICK_ACCOUNTS or self._order_key(request, source) in self._orders

    def page(self, request: AccountsRequest, source: str | None) -> AccountsPage:
        """The window asked for, of the accounts of ``source``; where that has none, or is ``None``, of all."""
        selected, order = self.selected(request, source), self._order(request, source)
        chosen = self._place(request.selected, selected, order)
        anchor = self._place(request.anchor, selected, order)
        first = request.first if anchor is None else anchor - request.anchor_offset
        first = max(0, min(first, len(order) - request.rows))
        return AccountsPage(
            sort=sort_of(request),
            descending=request.descending,
            filter=request.filter,
            first=first,
            count=len(order),
            all_count=selected.all_count,
            rows=[self.pane(row) for row in order[first : first + request.rows]],
            sums=selected.sums,
            selected=request.selected,
            selected_index=chosen,
            filter_problem=selected.problem,
        )

    def selected(self, request: AccountsRequest, source: str | None) -> Selected:
        """The accounts that match; all of them where the filter cannot be used."""
        key = source, request.filter
        if key not in self._selected:
            _make_room(self._selected)
            self._selected[key] = self._select(request.filter, source)
        return self._selected[key]

    def column(self, name: str) -> Sequence[Any]:
        """A column of ``ACCOUNT_SORTS`` or ``source``, ``None`` where unknown; shares in percent."""
        if name not in self._columns:
            self._columns[name] = self._made(name)
        return self._columns[name]

    def release(self) -> None:
        """Free the accounts one by one: freeing many in one go would hold the interpreter's lock."""
        self.told = ()
        self._by_source.clear()
        while self.totals:
            self.totals.pop()

    def _made(self, name: str) -> list[Any]:
        if name == "account":
            return [totals.account for totals in self.totals]
        if name in COUNTS:
            field = COUNTS[name]
            return [getattr(totals, field) for totals in self.totals]
        if name in ("rate", "defer_rate"):
            count = sent if name == "rate" else deferred
            return [told.rate(totals, count) for told in self.told for totals in told.totals]
        share = success_share if name == "success" else deferral_share
        return [share(totals) for totals in self.totals]

    def _select(self, text: str, source: str | None) -> Selected:
        own = [row for row, name in enumerate(self.source) if name == source] if source is not None else []
        rows: Sequence[int] = own or range(len(self))
        matching, problem = rows, ""
        try:
            condition = parse_filter(text, ACCOUNTS)
            if condition.needs:
                flags = condition.select({name: self.column(name) for name in condition.needs}, len(self))
                matching = [row for row in rows if flags[row]]
        except FilterError as error:
            problem = str(error)
        return Selected(matching, len(rows), self._sums(matching), problem)

    def _sums(self, rows: Sequence[int]) -> MailTotals:
        sums: dict[str, int | None] = {}
        for name, field in COUNTS.items():
            column = self.column(name)
            known = [column[row] for row in rows if column[row] is not None]
            sums[field] = sum(known) if len(known) == len(rows) else None
        return msgspec.convert({"account": "", **sums}, MailTotals)

    def _order(self, request: AccountsRequest, source: str | None) -> Order:
        key = self._order_key(request, source)
        if key not in self._orders:
            _make_room(self._orders)
            self._orders[key] = Order(self.selected(request, source).rows, self._keys(*key[2:]))
        return self._orders[key]

    def _keys(self, sort: str, descending: bool) -> list[SortKey]:
        attention = SortKey(self.column("attention"))
        if sort == "attention":
            return [SortKey(attention.column, not descending)]
        column = self.column(sort)
        if sort == "account":
            return [SortKey(column, descending), attention]
        unknown = -1.0 if descending else float("inf")
        return [SortKey([unknown if value is None else value for value in column], descending), attention]

    def _place(self, key: AccountKey | None, selected: Selected, order: Order) -> int | None:
        row = self.find(key)
        if row is None:
            return None
        place = order.rank(row)
        return place if place < len(selected.rows) and order[place] == row else None

    @staticmethod
    def _order_key(request: AccountsRequest, source: str | None) -> tuple[str | None, str, str, bool]:
        return source, request.filter, sort_of(request), request.descending


def sort_of(request: AccountsRequest) -> str:
    """The column to sort by: the request's, or who needs attention when there is no such column."""
    return request.sort if request.sort in ACCOUNT_SORTS else "attention"


def sent(totals: MailTotals) -> int | None:
    """Messages sent."""
    return totals.send_count


def deferred(totals: MailTotals) -> int | None:
    """Deferral events."""
    return totals.defer_count


def success_share(totals: MailTotals) -> float | None:
    """How many in a hundred of the recipients that are done with got their mail: success / (success + fail)."""
    return _percent(totals.success_count, totals.success_count, totals.fail_count)


def deferral_share(totals: MailTotals) -> float | None:
    """How many in a hundred attempts were put off: defer / (success + fail + defer)."""
    return _percent(totals.defer_count, totals.success_count, totals.fail_count, totals.defer_count)


def _percent(part: int | None, *parts: int | None) -> float | None:
    known = [each for each in parts if each is not None]
    whole = sum(known)
    return 100 * part / whole if part is not None and whole > 0 and len(known) == len(parts) else None


def _make_room(kept: dict[Any, Any]) -> None:
    while len(kept) >= MAX_ORDERS:
        del kept[next(iter(kept))]
