"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Hundreds of tests start mailtop: where nothing compiled may be kept, each would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What a run with nohup or in the background ignores, all that it starts would ignore too; a handler is not passed on.
for number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda _number, _frame: None)

LONGEST = (
    "live/test_postfix_live.py",
    "live/test_exim_live.py",
    "engine/test_clickhouse_ledger.py",
    "torture/test_short.py",
    "ui/test_keys_in_turn.py",
    "ui/test_terminal.py",
    "ui/test_hostile.py",
    "engine/test_clickhouse_once.py",
    "engine/test_clickhouse_migration.py",
    "cli/test_ledger.py",
    "cli/test_fleet.py",
    "cli/test_serve_command.py",
    "ui/test_driver.py",
    "serve/test_same_numbers.py",
    "web/test_in_chromium.py",
)
"""The files that begin first, so that no worker is still at one of them when the others have nothing left."""

gc.disable()  # while tests are collected nothing becomes garbage

settings.register_profile("mailtop", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mailtop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first; ``scripts/test`` has the workers keep this order of files."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage again and again costs a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed and logged may be any text, lone surrogates too, which pytest-xdist cannot send."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report
