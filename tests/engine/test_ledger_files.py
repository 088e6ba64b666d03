"""Files of a ledger: for their owner, for a group whose folder it is, and never where somebody else leads them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tui.engine.ledger import LedgerError
from tui.engine.ledger_lock import LedgerLock, holder, lock_path
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter


@pytest.fixture(autouse=True)
def no_mask() -> Iterator[None]:
    """Nothing is taken away from the modes that are asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("folder", "file"), [(0o700, 0o600), (0o755, 0o600), (0o775, 0o600), (0o777, 0o600), (0o750, 0o640)]
)
def test_whose_eyes_a_ledger_is_for(tmp_path: Path, folder: int, file: int) -> None:
    tmp_path.chmod(folder)
    ledger = tmp_path / "mx.sqlite"
    writer = SqliteWriter(ledger)
    assert {path.name for path in tmp_path.iterdir()} == {f"mx.sqlite{end}" for end in ("", "-wal", "-shm", ".lock")}
    assert modes(tmp_path) == {file}
    writer.close()


def test_a_folder_that_is_made_is_for_its_owner(tmp_path: Path) -> None:
    SqliteWriter(tmp_path / "mailtop" / "mx.sqlite").close()
    assert stat.S_IMODE((tmp_path / "mailtop").stat().st_mode) == 0o700


def link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def pipe(place: Path, _: Path) -> None:
    os.mkfifo(place)


def stranger(place: Path, _: Path) -> None:
    place.touch()
    os.chown(place, 65534, 65534)


@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize(
    ("plant", "sentence"),
    [(link, "it is a symbolic link"), (pipe, "it is no ordinary file"), (stranger, "it belongs to another user")],
)
def test_what_somebody_else_has_put_there_is_not_written(
    tmp_path: Path, plant: Callable[[Path, Path], None], sentence: str, lock: bool
) -> None:
    if plant is stranger and os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    tmp_path.chmod(0o1777)
    victim, ledger = tmp_path / "victim", tmp_path / "mx.sqlite"
    victim.write_text("precious")
    plant(lock_path(ledger) if lock else ledger, victim)
    with pytest.raises(LedgerError, match=re.escape(sentence)):
        SqliteWriter(ledger)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("plant", [link, pipe])
def test_who_looks_at_a_lock_is_not_led_away_or_held_up(tmp_path: Path, plant: Callable[[Path, Path], None]) -> None:
    ledger = tmp_path / "mx.sqlite"
    plant(lock_path(ledger), tmp_path / "none")
    if plant is link:
        with pytest.raises(LedgerError, match="cannot tell who writes"):
            holder(ledger)
    else:
        assert holder(ledger) is None


def test_nobody_else_can_take_the_lock(tmp_path: Path) -> None:
    lock = LedgerLock(tmp_path / "mx.sqlite")
    assert stat.S_IMODE(lock_path(tmp_path / "mx.sqlite").stat().st_mode) & 0o077 == 0, "reading is enough to lock"
    lock.release()


def test_who_may_read_a_ledger_by_its_group_may_look_at_its_lock(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to a group that is not its own")
    ledger = tmp_path / "mx.sqlite"
    ledger.touch(0o640)
    os.chown(ledger, -1, 33)
    lock = LedgerLock(ledger)
    found = lock_path(ledger).stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (33, 0o640)
    lock.release()


def test_what_is_no_file_or_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is no file, so no ledger"):
        SqliteReader(tmp_path)
    (file := tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="there is no ledger at"):
        SqliteReader(file / "mx.sqlite")
    with pytest.raises(LedgerError, match="file is a file, not a folder"):
        SqliteWriter(file / "mx.sqlite")
