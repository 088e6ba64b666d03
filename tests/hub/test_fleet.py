"""Fleets: what many hosts come to together."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.cells import Cell, CellSource
from tests.hub.test_views import view_of
from tui.hub.fleet import Together, added_up, by_host, causes_together, messages_together, rows_of
from tui.hub.history import Recent
from tui.hub.part import Changes, Part, totals_of
from tui.hub.protocol import Seek
from tui.hub.shared_names import Numbers, SharedNames
from tui.hub.sheet import Sheet
from tui.hub.sums import LeftOut
from tui.model import (
    API_GROUPINGS,
    Cause,
    Counts,
    Grouping,
    History,
    QueueQuery,
    RowKey,
    WaitingMessage,
)

some_points = st.lists(st.none() | st.builds(Counts, send=st.integers(0, 9), hold=st.integers(0, 9)), max_size=8)


def history(start: int, *waiting: int | None, step: int = 60) -> History:
    return History(start, step, [None if new is None else Counts(send=1, new=new) for new in waiting])


def waiting(history: History | None) -> list[int | None]:
    assert history is not None
    return [None if point is None else point.new for point in history.points]


def test_histories_add_up_and_a_gap_is_only_where_nobody_knows() -> None:
    total = added_up([history(60, 1, None, 3, None), history(60, 10, 20, None, None)])
    assert total is not None and (total.start, total.step_seconds) == (60, 60)
    assert waiting(total) == [11, 20, 3, None]


def test_one_history_stands_as_it_is_and_none_is_none() -> None:
    alone = history(7, 1, 2)
    assert added_up([alone]) is alone
    assert added_up([]) is None


def test_histories_asked_a_minute_apart_cover_what_both_know() -> None:
    total = added_up([history(60, 1, 2, 3), history(120, 10, 20, 30)])
    assert total is not None and total.start == 120
    assert waiting(total) == [12, 23]


def test_a_host_that_went_adds_to_what_it_knew_and_ends_nothing() -> None:
    total = added_up([history(0, 1, 1, 1, 1, 1, 1, 1, 1), history(0, 5, 5), history(600, 7)])
    assert total is not None and total.start == 600, "the newest ones say which time is meant"
    assert waiting(added_up([history(0, 1, 2, 3, 4, 5), history(0, 10, 20)])) == [11, 22, 3, 4, 5]


def test_finer_steps_are_brought_to_the_coarsest() -> None:
    fine = history(30, 1, 2, 3, 4, 5, step=30)
    total = added_up([history(0, 10, 20, 30), fine])
    assert total is not None and total.step_seconds == 60
    assert waiting(total) == [11, 23, 35]
    assert [point.send for point in total.points if point is not None] == [2, 3, 3]
    assert added_up([history(0, 1, step=60), history(0, 1, step=7)]) is None


@given(st.lists(some_points, min_size=2, max_size=4))
def test_nothing_that_anybody_knows_of_is_lost(parts: list[list[Counts | None]]) -> None:
    length = max(map(len, parts))
    padded = [part + [None] * (length - len(part)) for part in parts]
    total = added_up([History(0, 60, part) for part in padded])
    assert total is not None
    for event in ("send", "hold"):
        expected = sum(getattr(point, event) for part in parts for point in part if point is not None)
        assert sum(getattr(point, event) for point in total.points if point is not None) == expected


def cause(text: str, count: int, first: int, last: int) -> Cause:
    return Cause(text=text, count=count, first_seen=first, last_seen=last, last_reply=f"{text} at {last}")


def test_the_same_cause_on_several_hosts_is_one() -> None:
    merged = causes_together([[cause("full", 3, 10, 20), cause("slow", 2, 1, 2)], [cause("slow", 2, 5, 9)], []])
    assert merged == [
        Cause(text="slow", count=4, first_seen=1, last_seen=9, last_reply="slow at 9"),
        cause("full", 3, 10, 20),
    ]
    assert causes_together([]) is None and causes_together([[]]) == []


def test_the_oldest_messages_are_those_of_all_hosts() -> None:
    def message(id: str, arrived: int | None) -> WaitingMessage:
        return WaitingMessage(id=id, sender="", recipient="a@example.com", state="retry", arrived=arrived)

    found = messages_together([[message("b", 5), message("d", None)], [message("a", 1), message("c", 9)]], 3)
    assert found is not None and [each.id for each in found] == ["a", "b", "c"]
    assert messages_together([], 3) is None


def test_histories_of_different_times_have_nothing_in_common() -> None:
    assert waiting(added_up([history(0, 1), history(120, 1), history(60, 1)])) == []


waits = st.builds(
    Cell,
    account=st.sampled_from(["alice", "bob", "carol"]),
    campaign=st.sampled_from(["", "news"]),
    isp=st.sampled_from(["gmail", "yahoo"]),
    sender_id=st.integers(1, 2),
    new=st.integers(0, 30),
    retry=st.integers(0, 30),
)
some_cells = st.lists(waits, max_size=8)
fleets = st.lists(st.tuples(some_cells, some_cells), min_size=2, max_size=4)
"""What waits at each host, a minute ago and now."""

filters = st.sampled_from(["", "alice", "!bob", "retry>9", "total>=30 news", "isp:gmail"])


async def parts_of(fleet: list[tuple[list[Cell], list[Cell]]], query: QueueQuery) -> list[Part]:
    numbers, recent, parts = Numbers(), Recent(), []
    for place, (before, now) in enumerate(fleet):
        source = CellSource(str(place), before, first_id=1 + 7 * place)
        shared = SharedNames(source, numbers)
        for time, cells in ((0, before), (60, now)):
            source.cells = cells
            table = await shared.queue(query)
            assert table is not None
            part = recent.part(source.name, query, table, time, with_gone=True)
        parts.append(part)
    return parts


def sheets_of(fleet: list[tuple[list[Cell], list[Cell]]], query: QueueQuery, left_out: LeftOut = ()) -> list[Sheet]:
    """The rows apart, and added up."""
    parts = asyncio.run(parts_of(fleet, query))
    return [Sheet(query, parts, together=each, left_out=left_out) for each in (None, Together())]


@settings(deadline=None)
@given(fleets, st.sampled_from(list(API_GROUPINGS)), filters, st.booleans())
def test_together_rows_come_to_the_same_as_apart(
    fleet: list[tuple[list[Cell], list[Cell]]], grouping: Grouping, text: str, one_is_out: bool
) -> None:
    left_out = {("0", None)} if one_is_out else set()
    apart, together = sheets_of(fleet, QueueQuery(grouping), left_out)
    expected: dict[tuple[str, str, str], Counter[str]] = {}
    deltas: Counter[tuple[str, str, str]] = Counter()
    for index in range(len(apart)):
        row = apart.row(index)
        if (row.source, None) not in left_out:
            key = row.account, row.campaign, row.isp
            expected.setdefault(key, Counter()).update(new=row.new, retry=row.retry)
    for place, (before, now) in enumerate(fleet):
        for cells, sign in ((before, -1), (now, 1)):
            for cell in cells if (str(place), None) not in left_out else ():
                deltas[_key(cell, grouping)] += sign * (cell.new + cell.retry)
    rows = [together.row(index) for index in range(len(together))]
    assert {(row.account, row.campaign, row.isp): Counter(new=row.new, retry=row.retry) for row in rows} == expected
    for index, row in enumerate(rows):
        assert (row.source, row.sender_id, row.sender) == ("", 0, "")
        assert together.finder.find(row.key) == index
        delta = together.delta(index)
        assert delta is not None and round(delta, 6) == deltas[row.account, row.campaign, row.isp]
    assert together.sums == apart.sums and together.sources == apart.sources and not together.several_senders
    if not re.search("[>=]", text):  # what a row is called is the same apart and together
        assert together.selection((text,)).sums == apart.selection((text,)).sums


def _key(cell: Cell, grouping: Grouping) -> tuple[str, str, str]:
    by_account = grouping in (Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN)
    by_campaign, by_isp = grouping is Grouping.ACCOUNT_CAMPAIGN, grouping is Grouping.ISP
    return cell.account if by_account else "", cell.campaign if by_campaign else "", cell.isp if by_isp else ""


def test_the_change_of_a_row_is_unknown_while_any_hosts_is() -> None:
    numbers, recent, query = Numbers(), Recent(), QueueQuery(Grouping.ACCOUNT)
    parts = []
    for name, times in (("a", (0, 60)), ("b", (60,))):
        table = asyncio.run(SharedNames(CellSource(name, [Cell(account="alice", new=3)]), numbers).queue(query))
        assert table is not None
        part = [recent.part(name, query, table, time, with_gone=True) for time in times][-1]
        parts.append(part)
    assert Sheet(query, parts, together=Together()).delta(0) is None
    assert Sheet(query, parts, together=Together()).sums.delta is None
    without = Sheet(query, parts, together=Together(), left_out={("b", None)})
    assert without.delta(0) == without.sums.delta == 0
    assert without.row(0).new == 3


def test_added_up_rows_are_sorted_marked_sought_and_released() -> None:
    here = [Cell(account="alice", new=5), Cell(account="bob", new=1, retry=20)]
    there = [Cell(account="alice", new=5), Cell(account="carol", new=7)]
    _, sheet = sheets_of([(here, here), (there, there)], QueueQuery(Grouping.ACCOUNT))
    view = view_of(sheet)
    assert [(row.account, row.total) for row in view.rows] == [("bob", 21), ("alice", 10), ("carol", 7)]
    assert view.problem_count == 1 and view.row_problems == [True, False, False]
    keys = [row.key for row in view.rows]
    assert all(key.source == "" and key.account_id < 0 for key in keys)
    view = view_of(sheet, marked=keys[1:], selected=keys[1], seek=Seek("problem", 1))
    assert (view.marked_count, view.marked_sums.total, view.selected_index, view.sought) == (2, 17, 1, keys[0])
    sheet.release()
    assert sheet.finder.find(keys[0]) is None


def test_the_same_rows_again_are_added_up_as_the_first_time() -> None:
    together, query = Together(), QueueQuery(Grouping.ACCOUNT)
    rows = [Cell(account=name, new=number) for number, name in enumerate(["alice", "bob", "carol"], 1)]
    source = SharedNames(inner := CellSource("a", rows), Numbers())
    for cells in (rows, rows, rows[:2], rows[::-1]):
        inner.cells = cells
        table = asyncio.run(source.queue(query))
        assert table is not None
        part = Part("a", table, Changes(totals_of(table)))
        added = together.part([part, part], query).table
        assert dict(zip(added.account, added.new, strict=True)) == {cell.account: 2 * cell.new for cell in cells}


def test_hosts_are_what_their_senders_come_to() -> None:
    query = QueueQuery(Grouping.ACCOUNT)
    cells = [Cell(account="alice", sender_id=1, new=5), Cell(account="bob", sender_id=2, new=7, retry=1)]
    table = asyncio.run(CellSource("a", [*cells, cells[0]]).queue(query))
    assert table is not None
    hosts = by_host(table)
    assert hosts.query == QueueQuery(Grouping.HOST)
    assert [(row.sender_id, row.account, row.new, row.retry) for row in hosts.rows()] == [(1, "", 10, 0), (2, "", 7, 1)]
    table.sender = ["mx1", "mx2"]
    assert by_host(table).sender == ["mx1", "mx2"]


def test_what_one_host_has_of_added_up_rows() -> None:
    query = QueueQuery(Grouping.ACCOUNT)
    cells = [Cell(account="alice", sender_id=sender, new=sender) for sender in (1, 2)]
    table = asyncio.run(CellSource("a", cells).queue(query))
    assert table is not None
    found = rows_of(Part("a", table, Changes(totals_of(table))), [RowKey(account_id=1), RowKey(account_id=9)])
    assert [row.total for row in found.values()] == [3, 0]
