"""The table of all accounts: every order, shares, sums, windows and filters; unknown is last and never zero."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.test_accounts import roll_of
from tui.hub.protocol import AccountKey, AccountsPage, AccountsRequest
from tui.hub.roll import Roll, Sample, Told, deferral_share, success_share
from tui.model import MailTotals
from tui.sorts import ACCOUNT_SORTS

counts = st.none() | st.integers(0, 50)
an_account = st.builds(
    MailTotals,
    account=st.text("abc", min_size=1, max_size=4),
    send_count=counts,
    success_count=counts,
    defer_count=counts,
    fail_count=counts,
    in_progress_count=counts,
    total_size=counts,
)
some_accounts = st.lists(an_account, min_size=1, max_size=20, unique_by=lambda totals: totals.account)


def page_of(roll: Roll, source: str | None = None, **asked: Any) -> AccountsPage:
    return roll.page(AccountsRequest(**asked), source)


def accounts(page: AccountsPage) -> list[str]:
    return [pane.totals.account for pane in page.rows]


@given(some_accounts, some_accounts, st.sampled_from(ACCOUNT_SORTS), st.booleans())
def test_every_order_has_every_account_once_sorted_and_the_unknown_last(
    here: list[MailTotals], there: list[MailTotals], sort: str, descending: bool
) -> None:
    roll = roll_of(("one", here), ("two", there))
    page = page_of(roll, sort=sort, descending=descending)
    assert {pane.key for pane in page.rows} == {AccountKey("one", each.account) for each in here} | {
        AccountKey("two", each.account) for each in there
    }
    column = [roll.column(sort)[roll.find(pane.key) or 0] for pane in page.rows]
    known = [value for value in column if value is not None]
    assert column == known + [None] * (len(column) - len(known))
    assert known == sorted(known, reverse=descending != (sort == "attention"))


def test_shares_are_of_recipients_and_of_attempts_and_unknown_where_a_part_is() -> None:
    totals = MailTotals(account="a", success_count=90, fail_count=10, defer_count=100)
    assert (success_share(totals), deferral_share(totals)) == (90, 50)
    nothing = MailTotals(account="a", success_count=0, fail_count=0, defer_count=0)
    assert (success_share(nothing), deferral_share(nothing)) == (None, None)
    partly = MailTotals(account="a", success_count=9, defer_count=1)
    assert (success_share(partly), deferral_share(partly)) == (None, None)


@given(some_accounts, st.integers(0, 30), st.integers(1, 8), st.integers(0, 7))
def test_an_anchored_account_stays_on_its_line_as_far_as_the_window_stays_within(
    totals: list[MailTotals], first: int, rows: int, offset: int
) -> None:
    roll = roll_of(("one", totals))
    everything = page_of(roll, sort="sent")
    window = page_of(roll, sort="sent", first=first, rows=rows)
    assert window.rows == everything.rows[window.first : window.first + rows]
    assert window.first == max(0, min(first, len(totals) - rows))
    key = everything.rows[-1].key
    page = page_of(roll, sort="sent", rows=rows, anchor=key, anchor_offset=offset, selected=key)
    assert page.selected_index == len(totals) - 1
    assert page.first == max(0, min(len(totals) - 1 - offset, len(totals) - rows))


def test_who_is_gone_is_nowhere() -> None:
    page = page_of(roll_of(("one", [MailTotals(account="a")])), selected=AccountKey("one", "b"), first=7)
    assert (page.selected_index, page.first, page.count) == (None, 0, 1)


@given(some_accounts)
def test_sums_are_unknown_where_a_part_is(totals: list[MailTotals]) -> None:
    sums = page_of(roll_of(("one", totals))).sums
    for field in ("send_count", "defer_count", "total_size"):
        values = [getattr(each, field) for each in totals]
        assert getattr(sums, field) == (None if None in values else sum(values))


def test_a_filter_leaves_those_that_match_and_their_sums() -> None:
    roll = roll_of(
        ("one", [MailTotals(account=name, send_count=10, defer_count=index) for index, name in enumerate("abc")]),
        ("two", [MailTotals(account="d", send_count=None)]),
    )
    page = page_of(roll, filter="deferred>0", selected=AccountKey("one", "a"))
    assert (accounts(page), page.count, page.all_count, page.sums.send_count) == (["b", "c"], 2, 4, 20)
    assert page.selected_index is None, "it is filtered away"
    assert accounts(page_of(roll, filter="account:d")) == ["d"]
    bad = page_of(roll, filter="/[/")
    assert bad.filter_problem and bad.count == 4


def test_a_source_has_its_own_accounts_and_where_it_has_none_those_of_the_others() -> None:
    roll = roll_of(("one", [MailTotals(account="a")]), ("two", [MailTotals(account="b")]))
    assert accounts(page_of(roll, "two")) == ["b"]
    assert accounts(page_of(roll, "queue only")) == ["a", "b"]


def test_rates_stand_beside_the_accounts_and_sort_them() -> None:
    before = {"a": MailTotals(account="a", send_count=10, defer_count=9), "b": MailTotals(account="b", send_count=0)}
    now = [
        MailTotals(account="a", send_count=40, defer_count=3),
        MailTotals(account="b", send_count=60),
        MailTotals(account="c", send_count=99),
    ]
    keys = {AccountKey("one", totals.account): row for row, totals in enumerate(now)}
    roll = Roll([Told("one", now, 60.0, [Sample(0.0, before)])], [0, 1, 2], keys)
    page = page_of(roll, sort="rate")
    assert [(pane.totals.account, pane.rate_per_minute) for pane in page.rows] == [("b", 60), ("a", 30), ("c", None)]
    assert page.rows[1].defer_rate_per_minute is None, "its counter fell"


@pytest.mark.parametrize("sort", ["attention", "nonsense"])
def test_what_nobody_can_sort_by_is_sorted_by_attention(sort: str) -> None:
    totals = [MailTotals(account="a", send_count=1), MailTotals(account="b", quotas=("emails 9/9",))]
    page = page_of(roll_of(("one", totals)), sort=sort)
    assert (page.sort, accounts(page)) == ("attention", ["b", "a"])


def test_a_page_says_what_it_was_made_for() -> None:
    roll = roll_of(("one", [MailTotals(account="a"), MailTotals(account="b")]))
    key = AccountKey("one", "b")
    page = page_of(roll, sort="account", descending=False, filter="b", selected=key)
    assert (page.sort, page.descending, page.filter) == ("account", False, "b")
    assert (page.selected, page.selected_index) == (key, 0)
