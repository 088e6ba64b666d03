"""The hub: answers at once, pushes what changed and nothing else, and never lets one source spoil another."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.hub.scripted import ScriptedSource, until
from tui.hub import hub as hubs
from tui.hub.accounts import Accounts, Ranking
from tui.hub.board import Board
from tui.hub.collectors import Collectors
from tui.hub.drawing import Drawing, rates_of, wanted
from tui.hub.hub import Hub
from tui.hub.poller import Poller
from tui.hub.protocol import (
    AccountsRequest,
    ChartLine,
    Close,
    Exported,
    HubLink,
    HubRestarted,
    Jumped,
    Refresh,
    View,
    ViewRequest,
)
from tui.hub.sheet import QUICK_ROWS
from tui.hub.views import same_but_for_time
from tui.model import Counts, Freshness, Grouping, History, MailTotals, QueueQuery, RowKey
from tui.sources.source import SourceError, Unreachable
from tui.sources.worker import Worker

ACCOUNTS = QueueQuery(Grouping.ACCOUNT)
ISPS = QueueQuery(Grouping.ISP)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "PUSH_SECONDS", 0.02)
    monkeypatch.setattr(hubs, "EAGER_SECONDS", 0.3)
    monkeypatch.setattr(hubs, "EAGER_PUSH_SECONDS", 0.002)
    monkeypatch.setattr(hubs, "GATHER_SECONDS", 0.002)
    monkeypatch.setattr(hubs, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(hubs, "ALIVE_SECONDS", 60.0)


class Screen:
    """Reads a hub's views as a screen does."""

    def __init__(self, hub: HubLink) -> None:
        self.hub = hub
        self.views: list[View] = []
        self.replies: list[Jumped | Exported] = []

    @property
    def view(self) -> View:
        return self.views[-1]

    def ask(self, **request: Any) -> int:
        serial = len(self.views) + 1000
        self.hub.send(ViewRequest(serial=serial, **({"query": ACCOUNTS} | request)))
        return serial

    async def read(self) -> None:
        async for answer in self.hub.answers():
            assert not isinstance(answer, HubRestarted)
            if isinstance(answer, View):
                self.views.append(answer)
            else:
                self.replies.append(answer)

    async def until(self, condition: Callable[[View], object]) -> View:
        await until(lambda: self.views and condition(self.views[-1]))
        return self.views[-1]


@asynccontextmanager
async def screen(*sources: ScriptedSource, collectors: Collectors | None = None) -> AsyncIterator[Screen]:
    hub = Hub(sources, collectors)
    await hub.start()
    screen = Screen(hub)
    reading = asyncio.create_task(screen.read())
    try:
        yield screen
    finally:
        await hub.close()
        await reading


async def test_a_request_gets_the_rows_of_its_query() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        serial = shown.ask(sort="account", descending=False, rows=2)
        view = await shown.until(lambda view: view.queue_known and view.totals_known)
        assert view.serial == serial
        assert [row.account for row in view.rows] == ["user1", "user2"]
        assert (view.row_count, view.sums.new, view.files) == (3, 6, 3)
        assert view.rows[0].source == "one"
        assert view.sources[0].freshness is Freshness.LIVE
    assert source.closed


