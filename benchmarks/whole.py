"""Whole processes, timed turn and turn about so that all see the same machine. Other benchmarks enter."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One whole process: seconds of wall clock and of processor time, and the most memory it held in MB."""

    wall: float
    processor: float
    memory: float


def measure(argv: Sequence[str], cpu: int | None = None) -> Run:
    """Run ``argv`` to its end, on one core where it is named, its output thrown away. Raises ``SystemExit`` when it
    fails."""
    pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
    began = time.perf_counter()
    with subprocess.Popen([*pinned, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return Run(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def medians(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Run]:
    """The median run of each command; one more round before them fills the system's caches."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, argv in commands.items():
            run = measure(argv)
            if turn:
                runs[name].append(run)
    return {name: median(each) for name, each in runs.items()}


def median(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    return Run(
        statistics.median(run.wall for run in runs),
        statistics.median(run.processor for run in runs),
        statistics.median(run.memory for run in runs),
    )
