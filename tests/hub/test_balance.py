"""Whether all mail is accounted for: of one host, of an account, of many hosts together; asked seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from tests.balances import OFF_SINCE, balance
from tests.hub.cells import Cell, CellSource
from tests.hub.scripted import ScriptedSource, until
from tests.hub.test_hub import ACCOUNTS, quick, screen
from tests.hub.test_hub_fleets import is_of
from tests.hub.test_poller import polled
from tui.hub import overdue
from tui.hub.balance import AGAIN_TIMES, MOST_SECONDS, SHOWN_TIMES, AskedBalances, Balances, together
from tui.hub.formats import balance_row
from tui.hub.poller import Wanted
from tui.hub.protocol import Balanced
from tui.model import Balance, Freshness, Grouping, QueueQuery, RowKey
from tui.sources.accounting import LAST_DAY
from tui.sources.source import SourceError

__all__ = ["quick"]

ALICE = balance("alice", 1, accepted=5)
LOST = balance("bob", 2, accepted=5, lost=2)
DOUBLE = balance("eve", 3, accepted=5, lost=-2)


def told(*balances: Balance, accounts: tuple[int, ...] = ()) -> Balances:
    balances_told = Balances()
    balances_told.keep(balances, accounts, 1, 0.0, 0.0)
    return balances_told


def test_what_is_too_much_in_one_account_does_not_make_up_for_what_lacks_in_another() -> None:
    part = told(balance(), ALICE, LOST, DOUBLE).part("mx", None, is_old=False)
    assert part.sums is not None and part.sums.difference == 0
    assert (part.off, part.since) == (4, OFF_SINCE)
    assert told(balance(lost=7), LOST).part("mx", None, is_old=False).off == 7, "more than accounts tell"
    assert told(balance(), ALICE).part("mx", None, is_old=False).off == 0


def test_an_account_that_was_not_asked_for_is_unknown_and_one_that_a_host_has_not_is_nothing() -> None:
    asked = told(balance(), ALICE, accounts=(1, 9))
    assert asked.part("mx", 1, is_old=False).sums == ALICE
    assert asked.part("mx", 7, is_old=False).sums is None
    nothing = asked.part("mx", 9, is_old=False).sums
    assert nothing is not None and (nothing.accepted, nothing.difference) == (0, 0)
    assert Balances().part("mx", 1, is_old=False).sums is None
    assert Balances().part("mx", None, is_old=False).sums is None


def test_together_unknown_is_not_balanced_and_old_is_not_now() -> None:
    good, unknown = told(balance()).part("mx1", None, is_old=False), Balances().part("mx2", None, is_old=False)
    assert together([unknown]) is None and together([]) is None
    assert together([good, unknown]) == Balanced(asked=2, told=1)
    old = told(balance(lost=3), LOST).part("mx3", None, is_old=True)
    most = told(balance(lost=9)).part("mx4", None, is_old=False)
    found = together([good, old, unknown, most], with_sums=True)
    assert found is not None
    assert (found.asked, found.told, found.off, found.since) == (4, 2, 12, OFF_SINCE)
    assert (found.off_count, found.off_hosts) == (2, ["mx4", "mx3"])
    assert found.sums is not None and (found.sums.accepted, found.sums.difference) == (27, 12)


@pytest.mark.parametrize("time", [-1, LAST_DAY + 1, 2**63 - 1, -(2**62)])
def test_a_time_that_no_calendar_has_is_unknown(time: int) -> None:
    off = msgspec.structs.replace(LOST, since=time)
    some = told(msgspec.structs.replace(balance(lost=2), since=time), off)
    assert some.part("mx", None, is_old=False).since is None and some.part("mx", 2, is_old=False).since is None
    assert balance_row("mx", off)["since"] is None


def test_it_is_asked_at_once_for_another_account_and_else_seldom_where_it_takes_long() -> None:
    balances = Balances()
    assert balances.is_due(None, 1, 0.0)
    assert balances.keep(None, None, 1, 0.0, 0.0) is False
    assert not balances.is_due(None, 1, 9.0) and balances.is_due(None, 2, 0.0), "it took no time"
    assert balances.keep([balance()], None, 2, 1.0, 1.01)
    again, shown = 1.0 + AGAIN_TIMES * 0.01, 1.0 + SHOWN_TIMES * 0.01
    assert not balances.is_due(None, 3, again - 0.01) and balances.is_due(None, 3, again + 0.01)
    assert not balances.is_due((), 3, shown - 0.01) and balances.is_due((), 3, shown + 0.01)
    assert not balances.is_due(None, 2, again + 9), "nothing has changed"
    balances.keep([balance()], None, 2, 1.0, 61.0)
    assert balances.is_due(None, 3, 1.0 + MOST_SECONDS), "it may have been a bad moment"
    assert balances.is_due((5,), 2, 1.0)
    assert balances.keep([balance()], (5,), 2, 1.0, 1.0) is False
    assert not balances.is_due(None, 2, 1.0) and not balances.is_due((5,), 2, 1.0)


def asking(**more: Any) -> dict[str, Any]:
    return {"query": ACCOUNTS, "detail": True, "span_seconds": 300} | more


async def test_a_view_tells_how_the_host_balances_and_when_it_no_longer_does() -> None:
    source = ScriptedSource()
    source.accounted = [balance(), ALICE]
    async with screen(source) as shown:
        shown.ask()
        view = await shown.until(lambda view: view.balance)
        assert view.balance == Balanced(asked=1, told=1)
        source.accounted = [balance(lost=2), ALICE, LOST]
        view = await shown.until(lambda view: view.balance and view.balance.off)
        assert view.balance == Balanced(asked=1, told=1, off=2, since=OFF_SINCE, off_count=1, off_hosts=["one"]), (
            "without numbers, which change with all mail"
        )
        source.freshness = Freshness.STALE
        view = await shown.until(lambda view: view.balance and not view.balance.told)
        assert view.balance is not None and view.balance.off == 2
    assert set(source.balances_asked) == {()}


async def test_a_host_that_tells_no_balance_has_none() -> None:
    source = ScriptedSource()
    async with screen(source) as shown:
        shown.ask(**asking(selected=RowKey("one", 1, 2)))
        view = await shown.until(lambda view: view.detail and view.detail.events)
        assert view.balance is None and view.detail is not None and view.detail.balance is None


async def test_the_detail_of_an_account_has_its_numbers_and_parts_of_it_have_none() -> None:
    source = ScriptedSource()
    source.accounted = [balance(accepted=50), ALICE, LOST]
    async with screen(source) as shown:
        shown.ask(**asking(selected=RowKey("one", 1, 2)))
        view = await shown.until(lambda view: view.detail and view.detail.balance)
        assert view.detail is not None and view.detail.balance is not None
        assert view.detail.balance.sums == LOST and view.detail.balance.off == 2
        assert source.balances_asked[-1] == (2,)
        shown.ask(**asking(query=QueueQuery(Grouping.TOTAL), selected=RowKey("one", 1)))
        view = await shown.until(lambda view: view.detail and view.detail.row.account_id == 0)
        assert view.detail is not None and view.detail.balance is not None and view.detail.balance.sums is not None
        assert view.detail.balance.sums.accepted == 50
        for part in (
            asking(query=QueueQuery(Grouping.ISP), selected=RowKey("one", 1, 0, 0, "isp1")),
            asking(query=QueueQuery(Grouping.ACCOUNT_CAMPAIGN), selected=RowKey("one", 1, 2, 2)),
            asking(query=QueueQuery(Grouping.ISP, account_id=2), selected=RowKey("one", 1, 0, 0, "isp1")),
        ):
            view = await shown.until(is_of(shown.ask(**part)))
            assert view.detail is not None and view.detail.balance is None


async def test_an_account_of_several_hosts_is_added_up_by_its_name() -> None:
    one, other = CellSource("one", [Cell(account="bob", new=1)]), CellSource("two", [Cell(account="bob", new=2)], 40)
    one.accounted, other.accounted = [balance(), balance("bob", 1, accepted=5)], [balance(), balance("bob", 40, lost=1)]
    async with screen(one, other) as shown:
        shown.ask(together=True)
        view = await shown.until(lambda view: view.hosts_counted == 2 and view.balance and view.balance.told == 2)
        assert view.balance is not None and view.balance.off_hosts == ["two"]
        shown.ask(**asking(together=True, selected=view.rows[0].key))
        view = await shown.until(lambda view: view.detail and view.detail.balance and view.detail.balance.told == 2)
        found = view.detail.balance if view.detail is not None else None
        assert found is not None and found.sums is not None
        assert (found.sums.accepted, found.sums.difference, found.off_hosts) == (14, 1, ["two"])


async def test_a_source_that_tells_totals_alone_is_not_asked_for_a_balance_to_be_told() -> None:
    source, totals = ScriptedSource(), ScriptedSource("cp")
    totals.type = "cpanel"
    totals.has_queue = False
    source.accounted = [balance()]
    async with screen(source, totals) as shown:
        shown.ask()
        view = await shown.until(lambda view: view.balance)
        assert view.balance == Balanced(asked=1, told=1)


async def test_while_nothing_changes_it_is_not_asked_again() -> None:
    source = ScriptedSource()
    source.accounted, source.quiet = [balance()], True
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.balance)
        polls = source.count("changed")
        await until(lambda: source.count("changed") > polls + 5)
        assert source.count("balances") == 1


class SlowSource(ScriptedSource):
    """Tells balances only while ``open`` is set; ``cancelled`` is how many questions nobody waits for any longer."""

    def __init__(self) -> None:
        super().__init__()
        self.accounted = [balance(), ALICE]
        self.open = asyncio.Event()
        self.failing: Exception | None = None
        self.cancelled = 0

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        told = await super().balances(accounts)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failing is not None:
            raise self.failing
        return told


async def test_a_balance_that_takes_long_neither_delays_nor_judges_the_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "LEAST_SLOW_SECONDS", 0.1)
    source = SlowSource()
    async with polled(source, Wanted(ACCOUNTS, balances=())) as poller:
        await until(lambda: source.count("balances") == 1 and source.count("queue") > 5)
        began, seen = asyncio.get_running_loop().time(), set()

        def has_passed() -> bool:
            seen.add(poller.status().freshness)
            return asyncio.get_running_loop().time() > began + 0.3

        await until(has_passed)
        assert seen == {Freshness.LIVE} and source.count("balances") == 1
        poller.want(Wanted(ACCOUNTS, balances=(1,)))
        polls = source.count("queue")
        await until(lambda: source.count("queue") > polls + 2)
        source.open.set()
        await until(lambda: poller.balance(1).sums == ALICE)
        assert source.balances_asked[:2] == [(), (1,)]


async def test_who_waits_for_a_balance_no_longer_gives_it_up() -> None:
    source = SlowSource()
    async with polled(source) as poller:
        await until(lambda: source.count("balances") == 1)
        poller.pause(True)
        await until(lambda: source.cancelled == 1)
        poller.pause(False)
        await until(lambda: source.count("balances") == 2)
    await until(lambda: source.cancelled == 2)


async def test_a_balance_that_fails_is_told_and_what_was_told_before_is_old() -> None:
    source = SlowSource()
    source.open.set()
    async with polled(source) as poller:
        await until(lambda: poller.balance().sums is not None)
        source.failing = SourceError("gone\x1b[31m")
        await until(lambda: poller.status().notes)
        assert poller.status().freshness is Freshness.LIVE and not poller.failing
        assert poller.status().notes[0].startswith("Whether its mail is accounted for could not be asked: gone")
        assert "\x1b" not in poller.status().notes[0]
        assert poller.balance().is_old and poller.balance().sums == balance()


async def test_a_balance_that_never_comes_is_given_up() -> None:
    source, changed = SlowSource(), asyncio.Event()
    asked = AskedBalances(source, changed.set, 0.01)
    asked.ask((), 1)
    await asyncio.wait_for(changed.wait(), 10)
    assert "No answer came" in str(asked.failure) and source.cancelled == 1
    assert not asked.is_due((5,), 2, asyncio.get_running_loop().time()), "it is left alone for a while"
