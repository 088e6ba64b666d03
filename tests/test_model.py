"""The walk through the queue, and what always holds of the words."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model import Grouping, MailTotals, QueueQuery, QueueRow, QueueTable

COUNT = st.integers(0, 2**40)
ROW = st.builds(
    QueueRow,
    account_id=st.integers(1, 3),
    campaign_id=st.integers(1, 3),
    isp=st.sampled_from(["Gmail", "corp.test"]),
    new=COUNT,
    proc=COUNT,
    retry=COUNT,
    hold=COUNT,
)
STARTS = st.builds(QueueQuery, grouping=st.sampled_from(Grouping), sender_id=st.one_of(st.none(), st.integers(1, 3)))


def filters(query: QueueQuery) -> tuple[int | None, int | None, str | None]:
    return query.account_id, query.campaign_id, query.isp


def answered(query: QueueQuery, row: QueueRow) -> QueueRow:
    """`row` as a source would answer `query` with it: inside its filters, and each id with its name."""
    account_id = query.account_id or row.account_id
    campaign_id = query.campaign_id or row.campaign_id
    return msgspec.structs.replace(
        row,
        account_id=account_id,
        account=f"account {account_id}",
        campaign_id=campaign_id,
        campaign=f"campaign {campaign_id}",
        isp=query.isp or row.isp,
    )


def test_walk_goes_from_the_total_to_the_isps_of_a_campaign_and_back() -> None:
    row = QueueRow(account_id=4, account="bob", campaign_id=9, campaign="spring", isp="Gmail")
    total = QueueQuery(sender_id=1)
    account = total.into(row)
    assert account == total.grouped(Grouping.ACCOUNT)
    campaign = account.into(row)
    assert campaign == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, 1, account_id=4, account="bob")
    isp = campaign.into(row)
    assert isp == QueueQuery(Grouping.ISP, 1, 4, 9, account="bob", campaign="spring")
    assert isp.into(row) is None, "an ISP of a campaign is the end of the walk"
    assert isp.out() == campaign
    assert campaign.out() == account
    assert account.out() == total
    assert total.out() == total


def test_walk_from_an_isp_shows_who_sends_there() -> None:
    row = QueueRow(isp="Gmail", account_id=4, account="bob")
    gmail = QueueQuery(Grouping.ISP).into(row)
    assert gmail == QueueQuery(Grouping.ACCOUNT, isp="Gmail")
    assert gmail.out() == QueueQuery(Grouping.ISP)
    assert gmail.into(row) == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=4, account="bob", isp="Gmail")


def test_where_rows_of_several_senders_stand_one_goes_in_on_the_rows_sender() -> None:
    row = QueueRow(sender_id=119, sender="bulk", account_id=4, account="bob")
    total = QueueQuery()
    assert total.into(row, by_sender=True) == QueueQuery(Grouping.ACCOUNT, 119, sender="bulk")
    accounts = QueueQuery(Grouping.ACCOUNT)
    inner = accounts.into(row, by_sender=True)
    assert inner == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, 119, 4, account="bob", sender="bulk")
    assert accounts.into(row) == QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=4, account="bob")


@given(STARTS, st.lists(ROW, max_size=6))
def test_going_in_ends_and_only_ever_narrows(query: QueueQuery, rows: list[QueueRow]) -> None:
    steps = 0
    for row in rows:
        inner = query.into(answered(query, row))
        if inner is None:
            break
        steps += 1
        assert inner.sender_id == query.sender_id
        for before, after in zip(filters(query), filters(inner), strict=True):
            assert before is None or before == after
        query = inner
    assert steps <= 4


@given(STARTS, st.lists(ROW, max_size=6))
def test_going_out_drops_one_filter_at_a_time_until_the_total(query: QueueQuery, rows: list[QueueRow]) -> None:
    for row in rows:
        query = query.into(answered(query, row)) or query
    for _ in range(4):
        left = sum(each is not None for each in filters(query))
        outer = query.out()
        assert sum(each is not None for each in filters(outer)) == max(left - 1, 0)
        assert outer.sender_id == query.sender_id
        query = outer
    assert query == QueueQuery(sender_id=query.sender_id)


@given(st.sampled_from([Grouping.ACCOUNT, Grouping.ISP]), ROW)
def test_out_undoes_in_from_a_place_without_filters(grouping: Grouping, row: QueueRow) -> None:
    start = QueueQuery(grouping)
    inner = start.into(answered(start, row))
    assert inner is not None
    assert inner.out() == start


@given(st.lists(ROW, max_size=3))
def test_out_undoes_in_along_the_whole_walk(rows: list[QueueRow]) -> None:
    way = [QueueQuery()]
    for row in rows:
        inner = way[-1].into(answered(way[-1], row))
        assert inner is not None
        way.append(inner)
    for outer, inner in zip(reversed(way[:-1]), reversed(way[1:]), strict=True):
        assert inner.out() == outer


@given(ROW)
def test_total_is_the_sum_of_the_four_states_and_the_key_leaves_counts_out(row: QueueRow) -> None:
    assert row.total == row.new + row.proc + row.retry + row.hold
    assert row.key == msgspec.structs.replace(row, new=0, hold=1).key


@given(st.lists(ROW, max_size=5))
def test_table_gives_its_rows_back(rows: list[QueueRow]) -> None:
    columns = [key for key in QueueRow.__struct_fields__ if key != "source"]
    table = QueueTable(query=QueueQuery())
    for key in columns:
        getattr(table, key).extend(getattr(row, key) for row in rows)
    assert len(table) == len(rows)
    assert list(table.rows()) == rows
    assert all(row.source == "web" for row in table.rows("web"))


@pytest.mark.parametrize(("defer", "fail", "sum_"), [(2, 3, 5), (None, 3, None), (2, None, None), (0, 0, 0)])
def test_defer_fail_count_is_unknown_when_a_part_is(defer: int | None, fail: int | None, sum_: int | None) -> None:
    assert MailTotals(account="a", defer_count=defer, fail_count=fail).defer_fail_count == sum_
