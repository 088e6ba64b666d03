"""What processes use of a machine, noted again and again, and whether that grows. The soak enters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import msgspec

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
WARM_UP_SHARE = 0.5
"""So much of the time is not judged: queues, ledgers and caches are still getting full."""

COLUMNS = ("processes", "pss_mib", "fds", "threads", "cpu_percent", "ledger_mib", "history_mib")
"""``history_mib`` is a ledger that is not full yet, since it keeps its hours for 90 days."""

SLACK = dict(zip(COLUMNS, (1.0, 3.0, 4.0, 2.0, 3.0, 1.0, 5.0), strict=True))
"""So much more is no growth, whatever the share of it is."""

SHARE = dict(zip(COLUMNS, (0.0, 0.05, 0.0, 0.0, 0.25, 0.05, 0.1), strict=True))


class Used(msgspec.Struct):
    """What the processes of one role use: of memory their proportional share, of the processor the seconds so far."""

    processes: int = 0
    pss_mib: float = 0.0
    fds: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0
    pids: list[int] = []


class Sample(msgspec.Struct):
    """One look: when (seconds since the start), and what every role's row of ``COLUMNS`` is."""

    at: float
    roles: dict[str, dict[str, float]]


def used(pids: Iterable[int]) -> Used:
    """What some processes use now; those that have ended use nothing."""
    found = Used(pids=[])
    for pid in pids:
        process = Path(f"/proc/{pid}")
        try:
            rollup = (process / "smaps_rollup").read_text()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            fds = sum(1 for _ in (process / "fd").iterdir())
        except OSError:
            continue
        pss = next((line for line in rollup.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
        found.processes += 1
        found.pss_mib += int(pss.split()[1]) / 1024
        found.fds += fds
        found.threads += int(fields[17])
        found.cpu_seconds += (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
        found.pids.append(pid)
    return found


class Trend(msgspec.Struct):
    """A role's column over the judged time: the median of its first and of its second half."""

    role: str
    column: str
    early: float
    late: float

    @property
    def flat(self) -> bool:
        """Whether what came later is no more, but for ``SLACK`` and ``SHARE``."""
        return self.late <= self.early + max(SLACK[self.column], SHARE[self.column] * self.early)


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Each role's columns, the first half of the judged time against the second."""
    end = samples[-1].at if samples else 0.0
    judged = [sample for sample in samples if sample.at >= WARM_UP_SHARE * end]
    middle = (1 + WARM_UP_SHARE) / 2 * end
    found = []
    for role in sorted({role for sample in judged for role in sample.roles}):
        for column in COLUMNS:
            halves: tuple[list[float], list[float]] = [], []
            for sample in judged:
                value = sample.roles.get(role, {}).get(column)
                if value is not None:
                    halves[sample.at >= middle].append(value)
            if all(halves):
                found.append(Trend(role, column, median(halves[0]), median(halves[1])))
    return found


def percent(now: Used, before: Used | None, seconds: float) -> float | None:
    """The share of one processor since ``before``; ``None`` where other processes are meant now."""
    if before is None or before.pids != now.pids or seconds <= 0:
        return None
    return 100 * (now.cpu_seconds - before.cpu_seconds) / seconds


def row(now: Used, before: Used | None, seconds: float) -> dict[str, float]:
    """A role's row of a sample."""
    found: dict[str, float] = {
        "processes": now.processes,
        "pss_mib": round(now.pss_mib, 2),
        "fds": now.fds,
        "threads": now.threads,
    }
    share = percent(now, before, seconds)
    return found | ({} if share is None else {"cpu_percent": round(share, 2)})


def table(found: Sequence[Trend]) -> list[str]:
    """The trends as lines of Markdown."""
    lines = ["| what | of | first half | second half | |", "|---|---|---:|---:|---|"]
    for trend in found:
        numbers = f"{trend.early:.1f} | {trend.late:.1f}"
        lines.append(f"| {trend.column} | {trend.role} | {numbers} | {'flat' if trend.flat else 'GROWS'} |")
    return lines


def size_mib(path: Path) -> float:
    """A ledger with its log of changes."""
    total = 0
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            total += name.stat().st_size
        except FileNotFoundError:
            continue
    return round(total / 2**20, 2)
