from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.engine.log_files import LIMIT, Follow, append, drain, read, rename, some
from tui.engine import logfile
from tui.engine.batch import LogPosition
from tui.engine.logfile import MAX_LINE_BYTES
from tui.engine.tail import Chunk


def test_gives_whole_lines_and_keeps_the_cut_one(log: Path, follow: Follow) -> None:
    log.write_bytes(b"one\ntwo\nthr")
    tail = follow(log)
    chunk = tail.read(LIMIT)
    assert chunk is not None
    assert chunk.lines == b"one\ntwo\n"
    assert chunk.position.offset == 8
    assert chunk.position.path == str(log)
    assert chunk.written == log.stat().st_mtime
    assert tail.read(LIMIT) is None
    append(log, b"ee\n")
    assert drain(tail)[0] == b"three\n"
    assert tail.problem is None


def test_goes_on_after_a_restart(log: Path) -> None:
    log.write_bytes(some(0))
    first, position = read(log)
    append(log, some(3))
    assert first == some(0)
    assert read(log, position)[0] == some(3)


def test_a_log_that_is_away_for_a_while_lacks_nothing_when_it_is_back(log: Path, follow: Follow) -> None:
    log.write_bytes(some(0))
    _, position = read(log)
    away = log.with_name("away")
    log.rename(away)
    tail = follow(log, position)
    assert tail.read(LIMIT) is None
    away.rename(log)
    assert tail.read(LIMIT) is None
    append(log, some(3))
    chunk = tail.read(LIMIT)
    assert chunk is not None
    assert (chunk.lines, chunk.gap) == (some(3), False)


def test_a_position_survives_msgpack(log: Path) -> None:
    log.write_bytes(some(0))
    _, position = read(log)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(position), type=LogPosition)
    append(log, some(3))
    assert read(log, again)[0] == some(3)


@pytest.mark.parametrize("limit", [1, 7, 30, 64, LIMIT, 8 * LIMIT])
def test_any_limit_gives_the_same_lines(log: Path, limit: int) -> None:
    log.write_bytes(some(0, 20) + b"\n\n" + some(20))
    assert read(log, None, limit)[0] == some(0, 20) + b"\n\n" + some(20)


def test_limit_bounds_a_chunk(log: Path, follow: Follow) -> None:
    log.write_bytes(some(0, 1000))
    chunk = follow(log).read(1000)
    assert chunk is not None and len(chunk.lines) <= 1000


@pytest.mark.parametrize("limit", [4096, LIMIT, 8 * LIMIT])
def test_a_giant_line_is_passed_over_and_counted_once(log: Path, follow: Follow, limit: int) -> None:
    log.write_bytes(some(0) + b"x" * (3 * MAX_LINE_BYTES) + b"\n" + some(3))
    tail = follow(log)
    chunks: list[Chunk] = []
    while (chunk := tail.read(limit)) is not None:
        chunks.append(chunk)
    assert b"".join(chunk.lines for chunk in chunks) == some(0) + some(3)
    assert sum(chunk.skipped for chunk in chunks) == 1


def test_a_giant_line_still_without_end_keeps_the_position_at_its_start(log: Path, follow: Follow) -> None:
    log.write_bytes(some(0) + b"x" * (2 * MAX_LINE_BYTES))
    tail = follow(log)
    lines, position = drain(tail)
    assert lines == some(0) and position is not None and position.offset == len(lines)
    append(log, b"yy\n")
    chunk = tail.read(LIMIT)
    assert chunk is not None and (chunk.lines, chunk.skipped) == (b"", 1)
    append(log, some(3))
    assert drain(tail)[0] == some(3)
    assert read(log, chunk.position)[0] == some(3)


def test_a_giant_line_cut_by_a_rotation_is_counted(log: Path, follow: Follow) -> None:
    log.write_bytes(some(0) + b"x" * (2 * MAX_LINE_BYTES))
    rename(log)
    log.write_bytes(some(3))
    tail = follow(log)
    chunks: list[Chunk] = []
    while (chunk := tail.read(LIMIT)) is not None:
        chunks.append(chunk)
    assert b"".join(chunk.lines for chunk in chunks) == some(0) + some(3)
    assert sum(chunk.skipped for chunk in chunks) == 1


def test_a_line_as_long_as_allowed_is_given(log: Path) -> None:
    line = b"x" * MAX_LINE_BYTES + b"\n"
    log.write_bytes(line + some(0))
    assert read(log, None, 4096)[0] == line + some(0)


