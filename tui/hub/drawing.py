"""The trend and the account panes of a request, drawn in the hub's worker thread and kept until something in them
changes. The hub's loop enters."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from tui.hub.accounts import MAX_PANES, Accounts, Ranking
from tui.hub.fleet import added_up
from tui.hub.past import Past
from tui.hub.poller import Poller, Trend, Wanted
from tui.hub.protocol import AccountKey, AccountPane, ChartLine, ViewRequest
from tui.hub.sheet import Sheet
from tui.hub.views import Chart, trend_query, trend_title
from tui.model import Freshness, History, MailTotals, QueueQuery, QueueRow, RowKey
from tui.series import Series
from tui.sources.worker import Worker

PANE_SECONDS = 3600
PANE_STEP_SECONDS = 60
SAMPLE_SECONDS = 15
"""How often the totals of a source without history are kept, to make rates of them."""

MAX_SERIES = 4 * MAX_PANES
"""So many accounts' totals are kept, but those of all that are shown: who comes back to one finds its rates."""

NO_CHART = Chart("", [])

LAG_PARTS = 12
"""A chart's axis may be a twelfth of its span behind the clock while all that it shows stays the same."""

ChartOf = tuple[History, int, int, bool]
"""What a trend is drawn of: the history, the chart's width and height in cells, and whether in ASCII."""

Rates = list[float | None]
Part = tuple[Poller, MailTotals]
"""What a source tells of an account."""


class Spark(msgspec.Struct, frozen=True):
    """An account's rates a minute, the newest of them, and the sparkline drawn of all; ``told`` says whether its source
    did, or they were seen."""

    sends: Rates
    defers: Rates
    rate: float | None
    defer_rate: float | None
    shape: tuple[int, int, bool]
    chart: list[ChartLine]
    told: bool


def wanted(
    request: ViewRequest,
    source: str,
    ranking: Ranking | None,
    *,
    totals: bool = True,
    listed: Sequence[AccountKey] = (),
) -> Wanted:
    """What a request needs of one source: the rows, the trend's history and those of the account panes; ``totals``
    says whether its accounts may be among these, ``listed`` are those that stand in a table."""
    asked = request.source in (None, source)
    shown = ranking.shown(request.panes) if totals and ranking is not None else []
    panes = [parts[source] for _, parts in shown if source in parts]
    own_listed = [key for key in listed if key.source in ("", source)] if totals else []
    trends = []
    of_source = asked and is_of(request.selected, source)
    if of_source and (request.detail or (request.chart_width and request.chart_height)):
        trends.append(trend_of(request))
    if request.pane_width and request.pane_height:
        trends += [_pane_trend(account) for account in panes if account.account_id]
    return Wanted(
        request.query if asked else None,
        tuple(dict.fromkeys(trends)),
        totals,
        tuple(dict.fromkeys([*(each.account for each in panes), *(key.account for key in own_listed)])),
        balances=balances_of(request) if of_source else None,
    )


