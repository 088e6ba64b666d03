"""A hub that a test writes the script of: cells in, views out, no process, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from tui.hub.protocol import (
    AccountPane,
    Answer,
    ChartLine,
    Close,
    HubRestarted,
    Refresh,
    Request,
    Span,
    View,
    ViewRequest,
)
from tui.model import STATES, Freshness, Grouping, MailTotals, QueueQuery, QueueRow, SourceStatus

NOON = 1_763_726_400.0
"""2025-11-21 12:00 UTC."""

LIVE = SourceStatus(name="mx1", type="local", freshness=Freshness.LIVE, age_seconds=1.0)
FIRST = SourceStatus(name="mx1", type="local", freshness=Freshness.STALE)


def cell(account: str, campaign: str, isp: str, *counts: int) -> QueueRow:
    """A queue cell; ids are made from the names so that equal names are equal rows."""
    new, proc, retry, hold = counts
    return QueueRow(
        source="mx1",
        sender_id=1,
        account_id=_number(account),
        account=account,
        campaign_id=_number(campaign),
        campaign=campaign,
        isp=isp,
        new=new,
        proc=proc,
        retry=retry,
        hold=hold,
    )


_NUMBERS: dict[str, int] = {}


def _number(name: str) -> int:
    return _NUMBERS.setdefault(name, len(_NUMBERS) + 1)


CELLS = [
    cell("alice@acme.test", "spring-2024", "Gmail", 120, 14, 960, 0),
    cell("alice@acme.test", "spring-2024", "Outlook", 40, 3, 1210, 2),
    cell("alice@acme.test", "receipts", "Gmail", 6, 2, 11, 0),
    cell("bob@initech.test", "", "Yahoo", 0, 1, 18, 44),
    cell("bob@initech.test", "", "corp.example", 3, 0, 0, 0),
    cell("news@globex.test", "weekly", "Gmail", 3400, 60, 210, 0),
    cell("news@globex.test", "weekly", "GMX", 900, 22, 75, 0),
    cell("carol", "", "local", 1, 0, 0, 0),
    cell("<>", "", "Gmail", 0, 0, 27, 3),
]

TOTALS = [
    MailTotals(
        account="alice@acme.test",
        send_count=12_345,
        success_count=11_890,
        defer_count=2_431,
        fail_count=213,
        in_progress_count=2_368,
        total_size=412_000_000,
    ),
    MailTotals(
        account="news@globex.test",
        send_count=1_204_118,
        success_count=1_198_002,
        defer_count=3_010,
        fail_count=0,
        in_progress_count=4_667,
        total_size=61_200_000_000,
    ),
    MailTotals(
        account="bob@initech.test",
        send_count=96,
        success_count=31,
        defer_count=0,
        fail_count=0,
        total_size=1_900_000,
    ),
    MailTotals(account="carol"),
]


def panes(request: ViewRequest) -> list[AccountPane]:
    """Panes with a sparkline that fills its cells."""
    mark = "#" if request.ascii else "▄"
    chart: list[ChartLine] = [[Span(mark * request.pane_width, "success")] for _ in range(request.pane_height)]
    rates = [(128.0, 12.0), (2310.0, 4.5), (0.0, 0.0), (None, None)]
    return [
        AccountPane(source="mx1", totals=totals, rate_per_minute=rate, defer_rate_per_minute=defer, chart=chart)
        for totals, (rate, defer) in zip(TOTALS, rates, strict=True)
    ]


@dataclass
class World:
    """What the scripted hub knows; a test changes it and calls ``ScriptedLink.push``."""

    cells: list[QueueRow] = field(default_factory=lambda: list(CELLS))
    files: int | None = 4321
    time: float = NOON
    sources: list[SourceStatus] = field(default_factory=lambda: [LIVE])
    queue_known: bool = True
    queue_freshness: Freshness = Freshness.LIVE
    totals_known: bool = True
    totals_offered: bool = True
    panes: Callable[[ViewRequest], list[AccountPane]] = panes
    problems: list[str] = field(default_factory=list)
    delta: float | None = 12.0

    def rows(self, request: ViewRequest) -> list[QueueRow]:
        """All rows of the request's query in its order."""
        rows = grouped([one for one in self.cells if request.source in (None, one.source)], request.query)
        rows.sort(key=lambda row: (row.account, row.campaign, row.isp))
        key = "total" if request.sort == "delta" else request.sort
        rows.sort(key=lambda row: getattr(row, key), reverse=request.descending)
        return rows

    def view(self, request: ViewRequest) -> View:
        """What a hub that knows this world answers."""
        rows = self.rows(request) if self.queue_known else []
        places = {row.key: place for place, row in enumerate(rows)}
        selected = places.get(request.selected) if request.selected else None
        first = request.first
        if request.anchor in places:
            first = max(places[request.anchor] - request.anchor_offset, 0)
        window = rows[first : first + request.rows]
        sums = QueueRow(**{state: sum(getattr(row, state) for row in rows) for state in STATES})
        mark = "#" if request.ascii else "▄"
        chart: list[ChartLine] = [[Span("  0 ", "axis"), Span(mark * max(request.chart_width - 4, 0), "retry")]]
        return View(
            serial=request.serial,
            time=self.time,
            query=request.query,
            sort=request.sort,
            descending=request.descending,
            first=first,
            row_count=len(rows),
            rows=window,
            deltas=[self.delta] * len(window),
            sums=sums,
            sum_delta=self.delta,
            files=self.files if self.queue_known else None,
            queue_known=self.queue_known,
            queue_freshness=self.queue_freshness,
            queue_sources=sorted({row.source for row in rows}),
            several_senders=len({(row.source, row.sender_id) for row in rows}) > len({row.source for row in rows}),
            selected_index=selected,
            selected=request.selected,
            panes=self.panes(request)[: request.panes] if self.totals_known else [],
            pane_count=len(self.panes(request)) if self.totals_known else 0,
            totals_known=self.totals_known,
            totals_offered=self.totals_offered,
            chart_title=f"chart of {rows[selected].key.account_id if selected is not None else 'all'}",
            chart=chart * request.chart_height,
            sources=self.sources,
            problems=self.problems,
        )


