"""Measures how fast a log goes into a fresh ledger, beside the classic summary program. Whoever doubts it may enter.

usage: python -m benchmarks.ingest [--lines N] [--rounds N] [--mta exim|postfix|both] [--folder DIR] [--cpu N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate_log import write_log

CLASSICS = {"exim": "eximstats", "postfix": "pflogsumm"}


@dataclass(frozen=True)
class Run:
    """One whole process: seconds of wall clock and of processor time, and the most memory it held in MB."""

    wall: float
    processor: float
    memory: float


def measure(argv: list[str], cpu: int) -> Run:
    """Run ``argv`` to its end on one core, its output thrown away. Raises ``SystemExit`` when it fails."""
    began = time.perf_counter()
    with subprocess.Popen(["taskset", "-c", str(cpu), *argv], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return Run(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def classic(mta: str) -> str:
    """The path of ``eximstats`` or ``pflogsumm``: installed, else from the live tests' unpacked packages."""
    if found := shutil.which(CLASSICS[mta]):
        return found
    from tests.live.packages import unpacked

    return str(unpacked(mta) / "usr" / "sbin" / CLASSICS[mta])


def log_of(mta: str, lines: int, folder: Path) -> Path:
    """The generated log of so many lines, made on the first call."""
    path = folder / f"{mta}-{lines}.log"
    if not path.exists():
        print(f"writing {path}", file=sys.stderr)
        write_log(mta, lines, path)
    return path


def collect(mta: str, log: Path, folder: Path, cpu: int) -> Run:
    """``mailtop collect --once`` into a fresh ledger, with nothing in the queue."""
    for old in folder.glob("ledger.db*"):
        old.unlink()
    (folder / "spool" / "input").mkdir(parents=True, exist_ok=True)
    settings = f'type = "local"\nmta = "{mta}"\nlog = "{log}"\nledger = "sqlite:///{folder}/ledger.db"\n'
    queue = f'spool = "{folder}/spool"\n' if mta == "exim" else 'postqueue = ["true"]\n'
    config = folder / "mailtop.toml"
    config.write_text(f"[[source]]\n{settings}{queue}")
    return measure([sys.executable, "-m", "tui", "collect", "--once", "--config", str(config)], cpu)


def speed(mta: str, lines: int, rounds: int, folder: Path, cpu: int) -> None:
    """Run both programs turn and turn about and print the medians and their ratio."""
    log, runs = log_of(mta, lines, folder), {CLASSICS[mta]: list[Run](), "mailtop": list[Run]()}
    for number in range(rounds):
        for name in sorted(runs, reverse=number % 2 == 1):
            argv = [classic(mta), str(log)]
            runs[name].append(collect(mta, log, folder, cpu) if name == "mailtop" else measure(argv, cpu))
    medians = {}
    for name, each in runs.items():
        wall, processor = statistics.median(r.wall for r in each), statistics.median(r.processor for r in each)
        medians[name] = wall, processor
        print(f"{name:10} {wall:7.2f} s  {lines / wall:9,.0f} lines/s  processor {processor:6.2f} s")
    by_wall, by_processor = (a / b for a, b in zip(medians[CLASSICS[mta]], medians["mailtop"], strict=True))
    print(f"mailtop reads {by_wall:.2f} times the lines a second, {by_processor:.2f} by processor time")


def memory(mta: str, lines: int, folder: Path, cpu: int) -> None:
    """Print the peak memory for a quarter of the lines and for all."""
    quarter, whole = (collect(mta, log_of(mta, each, folder), folder, cpu).memory for each in (lines // 4, lines))
    print(f"mailtop's peak memory, {mta}: {quarter:.0f} MB for {lines // 4:,} lines, {whole:.0f} MB for {lines:,}")


def main() -> None:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description="Measure mailtop's ingestion beside eximstats and pflogsumm.")
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mta", choices=["exim", "postfix", "both"], default="both")
    parser.add_argument("--folder", type=Path, help="keep the logs here (default: a temporary folder)")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for mta in ("exim", "postfix") if args.mta == "both" else (args.mta,):
            speed(mta, args.lines, args.rounds, folder, args.cpu)
            memory(mta, args.lines, folder, args.cpu)


if __name__ == "__main__":
    main()