class TestTrouble:
    def test_waits_for_a_log_that_is_not_there(self, log: Path, follow: Follow) -> None:
        tail = follow(log)
        assert tail.read(LIMIT) is None
        assert tail.problem == f"{log} is not there; mailtop waits for it to appear"
        log.write_bytes(some(0))
        assert drain(tail)[0] == some(0)
        assert tail.problem is None

    def test_waits_for_a_folder_that_is_not_there(self, tmp_path: Path, follow: Follow) -> None:
        log = tmp_path / "exim4" / "mainlog"
        tail = follow(log)
        assert tail.read(LIMIT) is None
        assert tail.problem == f"{log} is not there; mailtop waits for it to appear"
        log.parent.mkdir()
        log.write_bytes(some(0))
        assert drain(tail)[0] == some(0)

    def test_vanished_and_come_back(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        append(log, some(3))
        log.unlink()
        assert drain(tail)[0] == some(3)
        assert tail.problem == f"{log} is not there; mailtop waits for it to appear"
        log.write_bytes(some(6))
        assert drain(tail)[0] == some(6)

    def test_replaced_by_a_folder(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        rename(log)
        log.mkdir()
        assert tail.read(LIMIT) is None
        assert tail.problem == f"{log} is a directory, not a log file; name the log file in the configuration"
        log.rmdir()
        log.write_bytes(some(3))
        assert drain(tail)[0] == some(3)

    def test_a_pipe_is_refused_without_waiting(self, log: Path, follow: Follow) -> None:
        os.mkfifo(log)
        tail = follow(log)
        assert tail.read(LIMIT) is None
        assert tail.problem == f"{log} is not a regular file; name the log file in the configuration"

    def test_unreadable_waits_and_loses_nothing(
        self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.write_bytes(some(0))
        _, position = read(log)
        append(log, some(3))
        tail = follow(log, position)
        with monkeypatch.context() as patch:
            patch.setattr(logfile, "_open", deny(log))
            assert tail.read(LIMIT) is None
            assert tail.problem is not None and tail.problem.startswith(f"cannot read {log}")
        assert drain(tail)[0] == some(3)
        assert tail.problem is None

    def test_an_unreadable_rotated_file_is_left_out_with_a_word(
        self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.with_name("mainlog.1").write_bytes(some(0))
        log.write_bytes(some(3))
        tail = follow(log)
        monkeypatch.setattr(logfile, "_open", deny(log.with_name("mainlog.1")))
        assert drain(tail)[0] == some(3)
        assert tail.problem == f"cannot read {log}.1 (this file is left out)"

    def test_a_rotated_file_that_cannot_be_read_on_the_way_is_a_gap(
        self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.write_bytes(some(0) + b"half a line")
        tail = follow(log)
        assert drain(tail)[0] == some(0)
        log.rename(log.with_name("mainlog.2"))
        log.with_name("mainlog.1").write_bytes(some(3))
        log.write_bytes(some(6))
        monkeypatch.setattr(logfile, "_open", deny(log.with_name("mainlog.1")))
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == some(6)

    @pytest.mark.parametrize("trouble", [errno.ESTALE, errno.EIO])
    def test_a_handle_that_went_stale_is_opened_again(
        self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch, trouble: int
    ) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        stale = {number: os.fstat(number) for number in open_files() if os.fstat(number).st_ino == log.stat().st_ino}
        for name in ("pread", "fstat"):
            monkeypatch.setattr(os, name, fails_for(set(stale), getattr(os, name), trouble))
        append(log, some(3))
        rename(log)
        log.write_bytes(some(6))
        assert tail.read(LIMIT) is None
        assert tail.problem == f"cannot read {log}: {os.strerror(trouble)}"
        monkeypatch.undo()
        assert drain(tail)[0] == some(3, 6)
        assert tail.problem is None

    def test_no_trouble_on_the_way_is_raised(self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
        tail = follow(log)
        monkeypatch.setattr(Path, "stat", refuse)
        assert tail.read(LIMIT) is None
        assert tail.problem == f"cannot read {log}: {os.strerror(errno.ESTALE)}"


def refuse(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))


def open_files() -> list[int]:
    return [int(link.name) for link in Path("/proc/self/fd").iterdir() if link.exists()]


def fails_for(descriptors: set[int], call: Callable[..., object], trouble: int) -> Callable[..., object]:
    def failing(descriptor: int, *more: int) -> object:
        if descriptor in descriptors:
            raise OSError(trouble, os.strerror(trouble))
        return call(descriptor, *more)

    return failing


def deny(path: Path) -> Callable[[str, int], int]:
    def opener(name: str, flags: int) -> int:
        if name == str(path):
            raise PermissionError(13, "Permission denied", name)
        return os.open(name, flags)

    return opener
