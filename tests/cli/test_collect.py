"""`mailtop collect` where its ledger is taken from it again and again: what processes would show only in minutes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tui.cli import collect, collecting
from tui.cli.arguments import Exit
from tui.config import LocalSource
from tui.engine.ledger import LedgerLost


class Clock:
    """Time that passes only where somebody sleeps or lives."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Dying:
    """A collector that loses its ledger when it has lived for each of some times; the last is told to stop."""

    def __init__(self, clock: Clock, lives: list[float]) -> None:
        self._clock, self._lives = clock, lives

    def run(self, _wait: Callable[[float], bool], _report: Callable[[str], None]) -> None:
        if self._lives:
            self._clock.now += self._lives.pop(0)
            raise LedgerLost("its lock file was removed or replaced")


def test_a_ledger_that_is_lost_again_and_again_is_opened_ever_less_often_until_a_collector_has_lived(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    dying = Dying(clock, [0, 0, 59, 0, 0, 0, 0, 60, 0])

    @contextmanager
    def collector(_source: object) -> Iterator[Dying]:
        yield dying

    monkeypatch.setattr(collecting, "collector", collector)
    monkeypatch.setattr(collect, "time", clock)
    monkeypatch.setattr(collect, "sources_of", lambda _config: [source])
    monkeypatch.setattr(collect, "configuration", lambda _path: None)
    monkeypatch.setattr(collect, "_collect_garbage_seldom", lambda: None)
    options = argparse.Namespace(config=None, source=None, once=False, until_eof=False)
    assert collect.run(options) == Exit.OK
    assert clock.pauses == [1, 2, 4, 8, 16, 30, 30, 1, 2]
    assert capsys.readouterr().err.count("its lock file was removed") == len(clock.pauses)