async def test_a_request_for_rows_that_are_known_is_answered_at_once() -> None:
    source = ScriptedSource(interval_seconds=3600)
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        count = len(shown.views)
        serial = shown.ask(first=1, rows=1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(shown.views) == count + 1
        assert (shown.view.serial, shown.view.first, len(shown.view.rows)) == (serial, 1, 1)


async def test_rows_that_nobody_answers_are_said_to_be_unknown() -> None:
    source = ScriptedSource()
    source.gate.clear()
    async with screen(source) as shown:
        shown.ask()
        view = await shown.until(lambda view: True)
        assert not view.queue_known and view.rows == []
        source.gate.set()
        await shown.until(lambda view: view.queue_known)


async def test_a_ledger_that_a_starting_collector_will_make_is_waited_for() -> None:
    source = ScriptedSource()
    source.trouble, source.age_seconds = SourceError("there is no ledger"), None
    no_command = Collectors({"one": ["/no/such/collector"]})
    lives = Collectors({"one": [sys.executable, "-c", "import sys; sys.stdin.read()"]})
    async with screen(source, collectors=no_command) as shown:
        shown.ask()
        await shown.until(lambda view: view.problems and view.sources[0].error == "there is no ledger")
    async with screen(source, collectors=lives) as shown:
        shown.ask()
        view = await shown.until(lambda view: "Its collector is starting" in " ".join(view.sources[0].notes))
        assert (view.sources[0].error, view.problems) == (None, [])
        source.trouble = None
        await shown.until(lambda view: view.queue_known and view.sources[0].freshness is Freshness.LIVE)


async def test_going_in_shows_no_rows_of_the_place_before() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        serial = shown.ask(query=ISPS)
        view = await shown.until(lambda view: view.serial == serial)
        assert view.queue_known and [row.isp for row in view.rows] == ["isp3", "isp2", "isp1"]


async def test_what_changes_is_pushed_and_what_does_not_is_not() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        serial = shown.ask()
        await shown.until(lambda view: view.queue_known and view.totals_known)
        polls, views = source.count("queue"), len(shown.views)
        await until(lambda: source.count("queue") > polls + 5)
        assert len(shown.views) <= views + 1
        source.rows = 5
        view = await shown.until(lambda view: view.row_count == 5)
        assert view.serial == serial
        source.freshness = Freshness.PARTIAL
        await shown.until(lambda view: view.sources[0].freshness is Freshness.PARTIAL)


async def test_a_quiet_hub_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen(ScriptedSource()) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known and view.totals_known)
        monkeypatch.setattr(hubs, "ALIVE_SECONDS", 0.0)
        views = len(shown.views)
        await until(lambda: len(shown.views) > views + 5)
        assert same_but_for_time(shown.views[-2], shown.view)


async def test_views_that_nobody_asked_for_keep_the_pace_that_the_screen_wants() -> None:
    source = ScriptedSource(interval_seconds=0.01)
    async with screen(source) as shown:
        shown.ask(push_seconds=0.4)
        await shown.until(lambda view: view.queue_known and view.totals_known)
        await asyncio.sleep(hubs.EAGER_SECONDS)
        times = []
        for rows in (4, 5, 6):
            source.rows = rows
            view = await shown.until(lambda view: view.row_count == source.rows)
            times.append(view.time)
        assert all(after - before >= 0.35 for before, after in pairwise(times))
        serial = shown.ask(push_seconds=60.0, first=1)
        await shown.until(lambda view: view.serial == serial)


async def test_rows_that_were_waited_for_come_at_once_whatever_the_pace() -> None:
    source = ScriptedSource()
    source.gate.clear()
    async with screen(source) as shown:
        shown.ask(push_seconds=60.0)
        await shown.until(lambda view: not view.queue_known)
        await asyncio.sleep(hubs.EAGER_SECONDS)
        source.gate.set()
        await shown.until(lambda view: view.queue_known)


async def test_an_anchored_row_stays_on_its_line_while_others_come() -> None:
    source = ScriptedSource()
    source.rows = 50
    async with screen(source) as shown:
        anchor = RowKey("one", 1, 20)
        shown.ask(rows=10, anchor=anchor, anchor_offset=4, selected=anchor)
        view = await shown.until(lambda view: view.queue_known)
        assert view.rows[4].key == anchor and view.selected_index == view.first + 4
        source.rows = 60
        view = await shown.until(lambda view: view.row_count == 60)
        assert view.rows[4].key == anchor and view.selected_index == view.first + 4


async def test_more_rows_than_are_sorted_at_once_can_be_sorted_anew() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.rows = 2 * QUICK_ROWS
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.row_count == 2 * QUICK_ROWS)
        serial = shown.ask(sort="new", descending=False, rows=3)
        view = await shown.until(lambda view: view.serial == serial)
        assert [row.new for row in view.rows] == [1, 2, 3]


async def test_one_source_never_spoils_another() -> None:
    good, hanging, broken = ScriptedSource("good"), ScriptedSource("hanging"), ScriptedSource("broken")
    hanging.gate.clear()
    broken.trouble = SourceError("mx3 does not answer.")
    async with screen(good, hanging, broken) as shown:
        shown.ask()
        view = await shown.until(lambda view: view.queue_known and view.sources[2].error)
        assert {row.source for row in view.rows} == {"good"}
        assert [status.name for status in view.sources] == ["good", "hanging", "broken"]
        assert view.sources[2].error == "mx3 does not answer."
        hanging.gate.set()
        broken.trouble = None
        view = await shown.until(lambda view: view.row_count == 9)
        assert view.sums.new == 18
        serial = shown.ask(source="broken")
        view = await shown.until(lambda view: view.serial == serial and view.queue_known)
        assert {row.source for row in view.rows} == {"broken"}


