"""Views: pure functions from what is known and a request to what is shown. The hub's loop enters, and tests."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.hub.accounts import Ranking
from tui.hub.protocol import AccountPane, ChartLine, View, ViewRequest
from tui.hub.sheet import SORTS, Sheet
from tui.model import NO_CAMPAIGN_NAME, Freshness, Grouping, QueueQuery, QueueRow, RowKey, SourceStatus

AGE_STEP_SECONDS = 10
"""How often the age of numbers that are not live is told anew when nothing else changes."""


class Chart(msgspec.Struct, frozen=True):
    """A finished chart and the words above it."""

    title: str
    lines: list[ChartLine]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known when a view is made: ``sheet`` and ``ranking`` are ``None`` before the first answer."""

    time: float
    sheet: Sheet | None = None
    ranking: Ranking | None = None
    queue_freshness: Freshness = Freshness.LIVE
    totals_offered: bool = True
    panes: Sequence[AccountPane] = ()
    chart: Chart = Chart("", [])
    sources: Sequence[SourceStatus] = ()
    problems: Sequence[str] = ()


def make_view(request: ViewRequest, known: Known) -> View:
    """The answer to ``request``. It costs little when the sheet has the wanted order already."""
    sheet, sort = known.sheet, sort_of(request)
    view = View(
        serial=request.serial,
        time=known.time,
        query=request.query,
        sort=sort,
        descending=request.descending,
        selected=request.selected,
        panes=list(known.panes),
        pane_count=len(known.ranking.accounts) if known.ranking else 0,
        totals_known=known.ranking is not None,
        totals_offered=known.totals_offered,
        chart_title=known.chart.title,
        chart=known.chart.lines,
        sources=list(known.sources),
        problems=list(known.problems),
    )
    if sheet is None:
        return view
    order = sheet.order(sort, request.descending)
    first = _first_row(request, sheet, sort)
    window = order[first : first + request.rows]
    return msgspec.structs.replace(
        view,
        first=first,
        row_count=len(sheet),
        rows=[sheet.row(index) for index in window],
        deltas=[sheet.delta(index) for index in window],
        sums=sheet.sums,
        sum_delta=sheet.sum_delta,
        files=sheet.files,
        queue_known=True,
        queue_freshness=known.queue_freshness,
        queue_sources=sheet.sources,
        several_senders=sheet.several_senders,
        selected_index=_position(request.selected, request, sheet, sort),
    )


def sort_of(request: ViewRequest) -> str:
    """The column to sort by: the request's, or ``total`` when rows have no such column."""
    return request.sort if request.sort in SORTS else "total"


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
    order, first = sheet.order(sort_of(request), request.descending), _first_row(request, sheet, sort_of(request))
    indices = set(order[first : first + min(request.rows, most)])
    if request.selected is not None and (index := sheet.find(request.selected)) is not None:
        indices.add(index)
    return [sheet.row(index) for index in indices]


def _first_row(request: ViewRequest, sheet: Sheet, sort: str) -> int:
    """Where the window begins: it stays within the rows, and its anchor stays where it was on the screen."""
    anchor = _position(request.anchor, request, sheet, sort)
    first = request.first if anchor is None else anchor - request.anchor_offset
    return max(0, min(first, len(sheet) - request.rows))


def _position(key: RowKey | None, request: ViewRequest, sheet: Sheet, sort: str) -> int | None:
    index = sheet.find(key) if key is not None else None
    return None if index is None else sheet.position(index, sort, request.descending)


def _timeless(view: View) -> View:
    replace = msgspec.structs.replace
    sources = [replace(status, age_seconds=_age_step(status)) for status in view.sources]
    return replace(view, serial=0, time=0.0, sources=sources)


def _age_step(status: SourceStatus) -> float | None:
    if status.age_seconds is None or status.freshness is Freshness.LIVE:
        return None
    return status.age_seconds // AGE_STEP_SECONDS
