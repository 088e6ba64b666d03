"""All mail is accounted for, whatever happens to the collector: made-up mail, a collector, a ledger on disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.engine.mail_stories import Line, difference, history, queue
from tests.torture.attack import Attack
from tui.engine.batch import Batch, LogPosition
from tui.engine.collect import Collector, Reading
from tui.engine.ledger import LedgerError
from tui.engine.queues.listing import Listing
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import open_to_read
from tui.engine.sqlite_verify import differences
from tui.engine.sqlite_writer import SqliteWriter
from tui.isp import IspTable

MESSAGES = 12


class MadeUpFeed:
    """Mail that is logged bit by bit; a place in the log is the number of lines before it. Lines of ``lost`` are never
    read. With ``late`` lines the log lags so far behind the queue."""

    problem: str | None = None

    def __init__(
        self, lines: list[Line], rng: random.Random, *, lost: frozenset[int] = frozenset(), late: int = 0
    ) -> None:
        self._lines = lines
        self._rng = rng
        self._lost = lost
        self._late = late
        self.logged = 0
        self.read_to = 0
        self.time = float(lines[-1].event.time)

    @property
    def over(self) -> bool:
        """Whether everything is logged."""
        return self.logged >= len(self._lines)

    def go_on(self) -> None:
        """Some more is logged."""
        self.logged = min(len(self._lines), self.logged + self._rng.randint(1, 9))

    def clock(self) -> float:
        """What time it is, in seconds since 1970."""
        return self.time

    def counters(self) -> dict[str, int]:
        return {}

    def read(self) -> Reading | None:
        end = self.logged if self.over else max(0, self.logged - self._rng.randint(0, self._late))
        if end <= self.read_to:
            return None
        events = [self._lines[at].event for at in range(self.read_to, end) if at not in self._lost]
        self.read_to = end
        return Reading(events, LogPosition("log", 1, 1, b"", end), 1)

    def list(self) -> Listing | None:
        listing = queue(self._lines[: self.logged], self._now())
        if not self.over:
            self.logged = min(len(self._lines), self.logged + self._rng.choice((0, 0, 1, 2)))
        return listing

    def campaigns(self, _ids: Iterable[bytes], /) -> Mapping[bytes, bytes]:
        return {}

    def _now(self) -> int:
        return self._lines[max(self.logged, 1) - 1].event.time


class FailingWriter(SqliteWriter):
    """A ledger whose disk is full now and then."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        super().__init__(path)
        self._rng = rng

    def write(self, batch: Batch) -> None:
        if self._rng.random() < 0.2:
            raise LedgerError("no room is left")
        super().write(batch)


def collected(folder: Path, lines: list[Line], rng: random.Random, make: Callable[[], MadeUpFeed]) -> Path:
    """The ledger after a collector that was killed again and again, and whose disk was full in between."""
    path, feed = folder / "ledger", make()
    finished = False
    while not finished:
        with closing(FailingWriter(path, rng)) as writer:
            feed.read_to = max([place.offset for place in writer.positions()], default=0)
            collector = Collector(feed, writer, IspTable(), clock=feed.clock)
            for _ in range(rng.randint(1, 6)):
                feed.time += 400.0
                over = feed.over
                try:
                    collector.tick()
                except LedgerError:
                    continue
                finished = over
                feed.go_on()
            # Whatever was not written is lost with the collector, as when it is killed.
    return path


def of_ledger(path: Path) -> dict[str, int]:
    """By how much the accounts of a ledger are off balance, if they are, and everybody under ``""``."""
    with closing(SqliteReader(path)) as reader:
        balances = reader.balances()
        off = {each.account: each.difference for each in balances if each.difference}
        assert all((each.since is None) == (not each.difference) for each in balances)
        assert balances[0].difference == sum(each.difference for each in balances[1:])
    with closing(open_to_read(path)) as db:
        db.execute("BEGIN")
        assert not [each.sentence for each in differences(db, path)]
    return off


def nothing_lost(folder: Path, rng: random.Random) -> int:
    """A host that is killed again and again is balanced at the end."""
    lines = history(rng, MESSAGES)
    assert of_ledger(collected(folder, lines, rng, lambda: MadeUpFeed(lines, rng))) == {}
    return len(lines)


def late_lines(folder: Path, rng: random.Random) -> int:
    """The same where the log lags behind the queue."""
    lines = history(rng, MESSAGES)
    assert of_ledger(collected(folder, lines, rng, lambda: MadeUpFeed(lines, rng, late=6))) == {}
    return len(lines)


def lost_lines(folder: Path, rng: random.Random) -> int:
    """Lines that are lost leave open what a naive book of names says."""
    lines = history(rng, MESSAGES)
    lost = frozenset(at for at in range(len(lines)) if rng.random() < 0.2)
    kept = [line for at, line in enumerate(lines) if at not in lost]

    def unlisted() -> MadeUpFeed:
        feed = MadeUpFeed(lines, rng, lost=lost)
        feed.logged = len(lines)
        return feed

    found = of_ledger(collected(folder, lines, rng, unlisted))
    assert found.get("", 0) == difference(kept, queue(lines, lines[-1].event.time))
    return len(lost)


ATTACKS = [
    Attack("every recipient is accounted for, whatever is killed, or full", nothing_lost, 1.5),
    Attack("what listings show before the log does heals when its lines come", late_lines, 1.5),
    Attack("lines that are lost are told to the recipient, and nothing else is", lost_lines, 1.0),
]
