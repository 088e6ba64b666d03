"""Clocks that are wrong for a moment: the history of a ledger is dropped by the time of day. `disk` enters."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from tests.engine.test_collect import ADDRESS, ScriptedFeed
from tui.engine import events as ev
from tui.engine.collect import Collector
from tui.engine.queues.listing import Listing
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.steady import BELIEVED_SECONDS, SteadyClock
from tui.isp import IspTable
from tui.model import QueueQuery

DAY = 86_400


class WrongClock(ScriptedFeed):
    """A mail system whose clock may be ``ahead``; ``steady`` is how much time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.steady, self.ahead = 1.8e9, 0.0

    def clock(self) -> float:
        return self.steady + self.ahead

    def list(self) -> Listing | None:
        return Listing(int(self.clock()), {})

    def mail(self, number: int) -> None:
        """One message that is delivered at once."""
        now, id_ = int(self.clock()), b"%d" % number
        arrived = ev.Arrived(now, id_, b"alice", b"acme.test", 10, (ADDRESS,), ev.NEW)
        self.log += [arrived, ev.Delivered(now, id_, ADDRESS, ADDRESS), ev.Gone(now, id_)]


def a_clock_that_is_wrong_for_a_moment(folder: Path, rng: random.Random) -> int:
    """The clock is set ahead by days or years, and back in less than an hour, again and again: no count leaves the
    history."""
    feed, ledger, jumps, wrong_until = WrongClock(), folder / "ledger.sqlite", 0, 0.0
    with closing(SqliteWriter(ledger)) as writer:
        clock = SteadyClock(feed.clock, lambda: feed.steady)
        collector = Collector(feed, writer, IspTable(), clock=clock)
        for number in range(80):
            feed.mail(number)
            collector.tick()
            feed.steady += rng.choice((1, 30, 400))
            if feed.ahead and feed.steady >= wrong_until:
                feed.ahead = 0.0
            elif not feed.ahead and (number == 20 or rng.random() < 0.2):
                feed.ahead = rng.choice((2, 40, 400, 4000)) * DAY
                wrong_until = feed.steady + rng.random() * (BELIEVED_SECONDS - 400)
                jumps += 1
        feed.ahead = 0.0
        collector.tick()
        with closing(SqliteReader(ledger)) as reader:
            points = reader.history(QueueQuery(), int(feed.steady) + 60, 30 * DAY).points
        found = sum(point.send for point in points if point is not None)
        assert found == 80, f"{found} of 80 messages are in the history after {jumps} jumps"
    return jumps
