"""A hub starts as a command or as a copy of this process, and is told and killed alike."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pty_driver import Terminal
from tui.hub.child import Child
from tui.hub.process import inherited_socket
from tui.hub.spawn import SpawnedHub, spawn, spawn_hub

ROOT = Path(__file__).parent.parent.parent
COMMAND = "import os, socket; s = socket.socket(fileno=int(os.environ['MAILTOP_HUB_FD'])); s.sendall(s.recv(9)[::-1])"


def echo() -> int:
    sock = inherited_socket()
    sock.sendall(sock.recv(9)[::-1])
    return 3


def hang() -> int:
    time.sleep(60)
    return 0


def fail() -> int:
    raise ValueError("no such thing")


async def ended(hub: SpawnedHub, seconds: float = 5.0) -> tuple[str, str]:
    child = Child(hub.child)
    await child.end(seconds)
    return await child.wait(), child.last_line


@pytest.mark.parametrize(("main", "code"), [(None, 0), (echo, 3)])
async def test_it_talks_through_its_socket(main: Callable[[], int] | None, code: int) -> None:
    hub = spawn_hub([sys.executable, "-c", COMMAND], main)
    with hub.socket:
        hub.socket.sendall(b"abc")
        assert await asyncio.to_thread(hub.socket.recv, 9) == b"cba"
        assert await ended(hub) == (f"exit code {code}", "")


async def test_a_copy_that_fails_says_why() -> None:
    hub = spawn_hub([], fail)
    with hub.socket:
        assert await ended(hub) == ("exit code 1", "ValueError: no such thing")


async def test_a_copy_that_does_not_look_is_told_by_a_signal() -> None:
    hub = spawn_hub([], hang)
    with hub.socket:
        assert await ended(hub, 0.4) == ("SIGTERM", "")


async def test_a_copy_has_no_hand_on_the_terminal_and_keeps_nothing_open() -> None:
    ours, theirs = socket.socketpair()

    def main() -> int:
        try:
            os.fstat(theirs.fileno())
        except OSError:
            return 10 if os.getsid(0) == os.getpid() and not os.isatty(0) else 11
        return 12

    hub = spawn_hub([], main)
    with hub.socket, ours, theirs:
        assert await ended(hub) == ("exit code 10", "")


def test_what_cannot_be_started_leaves_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for start in (spawn, spawn_hub):
        with pytest.raises(FileNotFoundError):
            start(["/nowhere/mailtop"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_screen_shows_numbers_and_leaves_no_process(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with Terminal([sys.executable, "-m", "tui", "demo", "--accounts", "20"], env=environ) as terminal:
        terminal.wait_for("all 20 accounts")
        hubs = [pid for pid in terminal.survivors() if pid != terminal.pid]
        for pid in hubs:
            os.kill(pid, signal.SIGKILL)
        terminal.wait_for("It is started again")
        terminal.wait_for("all 20 accounts")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.survivors() == []
