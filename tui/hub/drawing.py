"""The trend and the account panes of a request, drawn in the hub's worker thread and kept until something in them
changes. The hub's loop enters."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from tui.hub.accounts import Accounts, Ranking
from tui.hub.past import Past
from tui.hub.poller import Poller, Trend, Wanted
from tui.hub.protocol import AccountKey, AccountPane, ChartLine, ViewRequest
from tui.hub.sheet import Sheet
from tui.hub.views import Chart, trend_query, trend_title
from tui.model import Counts, Freshness, History, MailTotals, QueueQuery, QueueRow
from tui.series import Series
from tui.sources.worker import Worker

PANE_SECONDS = 3600
PANE_STEP_SECONDS = 60
SAMPLE_SECONDS = 15
"""How often the totals of a source without history are kept, to make rates of them."""

MAX_PANES = 64
"""So many panes have rates and sparklines, however many are asked for."""

MAX_SERIES = 4 * MAX_PANES
"""So many accounts' totals are kept: who comes back to one that was shown lately finds its rates."""

NO_CHART = Chart("", [])

LAG_PARTS = 12
"""A chart's axis may be a twelfth of its span behind the clock while all that it shows stays the same."""

ChartOf = tuple[History, int, int, bool]
"""What a trend is drawn of: the history, the chart's width and height in cells, and whether in ASCII."""

Rates = list[float | None]
PaneKey = tuple[str, str]


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
    panes = [account for name, account in _shown_accounts(request, ranking) if name == source] if totals else []
    own_listed = [key for key in listed if key.source == source] if totals else []
    trends = []
    of_source = asked and (request.selected is None or request.selected.source == source)
    if of_source and (request.detail or (request.chart_width and request.chart_height)):
        trends.append(trend_of(request))
    if request.pane_width and request.pane_height:
        trends += [_pane_trend(account) for account in panes if account.account_id]
    return Wanted(
        request.query if asked else None,
        tuple(dict.fromkeys(trends)),
        totals,
        tuple(dict.fromkeys([*(each.account for each in panes), *(key.account for key in own_listed)])),
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
        self._sparks: dict[PaneKey, Spark] = {}
        self._series: dict[PaneKey, tuple[Series, Series]] = {}
        self._sampled: dict[PaneKey, tuple[float, float | None]] = {}
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
            pane, spark = accounts.pane(source, totals), self._sparks.get((source, totals.account))
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
            if (key is None or poller.source.name == key.source)
            and (history := self._history(poller, trend_of(request), past)) is not None
        ]
        history = added_up(histories)
        if history is None:
            return
        index = sheet.find(key) if sheet is not None and key is not None else None
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
        sparks: dict[PaneKey, Spark] = {}
        by_name = {poller.source.name: poller for poller in pollers}
        shape = _pane_shape(request)
        shown = [(by_name[name], totals) for name, totals in _drawn_panes(request, ranking) if name in by_name]
        self._sample(shown)
        for poller, totals in shown:
            key = poller.source.name, totals.account
            spark = self._sparks.get(key)
            if not totals.account_id or _pane_trend(totals) in poller.histories:
                sends, defers = self._rates(poller, totals)
                if spark is None or (spark.sends, spark.defers, spark.shape) != (sends, defers, shape):
                    lines = await self._draw(partial(_draw_spark, (sends, defers), *shape))
                    back = 2 + int(poller.source.interval_seconds // PANE_STEP_SECONDS)
                    told = self._told(poller, totals) is not None
                    spark = Spark(sends, defers, _newest(sends, back), _newest(defers, back), shape, lines, told)
            if spark is not None:
                sparks[key] = spark
        self._sparks = sparks

    @staticmethod
    def _told(poller: Poller, totals: MailTotals) -> History | None:
        return poller.histories.get(_pane_trend(totals)) if totals.account_id else None

    def _rates(self, poller: Poller, totals: MailTotals) -> tuple[Rates, Rates]:
        """Messages sent and deferrals a minute in each full minute of the last hour, from the source's own history if
        it has one, else from the totals it has answered."""
        now = self._clock()
        history = self._told(poller, totals)
        if history is not None:
            return rates_of(history, "send", now), rates_of(history, "defer", now)
        start = now // PANE_STEP_SECONDS * PANE_STEP_SECONDS - PANE_SECONDS
        steps = PANE_SECONDS // PANE_STEP_SECONDS
        sends, defers = self._series[poller.source.name, totals.account]
        return (
            sends.rates_per_minute(start, PANE_STEP_SECONDS, steps),
            defers.rates_per_minute(start, PANE_STEP_SECONDS, steps),
        )

    def _sample(self, shown: Sequence[tuple[Poller, MailTotals]]) -> None:
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
        while len(self._series) > MAX_SERIES:
            oldest = next(iter(self._series))
            del self._series[oldest], self._sampled[oldest]


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


def added_up(histories: Sequence[History]) -> History | None:
    """The sum of several sources' histories over the time that all cover, a gap where any has one; ``None`` when there
    are none, or their buckets do not match."""
    if len(histories) < 2:
        return histories[0] if histories else None
    start, step = max(history.start for history in histories), histories[0].step_seconds
    if any(history.step_seconds != step or (start - history.start) % step for history in histories):
        return None
    points: list[Counts | None] = []
    for buckets in zip(*[history.points[(start - history.start) // step :] for history in histories], strict=False):
        known = [msgspec.structs.astuple(bucket) for bucket in buckets if bucket is not None]
        points.append(Counts(*map(sum, zip(*known, strict=True))) if len(known) == len(buckets) else None)
    return History(start, step, points)


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


def _shown_accounts(request: ViewRequest, ranking: Ranking | None) -> list[tuple[str, MailTotals]]:
    return list(ranking.accounts[: min(request.panes, MAX_PANES)]) if ranking is not None else []


def _drawn_panes(request: ViewRequest, ranking: Ranking | None) -> list[tuple[str, MailTotals]]:
    return _shown_accounts(request, ranking) if request.pane_width and request.pane_height else []


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
