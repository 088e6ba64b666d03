from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_lock import LedgerLock, holder, lock_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.ledger"


@contextmanager
def another_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.engine.ledger_children", "hold", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_holder_is_told_process_command_and_time(path: Path) -> None:
    before = time.time()
    with another_holder(path) as process:
        with pytest.raises(LedgerBusy) as busy:
            LedgerLock(path)
        found = holder(path)
    assert found is not None
    assert (found.pid, found.command) == (process.pid, "mailtop collect")
    assert before - 1 <= found.started <= time.time()
    day = time.strftime("%Y-%m-%d", time.gmtime(found.started))
    assert str(busy.value).startswith(
        f"the ledger {path} is already written by process {process.pid} (mailtop collect), started {day} "
    )


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    with another_holder(path) as process:
        process.kill()
        process.wait()
        assert holder(path) is None
        lock = LedgerLock(path)
    named = holder(path)
    assert named is not None
    assert named.pid == os.getpid()
    assert named.command
    lock.release()
    assert holder(path) is None


def test_a_lock_is_given_up_once_and_can_be_taken_again(path: Path) -> None:
    assert holder(path) is None
    lock = LedgerLock(path)
    lock.release()
    lock.release()
    assert holder(path) is None
    LedgerLock(path).release()


def test_the_same_process_cannot_hold_it_twice(path: Path) -> None:
    lock = LedgerLock(path, "mailtop collect --once")
    with pytest.raises(LedgerBusy, match=rf"process {os.getpid()} \(mailtop collect --once\)"):
        LedgerLock(path)
    lock.release()


def test_looking_does_not_turn_a_writer_away(path: Path) -> None:
    LedgerLock(path).release()
    code = (
        "import sys, pathlib; from tui.engine.ledger_lock import holder\nwhile True: holder(pathlib.Path(sys.argv[1]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as looking:
        for _ in range(200):
            LedgerLock(path).release()
        looking.kill()


def test_a_lock_that_names_nobody_is_unknown_and_not_nobody(path: Path) -> None:
    with another_holder(path):
        lock_path(path).write_bytes(b"{")
        with pytest.raises(LedgerError, match="is locked and names nobody"):
            holder(path)
        with pytest.raises(LedgerBusy, match="already written by another process"):
            LedgerLock(path)


def test_a_name_in_the_lock_file_cannot_reach_the_terminal_raw(path: Path) -> None:
    lock = LedgerLock(path, "evil\x1b[2J")
    with pytest.raises(LedgerBusy) as busy:
        LedgerLock(path)
    assert "\x1b" not in str(busy.value)
    lock.release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerError, match=r"cannot lock the ledger .*mail\.ledger.*folder must be writable"):
        LedgerLock(tmp_path / "file" / "mail.ledger")
    assert holder(tmp_path / "file" / "mail.ledger") is None
