"""The screen in a terminal of 140x45 over 100,000 rows that change every second, beside htop, btop and a DataTable.

    python -m benchmarks.screen [--only PART,...] [--rounds N] [--seconds N] [--rows N] [--show]

The parts: start, keys, cells, idle, slow, stopped, rivals. Prints a table: what was measured, the bar that the project
sets itself, and ratios to what the other programs took in the same run. Quote the ratios and note the load: on a busy
machine the milliseconds are the machine's.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from benchmarks.flood import LEAST_POLLS
from benchmarks.runner import Report, Runner, median
from benchmarks.starts import start
from benchmarks.terminal import Replay, Terminal

DATATABLE = [sys.executable, "-m", "benchmarks.rivals", "datatable"]
RIVALS = {"htop": (["htop", "-d", "10"], 2), "btop": (["btop", "-p", "0"], 100)}
"""Other monitors at one look a second, and a column in which their cursor is seen."""

SLOW_LINK = 16_000.0
KEY_SECONDS = 0.15
UNREAD_SECONDS = 60


def keys(run: Runner) -> None:
    """Key to paint, processor time and memory while all rows change every second."""
    with run.mailtop() as terminal:
        terminal.read_until(run.ready, 60)
        terminal.read(3)
        for what, names, gap in (
            ("moves", ["down"] * 60 + ["up", "down"] * 40 + ["pagedown", "down", "pageup"] * 20, KEY_SECONDS),
            ("sorts", [">"] * 8 + ["I", "<"] * 16, 4 * KEY_SECONDS),
            ("groupings", ["a", "c", "i", "t"] * 10, 4 * KEY_SECONDS),
        ):
            began = press_all(terminal, names, gap)
            waits = terminal.waits(began, STATES[what])
            run.report.waits(f"key to paint, {len(names)} {what}", waits, (8, 25))
            if what == "moves":
                run.report.note("mailtop", key=median(waits))
            run.show(terminal)
        seconds = run.options.seconds
        for key in ("c", "down"):
            terminal.press(key)
            terminal.read(2)
        before, began = terminal.use(), time.perf_counter()
        terminal.read(seconds)
        use = terminal.use()
        run.show(terminal)
    spent = (use.cpu_seconds - before.cpu_seconds) * 60 / seconds
    run.report.add("CPU seconds a minute", f"{spent:.1f}", "< 12", f"{use.processes} processes")
    memory = f"{use.shared_bytes / 1e6:.0f} MB"
    run.report.add("memory (PSS)", memory, "< 200", f"{use.private_bytes / 1e6:.0f} MB of it private")
    size = terminal.bytes_since(began) / seconds
    run.report.add("bytes a second, all rows changing", f"{size:,.0f}")
    run.report.note("mailtop", processor=spent, memory=use.shared_bytes, bytes=size)


def cells(run: Runner) -> None:
    """What is sent a tick when three cells change."""
    with run.mailtop(changing=3) as terminal:
        terminal.read_until(run.ready, 60)
        terminal.read(10)
        seconds, began, before = run.options.seconds, time.perf_counter(), run.polls
        use = terminal.use()
        terminal.read(seconds)
        ticks = max(run.polls - before, 1)
        spent = (terminal.use().cpu_seconds - use.cpu_seconds) * 60 / seconds
        run.show(terminal)
    sizes = bursts([piece for piece in terminal.pieces if piece[0] >= began])
    per_tick = sum(sizes) / ticks
    words = f"median of a burst {statistics.median(sizes):.0f}, most {max(sizes)}; {ticks} ticks" if sizes else ""
    run.report.add("bytes a tick, 3 cells changed", f"{per_tick:,.0f}", "< 1000", words)
    run.report.add("CPU seconds a minute, 3 cells changed", f"{spent:.1f}")


def idle(run: Runner) -> None:
    """What a minute sends in which no number changes."""
    with run.mailtop(changing=0) as terminal:
        terminal.read_until(run.ready, 60)
        terminal.read(15)
        began, use = time.perf_counter(), terminal.use()
        terminal.read(60)
        spent = terminal.use().cpu_seconds - use.cpu_seconds
        said = [data for at, data in terminal.pieces if at >= began]
    run.report.add("bytes of an idle minute", f"{sum(map(len, said)):,}", "the clock", shortened(b"".join(said)))
    run.report.add("CPU seconds of an idle minute", f"{spent:.2f}")


def slow(run: Runner) -> None:
    """Keys on a slow link while three cells change every second."""
    with run.mailtop(changing=3, link=SLOW_LINK) as terminal:
        terminal.read_until(run.ready, 120)
        terminal.settle(0.5, 30)
        terminal.read(10)
        began = press_all(terminal, ["down"] * 100 + ["up", "down"] * 50, 2 * KEY_SECONDS)
        waits = terminal.waits(began, STATES["moves"])
        run.show(terminal)
    size = terminal.bytes_since(began) / len(waits)
    run.report.waits("keys at 16 kB/s", waits, (50, 50), f"{size:.0f} bytes a key, ticks included")


def stopped(run: Runner) -> None:
    """A terminal that does not read for a while."""
    seconds = UNREAD_SECONDS
    with run.mailtop() as terminal:
        terminal.read_until(run.ready, 60)
        terminal.read(3)
        use, polls = terminal.use(), run.polls
        time.sleep(seconds / 2)
        for _ in range(3):
            terminal.press("down")
        time.sleep(seconds / 2)
        spent = (terminal.use().cpu_seconds - use.cpu_seconds) * 60 / seconds
        polled = run.polls - polls
        terminal.read(3)
        run.show(terminal)
        text, newest = terminal.replay().text(), run.polls
        right = any(f" {LEAST_POLLS + newest - late} " in text for late in range(3)) and bool(PLACE.search(text))
        run.report.add(f"polls while unread for {seconds} s", f"{polled}", f"{seconds}")
        run.report.add("CPU seconds a minute while unread", f"{spent:.1f}")
        place = PLACE.search(text)
        words = f"cursor on {place[1]} after 3 keys" if place else ""
        run.report.add("screen after reading again", "right" if right else "WRONG", "right", words)
        time.sleep(10)
        for key, words in (("q", "q"), ("", "SIGTERM")):
            began = time.perf_counter()
            if key:
                terminal.press(key)
            else:
                os.kill(terminal.pid, signal.SIGTERM)
            while time.perf_counter() < began + 5 and Path(f"/proc/{terminal.pid}/stat").read_text().split()[2] != "Z":
                time.sleep(0.02)
            gone = time.perf_counter() - began
            run.report.add(f"seconds to leave by {words}, unread", f"{gone:.1f}", "< 2")
            if gone < 5:
                break


def rivals(run: Runner) -> None:
    """The same of htop, btop and a DataTable, as far as they have it."""
    for name, (argv, column) in RIVALS.items():
        if shutil.which(argv[0]) is None:
            run.report.add(name, "not installed", "", f"apt-get install {name}")
            continue
        with run.terminal(argv) as terminal:
            terminal.read(4)
            _rival(run, name, terminal, ["down", "up"] * 30, column)
    rows = run.options.rows
    with run.terminal([*DATATABLE, str(rows)]) as terminal:
        try:
            seconds = terminal.read_until("letter 1", 120)
        except TimeoutError:
            run.report.add(f"DataTable of {rows:,} rows", "> 120 s", "", "until the first numbers")
            return
        run.report.add(f"DataTable of {rows:,} rows", f"{seconds:.1f} s", "", "until the first numbers")
        terminal.read(5)
        _rival(run, "DataTable", terminal, ["down", "up"] * 5, 2, 30 * KEY_SECONDS)


def _rival(
    run: Runner, name: str, terminal: Terminal, names: Sequence[str], column: int, gap: float = KEY_SECONDS
) -> None:
    seconds = run.options.seconds
    before, began = terminal.use(), time.perf_counter()
    terminal.read(seconds)
    use = terminal.use()
    spent = (use.cpu_seconds - before.cpu_seconds) * 60 / seconds
    size = terminal.bytes_since(began) / seconds
    words = f"{use.shared_bytes / 1e6:.0f} MB, {size:,.0f} bytes a second"
    run.report.add(f"{name}: CPU seconds a minute", f"{spent:.1f}", "", words)
    began = press_all(terminal, names, gap)
    terminal.read(2)
    run.show(terminal)
    waits = terminal.waits(began, lambda replay: replay.bar(column))
    run.report.waits(f"{name}: key to paint, moves", waits, None)
    run.report.note(name, key=median(waits), processor=spent, memory=use.shared_bytes, bytes=size)


def press_all(terminal: Terminal, names: Sequence[str], gap: float) -> float:
    """Press keys at uneven times about ``gap`` seconds apart; when that began."""
    uneven = random.Random(1)
    began = time.perf_counter()
    for name in names:
        terminal.press(name)
        terminal.read(gap * uneven.uniform(0.7, 1.3))
    return began


def bursts(pieces: Sequence[tuple[float, bytes]], gap: float = 0.1) -> list[int]:
    """The sizes of what came with no pause longer than ``gap`` in it."""
    sizes: list[int] = []
    last = float("-inf")
    for at, data in pieces:
        if at - last > gap:
            sizes.append(0)
        sizes[-1] += len(data)
        last = at
    return sizes


def shortened(data: bytes) -> str:
    """What was written, without its escape sequences."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", data.decode(errors="replace"))
    return " ".join(text.split())[:60]