class Drawing:
    """The newest charts. ``update`` draws them in the worker's thread; only one task may call it. ``problem`` says why
    one could not be drawn."""

    def __init__(self, worker: Worker, clock: Callable[[], float] = time.time) -> None:
        self.problem: str | None = None
        self._clock = clock
        self._worker = worker
        self._chart = NO_CHART
        self._chart_of: ChartOf | None = None
        self._sparks: dict[AccountKey, Spark] = {}
        self._series: dict[tuple[str, str], tuple[Series, Series]] = {}
        self._sampled: dict[tuple[str, str], tuple[float, float | None]] = {}
        self._drawn = 0

    def chart(self, request: ViewRequest) -> Chart:
        """The newest trend of the size asked for; its title says what it is of, since it may be of the row before."""
        if self._chart_of is None or self._chart_of[1:] != (request.chart_width, request.chart_height, request.ascii):
            return NO_CHART
        return self._chart

    def panes(self, request: ViewRequest, accounts: Accounts) -> list[AccountPane]:
        """The account panes asked for, with the rates of the last full minute where the source keeps a history, and
        else of about the last minute."""
        ranking = accounts.ranking
        panes = []
        for source, totals in ranking.accounts[: request.panes] if ranking else ():
            pane, spark = accounts.pane(source, totals), self._sparks.get(AccountKey(source, totals.account))
            if spark is not None and spark.told:
                pane = replace(pane, rate_per_minute=spark.rate, defer_rate_per_minute=spark.defer_rate)
            if spark is not None and spark.shape == _pane_shape(request):
                pane = replace(pane, chart=spark.chart)
            panes.append(pane)
        return panes

    async def update(
        self,
        request: ViewRequest,
        pollers: Sequence[Poller],
        sheet: Sheet | None,
        ranking: Ranking | None,
        past: Past | None = None,
    ) -> bool:
        """Draw what changed since the last call; returns whether anything did. ``past`` stands in for the history that
        a source does not keep."""
        drawn, problem = self._drawn, self.problem
        try:
            asked = [poller for poller in pollers if request.source in (None, poller.source.name)]
            await self._update_trend(request, asked, sheet, past or Past())
            await self._update_sparks(request, pollers, ranking)
            self.problem = None
        except Exception as error:  # plotext's mistakes must not end the hub
            self.problem = f"A chart could not be drawn ({type(error).__name__}: {error}); please report this."
        return (self._drawn, self.problem) != (drawn, problem)

    async def _draw(self, draw: Callable[[], list[ChartLine]]) -> list[ChartLine]:
        self._drawn += 1
        return await self._worker.run(draw)

    async def _update_trend(
        self, request: ViewRequest, pollers: Sequence[Poller], sheet: Sheet | None, past: Past
    ) -> None:
        width, height = request.chart_width, request.chart_height
        if not width or not height:
            return
        key = request.selected
        histories = [
            history
            for poller in pollers
            if is_of(key, poller.source.name)
            and (history := self._history(poller, trend_of(request), past)) is not None
        ]
        history = added_up(histories)
        if history is None:
            return
        index = sheet.finder.find(key) if sheet is not None and key is not None else None
        row = QueueRow() if sheet is None or index is None else sheet.row(index)
        if sheet is not None:
            row = _named(row, sheet)
        title = trend_title(request.query, row, request.span_seconds)
        chart_of = (history, width, height, request.ascii)
        if not _shows_the_same(chart_of, self._chart_of):
            lines = await self._draw(partial(_draw_trend, *chart_of))
            self._chart_of = chart_of
            self._chart = Chart(title, lines)
        elif title != self._chart.title:
            self._chart = Chart(title, self._chart.lines)
            self._drawn += 1

    def _history(self, poller: Poller, trend: Trend, past: Past) -> History | None:
        """The source's own history, or what was seen of it where it says that it has none."""
        if (history := poller.histories.get(trend)) is not None or trend not in poller.histories:
            return history
        source = poller.source
        return past.history(source.name, trend.query, int(self._clock()), trend.span_seconds, source.interval_seconds)

    async def _update_sparks(self, request: ViewRequest, pollers: Sequence[Poller], ranking: Ranking | None) -> None:
        sparks: dict[AccountKey, Spark] = {}
        by_name = {poller.source.name: poller for poller in pollers}
        shape = _pane_shape(request)
        shown = {
            key: [(by_name[name], own) for name, own in parts.items() if name in by_name]
            for key, parts in (ranking.shown(request.panes) if ranking is not None and shape[0] and shape[1] else ())
        }
        self._sample([part for parts in shown.values() for part in parts])
        for key, parts in shown.items():
            spark = self._sparks.get(key)
            answered = [(poller, own) for poller, own in parts if _has_answered(poller, own)]
            if answered:
                sends, defers, told = self._rates(answered)
                if spark is None or (spark.sends, spark.defers, spark.shape) != (sends, defers, shape):
                    lines = await self._draw(partial(_draw_spark, (sends, defers), *shape))
                    interval_seconds = max(poller.source.interval_seconds for poller, _ in answered)
                    back = 2 + int(interval_seconds // PANE_STEP_SECONDS)
                    spark = Spark(sends, defers, _newest(sends, back), _newest(defers, back), shape, lines, told)
            if spark is not None:
                sparks[key] = spark
        self._sparks = sparks

    def _rates(self, parts: Sequence[Part]) -> tuple[Rates, Rates, bool]:
        """Messages sent and deferrals a minute in each full minute of the last hour: from the histories of the sources
        that have one, and of the others from the totals they have answered. Also whether any had one."""
        now = self._clock()
        histories = [told for poller, own in parts if (told := _told(poller, own)) is not None]
        history = added_up(histories)
        start = now // PANE_STEP_SECONDS * PANE_STEP_SECONDS - PANE_SECONDS
        steps = PANE_SECONDS // PANE_STEP_SECONDS
        rates: list[Rates] = []
        for number, event in enumerate(("send", "defer")):
            seen = [
                self._series[poller.source.name, own.account][number].rates_per_minute(start, PANE_STEP_SECONDS, steps)
                for poller, own in parts
                if _told(poller, own) is None
            ]
            rates.append(_rates_together([*seen, *([rates_of(history, event, now)] if history is not None else [])]))
        sends, defers = rates
        return sends, defers, history is not None

    def _sample(self, shown: Sequence[Part]) -> None:
        """Keep the shown accounts' totals as they are told, a few times a minute, or a gap when the source does not
        answer; forget the accounts that were not shown for longest."""
        now = self._clock()
        capacity = PANE_SECONDS // SAMPLE_SECONDS + 2
        for poller, totals in shown:
            key = poller.source.name, totals.account
            sends, defers = self._series.pop(key, (Series(capacity), Series(capacity)))
            self._series[key] = sends, defers  # at the end, as one that is shown
            last, told = self._sampled.get(key, (-PANE_SECONDS, None))
            known = not poller.failing and poller.status().freshness is not Freshness.PAUSED
            if now - SAMPLE_SECONDS < last <= now or (known and told == poller.totals_time):
                continue
            sends.add(now, totals.send_count if known else None)
            defers.add(now, totals.defer_count if known else None)
            self._sampled[key] = now, poller.totals_time if known else None
        while len(self._series) > max(MAX_SERIES, len(shown)):
            oldest = next(iter(self._series))
            del self._series[oldest], self._sampled[oldest]


def balances_of(request: ViewRequest) -> tuple[int, ...] | None:
    """The account whose balance belongs to the detail that is asked for, none where it is that of whole hosts;
    ``None``: there is none, as for parts of an account."""
    query = trend_query(request.query, request.selected)
    if not request.detail or query.campaign_id is not None or query.isp is not None or query.account_id == 0:
        return None
    return () if query.account_id is None else (query.account_id,)


def is_of(selected: RowKey | None, source: str) -> bool:
    """Whether ``source`` has a part in the selected row: in its own, in one that has no source, and in all rows."""
    return selected is None or selected.source in ("", source)


def _shows_the_same(new: ChartOf, drawn: ChartOf | None) -> bool:
    """Whether a chart drawn for ``drawn`` may stand for the new one: where nothing but time has passed its axis may lag
    behind by a part of its span, so that nothing is sent a minute just to move its labels."""
    if drawn is None or new[1:] != drawn[1:]:
        return False
    later, before = new[0], drawn[0]
    lag_seconds = later.start - before.start
    most_seconds = later.step_seconds * len(later.points) // LAG_PARTS
    same_points = later.step_seconds == before.step_seconds and later.points == before.points
    return same_points and (lag_seconds == 0 or 0 < lag_seconds < most_seconds)


def rates_of(history: History, event: str, now: float) -> Rates:
    """How often ``event`` (a field of ``Counts``) happened a minute, in each bucket that is full at ``now``."""
    full = max(0, int((now - history.start) // history.step_seconds))
    return [
        None if point is None else getattr(point, event) * 60 / history.step_seconds for point in history.points[:full]
    ]


def trend_of(request: ViewRequest) -> Trend:
    """The history that the chart of a request shows."""
    return Trend(trend_query(request.query, request.selected), request.span_seconds)


def _pane_trend(totals: MailTotals) -> Trend:
    return Trend(QueueQuery(account_id=totals.account_id), PANE_SECONDS)


def _pane_shape(request: ViewRequest) -> tuple[int, int, bool]:
    return request.pane_width, request.pane_height, request.ascii


def _told(poller: Poller, totals: MailTotals) -> History | None:
    return poller.histories.get(_pane_trend(totals)) if totals.account_id else None


def _has_answered(poller: Poller, totals: MailTotals) -> bool:
    """Whether the source has said if it keeps a history of the account; none can be asked for without an id."""
    return not totals.account_id or _pane_trend(totals) in poller.histories


def _rates_together(parts: Sequence[Rates]) -> Rates:
    """The sums of rates that end at the same time, unknown where all are."""
    if len(parts) == 1:
        return parts[0]
    longest = max(map(len, parts), default=0)
    padded: list[Rates] = [[*([None] * (longest - len(part))), *part] for part in parts]
    steps = ([rate for rate in rates if rate is not None] for rates in zip(*padded, strict=True))
    return [sum(known) if known else None for known in steps]


def _named(row: QueueRow, sheet: Sheet) -> QueueRow:
    """The row with its source and its sender in words, each where there are several."""
    sender = (row.sender or f"sender {row.sender_id}") if sheet.several_senders and row.sender_id else ""
    return replace(row, source=row.source if len(sheet.sources) > 1 else "", sender=sender)


def _newest(rates: Rates, back: int) -> float | None:
    """The newest rate that is known among the last ``back``."""
    return next((rate for rate in reversed(rates[-back:]) if rate is not None), None)


def _draw_trend(history: History, width: int, height: int, ascii: bool) -> list[ChartLine]:
    from tui.hub.charts import trend_chart  # plotext takes 40 ms to import: not before the first chart

    return trend_chart(history, width, height, ascii=ascii)


def _draw_spark(rates: Sequence[Rates], width: int, height: int, ascii: bool) -> list[ChartLine]:
    from tui.hub.charts import spark_chart

    return spark_chart(rates, width, height, ascii=ascii)
