"""Views: pure functions from what is known and a request to what is shown. The hub's loop enters, and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tui.hub.accounts import Ranking
from tui.hub.order import Order
from tui.hub.part import sum_known
from tui.hub.protocol import AccountPane, AccountsPage, Balanced, ChartLine, Detail, HostFacts, View, ViewRequest
from tui.hub.selection import Selection
from tui.hub.sheet import QUICK_ROWS, Sheet
from tui.model import NO_CAMPAIGN_NAME, STATES, Freshness, Grouping, QueueQuery, QueueRow, RowKey, SourceStatus
from tui.sorts import HOST_SORTS, SORTS

AGE_STEP_SECONDS = 10
"""How often the age of numbers that are not live is told anew when nothing else changes."""


class Chart(msgspec.Struct, frozen=True):
    """A finished chart and the words above it."""

    title: str
    lines: list[ChartLine]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known when a view is made: ``sheet`` and ``ranking`` are ``None`` before the first answer.
    ``trends`` are those of the rows that have one, ``hosts`` the facts of the rows of grouping ``HOST``."""

    time: float
    sheet: Sheet | None = None
    ranking: Ranking | None = None
    queue_freshness: Freshness = Freshness.LIVE
    host_count: int = 0
    hosts_counted: int = 0
    hosts: Mapping[RowKey, HostFacts] = {}
    totals_offered: bool = True
    panes: Sequence[AccountPane] = ()
    chart: Chart = Chart("", [])
    sources: Sequence[SourceStatus] = ()
    problems: Sequence[str] = ()
    trends: Mapping[RowKey, str] = {}
    detail: Detail | None = None
    accounts: AccountsPage | None = None
    balance: Balanced | None = None


def make_view(request: ViewRequest, known: Known) -> View:
    """The answer to ``request``. It costs little when the sheet is prepared for it."""
    view = _without_rows(request, known)
    return view if known.sheet is None else _with_rows(view, request, known, known.sheet)


def _without_rows(request: ViewRequest, known: Known) -> View:
    """All of a view that no row has to do with."""
    return View(
        serial=request.serial,
        time=known.time,
        query=request.query,
        sort=sort_of(request),
        descending=request.descending,
        selected=request.selected,
        panes=list(known.panes),
        pane_count=known.ranking.count if known.ranking else 0,
        totals_known=known.ranking is not None,
        totals_offered=known.totals_offered,
        chart_title=known.chart.title,
        chart=known.chart.lines,
        sources=list(known.sources),
        problems=list(known.problems),
        detail=known.detail,
        accounts=known.accounts,
        balance=known.balance,
        host_count=known.host_count,
        hosts_counted=known.hosts_counted,
    )


def _with_rows(view: View, request: ViewRequest, known: Known, sheet: Sheet) -> View:
    """The view with the rows of its window, and what is said of all rows."""
    selection, order, first = selection_of(request, sheet), order_of(request, sheet), _first_row(request, sheet)
    indices = order[first : first + request.rows]
    rows = [sheet.row(index) for index in indices]
    marked = [index for key in request.marked if (index := sheet.finder.find(key)) is not None]
    sought, seek_problem = _sought(request, sheet)
    return msgspec.structs.replace(
        view,
        first=first,
        row_count=len(selection),
        rows=rows,
        deltas=[sheet.delta(index) for index in indices],
        sums=selection.sums,
        sum_delta=selection.sum_delta,
        files=sheet.sums.files,
        queue_known=True,
        queue_freshness=known.queue_freshness,
        queue_sources=sheet.sources,
        several_senders=sheet.several_senders,
        selected_index=_position(request.selected, request, sheet),
        whole=sheet.sums.whole,
        all_count=len(sheet),
        problem_count=sheet.problem_count,
        row_problems=[bool(sheet.problems[index]) for index in indices],
        filter_problem=selection.problems.get(request.filter, seek_problem),
        trends=[known.trends.get(row.key, "") for row in rows] if request.trend_cells else [],
        hosts=[known.hosts[row.key] for row in rows] if known.hosts else [],
        marked_count=len(marked),
        marked_sums=QueueRow(**{state: sum(map(sheet.column(state).__getitem__, marked)) for state in STATES}),
        marked_delta=sum_known([sheet.delta(index) for index in marked]),
        sought=None if sought is None else sheet.row(sought).key,
        sought_index=None if sought is None else order.rank(sought),
    )


def prepare(request: ViewRequest, sheet: Sheet) -> None:
    """Do what takes long for many rows, for a view to be made at once. For the worker's thread."""
    sheet.finder.find_all(request.marked)
    _position(request.selected, request, sheet)
    for index in window(request, sheet):
        sheet.row(index)  # which is then found at once: the next request is anchored to one of these
    _sought(request, sheet)


def is_prepared(request: ViewRequest, sheet: Sheet) -> bool:
    """Whether a view can be made at once: few rows need no preparation, but that filters may take their time."""
    is_small = len(sheet) <= QUICK_ROWS
    for filters, only_problems in filter(None, (_rows_of(request), _candidates(request))):
        if not sheet.has_selection(filters, only_problems):
            if filters or not is_small:
                return False
        elif not is_small:
            selection = sheet.selection(filters, only_problems)
            if not selection.has_order(sort_of(request), request.descending):
                return False
    return is_small or sheet.finder.has_found(request.marked)


def selection_of(request: ViewRequest, sheet: Sheet) -> Selection:
    """The rows that the request asks for."""
    return sheet.selection(*_rows_of(request))


def order_of(request: ViewRequest, sheet: Sheet) -> Order:
    """The indices of the rows that the request asks for, in its order."""
    return selection_of(request, sheet).order(sort_of(request), request.descending)


