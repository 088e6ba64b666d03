"""A collector on a log alone, into an embedded ledger, that is killed and begins anew; and what the ledger then says.
For the attacks on logs and on what stands in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import repeat
from pathlib import Path

import msgspec

from tui.engine.collect import Collector
from tui.engine.feeds import MtaFeed
from tui.engine.logs.reader import LogReader
from tui.engine.queues.listing import Listing
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import open_to_read
from tui.engine.sqlite_verify import differences
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable
from tui.model import Grouping, QueueQuery


class LogOnly(MtaFeed):
    """A mail system whose queue nobody lists, but for the listings that it is given: one a look."""

    listings: Iterator[Listing | None] = repeat(None)

    def list(self) -> Listing | None:
        return next(self.listings)


class Collected:
    """The ledger that ``reader`` makes of ``log``; ``clock`` is the collector's (seconds since 1970)."""

    def __init__(
        self, log: Path, ledger: Path, reader: Callable[[], LogReader], clock: Callable[[], float] = time.time
    ) -> None:
        self.log, self.ledger, self.clock = log, ledger, clock
        self.listings: Iterator[Listing | None] = repeat(None)
        self._reader = reader

    def collect(self, ticks: int = 1, before: Callable[[int], None] = lambda _tick: None) -> None:
        """Start a collector, let it tick so often, and kill it."""
        with closing(SqliteWriter(self.ledger)) as writer:
            position = next(iter(writer.positions()), None)
            with closing(LogOnly(Tail(self.log, position), self._reader(), _NoQueue())) as feed:
                feed.listings = self.listings
                collector = Collector(feed, writer, IspTable(), clock=self.clock)
                for tick in range(ticks):
                    before(tick)
                    collector.tick()

    def adds_up(self) -> None:
        """That the ledger adds up, and that nothing waits that is less than nothing, at any time."""
        with closing(open_to_read(self.ledger)) as db:
            found = [difference.sentence for difference in differences(db, self.ledger)]
        assert not found, found[:5]
        with closing(SqliteReader(self.ledger)) as reader:
            for span_seconds in (3600, 24 * 3600, 90 * 24 * 3600):
                points = reader.history(QueueQuery(), int(self.clock()) + 60, span_seconds).points
                least = min(
                    (min(point.new, point.proc, point.retry, point.hold) for point in points if point), default=0
                )
                assert least >= 0, f"{least} waited in the last {span_seconds} seconds"

    def watched(self, start: int, end: int) -> int:
        """How many minutes between two times (seconds since 1970) the ledger says it knows."""
        with closing(SqliteReader(self.ledger)) as reader:
            return sum(point is not None for point in reader.history(QueueQuery(), end, end - start).points)

    def sums(self) -> tuple[int, int, int, int]:
        """Sent, delivered, put off and failed, of all accounts."""
        with closing(SqliteReader(self.ledger)) as reader:
            found = reader.totals()
        return (
            sum(each.send_count or 0 for each in found),
            sum(each.success_count or 0 for each in found),
            sum(each.defer_count or 0 for each in found),
            sum(each.fail_count or 0 for each in found),
        )

    def waiting(self) -> int:
        """How much waits, of all accounts."""
        with closing(SqliteReader(self.ledger)) as reader:
            table = reader.queue(QueueQuery())
        return sum(map(sum, (table.new, table.proc, table.retry, table.hold)))

    def state(self) -> object:
        """All that is known by name: totals, what waits, what happened in the last day, what was not understood."""
        with closing(SqliteReader(self.ledger)) as reader:
            totals = {each.account: msgspec.structs.replace(each, account_id=0) for each in reader.totals()}
            history = reader.history(QueueQuery(), int(self.clock()), 24 * 3600).points
            rows = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN)).rows()
            waiting = {(row.account, row.campaign): (row.new, row.proc, row.retry, row.hold) for row in rows}
        return totals, waiting, history, self.counters().get("unparsed", 0)

    def counters(self) -> Mapping[str, int]:
        """What could not be explained."""
        with closing(SqliteReader(self.ledger)) as reader:
            return reader.status().counters


class _NoQueue:
    def list(self) -> Listing:
        raise NotImplementedError
