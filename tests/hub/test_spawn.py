"""A hub starts as a command or as a copy of this process, and is told and killed alike."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import socket
import sys
import threading
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


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_cannot_be_started_leaves_nothing_open() -> None:
    before = open_files()
    for start in (spawn, spawn_hub):
        with pytest.raises(FileNotFoundError):
            start(["/nowhere/mailtop"])
    assert open_files() == before


def test_what_the_system_does_not_let_start_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    before, limits = open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(BlockingIOError):
        spawn_hub([], lambda: 0)
    for more in range(10):
        highest = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + more, limits[1]))
        try:
            process, stdin, stderr = spawn(["true"])
        except OSError as error:
            assert error.errno == errno.EMFILE
            continue
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.close(stdin)
        os.close(stderr)
        process.wait()
    assert open_files() == before


async def test_a_child_that_cannot_be_waited_for_is_not_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = open_files()
    monkeypatch.setattr(threading.Thread, "start", refused)
    spawned = spawn(["sleep", "600"])
    with pytest.raises(OSError, match="can't start new thread"):
        Child(spawned)
    assert spawned.process.returncode == -signal.SIGKILL
    assert open_files() == before


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