def window(request: ViewRequest, sheet: Sheet) -> list[int]:
    """The indices of the rows in the request's window."""
    first = _first_row(request, sheet)
    return order_of(request, sheet)[first : first + request.rows]


def sort_of(request: ViewRequest) -> str:
    """The column to sort by: the request's, or ``total`` when rows have no such column."""
    of_hosts = HOST_SORTS if request.query.grouping is Grouping.HOST else ()
    return request.sort if request.sort in (*SORTS, *of_hosts) else "total"


def same_but_for_time(view: View, other: View) -> bool:
    """Whether two views show the same, but for when they were made. Ages count in steps, so that a view is not sent a
    second just to say that."""
    return _timeless(view) == _timeless(other)


def trend_query(query: QueueQuery, key: RowKey | None) -> QueueQuery:
    """The filters of the row with ``key`` in ``query``, or of all its rows, for a history: the grouping and the names
    do not matter there and are left out, so that equal filters are equal. A server that ignores the grouping tells
    rows apart by more."""
    filters = QueueQuery(
        sender_id=query.sender_id, account_id=query.account_id, campaign_id=query.campaign_id, isp=query.isp
    )
    if key is None:
        return filters
    replace = msgspec.structs.replace
    if query.grouping in (Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN) or key.account_id:
        filters = replace(filters, account_id=key.account_id)
    if query.grouping is Grouping.ACCOUNT_CAMPAIGN or key.campaign_id:
        filters = replace(filters, campaign_id=key.campaign_id)
    if query.grouping is Grouping.ISP or key.isp:
        filters = replace(filters, isp=key.isp)
    return replace(filters, sender_id=key.sender_id or query.sender_id)


def trend_title(query: QueueQuery, row: QueueRow, span_seconds: int) -> str:
    """What a trend chart shows, in words; of ``row`` within the query, where a row without names is all of it; its
    sender is named where it has a name: "Waiting: alice, newsletter, Gmail - last 60 min"."""
    account_id, campaign_id = row.account_id or query.account_id, row.campaign_id or query.campaign_id
    account = row.account or query.account or (f"account {account_id}" if account_id else "")
    campaign = row.campaign or query.campaign or (NO_CAMPAIGN_NAME if campaign_id else "")
    sender = row.sender or query.sender
    parts = [part for part in (row.source, sender, account, campaign, row.isp or query.isp or "") if part]
    return f"Waiting: {', '.join(parts) or 'all mail'} - last {_span(span_seconds)}"


def _span(seconds: int) -> str:
    for size, noun in ((86400, "d"), (3600, "h")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {noun}"
    return f"{max(1, seconds // 60)} min"


def rows_around(request: ViewRequest, sheet: Sheet, most: int) -> list[QueueRow]:
    """The rows of the window, at most so many, and the selected one."""
    indices = set(window(request, sheet)[:most])
    if request.selected is not None and (index := sheet.finder.find(request.selected)) is not None:
        indices.add(index)
    return [sheet.row(index) for index in indices]


Rows = tuple[tuple[str, ...], bool]
"""The filters that rows pass, and whether only problems are meant."""


def _rows_of(request: ViewRequest) -> Rows:
    return (request.filter,) if request.filter.strip() else (), request.problems


def _candidates(request: ViewRequest) -> Rows | None:
    """Those of the request's rows that are sought."""
    (filters, only_problems), seek = _rows_of(request), request.seek
    if seek is None or (seek.kind == "match" and not seek.filter.strip()):
        return None
    return (filters, True) if seek.kind == "problem" else ((*filters, seek.filter), only_problems)


def _sought(request: ViewRequest, sheet: Sheet) -> tuple[int | None, str]:
    """The index of the next row that is sought, if there is one, and why its filter cannot be used."""
    seek, wanted = request.seek, _candidates(request)
    if seek is None or wanted is None:
        return None, ""
    candidates = sheet.selection(*wanted)
    order = candidates.order(sort_of(request), request.descending)
    problem = candidates.problems.get(seek.filter, "")
    if problem or not order:
        return None, problem
    selected = sheet.finder.find(request.selected) if request.selected is not None else None
    if selected is None or selected not in selection_of(request, sheet):
        return order[0 if seek.step > 0 else -1], ""
    place = order.rank(selected)
    if seek.step > 0:
        place += selected in candidates
    else:
        place -= 1
    return order[place % len(order)], ""


def _first_row(request: ViewRequest, sheet: Sheet) -> int:
    """Where the window begins: it stays within the rows, and its anchor stays where it was on the screen."""
    anchor = _position(request.anchor, request, sheet)
    first = request.first if anchor is None else anchor - request.anchor_offset
    return max(0, min(first, len(selection_of(request, sheet)) - request.rows))


def _position(key: RowKey | None, request: ViewRequest, sheet: Sheet) -> int | None:
    """Where the row stands among those of the request."""
    index = sheet.finder.find(key) if key is not None else None
    if index is None or index not in selection_of(request, sheet):
        return None
    return order_of(request, sheet).rank(index)


def _timeless(view: View) -> View:
    replace = msgspec.structs.replace
    sources = [replace(status, age_seconds=_age_step(status)) for status in view.sources]
    hosts = [replace(facts, age_seconds=_age_step(facts)) for facts in view.hosts]
    return replace(view, serial=0, time=0.0, sources=sources, hosts=hosts)


def _age_step(status: SourceStatus | HostFacts) -> float | None:
    if status.age_seconds is None or status.freshness is Freshness.LIVE:
        return None
    return status.age_seconds // AGE_STEP_SECONDS
