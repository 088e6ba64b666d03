"""Growth is told from getting full and from chance."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.torture.soak_samples import Sample, percent, row, trends, used


def flat(memory: Callable[[int], float], files: Callable[[int], int] = lambda minute: 20) -> dict[str, bool]:
    """What is flat of two hours in which a process used so much in each minute."""
    samples = [
        Sample(60.0 * minute, {"hub": {"pss_mib": memory(minute), "fds": float(files(minute))}})
        for minute in range(121)
    ]
    return {trend.column: trend.flat for trend in trends(samples)}


@pytest.mark.parametrize(
    "memory",
    [lambda _: 40, lambda minute: min(20 + minute, 70), lambda minute: 50 + minute % 7, lambda minute: 60 - minute / 9],
    ids=["the same", "full after 50 minutes", "up and down", "less and less"],
)
def test_what_does_not_grow_is_flat(memory: Callable[[int], float]) -> None:
    assert flat(memory)["pss_mib"]


def test_what_grows_slowly_and_for_ever_is_seen() -> None:
    assert not flat(lambda minute: 40 + minute / 8)["pss_mib"]
    assert not flat(lambda minute: 40, lambda minute: 20 + minute // 5)["fds"]


def test_processes_are_measured() -> None:
    now = used([os.getpid()])
    assert now.processes == 1 and now.pss_mib > 1 and now.fds > 2 and now.threads >= 1
    assert used([2**30]).processes == 0
    later = used([os.getpid()])
    assert percent(later, now, 1.0) is not None
    assert "cpu_percent" in row(later, now, 1.0)
    assert "cpu_percent" not in row(later, used([]), 1.0), "another process"
