"""A collector of its own process that only reads the log, for the tests that kill it:
``python -m tests.engine.collector_child MTA LOG LEDGER`` ticks without a pause until its standard input ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from pathlib import Path

from tui.engine.accounts import Accounts
from tui.engine.collect import Collector
from tui.engine.feeds import MtaFeed
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader
from tui.engine.queues.listing import Listing, ListingError
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable


class NoQueue:
    """A queue that cannot be listed: what the ledger then has comes from the log alone."""

    def list(self) -> Listing:
        raise ListingError("this test has no queue")


@contextmanager
def collecting(mta: str, log: Path, ledger: Path) -> Iterator[Collector]:
    """A collector of a log, with its ledger."""
    with closing(SqliteWriter(ledger)) as writer, closing(_feed(mta, log, writer)) as feed:
        yield Collector(feed, writer, IspTable())


def _feed(mta: str, log: Path, writer: SqliteWriter) -> MtaFeed:
    reader: LogReader = EximLog(Accounts(), UTC) if mta == "exim" else PostfixLog(Accounts(), UTC)
    position = next((each for each in writer.positions() if each.path == str(log)), None)
    return MtaFeed(Tail(log, position), reader, NoQueue())


def main() -> None:
    mta, log, ledger = sys.argv[1:]
    os.set_blocking(0, False)
    with collecting(mta, Path(log), Path(ledger)) as collector:
        while True:
            collector.tick()
            try:
                ended = os.read(0, 1) == b""
            except BlockingIOError:
                continue
            if ended:
                collector.tick()
                return


if __name__ == "__main__":
    main()
