"""A hub that a test writes the script of: cells in, views out, no process, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from tests.balances import balance as accounted
from tui.hub.protocol import (
    AccountPane,
    AccountsPage,
    Answer,
    Balanced,
    ChartLine,
    Close,
    Detail,
    Export,
    Exported,
    HostFacts,
    HubRestarted,
    Jump,
    Jumped,
    Refresh,
    Request,
    Span,
    View,
    ViewRequest,
)
from tui.model import STATES, Cause, Freshness, Grouping, MailTotals, QueueQuery, QueueRow, RowKey, SourceStatus

NOON = 1_763_726_400.0
"""2025-11-21 12:00 UTC."""

APART = ViewRequest(serial=0, query=QueueQuery(grouping=Grouping.ACCOUNT))
"""Where one starts who had the rows of several hosts apart."""

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
    balance: Balanced | None = field(default_factory=lambda: Balanced(asked=1, told=1))
    delta: float | None = 12.0
    trend: str = "0123 45678"
    filter_problem: str = ""
    hosts: dict[str, HostFacts] = field(default_factory=dict)

    def facts(self, row: QueueRow) -> HostFacts:
        """What is known of the host of a row: by its sender's name or its source's."""
        live = HostFacts(freshness=Freshness.LIVE, age_seconds=1.0, defer_share=0.123, worst_isp="Gmail")
        return self.hosts.get(row.sender or row.source, replace(live, worst_waiting=row.retry + row.hold))

    def in_scope(self, request: ViewRequest) -> list[QueueRow]:
        """The cells of the hosts that are meant."""
        wanted = request.source, request.query.sender_id
        return [one for one in self.cells if wanted[0] in (None, one.source) and wanted[1] in (None, one.sender_id)]

    def rows(self, request: ViewRequest) -> list[QueueRow]:
        """All rows of the request's query in its order."""
        cells, by_host = self.in_scope(request), request.query.grouping is Grouping.HOST
        if request.together and not by_host and len(hosts_of(cells)) > 1:
            cells = [replace(one, source="", sender_id=0, sender="") for one in cells if self.facts(one).counted]
        rows = grouped(cells, replace(request.query, sender_id=None))
        rows.sort(key=lambda row: (row.account, row.campaign, row.isp))
        key = "total" if request.sort in ("delta", "share", "drain", "trend") else request.sort
        rows.sort(key=lambda row: getattr(row, key), reverse=request.descending)
        return rows

    def view(self, request: ViewRequest) -> View:
        """What a hub that knows this world answers."""
        everything = self.rows(request) if self.queue_known else []
        scope = self.in_scope(request)
        hosts, by_host = hosts_of(scope), request.query.grouping is Grouping.HOST
        rows = [row for row in everything if self.is_left(row, request)]
        sought = self.sought(request, rows)
        places = {row.key: place for place, row in enumerate(rows)}
        selected = places.get(request.selected) if request.selected else None
        first = request.first
        if request.anchor in places:
            first = max(places[request.anchor] - request.anchor_offset, 0)
        window = rows[first : first + request.rows]
        marked = [row for row in everything if row.key in request.marked]
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
            sums=summed([row for row in rows if self.facts(row).counted]),
            host_count=len(hosts),
            hosts_counted=len(hosts_of([one for one in scope if self.facts(one).counted])),
            hosts=[self.facts(row) for row in window] if by_host else [],
            sum_delta=self.delta,
            files=self.files if self.queue_known else None,
            queue_known=self.queue_known,
            queue_freshness=self.queue_freshness,
            queue_sources=sorted({one.source for one in scope}),
            several_senders=len(hosts) > len({one.source for one in scope}),
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
            balance=self.balance,
            whole=summed([row for row in everything if self.facts(row).counted]),
            all_count=len(everything),
            problem_count=sum(map(is_problem, everything)),
            row_problems=list(map(is_problem, window)),
            filter_problem=self.filter_problem,
            trends=[(self.trend * request.trend_cells)[: request.trend_cells]] * len(window),
            marked_count=len(marked),
            marked_sums=summed(marked),
            marked_delta=self.delta if marked else None,
            sought=sought,
            sought_index=places[sought] if sought is not None else None,
            accounts=self.accounts(request),
            detail=self.detail(request, rows),
        )

    def detail(self, request: ViewRequest, rows: list[QueueRow]) -> Detail | None:
        """All that is known of the selected row: one cause."""
        row = next((row for row in rows if row.key == request.selected), None)
        if not request.detail or row is None:
            return None
        cause = Cause(text="mailbox full", count=7, first_seen=0, last_seen=60, last_reply="452 4.2.2 Mailbox full")
        balance = self.balance
        if balance is not None:
            waiting, lost = row.total, balance.off
            sums = accounted(row.account, row.account_id, accepted=20 + waiting + lost, lost=lost, waiting=waiting)
            balance = replace(balance, sums=sums)
        return Detail(row=row, delta=self.delta, causes=[cause], messages=[], balance=balance)

    def jumped(self, jump: Jump) -> Jumped:
        """Where a jump to an account or isp leads; only a name that is exactly so is found."""
        for one in self.cells:
            if jump.dimension == "account" and one.account == jump.text:
                query = QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=one.account_id, account=one.account)
                return Jumped(serial=jump.serial, query=query)
            if jump.dimension == "isp" and one.isp == jump.text:
                return Jumped(serial=jump.serial, query=QueueQuery(Grouping.ACCOUNT, isp=one.isp))
        return Jumped(serial=jump.serial, sentence=f"there is no {jump.dimension} '{jump.text}'")

    def is_left(self, row: QueueRow, request: ViewRequest) -> bool:
        """Whether a row passes the request's filter, which is a text here."""
        return matches(row, "" if self.filter_problem else request.filter) and not (
            request.problems and not is_problem(row)
        )

    def sought(self, request: ViewRequest, rows: list[QueueRow]) -> RowKey | None:
        """The row that the request looks for."""
        seek, keys = request.seek, [row.key for row in rows]
        if seek is None or not rows:
            return None
        start = keys.index(request.selected) if request.selected in keys else -1
        for step in range(1, len(rows) + 1):
            row = rows[(start + step * seek.step) % len(rows)]
            if is_problem(row) if seek.kind == "problem" else matches(row, seek.filter):
                return row.key
        return None

    def accounts(self, request: ViewRequest) -> AccountsPage | None:
        """The table of accounts that the request asks for; in the panes' order where it asks for attention."""
        asked = request.accounts
        if asked is None or not self.totals_known:
            return None
        everyone = self.panes(replace(request, pane_width=0, pane_height=0))
        shown = [pane for pane in everyone if asked.filter in pane.totals.account]
        field = {"sent": "send_count", "failed": "fail_count", "account": "account"}.get(asked.sort)
        if field is not None:
            shown.sort(key=lambda pane: getattr(pane.totals, field) or type(getattr(TOTALS[0], field))())
            shown = shown[::-1] if asked.descending else shown
        places = {pane.key: place for place, pane in enumerate(shown)}
        first = max(places[asked.anchor] - asked.anchor_offset, 0) if asked.anchor in places else asked.first
        return AccountsPage(
            sort=asked.sort,
            descending=asked.descending,
            filter=asked.filter,
            first=first,
            count=len(shown),
            all_count=len(everyone),
            rows=shown[first : first + asked.rows],
            sums=MailTotals(account="", send_count=sum(pane.totals.send_count or 0 for pane in shown)),
            selected=asked.selected,
            selected_index=places.get(asked.selected) if asked.selected else None,
        )


