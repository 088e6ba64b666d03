"""What the benchmarks of the screen share: how each program is started, and how figures are printed."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.flood import VARIABLE
from benchmarks.terminal import Terminal

ROOT = Path(__file__).parent.parent
MAILTOP = [sys.executable, str(ROOT / "benchmarks" / "flood.py")]
READY = "all {rows:,} "
"""What the line of sums says as soon as the first numbers are there."""


class Report:
    """What is printed: what was measured, the figure, the bar, and words."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[str, float]] = {}

    def add(self, what: str, figure: str, bar: str = "", words: str = "") -> None:
        """Print a line as soon as it is known."""
        print(f"{what:<44}{figure:>16}{bar:>14}  {words}".rstrip(), flush=True)

    def waits(
        self, what: str, waits: Sequence[float | None], bars: tuple[float, float] | None, words: str = ""
    ) -> None:
        """p50 and p99 of the waits that ended."""
        known = sorted(wait * 1000 for wait in waits if wait is not None)
        missed = f"{len(waits) - len(known)} of {len(waits)} changed nothing" if len(known) < len(waits) else ""
        if not known:
            self.add(what, "no answer", "", words)
            return
        figure = f"{percentile(known, 0.5):.1f} / {percentile(known, 0.99):.1f}"
        bar = f"< {bars[0]:g} / {bars[1]:g}" if bars else ""
        self.add(f"{what} p50 / p99, ms", figure, bar, ", ".join(filter(None, (words, missed))))

    def note(self, program: str, **figures: float) -> None:
        """Keep figures of a program for the ratios."""
        self._noted.setdefault(program, {}).update(figures)

    def ratios(self) -> None:
        """Print what the other programs took as multiples of what mailtop took."""
        ours = self._noted.pop("mailtop", {})
        for program, figures in self._noted.items():
            shares = [f"{name} {figures[name] / ours[name]:.2g}" for name in ours if name in figures and ours[name]]
            if shares:
                print(f"{program} / mailtop: {', '.join(shares)}")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie."""
    return values[min(int(len(values) * share), len(values) - 1)]


def median(waits: Sequence[float | None]) -> float:
    """The median of the waits that ended; 0 where none did."""
    known = [wait for wait in waits if wait is not None]
    return statistics.median(known) if known else 0.0


@dataclass
class Runner:
    """Starts what is measured."""

    options: argparse.Namespace
    report: Report
    folder: Path

    def mailtop(self, changing: int | None = None, link: float | None = None) -> Terminal:
        """mailtop over the flood, of whose rows so many change a second (``None``: all)."""
        flood = {
            "rows": self.options.rows,
            "sources": self.options.sources,
            "changing": changing,
            "polls": str(self.folder / "polls"),
        }
        return self.terminal(MAILTOP, link=link, **{VARIABLE: json.dumps(flood)})

    def terminal(self, argv: Sequence[str], link: float | None = None, **environ: str) -> Terminal:
        """A program in a folder and a home of its own."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "VIRTUAL_ENV", "PYTHONPATH")}
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder)}
        places = {"LANG": "C.UTF-8", "COLORTERM": "truecolor", **home}
        return Terminal(argv, {**kept, **places, **environ}, link=link)

    @property
    def ready(self) -> str:
        """What is seen when the first numbers are there."""
        return READY.format(rows=self.options.rows)

    @property
    def polls(self) -> int:
        """How often the hub has asked the source."""
        return int((self.folder / "polls").read_text() or 0)

    def show(self, terminal: Terminal) -> None:
        """Print the screen, if asked to."""
        if self.options.show:
            print(terminal.replay().text())
