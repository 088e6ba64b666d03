"""All mail is accounted for: nothing is off balance while nothing is lost, and what is lost is told."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import postfix_capture
from tests.captures import EXIM_RUNS, exim_capture
from tests.engine.book import Book, Engine
from tests.engine.mail_stories import Line, difference, history, queue
from tui.engine import events as ev
from tui.engine.accounts import Accounts
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.queues.listing import Listing, Waiting

randoms = st.integers(0, 1 << 32).map(random.Random)


def read(engine: Engine, lines: list[Line]) -> set[bytes]:
    """Apply lines; the ids that they name."""
    engine.apply([line.event for line in lines])
    return {line.event.id for line in lines}


def restarted(engine: Engine, book: Book, rng: random.Random) -> Engine:
    """The engine, or a new one that goes on from the book, after a batch or none."""
    if rng.random() < 0.5:
        book.add(engine.take())
        if rng.random() < 0.5:
            return book.engine()
    return engine


@given(randoms, st.integers(1, 6))
def test_mail_of_which_all_is_logged_is_balanced_at_all_times(rng: random.Random, messages: int) -> None:
    lines = history(rng, messages)
    book, position = Book(), 0
    engine = book.engine()
    while position < len(lines):
        step = rng.randint(1, 8)
        read(engine, lines[position : position + step])
        position += step
        if rng.random() < 0.3:
            # What is logged while the queue is listed is read behind it.
            listing = queue(lines[:position], lines[min(position, len(lines)) - 1].event.time)
            step = rng.randint(0, 3)
            touched = read(engine, lines[position : position + step])
            position += step
            engine.reconcile(listing, touched)
        engine = restarted(engine, book, rng)
        book.add(engine.take())
        assert {name: each.difference for name, each in book.balances().items() if each.difference} == {}


@given(randoms, st.integers(1, 6))
def test_lines_that_come_after_listings_heal_the_balance(rng: random.Random, messages: int) -> None:
    lines = history(rng, messages)
    book, position = Book(), 0
    engine = book.engine()
    while position < len(lines):
        step, late = rng.randint(1, 8), rng.randint(0, 8)
        read(engine, lines[position : position + step])
        position = min(position + step, len(lines))
        if rng.random() < 0.5:
            engine.reconcile(queue(lines[: position + late], lines[position - 1].event.time), set())
        engine = restarted(engine, book, rng)
    engine.reconcile(queue(lines, lines[-1].event.time), set())
    book.add(engine.take())
    assert {name: each.difference for name, each in book.balances().items() if each.difference} == {}


@given(randoms, st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.4]))
def test_what_lines_that_are_lost_or_told_twice_leave_open_is_what_a_naive_book_says(
    rng: random.Random, messages: int, lost: float
) -> None:
    lines = history(rng, messages)
    kept = [line for line in lines if rng.random() >= lost]
    aliased = {e.id for e, _, _ in lines if isinstance(e, ev.Delivered) and e.waiting != e.address}
    for place in range(len(kept) - 1, -1, -1):
        event = kept[place].event
        told = isinstance(event, ev.Delivered | ev.Failed) and event.id not in aliased
        named = any(line.event.id == event.id and getattr(line.event, "recipients", None) for line in kept[:place])
        if told and named and rng.random() < 0.1:
            kept.insert(place, kept[place])
    listing = queue(lines, lines[-1].event.time)
    book, position = Book(), 0
    engine = book.engine()
    while position < len(kept):
        step = rng.randint(1, 8)
        read(engine, kept[position : position + step])
        position += step
        engine = restarted(engine, book, rng)
    engine.reconcile(listing, set())
    book.add(engine.take())
    assert book.difference() == difference(kept, listing)
    assert sum(each.difference for name, each in book.balances().items() if name) == book.difference()


# --- Each trap by itself

NOW = 1_800_000_000
A, B, C = b"a@gmail.com", b"b@corp.example", b"c@yahoo.com"


def exim(*recipients: bytes) -> ev.Event:
    return ev.Arrived(NOW, b"1", b"alice", b"acme.test", 10, recipients, ev.NEW, b"x@y")


def postfix(number: int) -> list[ev.Event]:
    return [
        ev.Submitted(NOW, b"1", b"alice"),
        ev.Arrived(NOW, b"1", None, b"acme.test", 10, None, ev.PROC, b"x@y", number),
    ]


def sent(address: bytes, waiting: bytes | None = None) -> ev.Event:
    return ev.Delivered(NOW, b"1", address, address if waiting is None else waiting)


DONE = ev.Gone(NOW, b"1")


@pytest.mark.parametrize(
    ("events", "accepted", "removed", "off"),
    [
        ([exim(A, B), sent(A), sent(B), DONE], 2, 0, 0),
        ([exim(A, A), sent(A), DONE], 1, 0, 0),
        ([exim(A, B), sent(A), DONE], 2, 0, 1),
        ([exim(A, B), sent(A), DONE, sent(B)], 2, 0, 0),
        ([exim(A), sent(A), sent(A), DONE], 1, 0, -1),
        ([exim(A), sent(C)], 1, 0, -1),
        ([exim(A), sent(B, A), sent(C, A), DONE], 2, 0, 0),
        ([exim(A, B), sent(C, A), ev.Deferred(NOW, b"1", B, B, b"451", True)], 3, 0, 0),
        ([exim(A, B), sent(C, A), DONE], 1, 0, 0),
        ([exim(A, B), sent(A, B), DONE], 1, 0, 0),
        ([exim(A, B), sent(A), ev.Removed(NOW, b"1"), DONE], 2, 1, 0),
        ([exim(A, B), sent(A), ev.Dropped(NOW, b"1", B), DONE], 2, 1, 0),
        ([exim(A), ev.Added(NOW, b"1", B), sent(A), sent(B), DONE], 2, 0, 0),
        ([sent(A), exim(A, B), sent(B), DONE], 2, 0, 0),
        ([sent(A), DONE], 1, 0, 0),
        ([ev.Deferred(NOW, b"1", A, A, b"451", True), DONE], 1, 0, 1),
        ([*postfix(2), sent(A), sent(B), DONE], 2, 0, 0),
        ([*postfix(2), sent(A), DONE], 2, 0, 1),
        ([*postfix(2), sent(A), DONE, sent(B)], 2, 0, 0),
        ([*postfix(1), sent(A), sent(B), DONE], 2, 0, 0),
        ([*postfix(2), sent(A), *postfix(2)[1:], sent(B), DONE], 2, 0, 0),
        ([*postfix(2)[1:], sent(A), DONE], 1, 0, 0),
        ([*postfix(1), ev.Dropped(NOW, b"1", A), DONE], 1, 1, 0),
        ([*postfix(2), sent(A), ev.Removed(NOW, b"1")], 2, 1, 0),
        (
            [*postfix(1), ev.Deferred(NOW, b"1", A, A, b"451", True), ev.Expired(NOW, b"1"), DONE],
            *(1, 0, 0),
        ),
    ],
)
def test_what_was_accepted_and_removed(events: list[ev.Event], accepted: int, removed: int, off: int) -> None:
    book = Book()
    engine = book.engine()
    engine.apply(events)
    book.add(engine.take())
    balance = book.balances()[""]
    assert (balance.accepted, balance.removed, balance.difference) == (accepted, removed, off)


def test_what_a_listing_shows_first_was_accepted_and_what_it_lacks_is_off() -> None:
    waiting = Waiting(b"1", ev.RETRY, (A, B), b"alice", b"acme.test", b"camp", 10, NOW)
    book = Book()
    engine = book.engine()
    engine.reconcile(Listing(NOW, {b"1": waiting}), set())
    engine.reconcile(Listing(NOW, {}), set())
    book.add(engine.take())
    assert (book.balances()["alice"].accepted, book.difference()) == (2, 2)
    engine = book.engine()
    engine.reconcile(Listing(NOW, {b"1": waiting}), set())
    book.add(engine.take())
    assert (book.balances()["alice"].accepted, book.difference()) == (2, 0)


def test_a_recipient_that_failed_and_is_still_listed_while_its_bounce_is_sent_leaves_nothing_open() -> None:
    book = Book()
    engine = book.engine()
    engine.apply([exim(A, B), ev.Failed(NOW, b"1", A, A, b"550 no")])
    engine.reconcile(Listing(NOW, {b"1": Waiting(b"1", ev.NEW, (A, B), None, b"", None, 10, NOW)}), set())
    book.add(engine.take())
    assert (book.balances()["alice"].waiting, book.difference()) == (2, 0)
    engine.reconcile(Listing(NOW, {}), set())
    engine.apply([sent(B), DONE])
    book.add(engine.take())
    assert (book.balances()["alice"].accepted, book.difference()) == (2, 0)


def test_who_failed_and_is_still_listed_is_none_of_those_whose_delivery_is_not_logged_yet() -> None:
    book = Book()
    engine = book.engine()
    c = b"c@gmail.com"
    engine.apply([exim(A, B, c), ev.Failed(NOW, b"1", A, A, b"550 no")])
    engine.reconcile(Listing(NOW, {b"1": Waiting(b"1", ev.PROC, (A, c), None, b"", None, 10, NOW)}), set())
    engine.apply([sent(B)])
    engine.reconcile(Listing(NOW, {b"1": Waiting(b"1", ev.RETRY, (c,), None, b"", None, 10, NOW)}), set())
    book.add(engine.take())
    everybody = book.balances()[""]
    assert (everybody.accepted, everybody.difference) == (3, 0)


@pytest.mark.parametrize("outcome", [sent, lambda address: ev.Failed(NOW, b"1", address, address, b"550 no")])
def test_a_message_to_very_many_takes_no_longer_for_each(outcome: Callable[[bytes], ev.Event]) -> None:
    everybody = [b"%d@gmail.com" % number for number in range(40_000)]
    book = Book()
    engine = book.engine()
    began = time.process_time()
    engine.apply([exim(*everybody), *map(outcome, everybody[1:]), DONE])
    assert time.process_time() - began < 4.0
    book.add(engine.take())
    assert book.difference() == 1


@pytest.mark.parametrize("address", [b"new-%d@gmail.com", b"%d@gmail.com"])
def test_a_message_to_very_many_that_are_redirected_takes_no_longer_for_each(address: bytes) -> None:
    numbers = range(60_000)
    everybody = [b"old-%d@gmail.com" % number for number in numbers]
    addresses = [address % number for number in numbers]
    waits_too = [] if address.startswith(b"new") else addresses
    book = Book()
    engine = book.engine()
    began = time.process_time()
    engine.apply([exim(*everybody, *waits_too)])
    engine.apply([sent(new, old) for new, old in zip(addresses, everybody, strict=True)])
    assert len(engine.state.messages[b"1"].aliases or ()) == len(everybody)
    engine.apply([DONE])
    assert time.process_time() - began < 8.0
    book.add(engine.take())
    assert (book.balances()["alice"].accepted, book.difference()) == (len(addresses), 0)


def test_aliases_of_a_stored_message_are_known_after_a_restart() -> None:
    book = Book()
    engine = book.engine()
    engine.apply([exim(A, B), sent(C, A)])
    book.add(engine.take())
    stored = msgspec.msgpack.decode(book.messages[b"1"])
    assert [A] in stored
    engine = book.engine()
    engine.apply([sent(C + b".au", A), sent(B), DONE])
    book.add(engine.take())
    assert (book.balances()["alice"].accepted, book.difference()) == (3, 0)


def test_what_an_ended_message_owes_is_remembered_for_an_hour() -> None:
    book = Book()
    engine = book.engine()
    engine.apply([exim(A, B), sent(A), DONE])
    for minutes, remembered in ((59, {b"1"}), (61, set[bytes]())):
        engine.apply([ev.Gone(NOW + 60 * minutes, b"2")])
        book.add(engine.take())
        assert book.messages.keys() == engine.state.messages.keys() == remembered
    assert book.difference() == 1


def test_mail_that_ends_owing_is_never_remembered_without_end() -> None:
    book = Book()
    engine = book.engine()
    for minute in range(0, 24 * 60, 10):
        engine.apply([ev.Deferred(NOW + 60 * minute, b"%d" % minute, A, A, b"451", True)])
        engine.apply([ev.Gone(NOW + 60 * minute, b"%d" % minute)])
        book.add(engine.take())
        assert len(engine.state.messages) <= 12
    assert book.messages.keys() == engine.state.messages.keys()
    assert book.difference() == 24 * 6


def test_mail_that_listings_lack_is_never_remembered_without_end_where_the_log_stands_still() -> None:
    book = Book()
    engine = book.engine()
    for hour in range(72):
        id_, now = b"%d" % hour, NOW + 3600 * hour
        waiting = Waiting(id_, ev.RETRY, (A,), b"alice", b"acme.test", b"camp", 10, now)
        engine.reconcile(Listing(now, {id_: waiting}), set())
        book.add(engine.take())
        assert len(engine.state.messages) <= 27
    assert book.messages.keys() == engine.state.messages.keys()


def test_what_belongs_to_another_account_in_the_end_is_accepted_there() -> None:
    book = Book()
    engine = book.engine()
    engine.apply([sent(A), ev.Dropped(NOW, b"1", B), ev.Deferred(NOW, b"1", C, C, b"451", True)])
    book.add(engine.take())
    assert book.balances()["(unknown)"].accepted == 3
    engine.apply([exim(A, B, C)])
    book.add(engine.take())
    assert book.balances().keys() == {"", "alice"}
    assert (book.balances()["alice"].accepted, book.balances()["alice"].removed, book.difference()) == (3, 1, 0)


@pytest.mark.parametrize("run", EXIM_RUNS)
def test_a_real_exim_run_is_balanced(run: str) -> None:
    capture = exim_capture(run)
    log = EximLog(Accounts(), UTC).events(capture.log(), capture.written)
    assert off_balance(log) == {}


def test_a_real_postfix_run_is_balanced() -> None:
    log = PostfixLog(Accounts(), UTC).events(postfix_capture.log(), postfix_capture.WRITTEN)
    assert off_balance(log) == {}


def off_balance(events: list[ev.Event]) -> dict[str, int]:
    book = Book()
    engine = book.engine()
    engine.apply(events)
    book.add(engine.take())
    assert book.balances()[""].accepted > 0
    return {name: each.difference for name, each in book.balances().items() if each.difference}
