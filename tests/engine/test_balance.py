"""All mail is accounted for: nothing is off balance while nothing is lost, and what is lost is told."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.book import Book, Engine
from tests.engine.mail_stories import Line, difference, history, queue
from tui.engine import events as ev

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
