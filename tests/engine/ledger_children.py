"""Other processes of the ledger's tests: ``python -m tests.engine.ledger_children write|read|hold LEDGER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tui.engine.batch import Batch, LogPosition, cell_key
from tui.engine.counts import columns_of
from tui.engine.ledger_lock import LedgerLock
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import Grouping, QueueQuery

CAMPAIGNS = 40


def write(path: Path) -> None:
    """Write for ever: batch ``n`` adds one message to each cell and says ``n`` in the log's position; print ``n`` when
    it is stored."""
    writer = SqliteWriter(path)
    last = max((position.offset for position in writer.positions()), default=0)
    campaigns = {(1, str(number)): number for number in range(1, CAMPAIGNS + 1)}
    while True:
        last += 1
        rows = {cell_key(number, number % 3): [1, 0, 0, 0, 10, 1, 0, 0, 0] for number in campaigns.values()}
        writer.write(
            Batch(
                {29_000_000 + last: columns_of(rows)},
                accounts={"alice": 1},
                campaigns=campaigns,
                isps={"Gmail": 1, "Yahoo": 2},
                messages={b"%d" % last: b"state", b"%d" % (last - 1): None},
                counters={"batches": 1},
                positions=[LogPosition("log", 1, 1, b"", last)],
            )
        )
        print(last, flush=True)


def read(path: Path) -> None:
    """Read until 20 different states were seen; fail when the groupings of one snapshot differ."""
    reader = SqliteReader(path)
    seen: set[int] = set()
    while len(seen) < 20:
        with reader.snapshot():
            sums = {sum(reader.queue(QueueQuery(grouping=grouping)).new) for grouping in Grouping}
            batches = reader.status().counters.get("batches", 0)
        if sums != {batches * CAMPAIGNS}:
            sys.exit(f"groupings of one snapshot add up to {sums} after {batches} batches")
        seen |= sums
    reader.close()


def hold(path: Path) -> None:
    """Hold the lock until standard input ends."""
    lock = LedgerLock(path, "mailtop collect")
    print("held", flush=True)
    sys.stdin.read()
    lock.release()


if __name__ == "__main__":
    {"write": write, "read": read, "hold": hold}[sys.argv[1]](Path(sys.argv[2]))
