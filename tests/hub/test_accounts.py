"""Who needs attention first."""

from __future__ import annotations

from tui.hub.accounts import rank
from tui.model import MailTotals, QueueQuery


def test_accounts_that_sent_most_come_first_and_unknown_ones_last() -> None:
    here = [MailTotals(account="b", account_id=1, send_count=5), MailTotals(account="x", account_id=2)]
    there = [MailTotals(account="a", account_id=1, send_count=5), MailTotals(account="c", account_id=3, send_count=9)]
    ranking = rank([("one", here), ("two", there)], QueueQuery())
    assert [(source, totals.account) for source, totals in ranking.accounts] == [
        ("two", "c"),
        ("two", "a"),
        ("one", "b"),
        ("one", "x"),
    ]
    assert [
        totals.account for _, totals in rank([("one", here), ("two", there)], QueueQuery(account_id=1)).accounts
    ] == ["a", "b"]


def names(query: QueueQuery, only_source: str | None, *totals: tuple[str, list[MailTotals]]) -> list[tuple[str, str]]:
    return [(source, account.account) for source, account in rank(totals, query, only_source).accounts]


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
