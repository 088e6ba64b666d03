"""The engine over captured runs of real mail systems: its queue is the mail system's own, its totals are what the other
side got."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from tests import postfix_capture
from tests.captures import EXIM_RUNS, EximCapture, exim_bp_units, exim_capture
from tests.engine.book import Book, Engine
from tui.engine.accounts import Accounts
from tui.engine.counts import DEFER, FAIL, SEND, SIZE, SUCCESS
from tui.engine.events import HOLD, Event
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.postqueue import Postqueue

ISPS = ("gmail.test", "yahoo.test", "outlook.test", "corp.test", "expire.test")
"""The domains whose mail went to the sink, which wrote down each answer."""

EXIM_QUIET = [(run, listing) for run in EXIM_RUNS for listing in exim_capture(run).quiet]
EXIM_LOADED = [(run, name) for run in EXIM_RUNS for name in exim_capture(run).listings if name[0] != "q"]
POSTFIX_LOADED = [name for name in postfix_capture.LISTINGS if name not in postfix_capture.QUIET]


def exim_events(capture: EximCapture, begin: int, end: int) -> list[Event]:
    return EximLog(Accounts(), UTC).events(capture.log()[begin:end], capture.written)


def postfix_events(begin: int, end: int) -> list[Event]:
    return PostfixLog(Accounts(), UTC).events(postfix_capture.log()[begin:end], postfix_capture.WRITTEN)


def names(events: list[Event]) -> set[bytes]:
    return {event.id for event in events}


@pytest.mark.parametrize(("run", "listing"), EXIM_QUIET)
def test_exims_queue_at_rest_is_exims_own_listing(run: str, listing: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    before, after = capture.offsets(listing)
    book = Book()
    engine = book.engine()
    engine.apply(exim_events(capture, 0, before))
    capture.unpack_spool(listing, tmp_path)
    listed = EximSpool(tmp_path, Accounts()).list()
    during = exim_events(capture, before, after)
    assert not during
    engine.reconcile(listed, set())
    assert len(listed.messages) == capture.count(listing)
    printed = exim_bp_units(capture.bp(listing))
    assert {id_: (HOLD in units.values(), sorted(units)) for id_, units in engine.units().items()} == {
        id_: (frozen, sorted(recipients)) for id_, (frozen, recipients) in printed.items() if recipients
    }
    book.add(engine.take())
    assert sum(book.sums()[5:]) == sum(len(recipients) for _, recipients in printed.values())


@pytest.mark.parametrize(("run", "listing"), EXIM_LOADED)
def test_under_load_exims_log_differs_from_its_listing_in_ids_logged_meanwhile_only(run: str, listing: str) -> None:
    capture = exim_capture(run)
    before, after = capture.offsets(listing)
    engine = Book().engine()
    engine.apply(exim_events(capture, 0, before))
    known = {id_ for id_, message in engine.state.messages.items() if message.sent}
    assert known ^ set(exim_bp_units(capture.bp(listing))) <= names(exim_events(capture, before, after))


@pytest.mark.parametrize("listing", postfix_capture.QUIET)
def test_postfixs_queue_at_rest_is_postfixs_own_listing(listing: str) -> None:
    before, after = postfix_capture.offsets(listing)
    book = Book()
    engine = book.engine()
    engine.apply(postfix_events(0, before))
    assert not postfix_events(before, after)
    file = postfix_capture.listing(listing)
    listed = Postqueue(Accounts(), ("cat", str(file))).list()
    engine.reconcile(listed, set())
    printed = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    states = {"incoming": 0, "maildrop": 0, "active": 1, "deferred": 2, "hold": 3}
    assert engine.units() == {
        message["queue_id"].encode(): {
            recipient["address"].encode(): states[message["queue_name"]] for recipient in message["recipients"]
        }
        for message in printed
    }
    assert len(listed.messages) == len(printed)
    book.add(engine.take())
    assert sum(book.sums()[5:]) == sum(len(message["recipients"]) for message in printed)


@pytest.mark.parametrize("listing", POSTFIX_LOADED)
def test_under_load_postfixs_log_differs_from_its_listing_in_ids_logged_meanwhile_only(listing: str) -> None:
    before, after = postfix_capture.offsets(listing)
    engine = Book().engine()
    engine.apply(postfix_events(0, before))
    known = {id_ for id_, message in engine.state.messages.items() if message.sent}
    listed = Postqueue(Accounts(), ("cat", str(postfix_capture.listing(listing)))).list().messages
    submitted = {id_ for id_, message in engine.state.messages.items() if message.submitted}
    differing = {id_ for id_ in known ^ set(listed) if id_ not in submitted or id_ in known}
    assert differing <= names(postfix_events(before, after))


def outcomes(book: Book) -> Counter[tuple[str, int]]:
    counted: Counter[tuple[str, int]] = Counter()
    for (_, _, isp), row in book.cells().items():
        for column in (SUCCESS, DEFER, FAIL):
            if isp in ISPS and row[column]:
                counted[isp, column] += row[column]
    return counted


def whole_run(events: list[Event]) -> Book:
    book = Book()
    engine: Engine = book.engine()
    engine.apply(events)
    book.add(engine.take())
    return book


def test_what_went_to_the_sink_is_what_it_wrote_down() -> None:
    answers = {"ok": SUCCESS, "defer": DEFER, "reject": FAIL}
    for run in EXIM_RUNS:
        capture = exim_capture(run)
        got = Counter((record.r.rpartition("@")[2].lower(), answers[record.res]) for record in capture.sink())
        counted = outcomes(whole_run(exim_events(capture, 0, len(capture.log()))))
        counted.pop(("expire.test", FAIL), None)  # Exim gave up by itself: its retry time was over
        assert counted == got, run


def test_totals_are_those_of_eximstats() -> None:
    capture = exim_capture("exim-96-cpanel")
    book = whole_run(exim_events(capture, 0, len(capture.log())))
    lines = (capture.folder / "eximstats.txt").read_text().splitlines()
    received = next(line.split() for line in lines if line.strip().startswith("Received"))
    delivered = next(line.split() for line in lines if line.strip().startswith("Delivered"))
    sums = book.sums()
    assert sums[SEND] == int(received[2])
    assert f"{sums[SIZE] / 1024:.0f}KB" == received[1]
    assert sums[SUCCESS] == int(delivered[3])
