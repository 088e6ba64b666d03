"""Names shared by sources: equal names have equal numbers, and each source hears its own."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.cells import Cell, CellSource
from tui.hub import shared_names
from tui.hub.shared_names import Numbers, SharedNames
from tui.model import Grouping, MailTotals, QueueQuery, QueueTable
from tui.sources.source import SourceError
from tui.sources.worker import Worker

GROUPINGS = list(Grouping)
ACCOUNT, CAMPAIGN = QueueQuery(Grouping.ACCOUNT), QueueQuery(Grouping.ACCOUNT_CAMPAIGN)

some_cells = st.lists(
    st.builds(
        Cell,
        account=st.sampled_from(["alice", "bob", "<>", "(unknown)"]),
        campaign=st.sampled_from(["", "news", "offer"]),
        isp=st.sampled_from(["", "gmail", "yahoo"]),
        sender_id=st.integers(1, 2),
        new=st.integers(0, 9),
        retry=st.integers(0, 9),
    ),
    max_size=12,
)


def answered(table: QueueTable | None) -> QueueTable:
    assert table is not None
    return table


def names(table: QueueTable) -> dict[str, int]:
    return dict(zip(table.account, table.account_id, strict=True))


@settings(deadline=None)
@given(some_cells, st.integers(1, 5), st.sampled_from(GROUPINGS), st.data())
def test_rows_are_the_sources_own_but_for_their_numbers_and_filters_lead_to_them(
    cells: list[Cell], first_id: int, grouping: Grouping, data: st.DataObject
) -> None:
    source = CellSource("a", cells, first_id)
    shared = SharedNames(source, Numbers())

    async def compare() -> None:
        own, there = await source.queue(QueueQuery(grouping)), await shared.queue(QueueQuery(grouping))
        _assert_same_but_for_numbers(own, there)
        campaigns = answered(await shared.queue(CAMPAIGN))
        if len(campaigns):
            row = campaigns.row(data.draw(st.integers(0, len(campaigns) - 1)))
            assert row.account_id < 0 and row.campaign_id < 0
            into = QueueQuery(grouping, account_id=row.account_id, campaign_id=row.campaign_id)
            cell = next(each for each in cells if (each.account, each.campaign) == (row.account, row.campaign))
            place = QueueQuery(grouping, None, source.account_id(cell), source.campaign_id(cell))
            _assert_same_but_for_numbers(await source.queue(place), await shared.queue(into))
            assert source.queries[-1] == place
            fresh = SharedNames(source, Numbers())  # knows no name yet, as after a restart
            assert answered(await fresh.queue(into)) == answered(await shared.queue(into))

    asyncio.run(compare())


def _assert_same_but_for_numbers(own: QueueTable | None, there: QueueTable | None) -> None:
    assert own is not None and there is not None
    nothing: list[int] = [0] * len(own)
    replace = msgspec.structs.replace
    assert replace(there, query=own.query, account_id=nothing, campaign_id=nothing) == replace(
        own, account_id=nothing, campaign_id=nothing
    )
    for ours, theirs in ((there.account_id, own.account_id), (there.campaign_id, own.campaign_id)):
        assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))
        assert all((number < 0) == (id != 0) for number, id in zip(ours, theirs, strict=True))


@settings(deadline=None)
@given(some_cells, some_cells)
def test_the_same_names_have_the_same_numbers_in_all_sources(here: list[Cell], there: list[Cell]) -> None:
    numbers = Numbers()
    sources = [CellSource("a", here, 1), CellSource("b", there, 100)]
    shared = [SharedNames(source, numbers) for source in sources]

    async def compare() -> None:
        known: dict[tuple[str, str], set[tuple[int, int]]] = {}
        for each in shared:
            for row in answered(await each.queue(CAMPAIGN)).rows():
                known.setdefault((row.account, row.campaign), set()).add((row.account_id, row.campaign_id))
        assert all(len(ids) == 1 for ids in known.values())
        assert len({campaign for ids in known.values() for _, campaign in ids}) == len(known)
        for (account, _), ids in known.items():
            place = QueueQuery(Grouping.TOTAL, account_id=next(iter(ids))[0], account=account)
            tables = [answered(await each.queue(place)) for each in shared]
            waiting = sum(sum(table.new) + sum(table.retry) for table in tables)
            assert waiting == sum(cell.new + cell.retry for cell in here + there if cell.account == account)

    asyncio.run(compare())


async def test_of_a_name_that_a_source_has_not_nothing_waits_and_it_is_asked_for_once() -> None:
    source = CellSource("a", [Cell(account="alice", new=3)])
    numbers = Numbers()
    shared = SharedNames(source, numbers)
    bob = numbers.account("bob")
    for query in (QueueQuery(account_id=bob), QueueQuery(account_id=bob, campaign_id=numbers.campaign(bob, "x"))):
        table = answered(await shared.queue(query))
        assert len(table) == 0 and table.query == query
    assert await shared.history(QueueQuery(account_id=bob), 3600, 3600) is None
    assert await shared.causes(QueueQuery(account_id=bob)) is None
    assert await shared.messages(QueueQuery(account_id=bob), 5) is None
    assert source.queries == [ACCOUNT]
    alice = numbers.account("alice")
    unknown = QueueQuery(account_id=alice, campaign_id=numbers.campaign(alice, "x"))
    for _ in range(2):
        assert len(answered(await shared.queue(unknown))) == 0
    assert source.queries == [ACCOUNT, QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=1)]


async def test_a_name_that_comes_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    source, numbers = CellSource("a", []), Numbers()
    shared = SharedNames(source, numbers)
    place = QueueQuery(account_id=numbers.account("bob"))
    assert len(answered(await shared.queue(place))) == 0
    source.cells.append(Cell(account="bob", new=2))
    monkeypatch.setattr(shared_names, "AGAIN_SECONDS", 0.0)
    assert answered(await shared.queue(place)).new == [2]


async def test_many_questions_about_an_unknown_name_are_one() -> None:
    source, numbers = CellSource("a", [Cell(account="alice", new=3)]), Numbers()
    source.gate.clear()
    shared = SharedNames(source, numbers)
    places = [QueueQuery(account_id=numbers.account(name)) for name in ("alice", "bob", "carol")]
    answers = asyncio.gather(*(shared.queue(place) for place in places))
    await asyncio.sleep(0)
    source.gate.set()
    assert [sum(answered(table).new) for table in await answers] == [3, 0, 0]
    assert source.queries.count(ACCOUNT) == 1


async def test_a_source_that_fails_is_not_taken_for_one_without_the_name() -> None:
    source, numbers = CellSource("a", [Cell(account="alice", new=3)]), Numbers()
    shared = SharedNames(source, numbers)
    place = QueueQuery(account_id=numbers.account("alice"))
    source.trouble = SourceError("away")
    with pytest.raises(SourceError, match="away"):
        await shared.queue(place)
    source.trouble = None
    assert answered(await shared.queue(place)).new == [3]


async def test_a_source_without_a_queue_has_none_of_any_name() -> None:
    source, numbers = CellSource("a", []), Numbers()
    source.has_queue = False
    shared = SharedNames(source, numbers)
    assert await shared.queue(ACCOUNT) is None
    assert await shared.queue(QueueQuery(account_id=numbers.account("alice"))) is None


async def test_totals_have_the_numbers_of_the_rows_and_an_account_without_rows_is_known_by_them() -> None:
    source = CellSource("a", [Cell(account="alice", new=3)], first_id=7)
    source.accounts = [MailTotals(account="alice", send_count=5), MailTotals(account="quiet")]
    source._ids["quiet"] = 9
    numbers = Numbers()
    shared = SharedNames(source, numbers)
    rows, totals = answered(await shared.queue(ACCOUNT)), await shared.totals()
    assert totals is not None
    assert [each.account_id for each in totals] == [numbers.account("alice"), numbers.account("quiet")]
    assert rows.account_id == [numbers.account("alice")] and totals[0].send_count == 5
    assert await shared.totals() is not None and source.count("totals") == 2
    other = SharedNames(source, numbers)
    assert await other.causes(QueueQuery(account_id=numbers.account("quiet")))
    assert source.queries[-1] == QueueQuery(account_id=9)


async def test_what_has_no_name_is_its_sources_own() -> None:
    numbers = Numbers()
    cells = [Cell(account="alice", campaign="news", new=1)]
    here, there = CellSource("a", cells), CellSource("b", cells)
    here.named = there.named = False
    here.type = there.type = "sender_queue"
    shared = [SharedNames(source, numbers) for source in (here, there)]
    rows = [answered(await each.queue(CAMPAIGN)).row(0) for each in shared]
    assert rows[0].account_id != rows[1].account_id and rows[0].campaign_id != rows[1].campaign_id
    assert (rows[1].account, rows[1].campaign) == ("account 1 (b)", "campaign 2 (b)")
    place = QueueQuery(account_id=rows[0].account_id, campaign_id=rows[0].campaign_id)
    assert [sum(answered(await each.queue(place)).new) for each in shared] == [1, 0]


async def test_mail_without_a_campaign_is_the_same_everywhere_but_where_campaigns_have_no_names() -> None:
    numbers = Numbers()
    cells = [Cell(account="alice", new=1)]
    here, there, nameless = CellSource("a", cells), CellSource("b", cells, 5), CellSource("c", cells)
    nameless.type = "sender_queue"
    shared = [SharedNames(source, numbers) for source in (here, there, nameless)]
    first, second, third = [answered(await each.queue(CAMPAIGN)).campaign_id for each in shared]
    assert first == second != third


async def test_numbers_of_the_sources_own_are_left_alone() -> None:
    source = CellSource("a", [Cell(account="alice", new=1)], first_id=3)
    shared = SharedNames(source, Numbers())
    assert answered(await shared.queue(QueueQuery(account_id=3))).new == [1]
    assert source.queries[-1] == QueueQuery(account_id=3)


async def test_names_are_forgotten_and_their_numbers_come_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_names, "MAX_KEPT", 2)
    source = CellSource("a", [Cell(account=f"user{number}", new=1) for number in range(6)])
    shared, numbers = SharedNames(source, Numbers()), Numbers()
    for _ in range(9):
        source.cells.reverse()
        assert names(answered(await shared.queue(ACCOUNT))) == {
            cell.account: numbers.account(cell.account) for cell in source.cells
        }
        source.cells = [msgspec.structs.replace(cell, account=f"{cell.account}x") for cell in source.cells]
    book = shared._book
    assert len(book.accounts) <= 18 and len(book._account_numbers) <= 18


async def test_many_rows_are_translated_in_the_worker() -> None:
    source = CellSource("a", [Cell(account=f"user{n}", new=n) for n in range(shared_names.QUICK_ROWS + 1)])
    worker = Worker("test")
    try:
        table = answered(await SharedNames(source, Numbers(), worker).queue(ACCOUNT))
        assert len(set(table.account_id)) == shared_names.QUICK_ROWS + 1 and max(table.account_id) < 0
        assert worker._thread is not None
    finally:
        worker.stop()


async def test_all_else_is_the_sources_own() -> None:
    source = CellSource("a", [])
    shared = SharedNames(source, Numbers())
    assert (shared.name, shared.type, shared.interval_seconds) == ("a", "scripted", 0.02)
    assert (await shared.status()).name == "a" and (await shared.check()).reached == "a"
    assert await shared.changed() and await shared.hosts() is None
    assert await shared.messages(QueueQuery(), 3) is None
    await shared.close()
    assert source.closed