PLACE = re.compile(r"([\d,]+) of [\d,]+")


def place(replay: Replay) -> Hashable:
    """The row that the cursor stands on, and where on the screen."""
    lines = replay.lines()
    found = next((match[1] for line in lines if (match := PLACE.search(line))), "")
    return found, next((y for y, line in enumerate(lines) if line.startswith("▌")), None)


def header(replay: Replay) -> Hashable:
    """The heads of the columns, with the sign of the order."""
    return next((line for line in replay.lines() if "hold" in line and "proc" in line and "total" in line), "")


def path(replay: Replay) -> Hashable:
    """The line that says how the rows are added up."""
    return next((line for line in replay.lines() if re.search(r"\bby \w+", line)), "")


STATES: dict[str, Callable[[Replay], Hashable]] = {"moves": place, "sorts": header, "groupings": path}

PARTS = {
    "start": start,
    "keys": keys,
    "cells": cells,
    "idle": idle,
    "slow": slow,
    "stopped": stopped,
    "rivals": rivals,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30, help="how long to measure what is told per minute")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=1, help="how many sources of so many rows, of the same names")
    parser.add_argument("--show", action="store_true", help="print the screens too")
    options = parser.parse_args()
    print(f"{options.rows:,} rows, 140x45, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        run = Runner(options, Report(), Path(folder))
        for part in options.only.split(","):
            PARTS[part](run)
        run.report.ratios()


if __name__ == "__main__":
    main()
