"""The driver never makes the app wait for its terminal, and shows the newest picture once it reads again."""

from __future__ import annotations

import os
import pty
import signal
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pty_driver import Terminal
from tests.torture.terminal_case import Watched
from tui.ui.driver import Outlet
from tui.ui.traffic import Traffic

ROOT = Path(__file__).parent.parent.parent
ENVIRON = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: the emulator's and the program's."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, theirs
    for end in (ours, theirs):
        os.close(end)


def read_all(end: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(end, 65536)
    return data


def test_what_is_given_is_written_in_turn_and_counted(ends: tuple[int, int]) -> None:
    traffic = Traffic()
    outlet = Outlet(ends[1], traffic)
    outlet.start()
    for word in ("one ", "zwei ", "Ünïcödé"):
        outlet.give(word)
    assert read_all(ends[0], 20).decode() == "one zwei Ünïcödé"
    until(lambda: not outlet.is_busy)
    outlet.stop(5)
    assert not outlet.is_alive()


def test_nobody_waits_for_a_terminal_that_does_not_read(ends: tuple[int, int]) -> None:
    outlet = Outlet(ends[1], Traffic())
    outlet.start()
    free = threading.Event()
    for _ in range(100):
        outlet.give("x" * 1000)
    outlet.call_when_free(free.set)
    assert outlet.is_busy and not free.is_set()
    began = time.monotonic()
    outlet.stop(0.1)
    assert outlet.is_alive() and time.monotonic() < began + 2, "it is left alone"
    assert read_all(ends[0], 100_000) == b"x" * 100_000
    assert free.wait(5) and not outlet.is_busy


def test_who_asks_of_a_free_outlet_is_told_at_once(ends: tuple[int, int]) -> None:
    told = []
    Outlet(ends[1], Traffic()).call_when_free(lambda: told.append(1))
    assert told == [1]


def test_a_terminal_that_another_program_made_impatient_gets_everything(ends: tuple[int, int]) -> None:
    os.set_blocking(ends[1], False)
    outlet = Outlet(ends[1], Traffic())
    outlet.start()
    outlet.give("x" * 100_000)
    assert read_all(ends[0], 100_000) == b"x" * 100_000
    outlet.stop(5)


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    outlet = Outlet(write, Traffic())
    outlet.start()
    outlet.give("nobody")
    until(lambda: not outlet.is_busy)
    outlet.give("reads")
    outlet.stop(5)
    assert not outlet.is_alive()
    os.close(write)


def started(told: Path) -> Terminal:
    return Terminal([sys.executable, "-m", "tests.ui.scripted_app", str(told)], columns=80, rows=24, env=ENVIRON)


def press_unread(terminal: Terminal) -> None:
    """So much that no buffer holds what it repaints, while nobody reads."""
    for _ in range(40):
        terminal.press("?")
        time.sleep(0.02)
        terminal.press("escape")
        time.sleep(0.02)


def test_after_a_pause_the_newest_picture_is_shown(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        press_unread(terminal)
        terminal.press("down", "down", "enter")
        terminal.wait_for("queue ▸ bob@initech.test ▸ by campaign")
        terminal.wait_for("all 1 campaign")
        before = terminal.bytes_read
        terminal.press("escape")
        terminal.wait_for("all 5 accounts")
        assert terminal.bytes_read - before < 20_000, "nothing old comes after it"
        terminal.press("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
def test_it_goes_though_nobody_reads(tmp_path: Path, number: signal.Signals | None) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        press_unread(terminal)
        if number is None:
            terminal.press("q")
        else:
            os.kill(terminal.pid, number)
        # a key comes after all those that were typed before
        until(lambda: terminal._process.poll() is not None, 4.0 if number else 20.0)
        assert terminal._process.returncode == (0 if number is None else 128 + number)
        assert (tmp_path / "told").read_text() == "closed 1 times"


def test_no_answer_of_the_terminal_is_taken_for_a_key(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for _ in range(5):
            terminal.press("?")
            terminal.wait_for("Walk through the queue")
            terminal.press("escape")
            terminal.wait_for("all 5 accounts")
        assert "R" not in terminal.lines()[-1].split()
        terminal.press("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_did_not_read_is_as_before_when_it_does(tmp_path: Path, number: signal.Signals) -> None:
    argv = [sys.executable, "-m", "tests.ui.scripted_app", str(tmp_path / "told")]
    with Watched(argv, columns=80, rows=24, env=ENVIRON) as terminal:
        terminal.wait_for("all 5 accounts")
        for key in ("?", "escape") * 40:
            terminal.press(key)
            time.sleep(0.02)
        os.kill(terminal.pid, number)
        until(lambda: terminal.has_ended, 5.0)
        terminal.must_go(128 + number)
