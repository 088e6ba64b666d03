"""Seconds until a program shows what it is for, turn and turn about: mailtop's first numbers beside bare Textual's
first frame and other programs for terminals, as far as the `PATH` has them.

    python -m benchmarks.starts [--rounds N] [--rows N]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.runner import Report, Runner

BARE = [sys.executable, "-m", "benchmarks.rivals", "bare"]
OTHERS = {
    "htop": (["htop"], "Load average"),
    "btop": (["btop"], "Pid:"),
    "harlequin": (["harlequin"], "Data Catalog"),
    "dolphie": (["dolphie", "--tab-setup"], "Connect to a Host"),
}
"""Other programs, and what they show when one can begin."""


def start(run: Runner) -> None:
    """Seconds to the first numbers, turn and turn about with bare Textual's first frame."""
    bare: list[float] = []
    ours: list[float] = []
    rows = run.options.rows
    for turn in range(run.options.rounds + 1):
        with run.terminal(BARE) as terminal:
            bare.append(terminal.read_until("bare", 30))
        with run.mailtop() as terminal:
            ours.append(terminal.read_until(run.ready, 60))
        if not turn:  # the first of each fills the caches of the system
            bare.clear()
            ours.clear()
    ratio = statistics.median(ours) / statistics.median(bare)
    seconds = f"{statistics.median(ours) * 1000:.0f} ms beside {statistics.median(bare) * 1000:.0f}"
    run.report.add(f"first numbers of {rows:,} rows", f"{ratio:.2f} x bare", "< 1.5", seconds)


def others(run: Runner) -> None:
    """The starts of other programs beside mailtop's."""
    ours: list[float] = []
    found = {name: each for name, each in OTHERS.items() if shutil.which(name)}
    taken: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(run.options.rounds + 1):
        for name, (argv, text) in found.items():
            with run.terminal(argv) as terminal:
                seconds = terminal.read_until(text, 60)
            if turn:  # the first of each fills the caches of the system
                taken[name].append(seconds)
        with run.mailtop() as terminal:
            seconds = terminal.read_until(run.ready, 60)
        if turn:
            ours.append(seconds)
    for name in OTHERS:
        if name in found:
            milliseconds = statistics.median(taken[name]) * 1000
            words = f"{milliseconds / statistics.median(ours) / 1000:.2f} x mailtop's first numbers"
            run.report.add(f"start of {name}", f"{milliseconds:.0f} ms", "", words)
        else:
            run.report.add(f"start of {name}", "not installed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    options.sources = 1
    with tempfile.TemporaryDirectory() as folder:
        run = Runner(options, Report(), Path(folder))
        start(run)
        others(run)


if __name__ == "__main__":
    main()
