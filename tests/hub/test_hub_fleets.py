"""The hub of a fleet: rows together or apart, hosts that go and come, and many sources at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.hub.cells import Cell, CellSource
from tests.hub.scripted import until
from tests.hub.test_hub import screen
from tui.hub import hub as hubs
from tui.hub.board import Board
from tui.hub.protocol import View
from tui.hub.shared_names import Numbers
from tui.model import Freshness, Grouping, HostStatus, MailTotals, QueueQuery, RowKey
from tui.sources.source import SourceError, Unreachable

ACCOUNTS = QueueQuery(Grouping.ACCOUNT)
HOSTS = QueueQuery(Grouping.HOST)
ALICE, BOB = Numbers().account("alice"), Numbers().account("bob")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"PUSH_SECONDS": 0.02, "EAGER_SECONDS": 0.3, "EAGER_PUSH_SECONDS": 0.002, "GATHER_SECONDS": 0.002}
    for name, seconds in {**quick, "TICK_SECONDS": 0.05, "ALIVE_SECONDS": 60.0, "EAGER_GATHER_SECONDS": 0.01}.items():
        monkeypatch.setattr(hubs, name, seconds)


def two_hosts() -> tuple[CellSource, CellSource]:
    here = [Cell(account="alice", new=5, retry=1), Cell(account="bob", new=1, isp="yahoo")]
    there = [Cell(account="alice", new=10, isp="yahoo", retry=30), Cell(account="carol", new=2)]
    return CellSource("mx1", here, first_id=1), CellSource("mx2", there, first_id=50)


def is_of(serial: int) -> Callable[[View], bool]:
    return lambda view: view.serial == serial and view.queue_known


def waiting(view: View) -> dict[tuple[str, str], int]:
    return {(row.source, row.account): row.total for row in view.rows}


async def test_rows_stand_together_or_apart_as_asked() -> None:
    async with screen(*two_hosts()) as shown:
        shown.ask(together=True)
        view = await shown.until(lambda view: view.sums.total == 49)
        assert waiting(view) == {("", "alice"): 46, ("", "carol"): 2, ("", "bob"): 1}
        assert (view.queue_sources, view.several_senders, view.files) == (["mx1", "mx2"], False, 2)
        assert (view.host_count, view.hosts_counted, view.queue_freshness) == (2, 2, Freshness.LIVE)
        apart = await shown.until(is_of(shown.ask()))
        assert len(waiting(apart)) == 4 and apart.sums == view.sums
        assert {row.account_id for row in apart.rows if row.account == "alice"} == {ALICE}


async def test_into_an_added_up_row_its_mail_everywhere_is_shown_and_nothing_of_those_without_it() -> None:
    async with screen(*two_hosts()) as shown:
        isps = QueueQuery(Grouping.ISP, account_id=ALICE, account="alice")
        shown.ask(query=isps, together=True)
        view = await shown.until(lambda view: view.sums.total == 46)
        assert {row.isp: row.total for row in view.rows} == {"gmail": 6, "yahoo": 40}
        serial = shown.ask(query=QueueQuery(Grouping.ISP, account_id=BOB, account="bob"), together=True)
        view = await shown.until(lambda view: view.serial == serial and view.hosts_counted == 2)
        assert {row.isp: row.total for row in view.rows} == {"yahoo": 1}


async def test_a_dead_host_is_left_out_of_sums_and_counts_again_when_it_is_back() -> None:
    here, there = two_hosts()
    async with screen(here, there) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.sums.total == 49)
        there.trouble = Unreachable("mx2 refuses connections.")
        view = await shown.until(lambda view: view.hosts_counted == 1)
        assert waiting(view) == {("", "alice"): 6, ("", "bob"): 1} and view.sums.total == 7
        assert (view.host_count, view.queue_freshness) == (2, Freshness.PARTIAL)
        view = await shown.until(is_of(shown.ask()))
        assert waiting(view)["mx2", "alice"] == 40, "apart its rows keep their last numbers"
        assert view.sums.total == view.whole.total == 7
        view = await shown.until(is_of(shown.ask(filter="alice")))
        assert (view.row_count, view.sums.total) == (2, 6)
        there.trouble = None
        await shown.until(lambda view: view.sums.total == 46 and view.queue_freshness is Freshness.LIVE)


async def test_while_all_hosts_are_doubtful_their_last_numbers_stand() -> None:
    here, there = two_hosts()
    async with screen(here, there) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.sums.total == 49)
        here.trouble = there.trouble = Unreachable("The network is down.")
        await shown.until(lambda view: all(each.freshness is Freshness.STALE for each in view.sources))
        stale = await shown.until(lambda view: view.queue_freshness is Freshness.STALE and view.hosts_counted == 2)
        assert stale.sums.total == 49


async def test_a_host_that_merely_grows_old_is_left_out_too_and_stays_so_while_paused() -> None:
    here, there = two_hosts()
    async with screen(here, there) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.sums.total == 49)
        there.freshness, there.quiet = Freshness.STALE, True
        await shown.until(lambda view: view.sums.total == 7)
        serial = shown.ask(together=True, paused=True)
        view = await shown.until(lambda view: view.serial == serial and view.sources[0].freshness is Freshness.PAUSED)
        assert view.sums.total == 7 and view.hosts_counted == 1


async def test_each_host_is_a_row_with_facts_beside_it() -> None:
    here, there = two_hosts()
    here.accounts = [MailTotals(account="alice", success_count=6, defer_count=3, fail_count=1)]
    there.accounts = None
    async with screen(here, there) as shown:
        shown.ask(query=HOSTS, together=True, sort="source", descending=False)
        view = await shown.until(lambda view: len(view.hosts) == 2 and view.hosts[1].worst_isp)
        assert [(row.source, row.total) for row in view.rows] == [("mx1", 7), ("mx2", 42)]
        view = await shown.until(lambda view: view.hosts[0].defer_share is not None and view.hosts[0].worst_isp)
        first, second = view.hosts
        assert (first.defer_share, first.worst_isp, first.worst_waiting) == (0.3, "gmail", 1)
        assert (second.defer_share, second.worst_isp, second.worst_waiting) == (None, "yahoo", 30)
        assert first.freshness is Freshness.LIVE and first.counted
        for sort, top in (("isp", "mx2"), ("deferral", "mx1")):
            view = await shown.until(is_of(shown.ask(query=HOSTS, sort=sort)))
            assert (view.sort, view.rows[0].source) == (sort, top)
        there.trouble = SourceError("It refuses the token.")
        serial = shown.ask(query=HOSTS, sort="freshness")
        view = await shown.until(lambda view: view.serial == serial and view.rows[0].source == "mx2")
        view = await shown.until(lambda view: view.hosts and not view.hosts[0].counted)
        assert (view.rows[0].total, view.hosts[0].error, view.sums.total) == (42, "It refuses the token.", 7)
        assert view.hosts[0].freshness is Freshness.ERROR and view.queue_freshness is Freshness.PARTIAL
    assert QueueQuery(Grouping.ISP) in here.queries


async def test_a_host_that_died_before_is_a_row_with_its_last_numbers() -> None:
    here, there = two_hosts()
    async with screen(here, there) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.sums.total == 49)
        there.trouble = Unreachable("mx2 is away.")
        await shown.until(lambda view: view.sums.total == 7)
        shown.ask(query=HOSTS)
        view = await shown.until(lambda view: view.row_count == 2 and len(view.hosts) == 2)
        assert {row.source: row.total for row in view.rows} == {"mx1": 7, "mx2": 42}
        assert view.sums.total == 7 and (view.host_count, view.hosts_counted) == (2, 1)


async def test_a_host_that_never_told_anything_is_a_row_that_no_sum_holds() -> None:
    here, there = two_hosts()
    there.trouble = Unreachable("mx2 is away.")
    async with screen(here, there) as shown:
        shown.ask(query=HOSTS)
        view = await shown.until(lambda view: view.row_count == 2 and len(view.hosts) == 2)
        facts = dict(zip([row.source for row in view.rows], view.hosts, strict=True))
        assert facts["mx1"].known and facts["mx1"].counted
        assert not facts["mx2"].known and facts["mx2"].error == "mx2 is away."
        assert view.sums.total == 7 and (view.host_count, view.hosts_counted) == (2, 1)
        assert view.queue_freshness is Freshness.PARTIAL
        there.trouble = None
        view = await shown.until(lambda view: view.sums.total == 49)
        assert view.row_count == 2 and all(host.known for host in view.hosts)


async def test_without_any_answer_no_host_is_a_row() -> None:
    here, there = two_hosts()
    here.trouble = there.trouble = Unreachable("It is away.")
    async with screen(here, there) as shown:
        shown.ask(query=HOSTS)
        view = await shown.until(lambda view: all(source.error for source in view.sources))
        assert not view.queue_known and view.row_count == 0


async def test_isps_are_asked_for_only_while_hosts_are_shown() -> None:
    here, there = two_hosts()
    async with screen(here, there) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        assert {query.grouping for query in here.queries} == {Grouping.ACCOUNT}
        shown.ask(query=HOSTS)
        await shown.until(lambda view: view.hosts and view.hosts[0].worst_isp)
        await shown.until(is_of(shown.ask()))
        count = here.queries.count(QueueQuery(Grouping.ISP))
        asked = len(here.queries)
        await until(lambda: len(here.queries) > asked + 3)
        assert here.queries.count(QueueQuery(Grouping.ISP)) == count


async def test_a_source_of_several_hosts_tells_of_each() -> None:
    source = CellSource("fleet", [Cell(account="alice", new=5), Cell(account="alice", sender_id=2, new=7)])
    live = HostStatus(name="mx1", sender_id=1, freshness=Freshness.LIVE, success_count=1, defer_count=1, fail_count=0)
    old = HostStatus(name="mx2", sender_id=2, freshness=Freshness.STALE, age_seconds=99, counted=False)
    source.told_hosts = [live, old]
    async with screen(source) as shown:
        shown.ask(query=HOSTS, sort="sender", descending=False)
        view = await shown.until(lambda view: len(view.hosts) == 2)
        assert [(row.sender_id, row.total) for row in view.rows] == [(1, 5), (2, 7)]
        assert [(host.freshness, host.counted) for host in view.hosts] == [("live", True), ("stale", False)]
        assert (view.hosts[0].defer_share, view.hosts[1].age_seconds) == (0.5, 99)
        assert (view.sums.total, view.host_count, view.hosts_counted) == (5, 2, 1)
        assert view.queue_freshness is Freshness.PARTIAL
        assert QueueQuery(Grouping.ISP) not in source.queries
        view = await shown.until(is_of(shown.ask(query=ACCOUNTS)))
        assert (view.host_count, view.hosts_counted) == (2, 1)


async def test_senders_of_one_source_are_hosts_and_stand_together() -> None:
    source = CellSource("fleet", [Cell(account="alice", new=5), Cell(account="alice", sender_id=2, new=7)])
    source.type = "sender_queue"
    async with screen(source) as shown:
        shown.ask(together=True)
        view = await shown.until(lambda view: view.queue_known)
        assert [(row.sender_id, row.total, row.account_id) for row in view.rows] == [(0, 12, 1)]
        assert (view.host_count, view.hosts_counted) == (2, 2)
        view = await shown.until(is_of(shown.ask(query=QueueQuery(Grouping.ISP, account_id=1), together=True)))
        assert view.host_count == 2 and view.sums.total == 12


async def test_campaigns_that_have_only_an_id_keep_it_where_the_senders_of_a_source_are_added_up() -> None:
    cells = [Cell(account="alice", new=5), Cell(account="alice", sender_id=2, new=7)]
    source = CellSource("queue", cells, first_id=306)
    source.type = "sender_queue"
    async with screen(source) as shown:
        shown.ask(query=QueueQuery(Grouping.ACCOUNT_CAMPAIGN), together=True)
        view = await shown.until(lambda view: view.queue_known)
        assert [(row.source, row.campaign, row.total) for row in view.rows] == [("", "campaign 307", 12)]


@pytest.mark.parametrize("type", ["local", "sender_queue"])
async def test_of_one_host_there_is_nothing_to_add_up(type: str) -> None:
    source = CellSource("mx1", [Cell(account="alice", new=5), Cell(account="", campaign="", new=7)], first_id=306)
    source.type = type
    async with screen(source) as shown:
        shown.ask(query=QueueQuery(Grouping.ACCOUNT_CAMPAIGN), together=True)
        together = await shown.until(lambda view: view.queue_known)
        apart = await shown.until(is_of(shown.ask(query=QueueQuery(Grouping.ACCOUNT_CAMPAIGN))))
        assert together.rows == apart.rows
        assert {row.source for row in apart.rows} == {"mx1"}


async def test_what_was_seen_of_an_added_up_row_is_its_trend_where_no_host_keeps_one() -> None:
    here, there = two_hosts()
    here.has_history = there.has_history = False
    async with screen(here, there) as shown:
        row = RowKey(account_id=ALICE)
        shown.ask(together=True, selected=row, chart_width=100, chart_height=8, span_seconds=300)
        view = await shown.until(lambda view: view.chart and "new 15" in str(view.chart[0]))
        assert "alice" in view.chart_title


def many(count: int, **options: Any) -> list[CellSource]:
    cells = [Cell(account=f"user{number}", new=number) for number in range(3)]
    return [CellSource(f"mx{number}", cells, first_id=number + 1, **options) for number in range(count)]


async def test_of_200_sources_one_that_hangs_changes_nothing_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "GATHER_TIMES", 1)  # else a slow machine makes rows seldom
    sources = many(200, interval_seconds=2.0)
    hanging = sources[77]
    async with screen(*sources) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.hosts_counted == 200 and view.sums.total == 600)
        hanging.gate.clear()
        await until(lambda: hanging.calls[-1] == "queue")
        asked = [source.count("queue") for source in sources]
        view = await shown.until(lambda view: view.hosts_counted == 199)
        assert (view.sums.total, view.host_count, view.queue_freshness) == (597, 200, Freshness.PARTIAL)
        assert {row.account: row.total for row in view.rows} == {"user1": 199, "user2": 398, "user0": 0}
        await until(lambda: all(s.count("queue") > n for s, n in zip(sources, asked, strict=True) if s is not hanging))
        assert len(view.sources) == 200
        hanging.gate.set()
        await shown.until(lambda view: view.hosts_counted == 200)


async def test_rows_of_many_sources_are_made_ready_together_but_at_once_for_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[float] = []
    update = Board.update

    async def watched(self: Board, *arguments: Any) -> None:
        made.append(asyncio.get_running_loop().time())
        await update(self, *arguments)

    monkeypatch.setattr(Board, "update", watched)
    monkeypatch.setattr(hubs, "EAGER_SECONDS", 0.0)
    monkeypatch.setattr(hubs, "GATHER_MANY_SECONDS", 3600.0)
    sources = many(20)
    async with screen(*sources) as shown:
        shown.ask(together=True)
        await shown.until(lambda view: view.queue_known)
        count = len(made)
        asked = sum(source.count("queue") for source in sources)
        await until(lambda: sum(source.count("queue") for source in sources) > asked + 100)
        assert len(made) <= count + 1, "answers alone are waited for"
        view = await shown.until(is_of(shown.ask(query=QueueQuery(Grouping.ISP), together=True)))
        view = await shown.until(is_of(shown.ask(query=QueueQuery(Grouping.ISP), together=True, filter="gmail")))
        assert [row.isp for row in view.rows] == ["gmail"]


class Timed(CellSource):
    """Notes when it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name, [], interval_seconds=0.4)
        self.times: list[float] = []

    async def changed(self) -> bool:
        self.times.append(asyncio.get_running_loop().time())
        return await super().changed()


async def test_many_sources_are_asked_one_after_the_other() -> None:
    sources = [Timed(f"mx{number}") for number in range(20)]
    async with screen(*sources) as shown:
        shown.ask()
        await until(lambda: all(len(source.times) >= 3 for source in sources))
    third = [source.times[2] for source in sources]
    assert max(third) - min(third) > 0.2, "once each knows when it is due"