async def test_paused_says_so_and_keeps_the_numbers() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        shown.ask(paused=True)
        view = await shown.until(lambda view: view.sources[0].freshness is Freshness.PAUSED)
        assert view.row_count == 3
        source.rows = 7
        shown.ask()
        await shown.until(lambda view: view.row_count == 7)


async def test_a_refresh_polls_now() -> None:
    source = ScriptedSource(interval_seconds=3600)
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        source.rows = 9
        shown.hub.send(Refresh())
        await shown.until(lambda view: view.row_count == 9)


async def test_only_the_newest_view_waits_for_a_screen_that_does_not_read() -> None:
    source = ScriptedSource(interval_seconds=3600)
    hub = Hub([source])
    await hub.start()
    hub.send(ViewRequest(serial=1, query=ACCOUNTS))
    answers = hub.answers()
    await anext(answers)
    for serial in range(2, 200):
        hub.send(ViewRequest(serial=serial, query=ACCOUNTS))
    answer = await anext(answers)
    assert isinstance(answer, View) and answer.serial == 199
    await hub.close()


async def test_a_trend_and_panes_are_drawn_to_size_and_named() -> None:
    async with screen(ScriptedSource()) as shown:
        selected = RowKey("one", 1, 2)
        shown.ask(selected=selected, chart_width=50, chart_height=8, panes=3, pane_width=12, pane_height=2, ascii=True)
        view = await shown.until(lambda view: view.chart and view.panes and view.panes[0].chart)
        assert view.chart_title == "Waiting: user2 - last 60 min"
        assert [sum(len(span.text) for span in line) for line in view.chart] == [50] * 8
        pane = view.panes[0]
        assert [sum(len(span.text) for span in line) for line in pane.chart] == [12] * 2
        assert pane.totals.account == "alice" and view.pane_count == 1
        assert pane.rate_per_minute is not None and pane.defer_rate_per_minute == 0
        serial = shown.ask(selected=RowKey("one", 1, 3), chart_width=50, chart_height=8)
        view = await shown.until(lambda view: view.serial == serial and "user3" in view.chart_title)
        serial = shown.ask(chart_width=60, chart_height=8)
        view = await shown.until(lambda view: view.serial == serial and view.chart)
        assert view.chart_title == "Waiting: all mail - last 60 min"
        assert len("".join(span.text for span in view.chart[0])) == 60


async def test_with_trends_beside_the_rows_a_quiet_hub_still_sends_nothing() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        shown.ask(trend_cells=6)
        view = await shown.until(lambda view: all(len(trend) == 6 for trend in view.trends) and view.trends)
        assert len(view.trends) == 3
        await shown.until(lambda view: view.totals_known)
        views, polls = len(shown.views), source.count("queue")
        await until(lambda: source.count("queue") > polls + 5)
        assert len(shown.views) <= views + 1 and source.count("history") == 3


async def test_the_table_of_accounts_is_there_when_asked_for_and_names_whom_to_ask_first() -> None:
    source = ScriptedSource()
    source.accounts = [MailTotals(account=f"user{number}", send_count=number) for number in range(9)]
    async with screen(source) as shown:
        shown.ask(accounts=AccountsRequest(sort="sent", rows=2, filter="sent<5"))
        view = await shown.until(lambda view: view.accounts is not None)
        assert view.accounts is not None and view.accounts.count == 5
        assert [pane.totals.account for pane in view.accounts.rows] == ["user4", "user3"]
        await until(lambda: source.shown == ("user4", "user3"))
        shown.ask()
        await shown.until(lambda view: view.accounts is None)


async def test_a_chart_that_cannot_be_drawn_is_a_problem_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("plotext")

    monkeypatch.setattr("tui.hub.charts.trend_chart", fail)
    async with screen(ScriptedSource()) as shown:
        shown.ask(chart_width=50, chart_height=8)
        view = await shown.until(lambda view: view.problems and view.queue_known)
        assert "ZeroDivisionError" in view.problems[0]


