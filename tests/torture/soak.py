"""Attacks by time: mail and faults without end. `python -m tests.torture.soak MINUTES [FOLDER]` lets the whole product
live that long, and leaves samples and a report in the folder; `attack` tries the short ones."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, suppress
from datetime import UTC
from pathlib import Path
from random import Random, SystemRandom

from tests.serve.served import served, write_ledger
from tests.torture.attack import Attack, besiege, row
from tests.torture.soak_mail import EximWorld, Sums
from tests.torture.soak_proxy import Mood, MoodyProxy
from tests.torture.soak_run import Soak
from tests.torture.soak_told import TOTALS, without_zero
from tui.config import SenderQueueSource
from tui.config.secrets import Secret
from tui.engine.accounts import Accounts
from tui.engine.batch import Batch
from tui.engine.collect import Collector
from tui.engine.feeds import MtaFeed
from tui.engine.logs.exim import EximLog
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.simulate import LISTING_SECONDS, Simulation
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable
from tui.model import Grouping, QueueQuery
from tui.sources.sender_queue import SenderQueue
from tui.sources.source import SourceError

SOAK = "a soak with faults, at 50 times life: nothing grows, all numbers stay right"
SOAK_MINUTES = 120
SHORT_SHARE = 0.1
SPARE = 8
"""This much of the time goes to the short attacks."""


class _Dies(SqliteWriter):
    """A ledger whose collector may die before a batch is written."""

    chances = Random(0)

    def write(self, batch: Batch) -> None:
        if self.chances.random() < 0.1:
            raise _Died
        super().write(batch)


class _Died(Exception):
    pass


def a_simulated_platform_is_counted_right(folder: Path, chances: Random) -> int:
    """Its Exim logs, rotates and delivers; collectors come and die."""
    now = int(time.time()) - 3600
    world = EximWorld(folder, Simulation(chances.randrange(2**32), 8, now), chances)
    died = 0
    for _ in range(5):
        for _ in range(chances.randint(1, 3)):
            now += chances.randint(1, 120)
            world.step(now)
            if chances.random() < 0.5:
                world.rotate()
        died += not _collects(world, folder / "ledger.sqlite", _Dies, chances)
    world.step(now + LISTING_SECONDS)  # the spool of steps that follow at once is written with a later one
    world.log.touch()  # what was rotated away is read on when there is a log again
    assert _collects(world, folder / "ledger.sqlite", SqliteWriter, chances)
    with closing(SqliteReader(folder / "ledger.sqlite")) as ledger:
        told = Sums()
        for each in ledger.totals():
            for column in TOTALS:
                told[each.account, column] = getattr(each, column) or 0
        waits = ledger.queue(QueueQuery(grouping=Grouping.ISP))
        counters = ledger.status().counters
    true = without_zero(world.truth.totals)
    assert without_zero(told) == true, sorted(without_zero(told).items() ^ true.items())[:5]
    assert sum(map(sum, (waits.new, waits.proc, waits.retry, waits.hold))) == world.truth.queue().total()
    assert not counters.get("log_gaps") and not counters.get("unparsed"), counters
    return died + world.rotations.total()


def _collects(world: EximWorld, ledger: Path, kind: type[SqliteWriter], chances: Random) -> bool:
    """A collector looks twice, as one does that has missed something; whether it lived."""
    with ExitStack() as open_things:
        writer = open_things.enter_context(closing(kind(ledger)))
        if isinstance(writer, _Dies):
            writer.chances = chances
        position = next(iter(writer.positions()), None)
        tail = open_things.enter_context(closing(Tail(world.log, position)))
        spool = EximSpool(world.spool, Accounts())
        collector = Collector(MtaFeed(tail, EximLog(Accounts(), UTC), spool), writer, IspTable())
        try:
            for _ in range(2):
                collector.tick()
                collector.list_queue()
        except _Died:
            return False
    return True


def a_server_that_flaps_costs_nothing(folder: Path, chances: Random) -> int:
    """It refuses, hangs and cuts its answers; who asks it keeps no thread and no file of that."""
    return asyncio.run(_flaps(folder / "ledger.sqlite", chances))


async def _flaps(ledger: Path, chances: Random) -> int:
    write_ledger(ledger)
    query, flaps, rested = QueueQuery(grouping=Grouping.TOTAL), 20, 0.0
    async with served(ledger) as server:
        proxy = MoodyProxy(int(server.url.rpartition(":")[2]))
        config = SenderQueueSource(url=proxy.url, senders=(119,), token_env="UNUSED", timeout_seconds=0.3)
        source = SenderQueue(
            config, lambda: Secret(server.token), interval_seconds=1.0, clock=lambda: time.monotonic() + rested
        )
        true, open_before, threads_before = None, 0, 0
        until = time.monotonic() + 10
        while true is None:  # what it may take is little where much else runs
            with suppress(SourceError):
                true = await source.queue(query)
            assert time.monotonic() < until, "it is not answered"
        for number in range(flaps):
            proxy.turn(Mood.HANGS if number % 10 == 5 else chances.choice((Mood.REFUSES, Mood.CUTS)))
            with suppress(SourceError):
                assert (told := await source.queue(query)) is None or told.new == true.new
            proxy.turn(Mood.WELL)
            told, until = None, time.monotonic() + 10
            while told is None:
                rested += 300  # it leaves alone for a while who does not answer
                with suppress(SourceError):
                    told = await source.queue(query)
                assert time.monotonic() < until, "it is not asked again"
            assert told.new == true.new
            if number == 4:
                open_before, threads_before = _open_files(), threading.active_count()
        until = time.monotonic() + 5
        # A pool of threads and kept connections may still fill; what each of fifteen flaps keeps is more.
        while _open_files() > open_before + SPARE or threading.active_count() > threads_before + SPARE:
            assert time.monotonic() < until, f"{_open_files()} files, {threading.active_count()} threads are kept"
            await asyncio.sleep(0.01)
        await source.close()
        proxy.close()
    return flaps


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


ATTACKS = [
    Attack(
        "a log that rotates and collectors that die: the numbers are the simulator's",
        a_simulated_platform_is_counted_right,
        1.0,
    ),
    Attack("a server that flaps: no file, no thread is kept", a_server_that_flaps_costs_nothing, 1.0),
]


def main() -> int:
    """``MINUTES [FOLDER]``: the short attacks, then one soak; how many promises broke."""
    seconds = 60 * float(sys.argv[1])
    broken = sum(not besiege(attack, SHORT_SHARE * seconds / len(ATTACKS)) for attack in ATTACKS)
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp(prefix="mailtop-soak-"))
    folder.mkdir(exist_ok=True)
    seed = SystemRandom().randrange(2**32)
    soak = Soak(folder, (1 - SHORT_SHARE) * seconds, Random(seed))
    try:
        soak.run()
    except Exception as error:  # whatever it is, what was found so far is told
        soak.problems.append(f"{type(error).__name__}: {error}; seed {seed}")
    (folder / "report.md").write_text(soak.report())
    kept = "kept" if soak.is_judged else "kept, but too short to see growth (from 70 minutes on)"
    row(SOAK, f"{soak.tried:,}", f"BROKEN: {'; '.join(soak.problems)}" if soak.problems else kept)
    print(f"the report of the soak is {folder / 'report.md'}", file=sys.stderr)
    return broken + bool(soak.problems)


if __name__ == "__main__":
    sys.exit(main())
