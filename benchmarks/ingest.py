"""Measures how fast a log goes into a fresh ledger, beside the classic summary program. Whoever doubts it may enter.

usage: python -m benchmarks.ingest [--lines N] [--rounds N] [--mta exim|postfix|both] [--folder DIR] [--cpu N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.generate_log import write_log
from benchmarks.whole import Run, measure, median

CLASSICS = {"exim": "eximstats", "postfix": "pflogsumm"}


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
    """Run both programs and `wc -l` turn and turn about and print the medians and their ratios."""
    log = log_of(mta, lines, folder)
    others = {CLASSICS[mta]: [classic(mta), str(log)], "wc -l": ["wc", "-l", str(log)]}
    runs: dict[str, list[Run]] = {name: [] for name in (*others, "mailtop")}
    for number in range(rounds):
        for name in sorted(runs, reverse=number % 2 == 1):
            runs[name].append(collect(mta, log, folder, cpu) if name == "mailtop" else measure(others[name], cpu))
    medians = {name: median(each) for name, each in runs.items()}
    ours = medians["mailtop"]
    for name, run in medians.items():
        ratios = f"{run.wall / ours.wall:7.3f} x mailtop, {run.processor / ours.processor:.3f} by processor time"
        print(
            f"{name:10}{run.wall:8.2f} s{lines / run.wall:13,.0f} lines/s  processor{run.processor:7.2f} s"
            + (ratios if name in others else ""),
            flush=True,
        )


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