async def test_a_mistake_in_the_hub_reaches_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Board, request: ViewRequest) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(Board, "update", fail)
    hub = Hub([ScriptedSource()])
    await hub.start()
    hub.send(ViewRequest(serial=1))
    with pytest.raises(RuntimeError, match="a mistake"):
        async for _ in hub.answers():
            pass
    await hub.close()


async def test_close_ends_the_answers_and_does_not_wait_for_a_source_that_hangs() -> None:
    class Hanging(ScriptedSource):
        async def close(self) -> None:
            await asyncio.Event().wait()

    hub = Hub([Hanging()])
    await hub.start()
    reading = asyncio.create_task(Screen(hub).read())
    hub.send(Close())
    await asyncio.wait_for(reading, 5)
    await asyncio.wait_for(hub.close(), 5)


def two_sources() -> tuple[ScriptedSource, ScriptedSource]:
    """A queue without totals or history, and totals without a queue or ids."""
    queue, cpanel = ScriptedSource("queue"), ScriptedSource("cp")
    queue.accounts, queue.has_history = None, False
    cpanel.accounts = [MailTotals(account=f"user{number}", send_count=number) for number in (1, 2)]
    cpanel.has_queue = cpanel.has_history = False
    return queue, cpanel


async def test_the_queue_of_one_source_and_the_totals_of_another_stand_on_one_screen() -> None:
    queue, cpanel = two_sources()
    async with screen(queue, cpanel) as shown:
        shown.ask(panes=2)
        view = await shown.until(lambda view: view.queue_known and view.totals_known)
        assert [(pane.source, pane.totals.account) for pane in view.panes] == [("cp", "user2"), ("cp", "user1")]
        assert {row.source for row in view.rows} == {"queue"} and view.queue_sources == ["queue"]
        await until(lambda: cpanel.shown == ("user2", "user1"))
        inner = ACCOUNTS.into(view.rows[-1])
        assert inner is not None
        serial = shown.ask(query=inner, source="queue", panes=2)
        view = await shown.until(lambda view: view.serial == serial and len(view.panes) == 1)
        assert (view.panes[0].source, view.panes[0].totals.account) == ("cp", "user1")
        asked = cpanel.count("totals")
        await until(lambda: cpanel.count("totals") > asked + 3)
        assert cpanel.shown == ("user1",)


async def test_sums_say_how_far_they_can_be_trusted() -> None:
    queue, cpanel = two_sources()
    other = ScriptedSource("other")
    async with screen(queue, cpanel, other) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_sources == ["queue", "other"] and view.queue_freshness == "live")
        queue.freshness = Freshness.PARTIAL
        await shown.until(lambda view: view.queue_freshness == "partial")
        other.trouble = Unreachable("It is away.")
        view = await shown.until(lambda view: view.hosts_counted == 1)
        assert (view.queue_freshness, view.host_count, view.sums.total) == ("partial", 2, 6)
        serial = shown.ask(query=ISPS)
        view = await shown.until(lambda view: view.serial == serial and view.queue_known)
        assert view.queue_sources == ["queue"] and view.queue_freshness == "partial"
        other.trouble, queue.freshness = None, Freshness.LIVE
        shown.ask(query=ISPS, source="other")
        await shown.until(lambda view: view.queue_sources == ["other"] and view.queue_freshness == "live")


async def test_without_any_totals_there_is_no_waiting_for_them() -> None:
    queue, cpanel = two_sources()
    async with screen(queue) as shown:
        shown.ask(panes=2)
        view = await shown.until(lambda view: view.queue_known and not view.totals_offered)
        assert not view.totals_known
    async with screen(queue, cpanel) as shown:
        shown.ask(panes=2)
        view = await shown.until(lambda view: view.queue_known and view.totals_known)
        assert view.totals_offered


async def test_a_source_without_history_has_the_trend_of_what_was_seen() -> None:
    queue, _ = two_sources()
    async with screen(queue) as shown:
        shown.ask(selected=RowKey("queue", 1, 2), chart_width=100, chart_height=8, span_seconds=300)
        view = await shown.until(lambda view: view.chart)
        assert view.chart_title == "Waiting: user2 - last 5 min"
        assert "new 2" in "".join(span.text for span in view.chart[0])
        serial = shown.ask(query=QueueQuery(), selected=RowKey("queue", 1), chart_width=50, chart_height=8)
        view = await shown.until(lambda view: view.serial == serial and "all mail" in view.chart_title)
        queue.trouble = SourceError("gone")
        await shown.until(lambda view: view.sources[0].error and view.row_count)


