"""The collector: log, listing, log again; nothing lost when the ledger or the queue cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from tests.engine.memory_ledger import MemoryLedger
from tui.engine import events as ev
from tui.engine.batch import ISP_BITS, Batch, LogPosition
from tui.engine.collect import BATCH_BYTES, Collector, Reading
from tui.engine.counts import D_NEW, SUCCESS
from tui.engine.ledger import LedgerError
from tui.engine.queues.listing import Listing, ListingError, Waiting
from tui.isp import IspTable

NOW = 1_800_000_000
ADDRESS = b"x@gmail.com"


class ScriptedFeed:
    """A mail system that does what the test says; ``on_list`` runs while the queue is being listed."""

    def __init__(self) -> None:
        self.log: list[ev.Event] = []
        self.queue: dict[bytes, Waiting] = {}
        self.problem: str | None = None
        self.counted: dict[str, int] = {}
        self.queue_error: str | None = None
        self.on_list: Callable[[], None] = lambda: None
        self.headers: dict[bytes, bytes] = {}
        self.headers_error: str | None = None
        self.piece = 10
        self.size = 100
        self._read = 0

    def counters(self) -> dict[str, int]:
        return self.counted

    def read(self) -> Reading | None:
        if self._read >= len(self.log):
            return None
        events: Sequence[ev.Event] = self.log[self._read : self._read + self.piece]
        self._read += len(events)
        return Reading(events, LogPosition("mainlog", 1, 2, b"head", self._read), self.size)

    def list(self) -> Listing | None:
        if self.queue_error is not None:
            raise ListingError(self.queue_error)
        listing = Listing(NOW, dict(self.queue))
        self.on_list()
        return listing

    def campaigns(self, ids: Iterable[bytes], /) -> Mapping[bytes, bytes]:
        if self.headers_error is not None:
            raise ListingError(self.headers_error)
        return {id_: self.headers[id_] for id_ in ids if id_ in self.headers}


def arrived(id_: bytes) -> ev.Arrived:
    return ev.Arrived(NOW, id_, b"alice", b"acme.test", 10, (ADDRESS,), ev.NEW)


def waiting(id_: bytes, state: int = ev.RETRY) -> Waiting:
    return Waiting(id_, state, (ADDRESS,), b"alice", b"acme.test", None, 10, NOW)


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def feed() -> ScriptedFeed:
    return ScriptedFeed()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def test_a_tick_reads_lists_and_writes(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    feed.log = [arrived(b"1"), arrived(b"2"), ev.Delivered(NOW, b"2", ADDRESS, ADDRESS), ev.Gone(NOW, b"2")]
    feed.queue = {b"1": waiting(b"1")}
    Collector(feed, ledger, IspTable()).tick()
    assert ledger.sums() == [2, 1, 0, 0, 20, 0, 0, 1, 0]
    assert ledger.gauges["queue_files"] == 1
    assert [position.offset for position in ledger.positions()] == [4]
    assert len(ledger.maintained) == 1


def test_what_is_logged_while_the_queue_is_listed_is_newer_than_the_listing(
    feed: ScriptedFeed, ledger: MemoryLedger
) -> None:
    feed.log = [arrived(b"1")]
    feed.queue = {b"1": waiting(b"1", ev.PROC)}
    feed.on_list = lambda: feed.log.extend([ev.Delivered(NOW, b"1", ADDRESS, ADDRESS), ev.Gone(NOW, b"1")])
    Collector(feed, ledger, IspTable()).tick()
    assert ledger.sums() == [1, 1, 0, 0, 10, 0, 0, 0, 0]
    assert not ledger.counters


def test_a_queue_that_cannot_be_listed_is_noted_and_nothing_is_taken_from_it(
    feed: ScriptedFeed, ledger: MemoryLedger
) -> None:
    clock = Clock()
    feed.log = [arrived(b"1")]
    feed.queue = {b"1": waiting(b"1")}
    collector = Collector(feed, ledger, IspTable(), clock=clock)
    collector.tick()
    feed.queue_error = "the queue is not readable"
    feed.log.append(arrived(b"2"))
    clock.now += 60
    collector.tick()
    assert ledger.notes["queue"] == "the queue is not readable"
    assert ledger.sums()[5:] == [1, 0, 1, 0]
    feed.queue_error = None
    clock.now += 60
    collector.tick()
    assert "queue" not in ledger.notes
    assert ledger.sums()[5:] == [0, 0, 1, 0]
    assert ledger.counters["vanished"] == 1


def test_a_batch_that_could_not_be_written_is_written_later_and_once(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    feed.log = [arrived(b"1"), ev.Delivered(NOW, b"1", ADDRESS, ADDRESS), ev.Gone(NOW, b"1")]
    ledger.failures = ["the disk is full"]
    collector = Collector(feed, ledger, IspTable())
    with pytest.raises(LedgerError, match="disk is full"):
        collector.tick()
    collector.tick()
    collector.tick()
    assert ledger.sums()[SUCCESS] == 1


def test_until_the_log_is_read_the_ledger_says_that_it_is_not_complete(feed: ScriptedFeed) -> None:
    seen: list[int] = []

    class Watched(MemoryLedger):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            seen.append(self.gauges["backfill"])

    feed.log = [arrived(b"1")]
    Collector(feed, Watched(), IspTable()).tick()
    assert seen[0] == 1
    assert seen[-1] == 0


def test_each_trouble_is_told_once_and_the_collector_goes_on(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    feed.log = [arrived(b"1")]
    ledger.failures = ["the disk is full"] * 3
    told: list[str] = []
    ticks = iter([False, False, False, False, True])
    Collector(feed, ledger, IspTable()).run(lambda _: next(ticks), told.append)
    assert told == ["the disk is full"]
    assert ledger.sums()[0] == 1


def test_a_long_log_is_written_in_batches_with_the_place_each_ends_at(feed: ScriptedFeed) -> None:
    feed.log = [arrived(b"%d" % number) for number in range(30)]
    feed.size = BATCH_BYTES
    written: list[tuple[int, int]] = []

    class Watched(MemoryLedger):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            written.append((self.sums()[0], max((position.offset for position in self.positions()), default=0)))

    Collector(feed, Watched(), IspTable()).tick()
    assert all(sends == offset for sends, offset in written)
    assert written[-1] == (30, 30)
    assert len(written) >= 3


def test_the_logs_trouble_and_unparsed_lines_reach_the_ledger(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    feed.problem, feed.counted = "the log is not there", {"unparsed": 2}
    collector = Collector(feed, ledger, IspTable())
    collector.tick()
    feed.counted = {"unparsed": 5, "log_gaps": 1}
    collector.tick()
    assert ledger.notes["log"] == "the log is not there"
    assert ledger.counters == {"unparsed": 5, "log_gaps": 1}


def test_a_restart_goes_on_from_what_the_ledger_has(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    feed.log = [arrived(b"1")]
    feed.queue = {b"1": waiting(b"1", ev.NEW)}
    Collector(feed, ledger, IspTable()).tick()
    feed.log += [ev.Delivered(NOW, b"1", ADDRESS, ADDRESS), ev.Gone(NOW, b"1")]
    feed.queue = {}
    Collector(feed, ledger, IspTable()).tick()
    assert ledger.sums() == [1, 1, 0, 0, 10, 0, 0, 0, 0]


def test_a_listing_that_fails_slowly_is_not_begun_again_at_once(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    clock = Clock()
    begun: list[float] = []

    class Slow(ScriptedFeed):
        def list(self) -> Listing | None:
            begun.append(clock.now)
            clock.now += 4
            raise ListingError("it takes long")

    collector = Collector(Slow(), ledger, IspTable(), clock=clock)
    for _ in range(30):
        collector.tick()
        clock.now += 1
    assert len(begun) == 1
    clock.now += 40
    collector.tick()
    assert len(begun) == 2


@pytest.mark.parametrize("back_seconds", [1, 600, 40_000])
def test_a_clock_that_was_set_back_puts_no_listing_off(
    feed: ScriptedFeed, ledger: MemoryLedger, back_seconds: int
) -> None:
    clock = Clock()
    listed: list[float] = []
    feed.on_list = lambda: listed.append(clock.now)
    collector = Collector(feed, ledger, IspTable(), clock=clock)
    collector.tick()
    clock.now -= back_seconds
    collector.tick()
    assert listed == [NOW, NOW - back_seconds]
    assert len(ledger.maintained) == 2


def test_a_line_from_the_future_is_counted_now_and_covers_nothing(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    clock = Clock()
    feed.log = [arrived(b"1"), ev.Delivered(NOW + 10**9, b"1", ADDRESS, ADDRESS), ev.Gone(NOW + 10**9, b"1")]
    Collector(feed, ledger, IspTable(), clock=clock).tick()
    assert ledger.gauges["log_time"] == NOW
    assert {minute for minute, _, _ in ledger.rows} <= {NOW // 60, NOW // 60 + 1}
    assert ledger.sums() == [1, 1, 0, 0, 10, 0, 0, 0, 0]


def campaigns_that_wait(ledger: MemoryLedger) -> dict[str, int]:
    names = {number: name for (_, name), number in ledger.names().campaigns.items()}
    waits: dict[str, int] = {}
    for (_, cell, column), amount in ledger.rows.items():
        if column >= D_NEW and amount:
            name = names[cell >> ISP_BITS]
            waits[name] = waits.get(name, 0) + amount
    return {name: amount for name, amount in waits.items() if amount}


def test_campaigns_that_only_headers_tell_are_learned_with_the_listing(
    feed: ScriptedFeed, ledger: MemoryLedger
) -> None:
    feed.log = [arrived(b"1"), ev.CampaignSeen(NOW, b"2", b"spring"), arrived(b"2")]
    feed.queue = {b"1": waiting(b"1"), b"2": waiting(b"2"), b"3": waiting(b"3")}
    feed.headers = {b"1": b"=?utf-8?q?f=C3=BCr_alle?=", b"2": b"never asked"}
    Collector(feed, ledger, IspTable()).tick()
    assert campaigns_that_wait(ledger) == {"für alle": 1, "spring": 1, "": 1}
    assert ledger.sums() == [2, 0, 0, 0, 20, 0, 0, 3, 0]


def test_a_queue_whose_campaigns_cannot_be_had_is_listed_all_the_same(feed: ScriptedFeed, ledger: MemoryLedger) -> None:
    clock = Clock()
    feed.queue = {b"1": waiting(b"1")}
    feed.headers_error = "queue files need root"
    collector = Collector(feed, ledger, IspTable(), clock=clock)
    collector.tick()
    assert campaigns_that_wait(ledger) == {"": 1}
    assert ledger.notes == {"queue_headers": "queue files need root"}
    assert collector.queue_problem is None
    feed.headers, feed.headers_error = {b"1": b"spring"}, None
    clock.now += 60
    collector.tick()
    assert campaigns_that_wait(ledger) == {"spring": 1}
    assert not ledger.notes


def test_a_listing_of_the_future_is_of_now_and_one_without_lines_is_not_of_the_past(ledger: MemoryLedger) -> None:
    clock = Clock()

    class Ahead(ScriptedFeed):
        def list(self) -> Listing | None:
            return Listing(int(clock.now) + 400 * 86_400, dict(self.queue))

    feed = Ahead()
    feed.log = [arrived(b"1")]
    feed.queue = {b"1": waiting(b"1")}
    collector = Collector(feed, ledger, IspTable(), clock=clock)
    collector.tick()
    clock.now += 7200
    feed.queue = {}
    collector.tick()
    assert ledger.gauges["listed_at"] == int(clock.now)
    assert max(minute for (minute, _, _), amount in ledger.rows.items() if amount) == int(clock.now) // 60
