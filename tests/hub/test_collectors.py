"""Collectors as the hub's children: kept running, restarted, left alone when another runs, and never left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.hub.scripted import until
from tui.hub import collectors as module
from tui.hub.collectors import Collectors

UNTIL_EOF = "import sys; sys.stdin.read()"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.01, 0.02))


def starts(log: Path) -> list[int]:
    """The pids of the collectors that were started."""
    return [int(pid) for pid in log.read_text().split()] if log.exists() else []


def script(log: Path, code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys; open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n{code}"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def running(*argvs: list[str]) -> AsyncIterator[tuple[Collectors, list[list[str]]]]:
    collectors = Collectors({str(place): argv for place, argv in enumerate(argvs)})
    told: list[list[str]] = []
    task = asyncio.create_task(collectors.run(lambda: told.append(collectors.problems)))
    try:
        yield collectors, told
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_each_runs_and_ends_with_the_hub(tmp_path: Path) -> None:
    logs = [tmp_path / "a", tmp_path / "b"]
    async with running(*[script(log, UNTIL_EOF) for log in logs]) as (collectors, _):
        await until(lambda: all(starts(log) for log in logs))
        assert collectors.problems == []
        pids = [starts(log)[0] for log in logs]
        assert all(map(is_alive, pids))
    assert not any(map(is_alive, pids))


async def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_SECONDS", 0.1)
    log = tmp_path / "log"
    async with running(script(log, "import time; time.sleep(60)")):
        await until(lambda: starts(log))
    assert not is_alive(starts(log)[0])


async def test_one_that_dies_is_started_again_and_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    reason = "/var/log/exim4/mainlog cannot be read; add the user to the group adm."
    async with running(script(log, f"sys.exit({reason!r})")) as (_, told):
        await until(lambda: len(starts(log)) >= 3)
        assert f"The collector has ended (exit code 1): {reason}" in [text for texts in told for text in texts]


async def test_another_collector_is_no_problem_and_looked_for_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    busy = "sys.stderr.write('process 12 writes this ledger'); sys.stderr.flush(); sys.exit(75)"
    async with running(script(log, busy)) as (_, told):
        await until(lambda: len(starts(log)) >= 3)
        assert told == []


async def test_what_one_says_while_it_runs_is_told_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEALTHY_SECONDS", 0.2)
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.01)
    code = f"print('The disk is full.', file=sys.stderr, flush=True)\n{UNTIL_EOF}"
    async with running(script(tmp_path / "log", code)) as (collectors, told):
        await until(lambda: ["The disk is full."] in told)
        await until(lambda: collectors.problems == [])


async def test_one_that_cannot_be_started_is_a_problem_in_words() -> None:
    async with running(["/no/such/collector"]) as (collectors, _):
        await until(lambda: collectors.problems)
        assert collectors.problems[0].startswith("The collector cannot be started:")