def hosts_of(cells: list[QueueRow]) -> set[tuple[str, int]]:
    """The hosts that cells are of."""
    return {(one.source, one.sender_id) for one in cells}


def is_problem(row: QueueRow) -> bool:
    """What this world takes for a problem: mail that is held."""
    return row.hold > 0


def matches(row: QueueRow, text: str) -> bool:
    """Whether a text stands in a row's names; in none of them, after a ``!``."""
    names = f"{row.account} {row.campaign} {row.isp}"
    return (text.removeprefix("!") in names) is not text.startswith("!")


def summed(rows: list[QueueRow]) -> QueueRow:
    """What waits in all these rows."""
    return QueueRow(**{state: sum(getattr(row, state) for row in rows) for state in STATES})


def grouped(cells: list[QueueRow], query: QueueQuery) -> list[QueueRow]:
    """Cells that pass the query's filters, added up its way."""
    sums: dict[QueueRow, list[int]] = {}
    for one in cells:
        if query.account_id not in (None, one.account_id) or query.campaign_id not in (None, one.campaign_id):
            continue
        if query.isp not in (None, one.isp) or query.sender_id not in (None, one.sender_id):
            continue
        bare = replace(one, new=0, proc=0, retry=0, hold=0)
        if query.grouping in (Grouping.TOTAL, Grouping.ISP, Grouping.HOST):
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

    def resume(self) -> None:
        """Answer again, what was asked meanwhile, too."""
        self.answering = True
        asked, self.sent = self.sent, []
        for request in asked:
            self.send(request)

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
        elif self.answering and isinstance(request, Jump):
            self._answers.put_nowait(self.world.jumped(request))
        elif self.answering and isinstance(request, Export):
            self._answers.put_nowait(Exported(serial=request.serial, sentence=f"wrote {request.path}"))

    async def answers(self) -> AsyncIterator[Answer]:
        while (answer := await self._answers.get()) is not None:
            yield answer

    async def close(self) -> None:
        self.closed += 1
        self._answers.put_nowait(None)
