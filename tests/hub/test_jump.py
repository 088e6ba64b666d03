"""Jumps: names, beginnings, parts and numbers; what is near; the place stays as far as it can."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.hub.scripted import ScriptedSource, until
from tests.hub.test_hub import screen
from tui.hub import jump as rooms
from tui.hub.jump import Candidate, could_be, find, jump, there_is_none
from tui.hub.poller import Poller
from tui.hub.protocol import Jump, Jumped
from tui.model import STATES, Grouping, MailTotals, QueueQuery, QueueRow, QueueTable
from tui.sources.source import SourceError
from tui.sources.worker import Worker

EVERYWHERE = QueueQuery()
ALICE = QueueRow(sender_id=7, sender="bulk", account_id=1, account="alice")
CELLS = [
    replace(ALICE, campaign_id=11, campaign="news", isp="Gmail", new=9),
    replace(ALICE, campaign_id=12, campaign="offers", isp="GMX", new=5),
    QueueRow(sender_id=8, account_id=2, account="bob", campaign_id=21, campaign="news", isp="Gmail", new=2),
    QueueRow(sender_id=8, account_id=3, account="bobby", campaign_id=0, campaign="", isp="Yahoo", new=1),
]


class Cells(ScriptedSource):
    """Answers every query from a few queue cells, as a source does."""

    def __init__(self, name: str = "mx", cells: list[QueueRow] = CELLS) -> None:
        super().__init__(name)
        self.cells = cells

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        await super().queue(query)
        rows = [
            cell
            for cell in self.cells
            if all(
                getattr(query, name) in (None, getattr(cell, name))
                for name in ("sender_id", "account_id", "campaign_id", "isp")
            )
        ]
        kept = {
            Grouping.TOTAL: (),
            Grouping.HOST: (),
            Grouping.ACCOUNT: ("account_id", "account"),
            Grouping.ACCOUNT_CAMPAIGN: ("account_id", "account", "campaign_id", "campaign"),
            Grouping.ISP: ("isp",),
        }[query.grouping]
        names = ("sender_id", "sender", *kept)
        sums: dict[tuple[Any, ...], int] = {}
        for row in rows:
            key = tuple(getattr(row, name) for name in names)
            sums[key] = sums.get(key, 0) + row.total
        columns = {
            name: [dict(zip(names, key, strict=True)).get(name, 0 if name.endswith("_id") else "") for key in sums]
            for name in ("sender_id", "sender", "account_id", "account", "campaign_id", "campaign", "isp")
        }
        states = {state: [0] * len(sums) for state in STATES} | {"new": list(sums.values())}
        return msgspec.convert({"query": query, **columns, **states}, QueueTable)


async def jumped(
    dimension: Any,
    text: str,
    *sources: ScriptedSource,
    query: QueueQuery = EVERYWHERE,
    source: str | None = None,
    together: bool = False,
) -> Jumped:
    pollers = [Poller(each, lambda: None) for each in sources or (Cells(),)]
    for poller in pollers:
        poller.totals = await poller.source.totals()
    worker = Worker("test")
    try:
        asked = Jump(serial=5, dimension=dimension, text=text, query=query, source=source, together=together)
        answer = await jump(asked, pollers, worker)
    finally:
        worker.stop()
    assert answer.serial == 5 and (answer.query is None) is bool(answer.sentence)
    return answer


@pytest.mark.parametrize(
    "dimension, text, expected",
    [
        ("isp", "gmail", QueueQuery(Grouping.ACCOUNT, isp="Gmail")),
        ("isp", " Gma ", QueueQuery(Grouping.ACCOUNT, isp="Gmail")),
        ("isp", "hoo", QueueQuery(Grouping.ACCOUNT, isp="Yahoo")),
        ("account", "bob", QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=2, account="bob")),
        ("account", "3", QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=3, account="bobby")),
        ("campaign", "off", QueueQuery(Grouping.ISP, account_id=1, account="alice", campaign_id=12, campaign="offers")),
        ("campaign", "21", QueueQuery(Grouping.ISP, account_id=2, account="bob", campaign_id=21, campaign="news")),
        ("campaign", "(no c", QueueQuery(Grouping.ISP, account_id=3, account="bobby", campaign_id=0)),
        ("sender", "7", QueueQuery(Grouping.ACCOUNT, sender_id=7, sender="bulk")),
        ("sender", "BULK", QueueQuery(Grouping.ACCOUNT, sender_id=7, sender="bulk")),
        ("sender", "8", QueueQuery(Grouping.ACCOUNT, sender_id=8)),
    ],
)
async def test_a_jump_finds_the_row(dimension: str, text: str, expected: QueueQuery) -> None:
    assert (await jumped(dimension, text)).query == expected


async def test_what_is_meant_by_several_and_by_none_is_a_sentence() -> None:
    assert (await jumped("isp", "gm")).sentence == '"gm" could be Gmail or GMX.'
    assert (await jumped("isp", "gmial")).sentence == 'There is no isp "gmial"; near: Gmail, GMX.'
    assert (await jumped("isp", "zzz")).sentence == 'There is no isp "zzz".'
    assert (await jumped("campaign", "news")).sentence == '"news" could be news of alice or news of bob.'
    assert (await jumped("account", "  ")).sentence == "Say which account to go to, by its name or number."
    hostile = await jumped("isp", "\x1b[2J" + "x" * 10_000)
    assert "\x1b" not in hostile.sentence and len(hostile.sentence) < 100


async def test_a_jump_stays_within_the_place_as_far_as_there_is_something() -> None:
    alice = QueueQuery(Grouping.ISP, account_id=1, account="alice", campaign_id=11, campaign="news")
    assert (await jumped("isp", "gmail", query=alice)).query == replace(alice, isp="Gmail")
    within = await jumped("isp", "gmail", query=QueueQuery(Grouping.ISP, account_id=1, account="alice", isp="GMX"))
    assert within.query == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=1, account="alice", isp="Gmail")
    assert (await jumped("isp", "yahoo", query=alice)).query == QueueQuery(Grouping.ACCOUNT, isp="Yahoo")
    gmail = QueueQuery(Grouping.ACCOUNT, isp="Gmail")
    bob = await jumped("account", "bob", query=gmail)
    assert bob.query == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=2, account="bob", isp="Gmail")
    news = await jumped("campaign", "news", query=QueueQuery(account_id=2, account="bob"))
    assert news.query == QueueQuery(Grouping.ISP, account_id=2, account="bob", campaign_id=21, campaign="news")


async def test_an_account_without_a_queue_is_known_by_its_totals() -> None:
    mx = Cells()
    mx.accounts = [MailTotals(account="quiet", account_id=9), MailTotals(account="alice", account_id=1)]
    answer = await jumped("account", "qui", mx)
    assert answer.query == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=9, account="quiet")
    assert (answer.source, (await jumped("account", "alice", mx)).source) == ("mx", "mx")
    cpanel = ScriptedSource("cp")
    cpanel.has_queue, cpanel.accounts = False, [MailTotals(account="web7"), MailTotals(account="bob")]
    assert (await jumped("account", "web7", mx, cpanel)).sentence == 'Nothing of account "web7" waits in a queue.'
    assert (await jumped("account", "bob", mx, cpanel)).source == "mx", "its queue is elsewhere"


async def test_of_several_sources_that_is_shown_where_most_waits_and_an_isp_of_all() -> None:
    more = [QueueRow(sender_id=1, account_id=5, account="alice", isp="Gmail", new=100)]
    one, two = Cells("one"), Cells("two", more)
    answer = await jumped("account", "alice", one, two)
    assert (answer.source, answer.query and answer.query.account_id) == ("two", 5)
    assert (await jumped("account", "alice", one, two, source="one")).source == "one"
    assert (await jumped("isp", "gmail", one, two)).source is None


async def test_together_nobody_asks_whose_the_row_is() -> None:
    more = [QueueRow(sender_id=1, account_id=1, account="alice", isp="Gmail", new=100)]
    sources = Cells("one"), Cells("two", more)
    answer = await jumped("account", "alice", *sources, together=True)
    assert (answer.source, answer.query and answer.query.account_id) == (None, 1)
    assert (await jumped("account", "alice", *sources, source="one", together=True)).source == "one"
    assert (await jumped("campaign", "offers", *sources, together=True)).source is None
    assert (await jumped("sender", "bulk", *sources, together=True)).source == "one", "its number is that of a source"


async def test_a_host_is_a_source_or_one_of_its_senders() -> None:
    one = [QueueRow(sender_id=1, account_id=1, account="alice", isp="Gmail", new=100)]
    sources = Cells("mx1", one), Cells("mx2", [replace(one[0], sender="two.example")]), Cells("fleet")
    alice = QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=1, account="alice")
    for text, source, query in [
        ("mx1", "mx1", EVERYWHERE),
        ("two.ex", "mx2", EVERYWHERE),
        ("fle", "fleet", EVERYWHERE),
        ("bulk", "fleet", QueueQuery(sender_id=7, sender="bulk")),
        ("8", "fleet", QueueQuery(sender_id=8)),
    ]:
        answer = await jumped("host", text, *sources, source="mx2")
        assert (answer.source, answer.query) == (source, query.grouped(Grouping.ACCOUNT)), text
    answer = await jumped("host", "mx1", *sources, query=alice, together=True)
    assert (answer.source, answer.query) == ("mx1", alice), "the other filters stay"
    assert (await jumped("host", "mx", *sources)).sentence == '"mx" could be mx1 or mx2.'
    assert (await jumped("host", "mx9", *sources)).sentence == 'There is no host "mx9"; near: mx2, mx1.'


async def test_a_host_that_does_not_answer_can_be_looked_at() -> None:
    bad, cpanel = Cells("bad"), ScriptedSource("cp")
    bad.accounts, cpanel.type, cpanel.has_queue = None, "cpanel", False
    pollers = [Poller(each, lambda: None) for each in (Cells("good"), bad, cpanel)]
    bad.trouble = SourceError("It is locked.")
    worker = Worker("test")
    answer = await jump(Jump(serial=1, dimension="host", text="bad", query=QueueQuery()), pollers, worker)
    assert (answer.source, answer.query) == ("bad", QueueQuery(Grouping.ACCOUNT))
    answer = await jump(Jump(serial=2, dimension="host", text="cp", query=QueueQuery()), pollers, worker)
    assert answer.sentence.startswith('There is no host "cp"'), "it has no queue"
    worker.stop()


async def test_sources_that_fail_or_hang_hold_up_nobody_and_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ANSWER_SECONDS", 0.05)
    good, broken, hanging = Cells("good"), Cells("broken"), Cells("hanging")
    good.accounts = broken.accounts = hanging.accounts = None
    pollers = [Poller(each, lambda: None) for each in (good, broken, hanging)]
    broken.trouble = SourceError("It is locked.")
    hanging.gate.clear()
    worker = Worker("test")
    asked = Jump(serial=1, dimension="isp", text="yahoo", query=QueueQuery())
    assert (await jump(asked, pollers, worker)).query == QueueQuery(Grouping.ACCOUNT, isp="Yahoo")
    answer = await jump(Jump(serial=2, dimension="isp", text="qq", query=QueueQuery()), pollers, worker)
    assert answer.sentence == 'There is no isp "qq". broken: It is locked. hanging has not answered within 0 seconds.'
    worker.stop()


async def test_the_hub_answers_jumps_beside_views() -> None:
    source = Cells()
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        for serial in range(3):
            shown.hub.send(Jump(serial=serial, dimension="isp", text="gmail", query=QueueQuery()))
            shown.ask(first=serial)
        await until(lambda: len(shown.replies) == 3)
        assert sorted(reply.serial for reply in shown.replies) == [0, 1, 2]


names = st.text("abcAB ", min_size=1, max_size=5)


@given(names, st.lists(st.builds(Candidate, st.just("s"), names, waiting=st.integers(0, 9)), max_size=12))
def test_whatever_is_found_has_the_text_in_it_and_all_of_a_name_comes_first(text: str, seen: list[Candidate]) -> None:
    found = find(text, seen)
    for each in [found.one] if found.one else found.several:
        assert text.casefold() in each.name.casefold()
    exact = [each for each in seen if each.name.casefold() == text.casefold()]
    if exact:
        assert found.one is not None and found.one.name.casefold() == text.casefold()
    if not found.one and not found.several:
        assert all(text.casefold() not in each.name.casefold() for each in seen)
        assert there_is_none("isp", text, seen).startswith('There is no isp "')
    if found.several:
        assert could_be(text, found.several).endswith(".")


def test_many_that_are_meant_are_counted() -> None:
    several = [Candidate("s", name) for name in ("a1", "a2", "a3")]
    assert could_be("a", several) == '"a" could be a1, a2 or a3.'
    assert could_be("a", [*several, Candidate("s", "a4")]) == '"a" could be a1, a2 or 2 more.'
