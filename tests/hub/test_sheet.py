"""Sheets: sorted by every column, filtered, added up, and what a view says of rows that are sought and marked."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.hub.test_views import CAMPAIGNS, a_name, sheet_of, some_rows, table_of, view_of
from tui.hub.history import Recent
from tui.hub.protocol import Seek, View
from tui.hub.selection import MAX_ORDERS, MAX_SELECTIONS
from tui.hub.sheet import QUICK_ROWS, Sheet
from tui.model import NO_CAMPAIGN_NAME, STATES, Grouping, QueueQuery, QueueRow, RowKey

FILTERS = ["alice", "!bob", "retry>1", "total>=4 /o/", "isp:gmail", "share>10%", "delta<0", "campaign:(no"]


def row(campaign_id: int, total: int = 0, **values: Any) -> QueueRow:
    return QueueRow(campaign_id=campaign_id, new=total, **values)


def moved(*rows: tuple[int, int]) -> Sheet:
    """Rows 1, 2, … that went from one total to another within a minute."""
    recent = Recent()
    before = [row(number, old) for number, (old, _) in enumerate(rows, 1)]
    after = [row(number, new) for number, (_, new) in enumerate(rows, 1)]
    recent.part("a", CAMPAIGNS, table_of(before), 0)
    return Sheet(CAMPAIGNS, [recent.part("a", CAMPAIGNS, table_of(after), 60)])


def campaigns(view: View) -> list[int]:
    return [each.campaign_id for each in view.rows]


def test_what_drains_first_comes_last_what_grows_never_does_and_what_stands_still_is_unknown() -> None:
    sheet = moved((110, 100), (5, 5), (20, 10), (1, 9), (4, 2))
    assert campaigns(view_of(sheet, sort="drain")) == [4, 1, 3, 5, 2]
    assert campaigns(view_of(sheet, sort="drain", descending=False)) == [3, 5, 1, 4, 2]
    assert campaigns(view_of(sheet, sort="trend")) == campaigns(view_of(sheet, sort="delta")) == [4, 2, 5, 1, 3]
    assert sheet.filter_columns(["drain"])["drain"] == [10, None, 1, math.inf, 1]
    assert campaigns(view_of(sheet, filter="drain<5")) == [3, 5]


def test_senders_are_sorted_by_name_and_where_they_have_none_by_number() -> None:
    rows = [QueueRow(sender_id=number) for number in (10, 9, 7)]
    table = table_of(rows)
    table.sender += ["", "", "bulk"]
    sheet = Sheet(CAMPAIGNS, [Recent().part("q", CAMPAIGNS, table, 0)])
    assert [each.sender_id for each in view_of(sheet, sort="sender", descending=False).rows] == [9, 10, 7]
    assert [each.sender_id for each in view_of(sheet, filter="sender:9").rows] == [9]
    assert [each.sender_id for each in view_of(sheet, filter="bulk").rows] == [7]
    assert [each.sender_id for each in view_of(sheet, filter="10").rows] == [10], "its number stands for its name"
    both = sheet_of(("b", [row(1)]), ("a", [row(1)]))
    assert [each.source for each in view_of(both, sort="source", descending=False).rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("grouping", "text", "expected"),
    [
        (Grouping.ACCOUNT_CAMPAIGN, NO_CAMPAIGN_NAME, 1),
        (Grouping.ACCOUNT_CAMPAIGN, '"campaign 9"', 1),
        (Grouping.ACCOUNT_CAMPAIGN, '"account 7"', 2),
        (Grouping.ACCOUNT, '"account 7"', 2),
        (Grouping.ACCOUNT, NO_CAMPAIGN_NAME, 0),
        (Grouping.ISP, "(no isp)", 3),
        (Grouping.ISP, "(no account)", 0),
        (Grouping.TOTAL, "queue", 3),
        (Grouping.TOTAL, "account", 0),
    ],
)
def test_what_stands_for_a_name_is_found_where_it_is_shown(grouping: Grouping, text: str, expected: int) -> None:
    query = QueueQuery(grouping)
    rows = [row(0, account_id=7), row(9, account_id=7), row(8, campaign="x", account="y")]
    sheet = Sheet(query, [Recent().part("queue", query, table_of(rows, query), 0)], {"queue"})
    assert len(sheet.selection((text,))) == expected


@settings(deadline=None)
@given(some_rows, some_rows, st.sampled_from(FILTERS), st.booleans())
def test_a_filter_and_its_inverse_leave_all_rows_and_all_that_waits(
    here: list[QueueRow], there: list[QueueRow], text: str, problems: bool
) -> None:
    sheet = sheet_of(("a", here), ("b", there))
    assume(" " not in text)
    views = [view_of(sheet, filter=each, problems=problems, rows=100) for each in (text, f"!{text}")]
    whole = view_of(sheet, problems=problems, rows=100)
    assert sum(view.row_count for view in views) == whole.row_count
    keys = [each.key for view in views for each in view.rows]
    assert sorted(keys, key=str) == sorted((each.key for each in whole.rows), key=str)
    for state in STATES:
        assert sum(getattr(view.sums, state) for view in views) == getattr(whole.sums, state)
        assert getattr(whole.whole, state) == sum(getattr(each, state) for each in here + there)
    assert whole.all_count == len(here) + len(there)
    assert not views[0].filter_problem
    assert [each.key for each in views[0].rows] == [
        each.key for each in whole.rows if each.key in {left.key for left in views[0].rows}
    ], "they stand in the same order"


def test_a_filter_that_cannot_be_used_says_so_and_leaves_all_rows() -> None:
    view = view_of(sheet_of(("a", [row(1, 5), row(2, 7)])), filter="retry>")
    assert view.row_count == 2 and view.sums.total == 12
    assert view.filter_problem.startswith("retry> wants a number")


def test_rows_that_are_problems_are_counted_and_shown_alone() -> None:
    sheet = sheet_of(("a", [row(1, 50), row(2, 4, hold=1), row(3, 0, retry=19), row(4, 3, retry=2)]))
    view = view_of(sheet)
    assert campaigns(view) == [1, 3, 2, 4]
    assert view.row_problems == [False, True, True, False]
    assert view.problem_count == 2
    only = view_of(sheet, problems=True)
    assert campaigns(only) == [3, 2] and only.row_problems == [True, True]
    assert (only.row_count, only.all_count, only.sums.total, only.whole.total) == (2, 4, 24, 79)
    assert campaigns(view_of(sheet, problems=True, filter="hold>0")) == [2]


def test_the_change_of_the_rows_that_are_left_is_theirs() -> None:
    sheet = moved((10, 12), (10, 7), (3, 4))
    assert view_of(sheet).sum_delta == 0
    assert view_of(sheet, filter="total>5").sum_delta == -1
    assert view_of(sheet, filter="total>500").sum_delta is None
    assert view_of(sheet_of(("a", [row(1, 9)])), filter="total>5").sum_delta is None


def test_the_selected_row_stands_where_the_filter_leaves_it_or_nowhere() -> None:
    sheet = sheet_of(("a", [row(number, number) for number in range(1, 101)]))
    key = RowKey("a", campaign_id=50)
    assert view_of(sheet, selected=key).selected_index == 50
    assert view_of(sheet, selected=key, filter="total<=60").selected_index == 10
    assert view_of(sheet, selected=key, filter="total>60").selected_index is None
    anchored = view_of(sheet, anchor=key, anchor_offset=3, filter="total<=60", rows=5)
    assert anchored.first == 7 and campaigns(anchored) == [53, 52, 51, 50, 49]
    drained = sheet_of(("a", [row(1, 1)]))
    view = view_of(drained, selected=key, anchor=key, seek=Seek("match", 1, "total>0"))
    assert view.selected_index is None and view.selected == key and view.sought == RowKey("a", campaign_id=1)


@settings(deadline=None)
@given(some_rows, st.sampled_from(["account", "total", "delta"]), st.booleans(), st.sampled_from(FILTERS), st.data())
def test_seeking_goes_from_match_to_match_and_around(
    rows: list[QueueRow], sort: str, descending: bool, text: str, data: st.DataObject
) -> None:
    sheet = sheet_of(("a", rows))
    shown: dict[str, Any] = {"sort": sort, "descending": descending, "filter": data.draw(st.sampled_from(["", "!zo"]))}
    everything = [each.key for each in view_of(sheet, **shown).rows]
    wanted = [each.key for each in view_of(sheet, **(shown | {"filter": f"{shown['filter']} {text}"})).rows]
    selected: RowKey | None = data.draw(st.sampled_from(everything)) if everything else None
    for step in (1, -1):
        key, met = selected, []
        for _ in wanted:
            view = view_of(sheet, selected=key, seek=Seek("match", step, text), **shown)
            assert view.sought is not None and view.sought_index == everything.index(view.sought)
            key = view.sought
            met.append(key)
        assert sorted(met, key=str) == sorted(wanted, key=str), "each is met once"
        if selected is not None and met:
            beyond = [each for each in wanted if (everything.index(each) - everything.index(selected)) * step > 0]
            first = (beyond or wanted)[0 if step > 0 else -1]
            assert met[0] == first
    if not wanted:
        assert view_of(sheet, selected=selected, seek=Seek("match", 1, text), **shown).sought is None


def test_the_next_problem_is_found_and_a_filter_that_cannot_be_used_finds_nothing() -> None:
    sheet = sheet_of(("a", [row(1, 50), row(2, 4, hold=1), row(3, 0, retry=19), row(4, 3)]))
    first, last = RowKey("a", campaign_id=1), RowKey("a", campaign_id=4)
    assert view_of(sheet, selected=first, seek=Seek("problem", 1)).sought_index == 1
    assert view_of(sheet, selected=first, seek=Seek("problem", -1)).sought_index == 2
    assert view_of(sheet, selected=last, seek=Seek("problem", 1)).sought == RowKey("a", campaign_id=3)
    assert view_of(sheet, filter="retry=0", seek=Seek("problem", -1)).sought == RowKey("a", campaign_id=2)
    view = view_of(sheet, seek=Seek("match", 1, "/(/"))
    assert view.sought is None and "pattern" in view.filter_problem
    view = view_of(sheet, filter="retry>", seek=Seek("match", 1, "hold>0"))
    assert view.sought_index == 2 and view.filter_problem.startswith("retry>")
    assert view_of(sheet, seek=Seek("match", 1, " ")).sought is None


@settings(deadline=None)
@given(some_rows, st.data())
def test_marked_rows_are_added_up_as_far_as_they_are_there(rows: list[QueueRow], data: st.DataObject) -> None:
    sheet = sheet_of(("a", rows))
    marked = [each for each in rows if data.draw(st.booleans())]
    keys = [msgspec.structs.replace(each, source="a").key for each in marked]
    view = view_of(sheet, marked=[*keys, RowKey("gone")], filter=data.draw(a_name))
    assert view.marked_count == len(marked)
    for state in STATES:
        assert getattr(view.marked_sums, state) == sum(getattr(each, state) for each in marked)
    assert view.marked_delta is None


def test_marked_rows_change_together() -> None:
    sheet = moved((10, 12), (10, 7), (3, 4), (1, 1))
    keys = [RowKey("a", campaign_id=number) for number in (1, 2)]
    assert view_of(sheet, marked=keys).marked_delta == -1
    many = [RowKey("a", campaign_id=number) for number in range(9)]
    assert view_of(sheet, marked=many).marked_count == 4


def test_a_released_sheet_finds_nothing() -> None:
    sheet = sheet_of(("a", [row(1)]))
    sheet.release()
    assert sheet.finder.find(RowKey("a", campaign_id=1)) is None


def test_of_many_rows_few_questions_are_kept() -> None:
    sheet = sheet_of(("a", [row(number, 1) for number in range(QUICK_ROWS + 1)]))
    for number in range(2 * MAX_SELECTIONS):
        sheet.selection((f"total>{number}",))
    kept = [number for number in range(2 * MAX_SELECTIONS) if sheet.has_selection((f"total>{number}",), False)]
    assert kept == list(range(MAX_SELECTIONS, 2 * MAX_SELECTIONS))
    selection, sorts = sheet.selection(), [*STATES, "total", "account"]
    for sort in sorts:
        selection.order(sort, True)
    assert [sort for sort in sorts if selection.has_order(sort, True)] == sorts[-MAX_ORDERS:]
