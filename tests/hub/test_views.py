"""Views: windows of sorted rows, anchors, sums, and what a trend is of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.hub.finder import KEY_COLUMNS
from tui.hub.history import Recent
from tui.hub.protocol import View, ViewRequest
from tui.hub.sheet import QUICK_ROWS, Sheet
from tui.hub.views import Known, make_view, same_but_for_time, trend_query, trend_title
from tui.model import (
    STATES,
    Freshness,
    Grouping,
    QueueQuery,
    QueueRow,
    QueueTable,
    RowKey,
    SourceStatus,
)
from tui.sorts import SORTS

CAMPAIGNS = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)

OF_ROWS = [sort for sort in SORTS if sort not in ("delta", "drain", "trend")]


def table_of(rows: list[QueueRow], query: QueueQuery = CAMPAIGNS, files: int | None = None) -> QueueTable:
    columns = ("sender_id", "account_id", "account", "campaign_id", "campaign", "isp", *STATES)
    return QueueTable(query=query, files=files, **{name: [getattr(row, name) for row in rows] for name in columns})


def sheet_of(*answers: tuple[str, list[QueueRow]], files: int | None = None) -> Sheet:
    recent = Recent()
    return Sheet(
        CAMPAIGNS, [recent.part(source, CAMPAIGNS, table_of(rows, files=files), 0) for source, rows in answers]
    )


def view_of(sheet: Sheet, **request: Any) -> View:
    return make_view(ViewRequest(serial=1, query=CAMPAIGNS, **request), Known(time=0, sheet=sheet))


a_name = st.sampled_from(["", "alice", "bob", "Émile", "zoë"])
counts = st.integers(0, 3)
a_row = st.builds(
    QueueRow,
    sender_id=st.integers(1, 2),
    account_id=st.integers(0, 4),
    account=a_name,
    campaign_id=st.integers(0, 4),
    campaign=a_name,
    isp=st.sampled_from(["", "Gmail", "Yahoo"]),
    new=counts,
    proc=counts,
    retry=counts,
    hold=counts,
)
some_rows = st.lists(a_row, max_size=40, unique_by=lambda row: row.key)


COMPARED = {
    "account": ("account", "account_id"),
    "campaign": ("campaign", "campaign_id"),
    "sender": ("sender", "sender_id"),
    "share": ("total",),
}


def naively_sorted(rows: list[QueueRow], sort: str, descending: bool) -> list[QueueRow]:
    by_key = sorted(rows, key=lambda row: tuple(getattr(row, name) for name in KEY_COLUMNS))
    compared = COMPARED.get(sort, (sort,))
    return sorted(by_key, key=lambda row: tuple(getattr(row, name) for name in compared), reverse=descending)


@settings(deadline=None)
@given(some_rows, some_rows, st.sampled_from(OF_ROWS), st.booleans(), st.integers(-5, 50), st.integers(1, 30))
def test_the_window_is_that_of_the_rows_sorted_naively(
    here: list[QueueRow], there: list[QueueRow], sort: str, descending: bool, first: int, rows: int
) -> None:
    every = [msgspec.structs.replace(row, source="a") for row in here]
    every += [msgspec.structs.replace(row, source="b") for row in there]
    view = view_of(sheet_of(("a", here), ("b", there)), sort=sort, descending=descending, first=first, rows=rows)
    expected = naively_sorted(every, sort, descending)
    assert 0 <= view.first <= max(0, len(every) - rows)
    assert view.first == max(0, min(first, len(every) - rows))
    assert view.rows == expected[view.first : view.first + rows]
    assert view.row_count == len(every)
    for state in STATES:
        assert getattr(view.sums, state) == sum(getattr(row, state) for row in every)


@settings(deadline=None)
@given(some_rows.filter(bool), st.sampled_from(SORTS), st.booleans(), st.data())
def test_an_anchor_stays_where_it_was_on_the_screen(
    rows: list[QueueRow], sort: str, descending: bool, data: st.DataObject
) -> None:
    sheet = sheet_of(("a", rows))
    anchor = msgspec.structs.replace(data.draw(st.sampled_from(rows)), source="a").key
    height = data.draw(st.integers(1, 10))
    offset = data.draw(st.integers(0, height - 1))
    view = view_of(
        sheet, sort=sort, descending=descending, rows=height, anchor=anchor, anchor_offset=offset, selected=anchor
    )
    keys = [row.key for row in view.rows]
    assert anchor in keys
    at_an_end = view.first in (0, max(0, len(rows) - height))
    assert keys.index(anchor) == offset or at_an_end
    assert view.selected_index == view.first + keys.index(anchor)


def many_rows(count: int) -> list[QueueRow]:
    return [
        QueueRow(account_id=number % 97, account=f"user{number % 97}", campaign_id=number, new=number * 7919 % 1000)
        for number in range(count)
    ]


@pytest.mark.parametrize("sort", ["total", "account", "hold"])
@pytest.mark.parametrize("descending", [True, False])
def test_more_rows_than_are_sorted_in_one_call_are_sorted_the_same(sort: str, descending: bool) -> None:
    rows = many_rows(2 * QUICK_ROWS + 5)
    view = view_of(sheet_of(("", rows)), sort=sort, descending=descending, first=9000, rows=50)
    assert view.rows == naively_sorted(rows, sort, descending)[9000:9050]


def test_an_anchor_that_is_gone_leaves_the_window_where_the_request_says() -> None:
    view = view_of(sheet_of(("a", many_rows(100))), first=20, rows=10, anchor=RowKey("gone"), selected=RowKey("gone"))
    assert view.first == 20
    assert view.selected_index is None
    assert view.selected == RowKey("gone")


def test_a_sort_that_rows_do_not_have_is_by_total() -> None:
    view = view_of(sheet_of(("a", many_rows(10))), sort="no such column")
    assert view.sort == "total"
    totals = [row.total for row in view.rows]
    assert totals == sorted(totals, reverse=True)


def test_before_the_first_answer_nothing_is_known() -> None:
    view = make_view(ViewRequest(serial=3, query=CAMPAIGNS), Known(time=9))
    assert (view.serial, view.queue_known, view.totals_known, view.row_count, view.rows) == (3, False, False, 0, [])


def test_an_empty_queue_is_known_to_be_empty() -> None:
    view = view_of(sheet_of(("a", []), files=0))
    assert view.queue_known and view.rows == [] and view.files == 0 and view.sums.total == 0


def test_rows_whose_change_is_unknown_come_last_either_way() -> None:
    recent = Recent()
    old, new = QueueRow(campaign_id=1, new=5), QueueRow(campaign_id=1, new=9)
    recent.part("a", CAMPAIGNS, table_of([old]), 0)
    parts = [
        recent.part("a", CAMPAIGNS, table_of([new, QueueRow(campaign_id=2, new=1)]), 60),
        recent.part("b", CAMPAIGNS, table_of([old]), 60),
    ]
    sheet = Sheet(CAMPAIGNS, parts)
    assert view_of(sheet, sort="delta").deltas == [4, 1, None]
    assert view_of(sheet, sort="delta", descending=False).deltas == [1, 4, None]
    assert view_of(sheet).sum_delta is None


def test_rows_of_several_senders_say_so_and_campaigns_without_names_have_their_ids() -> None:
    rows = [QueueRow(sender_id=119, sender="bulk", campaign_id=14), QueueRow(sender_id=7, campaign_id=0)]
    table = table_of(rows)
    table.sender += ["bulk", ""]
    recent = Recent()
    sheet = Sheet(CAMPAIGNS, [recent.part("q", CAMPAIGNS, table, 0)], {"q"})
    view = view_of(sheet, sort="new")
    assert view.several_senders and view.queue_sources == ["q"]
    assert {(row.sender_id, row.sender, row.campaign) for row in view.rows} == {
        (119, "bulk", "campaign 14"),
        (7, "", ""),
    }
    apart = Sheet(CAMPAIGNS, [recent.part(str(row.sender_id), CAMPAIGNS, table_of([row]), 0) for row in rows])
    assert not apart.several_senders, "their sources tell them apart"


@pytest.mark.parametrize(
    "query, key, expected",
    [
        (QueueQuery(Grouping.TOTAL), RowKey("s", 1), QueueQuery(sender_id=1)),
        (QueueQuery(Grouping.ACCOUNT), RowKey("s", 0, 7), QueueQuery(account_id=7)),
        (QueueQuery(Grouping.ACCOUNT), RowKey("s", 0, 7, 8), QueueQuery(account_id=7, campaign_id=8)),
        (CAMPAIGNS, RowKey("s", 0, 7, 8), QueueQuery(account_id=7, campaign_id=8)),
        (QueueQuery(Grouping.ISP, isp="x"), RowKey("s", isp="Gmail"), QueueQuery(isp="Gmail")),
        (QueueQuery(Grouping.ISP, account_id=7, account="x"), None, QueueQuery(account_id=7)),
    ],
)  # fmt: skip
def test_a_trend_is_of_the_row_in_its_query(query: QueueQuery, key: RowKey | None, expected: QueueQuery) -> None:
    assert trend_query(query, key) == expected


def test_a_trend_says_what_it_is_of() -> None:
    assert trend_title(QueueQuery(), QueueRow(), 3600) == "Waiting: all mail - last 60 min"
    inside = QueueQuery(Grouping.ISP, account_id=7, account="alice", campaign_id=9)
    title = trend_title(inside, QueueRow(source="mx1", isp="Gmail"), 6 * 3600)
    assert title == "Waiting: mx1, alice, (no campaign), Gmail - last 6 h"


def test_ages_of_live_numbers_do_not_make_a_view_new_and_others_do_seldom() -> None:
    def view(age_seconds: float, freshness: Freshness) -> View:
        status = SourceStatus(name="a", type="local", freshness=freshness, age_seconds=age_seconds)
        return View(serial=1, time=age_seconds, sources=[status])

    assert same_but_for_time(view(1, Freshness.LIVE), view(2, Freshness.LIVE))
    assert same_but_for_time(view(12, Freshness.STALE), view(18, Freshness.STALE))
    assert not same_but_for_time(view(12, Freshness.STALE), view(21, Freshness.STALE))
    assert not same_but_for_time(view(1, Freshness.LIVE), view(1, Freshness.STALE))
