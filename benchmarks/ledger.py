"""How fast the embedded ledger writes and answers: ``python benchmarks/ledger.py [--cells N] [--rows N]``.

Fills a ledger in a temporary folder with a day of mail, then times live batches, each question, and a cold start.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tui.engine.batch import ISP_BITS, Batch, CauseDelta, CauseKey, cell_key
from tui.engine.counts import columns_of
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import Grouping, QueueQuery

DAY_MINUTES = 24 * 60
ISPS_A_CAMPAIGN = 5
ISP_COUNT = 200

_COLD = """
import sys, time
wall, cpu = time.perf_counter(), time.process_time()
from pathlib import Path
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Grouping, QueueQuery
reader = SqliteReader(Path(sys.argv[1]))
reader.queue(QueueQuery(grouping=Grouping.ISP))
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


class Universe:
    """Accounts with ten campaigns each, campaigns with a few ISPs each; a tenth of the cells has mail waiting."""

    def __init__(self, cells: int, chance: random.Random) -> None:
        self.chance = chance
        campaigns = max(1, cells // ISPS_A_CAMPAIGN)
        self.accounts = {f"account{number}": number for number in range(1, campaigns // 10 + 2)}
        self.campaigns = {(number // 10 + 1, f"campaign{number}"): number for number in range(1, campaigns + 1)}
        self.isps = {f"isp{number}.example": number for number in range(1, ISP_COUNT)}
        self.cells = [
            cell_key(campaign, isp)
            for campaign in range(1, campaigns + 1)
            for isp in chance.sample(range(ISP_COUNT), ISPS_A_CAMPAIGN)
        ]

    def deltas(self, rows: int) -> dict[int, list[int]]:
        chance = self.chance
        return {
            cell: [1, chance.randrange(3), 0, 1, chance.randrange(50_000), 1, 0, chance.randrange(9), 0]
            for cell in chance.sample(self.cells, min(rows, len(self.cells)))
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000, help="leaf cells (campaign x ISP)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="(minute, cell) rows of the back-fill")
    options = parser.parse_args()
    universe = Universe(options.cells, random.Random(1))
    now_minute = int(time.time()) // 60
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.ledger"
        writer = SqliteWriter(path)
        writer.maintain(time.time())
        back_fill(writer, universe, now_minute, options.rows)
        live(writer, universe, now_minute, 20)
        live(writer, universe, now_minute, 300)
        questions(path, universe)
        cold(path)
        live(writer, universe, now_minute, 3000)
        cell_history_when_busy(path, universe)
        writer.close()


def back_fill(writer: SqliteWriter, universe: Universe, now_minute: int, rows: int) -> None:
    first = now_minute - DAY_MINUTES + 60
    minutes = range(first, now_minute)
    deltas = {minute: universe.deltas(rows // len(minutes)) for minute in minutes}
    deltas[first] |= {cell: [0, 0, 0, 0, 0, 0, 0, 1, 0] for cell in universe.cells}
    count = sum(map(len, deltas.values()))
    batch = Batch(
        {minute: columns_of(cells) for minute, cells in deltas.items()},
        universe.accounts,
        universe.campaigns,
        universe.isps,
    )
    batch.causes = {
        CauseKey(cell, f"451 4.7.1 reply {number}"): CauseDelta(1, first * 60, now_minute * 60, "451 4.7.1 try later")
        for cell in universe.cells[:: len(universe.cells) // 20_000 or 1]
        for number in range(3)
    }
    gc.collect()
    gc.freeze()
    cpu, wall = time.process_time(), time.perf_counter()
    writer.write(batch)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    say("back-fill of a day", f"{count:,} rows", f"{count / cpu:,.0f} rows a CPU second, {wall:.1f} s")
    began = time.perf_counter()
    writer.maintain((now_minute + 12 * 60) * 60)
    say("maintain", "nothing to roll", milliseconds(time.perf_counter() - began))


def live(writer: SqliteWriter, universe: Universe, now_minute: int, rows: int) -> None:
    batches = [Batch({now_minute + second // 60: columns_of(universe.deltas(rows))}) for second in range(90)]
    gc.collect()
    gc.freeze()  # as the collector does
    waiting = iter(batches)
    say("live batch", f"{rows:,} rows", spread(timed(lambda: writer.write(next(waiting)), len(batches))))


def questions(path: Path, universe: Universe) -> None:
    reader = SqliteReader(path)
    status = reader.status()
    say("size", f"{status.cells:,} cells", f"{status.size / 1024**2:.0f} MiB")
    campaign, isp = universe.cells[0] >> ISP_BITS, next(iter(universe.isps))
    every = QueueQuery()
    asked: list[tuple[str, Callable[[], object]]] = [
        ("version", reader.version),
        ("status", reader.status),
        ("total", lambda: reader.queue(every)),
        ("isp", lambda: reader.queue(every.grouped(Grouping.ISP))),
        ("account totals", reader.totals),
        ("account, top 100", lambda: reader.queue(every.grouped(Grouping.ACCOUNT), 100)),
        ("account_campaign, top 100", lambda: reader.queue(every.grouped(Grouping.ACCOUNT_CAMPAIGN), 100)),
        ("account_campaign, all", lambda: reader.queue(every.grouped(Grouping.ACCOUNT_CAMPAIGN))),
        ("accounts of an isp", lambda: reader.queue(QueueQuery(Grouping.ACCOUNT, isp=isp), 100)),
        ("campaigns of an isp", lambda: reader.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN, isp=isp), 100)),
        ("isps of an account", lambda: reader.queue(QueueQuery(Grouping.ISP, account_id=5))),
        ("isps of a campaign", lambda: reader.queue(QueueQuery(Grouping.ISP, campaign_id=campaign))),
        ("causes of all", lambda: reader.causes(every)),
        ("causes of an account", lambda: reader.causes(QueueQuery(account_id=5))),
    ]
    places = {
        "total": every,
        "account": QueueQuery(account_id=5),
        "isp": QueueQuery(isp=isp),
        "campaign": QueueQuery(campaign_id=campaign),
        "cell": QueueQuery(campaign_id=campaign, isp=isp),
    }
    end = int(time.time())
    asked += [
        (f"history of one {name}, {hours} h", partial(reader.history, query, end, hours * 3600))
        for name, query in places.items()
        for hours in (1, 24)
    ]
    for name, ask in asked:
        say(name, "", spread(timed(ask)))
    reader.close()


def cell_history_when_busy(path: Path, universe: Universe) -> None:
    reader = SqliteReader(path)
    query = QueueQuery(campaign_id=universe.cells[0] >> ISP_BITS, isp=next(iter(universe.isps)))
    say(
        "history of one cell, 1 h",
        "90 x 3,000 rows",
        spread(timed(partial(reader.history, query, int(time.time()), 3600))),
    )
    reader.close()


def cold(path: Path) -> None:
    command = [sys.executable, "-c", _COLD, str(path)]
    taken = [subprocess.run(command, capture_output=True, check=True).stdout.split() for _ in range(5)]
    say("cold import, open, first query", "", spread([(float(wall), float(cpu)) for wall, cpu in taken]))


def timed(ask: Callable[[], object], times: int = 25) -> list[tuple[float, float]]:
    """Seconds on the clock and of the processor, for each time."""
    taken = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    return taken


def spread(taken: list[tuple[float, float]]) -> str:
    walls, cpus = [wall for wall, _ in taken], [cpu for _, cpu in taken]
    median, cpu, worst = statistics.median(walls), statistics.median(cpus), max(walls)
    return f"median {milliseconds(median)} (CPU {milliseconds(cpu)})  worst {milliseconds(worst)}"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:9.3f} ms"


def say(what: str, how_much: str, result: str) -> None:
    print(f"{what:34} {how_much:18} {result}", flush=True)


if __name__ == "__main__":
    main()
