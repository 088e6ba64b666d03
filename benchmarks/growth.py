"""How figures grow with what there is: answers of the embedded ledger from 1,000 to a million cells, ingestion from
100,000 to ten million lines.

    python -m benchmarks.growth [--cells N,...] [--lines N,...] [--mta exim|postfix] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.ingest import collect, log_of
from benchmarks.ledger import Universe, timed
from tui.engine.batch import Batch
from tui.engine.counts import columns_of
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import Grouping, QueueQuery

LIVE_CELLS = 300


def ledger(cells: int, folder: Path) -> list[str]:
    """What a ledger of so many cells takes: its size, a live batch and each question."""
    universe, minute = Universe(cells, random.Random(1)), int(time.time()) // 60
    path = folder / f"{cells}.ledger"
    writer = SqliteWriter(path)
    everything = {cell: [3, 2, 1, 0, 50_000, 1, 0, cell % 3, 0] for cell in universe.cells}
    writer.write(Batch({minute: columns_of(everything)}, universe.accounts, universe.campaigns, universe.isps))
    batches = iter([Batch({minute: columns_of(universe.deltas(LIVE_CELLS))}) for _ in range(25)])
    live = timed(lambda: writer.write(next(batches)))
    reader = SqliteReader(path)
    size = reader.status().size
    asked: tuple[Callable[[], object], ...] = (
        lambda: reader.queue(QueueQuery()),
        lambda: reader.queue(QueueQuery(Grouping.ISP)),
        reader.totals,
        lambda: reader.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN), 100),
        lambda: reader.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN)),
    )
    taken = [live, *(timed(ask, 9) for ask in asked)]
    reader.close()
    writer.close()
    return [f"{size / 1e6:.1f}", *(f"{sorted(wall for wall, _ in each)[len(each) // 2] * 1000:.2f}" for each in taken)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with its columns to the right."""
    for row in (head, *rows):
        print("".join(f"{word:>18}" for word in row), flush=True)


def numbers(text: str) -> list[int]:
    """The numbers of an option, with commas between them."""
    return [int(word) for word in text.split(",") if word]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=numbers, default="1000,10000,100000,1000000")
    parser.add_argument("--lines", type=numbers, default="100000,1000000,10000000")
    parser.add_argument("--mta", choices=["exim", "postfix"], default="exim")
    parser.add_argument("--folder", type=Path, help="keep the logs here (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        head = ["cells", "MB", f"{LIVE_CELLS} cells more, ms", "total", "isp", "accounts", "top 100", "all campaigns"]
        table(head, [[f"{cells:,}", *ledger(cells, Path(scratch))] for cells in options.cells])
        print()
        folder, cpu = (options.folder or Path(scratch)).resolve(), max(os.sched_getaffinity(0))
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for lines in options.lines:
            run = collect(options.mta, log_of(options.mta, lines, folder), folder, cpu)
            rows.append([f"{lines:,}", f"{run.processor:.2f}", f"{lines / run.processor:,.0f}", f"{run.memory:.0f}"])
        table([f"{options.mta} lines", "processor s", "lines a second", "MB at the most"], rows)


if __name__ == "__main__":
    main()