def grouped(cells: list[QueueRow], query: QueueQuery) -> list[QueueRow]:
    """Cells that pass the query's filters, added up its way."""
    sums: dict[QueueRow, list[int]] = {}
    for one in cells:
        if query.account_id not in (None, one.account_id) or query.campaign_id not in (None, one.campaign_id):
            continue
        if query.isp not in (None, one.isp) or query.sender_id not in (None, one.sender_id):
            continue
        bare = replace(one, new=0, proc=0, retry=0, hold=0)
        if query.grouping in (Grouping.TOTAL, Grouping.ISP):
            bare = replace(bare, account_id=0, account="", campaign_id=0, campaign="")
        if query.grouping is Grouping.ACCOUNT:
            bare = replace(bare, campaign_id=0, campaign="")
        if query.grouping is not Grouping.ISP:
            bare = replace(bare, isp="")
        counts = sums.setdefault(bare, [0, 0, 0, 0])
        for place, state in enumerate(STATES):
            counts[place] += getattr(one, state)
    return [replace(bare, **dict(zip(STATES, counts, strict=True))) for bare, counts in sums.items()]


class ScriptedLink:
    """A ``HubLink`` that answers from a ``World``; ``answering`` off keeps requests for the test to look at."""

    def __init__(
        self, world: World | None = None, *, answering: bool = True, start_error: OSError | None = None
    ) -> None:
        self.world = world or World()
        self.answering = answering
        self.sent: list[Request] = []
        self.closed = 0
        self._start_error = start_error
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()

    @property
    def request(self) -> ViewRequest:
        """The last view request."""
        return next(one for one in reversed(self.sent) if isinstance(one, ViewRequest))

    @property
    def refreshes(self) -> int:
        """How often a refresh was asked for."""
        return sum(isinstance(one, Refresh) for one in self.sent)

    def push(self) -> None:
        """Answer the last request again, as after a poll."""
        self._answers.put_nowait(self.world.view(self.request))

    def restart(self, reason: str) -> None:
        """Say that the hub was restarted."""
        self._answers.put_nowait(HubRestarted(reason))

    def end(self) -> None:
        """Close the hub's end."""
        self._answers.put_nowait(None)

    async def start(self) -> None:
        if self._start_error is not None:
            raise self._start_error

    def send(self, request: Request) -> None:
        assert not isinstance(request, Close)
        self.sent.append(request)
        if self.answering and isinstance(request, ViewRequest):
            self._answers.put_nowait(self.world.view(request))

    async def answers(self) -> AsyncIterator[Answer]:
        while (answer := await self._answers.get()) is not None:
            yield answer

    async def close(self) -> None:
        self.closed += 1
        self._answers.put_nowait(None)
