"""What the collector reads from: what the log lost is counted, and the first lister that works lists."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC
from itertools import count
from pathlib import Path

import pytest

from tests.engine.log_files import append, copy_truncate, some
from tui.engine.accounts import Accounts
from tui.engine.events import Arrived, Gone
from tui.engine.feeds import DemoFeed, FirstThatWorks, MtaFeed
from tui.engine.logfile import MAX_LINE_BYTES
from tui.engine.logs.exim import EximLog
from tui.engine.queues.listing import Listing, ListingError
from tui.engine.simulate import LISTING_SECONDS, Simulation
from tui.engine.tail import Tail

START = 1_795_000_000


class Lister:
    def __init__(self, problem: str | None = None) -> None:
        self.problem = problem

    def list(self) -> Listing:
        if self.problem is not None:
            raise ListingError(self.problem)
        return Listing(7, {})


def test_what_the_log_lost_is_counted(log: Path) -> None:
    log.write_bytes(some(0, 100))
    with closing(MtaFeed(Tail(log, None), EximLog(Accounts(), UTC), Lister())) as feed:
        assert feed.counters() == {"unparsed": 0, "log_gaps": 0, "log_copies": 0}
        to_end(feed)
        copy_truncate(log)
        append(log, b"x" * (MAX_LINE_BYTES + 1) + b"\n" + some(100))
        to_end(feed)
        assert feed.counters() == {"unparsed": 1, "log_gaps": 0, "log_copies": 1}
        os.truncate(log, 0)
        append(log, some(103))
        to_end(feed)
        assert feed.counters() == {"unparsed": 1, "log_gaps": 1, "log_copies": 1}


def to_end(feed: MtaFeed) -> None:
    while feed.read() is not None:
        pass


def test_the_first_lister_that_works_lists() -> None:
    assert FirstThatWorks([Lister("no spool"), Lister()]).list().taken == 7
    with pytest.raises(ListingError, match="no spool; no exim"):
        FirstThatWorks([Lister("no spool."), Lister("no exim.")]).list()


def test_the_demo_lists_what_it_was_read_to_however_the_clock_runs() -> None:
    """A second that begins while the collector reads must not make the listing older than the log."""
    clock = count(START)
    feed, alive = DemoFeed(Simulation(1, 300, START), lambda: next(clock)), set()
    for tick in range(6):
        for _ in range(LISTING_SECONDS + tick):
            reading = feed.read()
            assert reading is not None
            for event in reading.events:
                if isinstance(event, Arrived):
                    alive.add(event.id)
                elif isinstance(event, Gone):
                    alive.remove(event.id)
        listing = feed.list()
        assert listing is not None and listing.messages.keys() == alive
        assert feed.list() is None, "nothing newer"