async def test_a_server_that_dies_and_comes_back_is_stale_with_its_age_and_then_live() -> None:
    source = ScriptedSource(interval_seconds=0.1)
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known and view.sources[0].freshness is Freshness.LIVE)
        source.trouble = Unreachable("mx1 refuses connections.")
        view = await shown.until(lambda view: view.sources[0].freshness is Freshness.STALE)
        assert view.sources[0].age_seconds is not None and view.row_count == 3
        assert view.sources[0].error == "mx1 refuses connections."
        source.trouble = None
        view = await shown.until(lambda view: view.sources[0].freshness is Freshness.LIVE)
        assert view.sources[0].error is None


async def test_counters_that_fall_and_answers_that_fail_leave_gaps_in_the_sparkline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[list[float | None]] = []

    def draw(rates: list[list[float | None]], width: int, height: int, *, ascii: bool) -> list[ChartLine]:
        drawn.append(rates[0][-7:])
        return []

    monkeypatch.setattr("tui.hub.charts.spark_chart", draw)
    now = 1_700_000_040.0
    worker = Worker("test")
    drawing = Drawing(worker, lambda: now)
    request = ViewRequest(serial=1, panes=1, pane_width=10, pane_height=1)
    poller = Poller(ScriptedSource("cp"), lambda: None)
    for minute, count in enumerate([100, 160, None, 170, 200, 40, 100]):
        now = 1_700_000_040.0 + 60 * minute
        ranking = Ranking([("cp", MailTotals(account="alice", send_count=count))], 1)
        poller.totals_time = now
        await drawing.update(request, [poller], None, ranking)
        await drawing.update(request, [poller], None, ranking)
    assert drawn[-1] == [None, 60, None, None, 30, None, 60]
    worker.stop()


async def test_panes_have_the_rates_of_the_history_or_else_of_the_totals_told() -> None:
    source = ScriptedSource("cp", interval_seconds=0.01)
    now = 0.0
    poller = Poller(source, lambda: None)
    worker = Worker("test")
    accounts, drawing = Accounts([poller], worker), Drawing(worker)
    request = ViewRequest(serial=1, panes=1, pane_width=10, pane_height=1)
    poller._status = await source.status()
    rates: list[float | None] = []
    for count in (100, 160, 40, 70):
        poller.totals, poller.totals_confirmed = [MailTotals(account="alice", account_id=1, send_count=count)], now
        poller.histories = dict.fromkeys(wanted(request, "cp", accounts.ranking).trends)
        await accounts.update(request)
        await drawing.update(request, [poller], None, accounts.ranking)
        rates.append(drawing.panes(request, accounts)[0].rate_per_minute)
        now += 60
    assert rates == [None, 60, None, 30]
    minute = int(time.time()) // 60 * 60
    for trend in poller.histories:
        poller.histories[trend] = History(minute - 120, 60, [Counts(send=7), Counts(send=8), None])
    await drawing.update(request, [poller], None, accounts.ranking)
    assert drawing.panes(request, accounts)[0].rate_per_minute == 8
    worker.stop()


async def test_who_comes_back_to_an_account_finds_its_sparkline(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float | None] = []

    def draw(rates: list[list[float | None]], width: int, height: int, *, ascii: bool) -> list[ChartLine]:
        drawn.append(rates[0][-1])
        return []

    monkeypatch.setattr("tui.hub.charts.spark_chart", draw)
    now = 1_700_000_040.0
    worker = Worker("test")
    drawing = Drawing(worker, lambda: now)
    request = ViewRequest(serial=1, panes=1, pane_width=10, pane_height=1)
    poller = Poller(ScriptedSource("cp"), lambda: None)
    for minute, account in enumerate(["alice", "alice", "bob", "bob", "alice"]):
        now = 1_700_000_040.0 + 60 * minute
        ranking = Ranking([("cp", MailTotals(account=account, send_count=100 + 60 * minute))], 1)
        poller.totals_time = now
        await drawing.update(request, [poller], None, ranking)
    assert drawn == [None, 60, None, 60, 60]
    worker.stop()


def test_a_rate_is_of_full_buckets_only() -> None:
    history = History(0, 120, [Counts(send=10), None, Counts(send=4), Counts(send=1)])
    assert rates_of(history, "send", 400) == [5, None, 2]
