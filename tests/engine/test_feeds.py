from __future__ import annotations

from itertools import count

from tui.engine.events import Arrived, Gone
from tui.engine.feeds import DemoFeed
from tui.engine.simulate import LISTING_SECONDS, Simulation

START = 1_795_000_000


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
