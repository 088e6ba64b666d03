"""Campaigns that somebody else tells of messages in the listing: who is asked about, and what moves."""

from __future__ import annotations

import pytest

from tests.engine.book import Book, Engine
from tui.engine import events as ev
from tui.engine.queues.listing import Listing, Waiting
from tui.engine.reconcile import PASSING_SECONDS, Reconciler

NOW = 1_800_000_000
GMAIL, CORP = b"x@gmail.com", b"y@corp.example"


def waiting(id_: bytes, state: int = ev.RETRY, arrived: int = NOW, account: bytes | None = None) -> Waiting:
    return Waiting(id_, state, (GMAIL, CORP), account, b"acme.test", None, 10, arrived)


def listing(*messages: Waiting) -> Listing:
    return Listing(NOW, {message.id: message for message in messages})


def deferred(id_: bytes) -> list[ev.Event]:
    return [
        ev.Submitted(NOW - 60, id_, b"alice"),
        ev.Arrived(NOW - 60, id_, None, b"acme.test", 10, None, ev.PROC),
        ev.Deferred(NOW - 60, id_, GMAIL, GMAIL, b"451 later", True),
        ev.Deferred(NOW - 60, id_, CORP, CORP, b"451 later", True),
    ]


@pytest.fixture
def engine() -> Engine:
    return Book().engine()


@pytest.fixture
def reconciler(engine: Engine) -> Reconciler:
    return Reconciler(engine.state)


def test_mail_that_waits_without_a_campaign_is_asked_about(engine: Engine, reconciler: Reconciler) -> None:
    engine.apply([ev.CampaignSeen(NOW, b"1", b"spring"), *deferred(b"1"), *deferred(b"2")])
    reconciler.reconcile(
        listing(
            waiting(b"1"),
            waiting(b"2"),
            waiting(b"3", ev.HOLD),
            waiting(b"4", ev.PROC),
            waiting(b"5", ev.NEW, NOW - PASSING_SECONDS),
        ),
        set(),
    )
    assert list(reconciler.without_campaign()) == [b"2", b"3", b"5"]
    engine.apply([ev.Gone(NOW, b"2")])
    assert list(reconciler.without_campaign()) == [b"3", b"5"]


@pytest.mark.parametrize("logged", [True, False])
def test_what_was_counted_for_no_campaign_moves_to_the_one_that_is_learned(
    engine: Engine, reconciler: Reconciler, logged: bool
) -> None:
    engine.apply(deferred(b"1") if logged else [])
    reconciler.reconcile(listing(waiting(b"1")), set())
    account, counted = ("alice", 1) if logged else ("acme.test", 0)
    book = Book()
    book.add(engine.take())
    before = book.cells()
    assert before[account, "", "Gmail"] == [0, 0, counted, 0, 0, 0, 0, 1, 0]
    reconciler.campaign(b"1", b"spring", NOW)
    book.add(engine.take())
    assert book.cells() == {(account, "spring", isp): counts for (_, _, isp), counts in before.items()}
    assert list(reconciler.without_campaign()) == []


def test_what_is_learned_outlives_listings_restarts_and_the_arrivals_own_line() -> None:
    book = Book()
    engine = book.engine()
    reconciler = Reconciler(engine.state)
    reconciler.reconcile(listing(waiting(b"1")), set())
    reconciler.campaign(b"1", b"spring", NOW)
    book.add(engine.take())
    engine = book.engine()
    reconciler = Reconciler(engine.state)
    reconciler.reconcile(listing(waiting(b"1")), set())
    assert list(reconciler.without_campaign()) == []
    engine.apply(deferred(b"1")[1:])
    engine.apply([ev.Delivered(NOW, b"1", GMAIL, GMAIL), ev.Delivered(NOW, b"1", CORP, CORP), ev.Gone(NOW, b"1")])
    book.add(engine.take())
    assert book.cells() == {
        ("acme.test", "spring", ""): [1, 0, 0, 0, 10, 0, 0, 0, 0],
        ("acme.test", "spring", "Gmail"): [0, 1, 1, 0, 0, 0, 0, 0, 0],
        ("acme.test", "spring", "corp.example"): [0, 1, 1, 0, 0, 0, 0, 0, 0],
    }


def test_the_log_has_the_first_word_and_strangers_have_none(engine: Engine, reconciler: Reconciler) -> None:
    engine.apply([ev.CampaignSeen(NOW, b"1", b"spring"), *deferred(b"1"), *deferred(b"2")])
    reconciler.reconcile(listing(waiting(b"1")), set())
    reconciler.campaign(b"1", b"other", NOW)
    reconciler.campaign(b"2", b"other", NOW)
    reconciler.campaign(b"9", b"other", NOW)
    book = Book()
    book.add(engine.take())
    assert {campaign for _, campaign, _ in book.cells()} == {"spring", ""}
