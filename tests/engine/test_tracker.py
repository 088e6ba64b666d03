"""The tracker: nothing counted twice or lost however the log is divided, and the queue is what the listing says."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from tests.engine.book import Book, Engine
from tests.engine.event_worlds import event_lists, listings
from tui.engine import events as ev
from tui.engine.counts import DEFER, FAIL, SEND, SUCCESS
from tui.engine.messages import shown
from tui.engine.queues.listing import Listing, Waiting

NOW = 1_800_000_000


def run(events: list[ev.Event]) -> Book:
    book = Book()
    engine = book.engine()
    engine.apply(events)
    book.add(engine.take())
    return book


REUSED = [
    ev.Arrived(NOW, b"3F2A1", b"alice", b"alice", 100, (b"x@gmail.com",), ev.PROC),
    ev.Submitted(NOW, b"3F2A1", b"bob"),
]
"""An id that comes again while its message waits."""


@given(event_lists(), st.lists(st.integers(0, 40)), st.lists(st.booleans()))
@example(REUSED, [1], [])
def test_any_division_and_any_restart_give_the_same_sums(
    events: list[ev.Event], cuts: list[int], restarts: list[bool]
) -> None:
    whole = run(events)
    book = Book()
    engine = book.engine()
    edges = [0, *sorted(cuts), len(events)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        engine.apply(events[begin:end])
        book.add(engine.take())
        if number < len(restarts) and restarts[number]:
            engine = book.engine()
    assert book.by_name() == whole.by_name()
    assert book.counters == whole.counters
    assert sum(book.causes.values()) == sum(whole.causes.values())


@given(event_lists())
def test_what_waits_is_what_the_messages_hold(events: list[ev.Event]) -> None:
    book = Book()
    engine = book.engine()
    engine.apply(events)
    book.add(engine.take())
    held = Counter(state for message in engine.units().values() for state in message.values())
    assert book.sums()[5:] == [held[state] for state in range(4)]
    assert all(amount >= 0 for amount in book.waiting().values())


@given(event_lists())
def test_every_outcome_is_counted_once_wherever_it_belongs(events: list[ev.Event]) -> None:
    sums = run(events).sums()
    assert sums[SUCCESS] == sum(type(event) is ev.Delivered for event in events)
    assert sums[DEFER] == sum(type(event) is ev.Deferred and event.attempt for event in events)
    if not any(type(event) is ev.Expired for event in events):
        assert sums[FAIL] == sum(type(event) is ev.Failed for event in events)


@given(event_lists(), st.lists(listings(taken=NOW + 10**7), min_size=1, max_size=3))
def test_after_a_listing_the_queue_is_the_listing(events: list[ev.Event], drawn: list[Listing]) -> None:
    book = Book()
    engine = book.engine()
    engine.apply(events)
    for listing in drawn:
        engine.reconcile(listing, set())
        assert engine.units() == {
            id_: dict.fromkeys(waiting.recipients, waiting.state)
            for id_, waiting in listing.messages.items()
            if waiting.recipients
        }
    book.add(engine.take())
    waiting = Counter(state for message in engine.units().values() for state in message.values())
    assert book.sums()[5:] == [waiting[state] for state in range(4)]
    assert all(amount >= 0 for amount in book.waiting().values())


@given(event_lists(), listings(taken=NOW + 10**7), st.data())
def test_a_listing_leaves_ids_that_were_logged_meanwhile_alone(
    events: list[ev.Event], listing: Listing, data: st.DataObject
) -> None:
    engine = Book().engine()
    engine.apply(events)
    engine.state.settle()
    before = engine.units()
    touched = set(data.draw(st.lists(st.sampled_from(sorted({*before, *listing.messages}) or [b"-"]))))
    engine.reconcile(listing, touched)
    after = engine.units()
    assert {id_: after.get(id_) for id_ in touched} == {id_: before.get(id_) for id_ in touched}


def arrived(id_: bytes, *recipients: bytes, time: int = NOW, account: bytes = b"alice@acme.test") -> ev.Arrived:
    return ev.Arrived(time, id_, account, b"acme.test", 1000, recipients, ev.NEW)


def test_a_message_from_arrival_to_completion() -> None:
    a, b = b"x@gmail.com", b"y@corp.example"
    events: list[ev.Event] = [
        ev.CampaignSeen(NOW, b"1", b"spring"),
        arrived(b"1", a, b),
        ev.Delivered(NOW + 1, b"1", a, a),
        ev.Deferred(NOW + 2, b"1", b, b, b"451 4.7.1 Try again later", True),
        ev.Deferred(NOW + 3, b"1", b, b, b"retry time not reached", False),
    ]
    book = run(events)
    assert book.cells() == {
        ("alice@acme.test", "spring", ""): [1, 0, 0, 0, 1000, 0, 0, 0, 0],
        ("alice@acme.test", "spring", "Gmail"): [0, 1, 0, 0, 0, 0, 0, 0, 0],
        ("alice@acme.test", "spring", "corp.example"): [0, 0, 1, 0, 0, 0, 0, 1, 0],
    }
    assert [text for _, text in book.causes] == ["451 4.7.1 Try again later"]
    book = run([*events, ev.Failed(NOW + 4, b"1", b, b, b"550 no"), ev.Gone(NOW + 4, b"1")])
    assert book.cells()["alice@acme.test", "spring", "corp.example"] == [0, 0, 1, 1, 0, 0, 0, 0, 0]
    assert book.messages == {}


def test_outcomes_before_the_arrival_move_to_the_account_once_it_is_known() -> None:
    a = b"x@gmail.com"
    early: list[ev.Event] = [ev.Delivered(NOW, b"1", a, a)]
    assert run(early).cells() == {("(unknown)", "", "Gmail"): [0, 1, 0, 0, 0, 0, 0, 0, 0]}
    later = run([*early, arrived(b"1", a, time=NOW + 90)]).cells()
    assert later == {
        ("alice@acme.test", "", ""): [1, 0, 0, 0, 1000, 0, 0, 0, 0],
        ("alice@acme.test", "", "Gmail"): [0, 1, 0, 0, 0, 0, 0, 0, 0],
    }


def test_a_deferral_of_a_message_from_before_the_log_gets_its_account_from_the_queue() -> None:
    a = b"x@gmail.com"
    book = Book()
    engine = book.engine()
    engine.apply([ev.Deferred(NOW, b"1", a, a, b"451 later", True)])
    listed = Waiting(b"1", ev.RETRY, (a,), b"carol@shop.test", b"shop.test", b"camp", 10, NOW)
    engine.reconcile(Listing(NOW + 60, {b"1": listed}), set())
    book.add(engine.take())
    assert book.cells() == {("carol@shop.test", "camp", "Gmail"): [0, 0, 1, 0, 0, 0, 0, 1, 0]}


def test_a_message_that_leaves_without_a_line_is_counted_and_taken_back_when_the_line_comes_late() -> None:
    a = b"x@gmail.com"
    book = Book()
    engine = book.engine()
    engine.apply([arrived(b"1", a)])
    engine.reconcile(Listing(NOW + 5, {}), set())
    book.add(engine.take())
    assert book.counters["vanished"] == 1
    assert book.sums()[5:] == [0, 0, 0, 0]
    engine.apply([ev.Delivered(NOW + 4, b"1", a, a), ev.Gone(NOW + 4, b"1")])
    book.add(engine.take())
    assert book.counters["vanished"] == 0
    assert book.cells()["alice@acme.test", "", "Gmail"] == [0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_recipient_that_only_a_listing_told_of_goes_with_its_message() -> None:
    a, b = b"x@gmail.com", b"X@gmail.com"
    book = Book()
    engine = book.engine()
    engine.reconcile(Listing(NOW, {b"1": Waiting(b"1", ev.NEW, (b,), None, b"acme.test", None, 10, NOW)}), set())
    engine.apply([arrived(b"1", a), ev.Delivered(NOW, b"1", a, a), ev.Gone(NOW, b"1")])
    book.add(engine.take())
    assert not engine.units()
    assert book.sums()[5:] == [0, 0, 0, 0]


def test_a_late_deferral_of_a_message_that_is_gone_leaves_nothing_behind() -> None:
    a, b, c = b"a@gmail.com", b"b@gmail.com", b"c@gmail.com"
    book = Book()
    engine = book.engine()
    came = ev.Arrived(NOW, b"1", b"alice", b"acme.test", 10, (a, b, c), ev.NEW)
    engine.apply([came, ev.Gone(NOW + 60, b"1"), ev.Deferred(NOW + 61, b"1", a, a, b"451 later", True)])
    engine.apply([ev.Delivered(NOW + 62, b"1", each, each) for each in (b, c)])
    book.add(engine.take())
    assert sum(book.sums()[5:]) == sum(map(len, engine.units().values()))


def test_a_message_of_the_queue_that_was_never_logged_is_counted_until_its_line_comes() -> None:
    a = b"x@gmail.com"
    book = Book()
    engine = book.engine()
    listed = Waiting(b"1", ev.NEW, (a,), None, b"acme.test", None, 10, NOW)
    engine.reconcile(Listing(NOW, {b"1": listed}), set())
    book.add(engine.take())
    assert book.counters["unlogged"] == 1
    assert book.cells() == {("acme.test", "", "Gmail"): [0, 0, 0, 0, 0, 1, 0, 0, 0]}
    engine.apply([arrived(b"1", a)])
    book.add(engine.take())
    assert book.counters["unlogged"] == 0
    assert book.cells()["alice@acme.test", "", "Gmail"] == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert book.sums()[SEND] == 1


def told(engine: Engine, id_: bytes = b"1") -> list[tuple[str | None, int | None, str, int | None]]:
    engine.state.settle()
    units = shown(id_, engine.state.messages[id_])
    return [(one.sender, one.arrived, one.recipient, one.attempts) for one in units]


def test_attempts_are_counted_by_recipient() -> None:
    a, b = b"x@gmail.com", b"y@corp.example"
    engine = Book().engine()
    engine.apply(
        [
            ev.Arrived(NOW, b"1", None, b"acme.test", 10, (a, b), ev.NEW, b"bob@acme.test"),
            ev.Deferred(NOW + 1, b"1", b, b, b"451", True),
            ev.Deferred(NOW + 60, b"1", b, b, b"retry time not reached", False),
            ev.Deferred(NOW + 90, b"1", b, b, b"451", True),
            ev.Held(NOW + 91, b"1"),
            ev.Released(NOW + 92, b"1"),
        ]
    )
    assert told(engine) == [("bob@acme.test", NOW, "x@gmail.com", None), ("bob@acme.test", NOW, "y@corp.example", 2)]


def test_a_restart_forgets_no_attempts() -> None:
    a = b"x@gmail.com"
    book = Book()
    engine = book.engine()
    engine.apply([arrived(b"1", a), ev.Deferred(NOW + 1, b"1", a, a, b"451", True)])
    book.add(engine.take())
    engine = book.engine()
    engine.apply([ev.Deferred(NOW + 301, b"1", a, a, b"451", True)])
    assert told(engine) == [(None, NOW, "x@gmail.com", 2)]


def test_postfixs_mail_came_when_it_was_submitted_and_not_when_it_was_last_tried() -> None:
    a = b"x@gmail.com"
    engine = Book().engine()
    engine.apply(
        [
            ev.Submitted(NOW, b"1", b"bob"),
            ev.Arrived(NOW + 7, b"1", None, b"acme.test", 10, None, ev.PROC, b"bob@acme.test"),
            ev.Deferred(NOW + 8, b"1", a, a, b"451", True),
            ev.Arrived(NOW + 300, b"1", None, b"acme.test", 10, None, ev.PROC, b"bob@acme.test"),
        ]
    )
    assert told(engine) == [("bob@acme.test", NOW, "x@gmail.com", 1)]


def test_of_mail_that_the_log_begins_in_the_middle_of_the_listing_tells_the_arrival_and_nobody_the_attempts() -> None:
    a = b"x@gmail.com"
    engine = Book().engine()
    engine.apply(
        [
            ev.Arrived(NOW, b"1", None, b"acme.test", 10, None, ev.PROC, b"bob@acme.test"),
            ev.Deferred(NOW, b"1", a, a, b"451", True),
        ]
    )
    assert told(engine) == [("bob@acme.test", None, "x@gmail.com", None)]
    for came, attempts in ((NOW - 900, None), (NOW - 1, 1)):
        fresh = Book().engine()
        fresh.apply([ev.Arrived(NOW, b"1", None, b"acme.test", 10, None, ev.PROC, b"bob@acme.test")])
        fresh.apply([ev.Deferred(NOW, b"1", a, a, b"451", True)])
        listed = Waiting(b"1", ev.RETRY, (a,), None, b"acme.test", None, 10, came, sender=b"bob@acme.test")
        fresh.reconcile(Listing(NOW + 2, {b"1": listed}), set())
        assert told(fresh) == [("bob@acme.test", came, "x@gmail.com", attempts)]


def test_a_coarse_listing_does_not_take_the_logs_words_place() -> None:
    """`exim -bp` tells ages to the minute, hour or day; a sender that was changed it tells rightly."""
    a = b"x@gmail.com"
    engine = Book().engine()
    engine.apply([arrived(b"1", a)])
    listed = Waiting(b"1", ev.RETRY, (a,), None, b"acme.test", None, 10, NOW - 1500, sender=b"new@acme.test")
    engine.reconcile(Listing(NOW + 60, {b"1": listed}), set())
    assert told(engine) == [("new@acme.test", NOW, "x@gmail.com", None)]


def test_what_left_the_queue_and_came_back_has_unknown_attempts() -> None:
    a = b"x@gmail.com"
    engine = Book().engine()
    engine.apply([arrived(b"1", a), ev.Deferred(NOW, b"1", a, a, b"451", True)])
    engine.reconcile(Listing(NOW + 5, {}), set())
    engine.apply([ev.Deferred(NOW + 6, b"1", a, a, b"451", True)])
    assert told(engine) == [(None, NOW, "x@gmail.com", None)]


def test_a_held_message_is_held_until_it_is_released() -> None:
    a = b"x@gmail.com"
    held: list[ev.Event] = [arrived(b"1", a), ev.Held(NOW, b"1")]
    assert run(held).sums()[5:] == [0, 0, 0, 1]
    assert run([*held, ev.Released(NOW, b"1")]).sums()[5:] == [1, 0, 0, 0]
    tried: list[ev.Event] = [arrived(b"1", a), ev.Deferred(NOW, b"1", a, a, b"", True), ev.Held(NOW, b"1")]
    assert run([*tried, ev.Released(NOW, b"1")]).sums()[5:] == [0, 0, 1, 0]


def test_an_expired_message_fails_for_every_recipient_that_waits() -> None:
    book = run([arrived(b"1", b"a@x.test", b"b@x.test"), ev.Expired(NOW, b"1"), ev.Gone(NOW, b"1")])
    assert book.sums() == [1, 0, 0, 2, 1000, 0, 0, 0, 0]


def test_a_requeued_message_is_sent_once_and_keeps_its_owner() -> None:
    a = b"x@gmail.com"
    book = run(
        [
            ev.Submitted(NOW, b"1", b"alice"),
            ev.Arrived(NOW, b"1", None, b"acme.test", 10, None, ev.PROC),
            ev.Deferred(NOW, b"1", a, a, b"", True),
            ev.Renamed(NOW + 60, b"2", b"1"),
            ev.Arrived(NOW + 60, b"2", None, b"acme.test", 10, None, ev.PROC),
            ev.Delivered(NOW + 60, b"2", a, a),
            ev.Gone(NOW + 60, b"2"),
        ]
    )
    assert book.cells() == {
        ("alice", "", ""): [1, 0, 0, 0, 10, 0, 0, 0, 0],
        ("alice", "", "Gmail"): [0, 1, 1, 0, 0, 0, 0, 0, 0],
    }


def test_an_id_used_again_is_another_message() -> None:
    a = b"x@gmail.com"
    one: list[ev.Event] = [
        ev.Submitted(NOW, b"1", b"alice"),
        ev.Arrived(NOW, b"1", None, b"", 10, None, ev.PROC),
        ev.Deferred(NOW, b"1", a, a, b"", True),
    ]
    two: list[ev.Event] = [
        ev.Submitted(NOW + 9, b"1", b"bob"),
        ev.Arrived(NOW + 9, b"1", None, b"", 20, None, ev.PROC),
    ]
    book = run([*one, *two])
    assert book.counters["vanished"] == 1
    assert book.cells()["bob", "", ""][SEND] == 1
    assert book.sums()[5:] == [0, 0, 0, 0]


def test_a_message_that_a_listing_showed_in_part_before_it_arrived_is_finished_with() -> None:
    first, second = b"a@gmail.com", b"b@gmail.com"
    book = Book()
    engine = book.engine()
    waiting = Waiting(b"1", ev.NEW, (second,), b"alice", b"acme.test", None, 10, NOW)
    engine.reconcile(Listing(NOW, {b"1": waiting}), set())
    engine.apply(
        [
            ev.Arrived(NOW, b"1", b"alice", b"alice", 10, (first, second), ev.NEW, b"x@y"),
            ev.Failed(NOW, b"1", second, second, b"550 no"),
        ]
    )
    book.add(engine.take())
    assert (book.sums()[5:], book.difference()) == ([1, 0, 0, 0], 0)
    engine.apply([ev.Delivered(NOW, b"1", first, first), ev.Gone(NOW, b"1")])
    book.add(engine.take())
    assert (book.sums()[5:], book.difference()) == ([0, 0, 0, 0], 0)
