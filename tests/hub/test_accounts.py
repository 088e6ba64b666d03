"""Who needs attention first: what counts, that the order stays calm, and that nothing unknown counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.hub.scripted import ScriptedSource
from tui.hub import accounts as rooms
from tui.hub.account_sums import AddedUp, by_name
from tui.hub.accounts import Accounts, Answered, Attention, Memory, level, rank
from tui.hub.poller import Poller
from tui.hub.protocol import AccountKey, AccountPane, AccountsRequest, ViewRequest
from tui.hub.roll import Roll, Told, deferred, sent
from tui.model import Freshness, MailTotals, QueueQuery, SourceStatus
from tui.sources.worker import Worker

Answers = tuple[str, list[MailTotals]]


def keys_of(told: Sequence[Told]) -> list[AccountKey]:
    return [AccountKey(each.source, totals.account) for each in told for totals in each.totals]


def roll_of(*answers: Answers) -> Roll:
    told = [Told(source, totals, 0.0) for source, totals in answers]
    keys = keys_of(told)
    return Roll(told, Attention().places(told, keys), {key: row for row, key in enumerate(keys)})


def names(query: QueueQuery, only_source: str | None, *answers: Answers) -> list[tuple[str, str]]:
    return [(source, account.account) for source, account in rank(roll_of(*answers), query, only_source).accounts]


def ordered(memory: Memory, attention: Attention, time: float, *totals: MailTotals) -> list[str]:
    """The names of the accounts of one source, as it tells them at ``time``, in their order."""
    told = [memory.told(Answered("one", totals, time))]
    places = attention.places(told, keys_of(told))
    return [totals[row].account for row in sorted(range(len(totals)), key=places.__getitem__)]


def test_of_accounts_that_are_well_those_that_sent_most_come_first_and_unknown_ones_last() -> None:
    here = [MailTotals(account="b", account_id=1, send_count=5), MailTotals(account="x", account_id=2)]
    there = [MailTotals(account="a", account_id=1, send_count=5), MailTotals(account="c", account_id=3, send_count=9)]
    assert names(QueueQuery(), None, ("one", here), ("two", there)) == [
        ("two", "c"),
        ("two", "a"),
        ("one", "b"),
        ("one", "x"),
    ]
    assert names(QueueQuery(account_id=1), None, ("one", here), ("two", there)) == [("two", "a"), ("one", "b")]


def test_accounts_of_one_source_stand_beside_the_queue_of_another() -> None:
    cpanel = ("cp", [MailTotals(account="alice", send_count=2), MailTotals(account="bob", send_count=1)])
    ledger = ("mx", [MailTotals(account="alice", account_id=9), MailTotals(account="dora", account_id=4)])
    alice = QueueQuery(account_id=9, account="alice")
    assert names(QueueQuery(), "queue", cpanel) == [("cp", "alice"), ("cp", "bob")]
    assert names(QueueQuery(), "mx", cpanel, ledger) == [("mx", "alice"), ("mx", "dora")]
    assert names(alice, "queue", cpanel) == [("cp", "alice")]
    assert names(alice, None, cpanel) == [("cp", "alice")]
    assert names(alice, "mx", cpanel, ledger) == [("mx", "alice")]
    assert names(QueueQuery(account_id=77, account="bob"), "mx", cpanel, ledger) == [("cp", "bob")]
    assert names(QueueQuery(account_id=4), "queue", cpanel) == [], "an id says nothing to another source"
    assert names(QueueQuery(account_id=0), "queue", cpanel) == []
    assert names(QueueQuery(account_id=0), None, cpanel) == [], "no id is not everybody's id"


def test_a_quota_comes_before_trouble_and_that_before_what_waits_and_that_before_what_was_sent() -> None:
    memory, attention = Memory(), Attention()
    before = [MailTotals(account=name, defer_count=5, fail_count=0, send_count=0) for name in "abcd"]
    assert ordered(memory, attention, 0, *before) == ["a", "b", "c", "d"]
    now = [
        MailTotals(account="a", defer_count=5, fail_count=0, in_progress_count=3, send_count=10**9),
        MailTotals(account="b", defer_count=5, fail_count=0, in_progress_count=90_000, send_count=1),
        MailTotals(account="c", defer_count=7, fail_count=1, in_progress_count=0, send_count=1),
        MailTotals(account="d", defer_count=5, fail_count=0, quotas=("emails 150/150",), send_count=1),
    ]
    assert ordered(memory, attention, 60, *now) == ["d", "c", "b", "a"]


def test_what_a_source_counted_before_anyone_looked_is_no_trouble_of_now() -> None:
    memory, attention = Memory(), Attention()
    bad = MailTotals(account="old", defer_count=10**6, send_count=1)
    good = MailTotals(account="new", defer_count=0, send_count=5)
    assert ordered(memory, attention, 0, bad, good) == ["new", "old"]
    assert memory.told(Answered("one", [bad], 5)).rate(bad, deferred) is None, "too soon to tell"
    assert memory.told(Answered("one", [bad], 60)).rate(bad, deferred) == 0


def test_counters_that_fall_and_failing_or_incomplete_sources_have_no_rates() -> None:
    memory = Memory()
    then, now = MailTotals(account="a", send_count=100), MailTotals(account="a", send_count=160)
    memory.told(Answered("one", [then], 0))
    assert memory.told(Answered("one", [now], 60)).rate(now, sent) == 60
    assert memory.told(Answered("one", [now], 60, failing=True)).rate(now, sent) is None
    fallen = MailTotals(account="a", send_count=3)
    assert memory.told(Answered("one", [fallen], 61)).rate(fallen, sent) is None
    assert memory.told(Answered("one", [now], 62, complete=False)).rate(now, sent) is None
    assert memory.told(Answered("one", [now], 80)).rate(now, sent) is None, "what was incomplete says nothing later"


def test_an_account_that_is_new_has_a_rate_as_soon_as_it_was_seen_twice() -> None:
    memory = Memory()
    old = MailTotals(account="a", send_count=1)
    for time in (0, 25, 50):
        young = MailTotals(account="b", send_count=10 * time)
        told = memory.told(Answered("one", [old] if time == 0 else [old, young], time))
        assert told.rate(young, sent) == {0: None, 25: None, 50: 600}[time]


def test_a_number_that_wavers_at_an_edge_moves_nobody() -> None:
    memory, attention = Memory(), Attention()
    counts, orders = {"a": 0, "b": 0}, []
    for minute in range(12):
        steps = (9, 7) if minute % 2 else (7, 9)
        counts = {name: count + step for (name, count), step in zip(counts.items(), steps, strict=True)}
        totals = [MailTotals(account=name, defer_count=count, fail_count=0) for name, count in counts.items()]
        orders.append(ordered(memory, attention, 60 * minute, *totals))
    assert orders == [["a", "b"]] * 12


@given(st.lists(st.floats(0, 2**20), min_size=1))
def test_a_level_is_within_a_margin_of_its_number(numbers: list[float]) -> None:
    now = None
    for number in numbers:
        now = level(number, now)
        low, high = (0 if now == 0 else 2 ** (now - 1)), 2**now
        assert low * (1 - rooms.MARGIN) <= number < high * (1 + rooms.MARGIN)


class Seen:
    """Accounts over one source that a test plays."""

    def __init__(self) -> None:
        self.source = ScriptedSource()
        self.poller = Poller(self.source, lambda: None)
        self.poller._status = SourceStatus(name="one", type="scripted", freshness=Freshness.LIVE)
        self.accounts = Accounts([self.poller], Worker("test"))

    async def tell(self, *totals: MailTotals) -> list[str]:
        self.poller.totals = list(totals)
        self.poller.totals_confirmed = asyncio.get_running_loop().time()
        await self.accounts.update(ViewRequest(serial=1, panes=9, accounts=AccountsRequest()))
        assert self.accounts.ranking is not None
        return [account.account for _, account in self.accounts.ranking.accounts]


async def test_accounts_change_places_seldom_but_new_ones_are_there_at_once() -> None:
    seen = Seen()
    a, b = MailTotals(account="a", send_count=9), MailTotals(account="b", send_count=5)
    assert await seen.tell(a, b) == ["a", "b"]
    more = MailTotals(account="b", send_count=500)
    assert await seen.tell(a, more) == ["a", "b"], "not yet"
    page = seen.accounts.page(ViewRequest(serial=1, accounts=AccountsRequest(sort="sent")))
    assert page is not None and [pane.totals.send_count for pane in page.rows] == [500, 9], "but its numbers are"
    assert await seen.tell(a, more, MailTotals(account="c")) == ["b", "a", "c"]
    assert await seen.tell(more) == ["b"]
    seen.accounts._placed -= rooms.RANK_SECONDS
    assert await seen.tell(more) == ["b"]


async def test_many_accounts_do_not_hold_up_the_loop() -> None:
    seen = Seen()
    many = [MailTotals(account=f"user{number}", send_count=number, defer_count=0) for number in range(100_000)]
    loop = asyncio.get_running_loop()
    ticks = [loop.time()]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.001)
            ticks.append(loop.time())

    ticking = asyncio.create_task(tick())
    assert "user92682" in await seen.tell(*many)
    first = loop.time()
    assert "user92682" in await seen.tell(*many[1:])
    ticking.cancel()
    assert len(ticks) > 20
    assert max(after - before for before, after in pairwise(ticks)) < max(0.2, (loop.time() - first) / 2)
    page = seen.accounts.page(ViewRequest(serial=1, accounts=AccountsRequest()))
    assert page is not None and page.count == 99_999


class Fleet:
    """Accounts over several sources that a test plays, added up."""

    def __init__(self, *names: str) -> None:
        self.pollers = [Poller(ScriptedSource(name), lambda: None) for name in names]
        self.worker = Worker("test")
        self.accounts = Accounts(self.pollers, self.worker)

    async def look(self, source: str | None = None, *, together: bool = True) -> list[AccountPane]:
        request = ViewRequest(serial=1, panes=9, accounts=AccountsRequest(sort="sent"), source=source)
        request = replace(request, together=together)
        for poller in self.pollers:
            poller._status = SourceStatus(name=poller.source.name, type="scripted", freshness=Freshness.LIVE)
            poller.totals_confirmed = asyncio.get_running_loop().time()
        await self.accounts.update(request)
        page = self.accounts.page(request)
        assert page is not None
        return page.rows


async def test_together_accounts_of_one_name_are_one_and_of_one_source_its_own() -> None:
    fleet = Fleet("mx1", "mx2", "queue only")
    mx1, mx2, _ = fleet.pollers
    mx1.totals = [MailTotals(account="bob", account_id=-1, send_count=2, defer_count=1, quotas=("a",))]
    mx2.totals = [
        MailTotals(account="bob", account_id=-1, send_count=3, quotas=("a", "b")),
        MailTotals(account="eve", account_id=-2, send_count=4),
    ]
    bob, eve = await fleet.look()
    assert (bob.key, eve.key) == (AccountKey("", "bob"), AccountKey("", "eve"))
    assert (bob.totals.account_id, bob.totals.send_count, bob.totals.quotas) == (-1, 5, ("a", "b"))
    assert bob.totals.defer_count is None, "unknown at one of them"
    assert eve.totals == mx2.totals[1]
    ranking = fleet.accounts.ranking
    assert ranking is not None and [source for source, _ in ranking.accounts] == ["", ""]
    assert fleet.accounts.pane("", bob.totals).totals is bob.totals
    assert [pane.totals.send_count for pane in await fleet.look("mx1")] == [2]
    assert len(await fleet.look("queue only")) == 2, "it has none of its own"
    assert [pane.source for pane in await fleet.look(together=False)] == ["mx2", "mx2", "mx1"]


async def test_the_rate_of_an_account_is_that_of_the_sources_that_can_be_measured() -> None:
    memory = Memory()

    def rate(time: float, *counts: int | None, failing: bool = False) -> float | None:
        answers = [
            Answered(name, [MailTotals(account="bob", send_count=count)], time, failing=failing and name == "mx2")
            for name, count in zip(("mx1", "mx2"), counts, strict=False)
        ]
        together = AddedUp([memory.told(answer) for answer in answers])
        return together.rate(together.totals[0], sent)

    assert rate(0, 10) is None
    assert rate(60, 20) == 10
    assert rate(61, 20, 500) is None, "whoever has come cannot be measured yet"
    assert rate(120, 30, 520) == 10 + 20 * 60 / 59
    assert rate(121, 30, 520, failing=True) == 60 * 10 / 61
    assert rate(122, 30, None) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=9))
def test_names_added_up_hold_all_that_is_known(told: list[tuple[str, int | None]]) -> None:
    found = by_name(MailTotals(account=name, send_count=count) for name, count in told)
    assert {each.account for each in found} == {name for name, _ in told} and len(found) == len(set(dict(told)))
    for each in found:
        counts = [count for name, count in told if name == each.account]
        assert each.send_count == (None if None in counts else sum(count or 0 for count in counts))
