"""The private world of the live tests: it changes nothing outside and leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.mta import until
from tests.live.namespace import Namespace
from tests.pty_driver import Terminal


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Namespace]:
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "made-up").write_text("laid over the machine")
    with Namespace(tmp_path) as world:
        yield world


def mounts() -> str:
    return Path("/proc/self/mounts").read_text()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_what_is_written_inside_stays_inside(world: Namespace) -> None:
    before = mounts()
    world.run(["sh", "-c", "echo x >/etc/made-up; echo x >/usr/made-up-too; echo x >/var/spool/y; hostname other"])
    assert world.run(["cat", "/usr/made-up"]).stdout == "laid over the machine"
    assert world.path("/etc/made-up").read_text() == "x\n"
    assert not any(Path(path).exists() for path in ("/etc/made-up", "/usr/made-up-too", "/usr/made-up", "/var/spool/y"))
    assert mounts() == before


def test_orphans_inside_are_reaped_and_end_with_the_world(world: Namespace) -> None:
    world.run(["sh", "-c", "(sleep 0.01 &) ; (sleep 1000 >/dev/null 2>&1 &)"])
    until(lambda: world.processes() == ["sleep"], "the short sleep to be reaped")
    with Terminal(world.command(["sh", "-c", "echo up; sleep 1000"])) as terminal:
        terminal.wait_for("up")
        assert sorted(world.processes()) == ["sh", "sleep", "sleep"]
        inside = terminal.survivors()
        world.__exit__(None, None, None)
        until(lambda: not any(alive(pid) for pid in inside if pid != terminal.pid), "all to end with the world")


@pytest.mark.skipif(os.geteuid() != 0, reason="private namespaces need root")
def test_the_world_ends_when_the_test_run_is_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys, time; from tests.live.namespace import Namespace\n"
        "world = Namespace(pathlib.Path(sys.argv[1])).__enter__(); world.start(['sleep', '1000'])\n"
        "print(world.first_pid, flush=True); time.sleep(1000)"
    )
    (tmp_path / "usr").mkdir()
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=root) as run:
        assert run.stdout is not None
        first = int(run.stdout.readline())
        assert alive(first)
        run.kill()
    until(lambda: not alive(first), "the world to end")
