"""`mailtop collect`: feeds the ledger, once or until it is told to stop. The hub starts it where no other collector
runs."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

from tui.cli import collecting
from tui.cli.arguments import Exit
from tui.cli.output import say
from tui.cli.sources import Collected, collected, configuration, named, sources_of
from tui.config import ConfigError, SourceConfig
from tui.engine.collect import Collector
from tui.engine.ledger import LedgerBusy, LedgerLost

PATIENCE_SECONDS = 2.0

PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""How long a ledger that was lost is left alone: twice as long each time, until a collector has lived."""

LIVED_SECONDS = 60.0
"""A collector that had its ledger for so long has lived."""


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code. When it is told to end, what was not written yet stands in the log, and is
    read again next time."""
    sources = _chosen(named(sources_of(configuration(options.config)), options.source))
    if not options.once and len(sources) > 1:
        names = ", ".join(source.name for source in sources)
        raise ConfigError(f"collect feeds one source until it is stopped; name it with --source: {names}")
    _collect_garbage_seldom()
    if options.until_eof:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    if options.once:
        return max(_once(source) for source in sources)
    return _until_stopped(sources[0])


def _chosen(sources: Sequence[SourceConfig]) -> list[Collected]:
    """Those of ``sources`` that there is anything to collect from; raises ``ConfigError`` when there is none."""
    found = collected(sources)
    if not found:
        names = ", ".join(f'"{source.name}"' for source in sources)
        raise ConfigError(
            f"there is nothing to collect: {names} {'is' if len(sources) == 1 else 'are'} not counted on this host; "
            "collect reads a mail system of this host, a source of type local"
        )
    return found


def _collect_garbage_seldom() -> None:
    """What the engine keeps has no cycles: looking for them again and again costs a back-fill a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _once(source: Collected) -> Exit:
    with collecting.collector(source) as collector:
        collector.tick()
        problems = collecting.problems(collector, source)
    for problem in problems:
        say(f'the source "{source.name}" could not be read in full: {problem}')
    if (trouble := collecting.sending_problem(source)) is not None:
        say(f'the source "{source.name}" was read, and {trouble}')
    return Exit.SOURCE if problems else Exit.OK


def _until_stopped(source: Collected) -> int:
    told: list[str | None] = []

    def wait(seconds: float) -> bool:
        problems = [collector.log_problem, collector.queue_problem, collecting.sending_problem(source)]
        for problem in problems:
            if problem is not None and problem not in told:
                say(problem)
        told[:] = problems
        time.sleep(seconds)
        return False

    pause_seconds = PAUSE_SECONDS
    while True:
        begun = time.monotonic()
        try:
            with ExitStack() as running:
                collector = _patiently(source, running)
                collector.run(wait, say)
                return Exit.OK
        except LedgerLost as error:
            say(str(error))
        if time.monotonic() - begun >= LIVED_SECONDS:
            pause_seconds = PAUSE_SECONDS
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _patiently(source: Collected, running: ExitStack) -> Collector:
    """A collector, once another process gives up the ledger, as `mailtop show` does in a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return running.enter_context(collecting.collector(source))
        except LedgerBusy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _stop_at_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
