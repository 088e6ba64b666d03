from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import tui.engine.tail
from tui.engine import logfile
from tui.engine.batch import LogPosition
from tui.engine.logfile import MAX_LINE_BYTES
from tui.engine.tail import Chunk, Tail

LIMIT = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mainlog"


class Follow:
    """Makes tails, and closes them after the test."""

    def __init__(self) -> None:
        self.tails: list[Tail] = []

    def __call__(self, path: Path, position: LogPosition | None = None, *, only_current: bool = False) -> Tail:
        self.tails.append(Tail(path, position, only_current=only_current))
        return self.tails[-1]


@pytest.fixture
def follow() -> Iterator[Follow]:
    made = Follow()
    yield made
    for tail in made.tails:
        tail.close()


def drain(tail: Tail, limit: int = LIMIT) -> tuple[bytes, LogPosition | None]:
    """All there is now, and the position after it."""
    lines, position = [], None
    while (chunk := tail.read(limit)) is not None:
        assert chunk.lines == b"" or chunk.lines.endswith(b"\n")
        lines.append(chunk.lines)
        position = chunk.position
    return b"".join(lines), position


def read(path: Path, position: LogPosition | None = None, limit: int = LIMIT) -> tuple[bytes, LogPosition | None]:
    tail = Tail(path, position)
    try:
        return drain(tail, limit)
    finally:
        tail.close()


def some(first: int, count: int = 3) -> bytes:
    return b"".join(
        b"2026-11-21 19:50:%02d line %d\n" % (number % 60, number) for number in range(first, first + count)
    )


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def rename(log: Path) -> Path:
    return log.rename(log.with_name("mainlog.1"))


def copy_truncate(log: Path) -> Path:
    copy = log.with_name("mainlog.1")
    shutil.copyfile(log, copy)
    os.truncate(log, 0)
    return copy


PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def pack(path: Path, packing: str = ".gz") -> Path:
    packed = path.with_name(path.name + packing)
    packed.write_bytes(PACKERS[packing](path.read_bytes()))
    path.unlink()
    return packed


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


class TestRename:
    def test_finishes_the_old_file_through_its_descriptor(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        old = rename(log)
        append(old, some(3))
        assert drain(tail)[0] == some(3)
        log.touch()
        append(old, some(6))
        assert drain(tail)[0] == some(6)
        append(log, some(9))
        assert drain(tail)[0] == some(9)

    def test_late_lines_in_the_old_file_are_read_beside_the_new(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        old = rename(log)
        log.write_bytes(some(3))
        assert drain(tail)[0] == some(0, 6)
        append(old, some(6))
        late, position = drain(tail)
        assert late == some(6)
        append(old, some(9))
        assert read(log, position)[0] == some(9)
        assert drain(tail)[0] == some(9)

    def test_late_lines_are_found_after_a_restart_though_compressed(self, log: Path) -> None:
        log.write_bytes(some(0))
        old = rename(log)
        log.write_bytes(some(3))
        _, position = read(log)
        append(old, some(6))
        pack(old)
        lines, position = read(log, position)
        assert lines == some(6)
        assert read(log, position) == (b"", None)

    def test_a_deleted_old_file_is_given_back(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        old = rename(log)
        log.write_bytes(some(3))
        assert drain(tail)[0] == some(3)
        append(old, some(6))
        old.unlink()
        assert drain(tail)[0] == some(6)
        targets = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert not [target for target in targets if str(target).startswith(str(old))]

    @pytest.mark.parametrize("packing", ["", ".gz", ".bz2", ".xz"])
    def test_the_rest_of_a_renamed_file_is_found_after_a_restart(self, log: Path, packing: str) -> None:
        log.write_bytes(some(0))
        _, position = read(log)
        append(log, some(3))
        old = rename(log)
        if packing:
            pack(old, packing)
        log.write_bytes(some(6))
        assert read(log, position)[0] == some(3, 6)

    def test_files_between_are_read_after_a_long_absence(self, log: Path) -> None:
        log.write_bytes(some(0))
        _, position = read(log)
        append(log, some(3))
        pack(log.rename(log.with_name("mainlog.3")))
        pack(log.with_name("mainlog.2"), ".xz") if log.with_name("mainlog.2").exists() else None
        log.with_name("mainlog.2").write_bytes(some(6))
        log.with_name("mainlog.1").write_bytes(some(9))
        log.write_bytes(some(12))
        assert read(log, position)[0] == some(3, 12)

    def test_two_rotations_between_two_reads(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        append(log, some(3))
        rename(log).rename(log.with_name("mainlog.2"))
        log.write_bytes(some(6))
        rename(log)
        log.write_bytes(some(9))
        assert drain(tail)[0] == some(3, 9)

    def test_a_read_log_compressed_while_away_is_not_read_again(self, log: Path) -> None:
        log.write_bytes(some(0, 100))
        _, position = read(log)
        pack(rename(log))
        assert read(log, position) == (b"", None)
        log.write_bytes(some(100))
        assert read(log, position)[0] == some(100)

    def test_the_log_rotated_away_altogether_leaves_a_gap(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        _, position = read(log)
        log.unlink()
        log.with_name("mainlog.1").write_bytes(some(10))
        log.write_bytes(some(13))
        chunk = follow(log, position).read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == some(10)
        assert read(log, position)[0] == some(10, 6)

    def test_a_deleted_log_does_not_bring_back_the_files_before_it(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        rename(log)
        log.write_bytes(some(3))
        _, position = read(log)
        log.unlink()
        log.write_bytes(some(6))
        chunk = follow(log, position).read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == some(6)

    def test_lines_written_while_it_goes_over_to_the_new_file(
        self, log: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.write_bytes(some(0))
        oldest = log.rename(log.with_name("mainlog.2"))
        log.write_bytes(some(3))
        tail = follow(log)
        assert drain(tail)[0] == some(0, 6)
        old = rename(log)
        log.touch()

        def meanwhile(path: Path) -> list[logfile.Entry]:
            monkeypatch.undo()
            append(oldest, some(6))
            append(old, some(9))
            append(log, some(12))
            return logfile.rotated(path)

        monkeypatch.setattr(tui.engine.tail, "rotated", meanwhile)
        assert drain(tail)[0] == some(6, 9)

    def test_a_line_cut_by_a_reopening_writer_is_joined(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0) + b"cut in ")
        tail = follow(log)
        assert drain(tail)[0] == some(0)
        rename(log)
        log.write_bytes(b"tw")
        assert drain(tail)[0] == b""
        append(log, b"o\n")
        assert drain(tail)[0] == b"cut in two\n"

    def test_a_clock_that_went_back_confuses_nothing(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        _, position = drain(tail)
        old = rename(log)
        append(old, some(3))
        log.write_bytes(some(6))
        os.utime(old, (2_000_000_000, 2_000_000_000))
        os.utime(log, (1, 1))
        assert drain(tail)[0] == some(3, 6)
        assert read(log, position)[0] == some(3, 6)


class TestCopyTruncate:
    def test_starts_again_and_finishes_the_copy_first(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        drain(tail)
        append(log, some(3))
        copy_truncate(log)
        append(log, some(6, 1))
        assert drain(tail)[0] == some(3, 4)

    def test_is_seen_when_the_log_has_grown_beyond_the_offset_again(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        _, position = drain(tail)
        append(log, some(3))
        copy_truncate(log)
        append(log, some(6, 100))
        assert drain(tail)[0] == some(3, 103)
        assert read(log, position)[0] == some(3, 103)

    def test_is_seen_before_anything_was_read_from_the_log(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0) + b"cut")
        rename(log)
        log.touch()
        tail = follow(log)
        assert drain(tail)[0] == some(0)
        append(log, b" in two\n" + some(3))
        log.with_name("mainlog.1").rename(log.with_name("mainlog.2"))
        copy_truncate(log)
        append(log, some(6))
        assert drain(tail)[0] == b"cut in two\n" + some(3, 6)

    @pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz"])
    def test_the_copy_is_found_though_compressed(self, log: Path, packing: str) -> None:
        log.write_bytes(some(0))
        _, position = read(log)
        append(log, some(3))
        pack(copy_truncate(log), packing)
        append(log, some(6))
        assert read(log, position)[0] == some(3, 6)

    def test_a_copy_under_way_is_not_read_as_a_file_of_its_own(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0, 50))
        log.with_name("mainlog.1").write_bytes(some(0, 50)[:700])
        tail = follow(log)
        lines, position = drain(tail)
        assert lines == some(0, 50)
        copy_truncate(log)
        append(log, some(50))
        assert drain(tail)[0] == some(50)
        assert read(log, position)[0] == some(50)

    def test_truncated_without_a_copy_is_a_gap(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        _, position = drain(tail)
        os.truncate(log, 0)
        assert tail.read(LIMIT) is None
        append(log, some(3))
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == some(3)
        assert read(log, position)[0] == some(3)

    def test_a_line_cut_by_it_is_joined(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0) + b"cut in ")
        tail = follow(log)
        _, position = drain(tail)
        copy_truncate(log)
        append(log, b"two\n")
        assert drain(tail)[0] == b"cut in two\n"
        assert read(log, position)[0] == b"cut in two\n"


class TestFirstImport:
    def test_reads_rotated_files_oldest_first(self, log: Path) -> None:
        for number, packing in ((10, ".xz"), (3, ".bz2"), (2, ".gz"), (1, "")):
            path = log.with_name(f"mainlog.{number}")
            path.write_bytes(some(100 - number, 1))
            if packing:
                pack(path, packing)
        log.write_bytes(some(100, 1))
        assert read(log)[0] == some(90, 1) + some(97, 4)

    @pytest.mark.parametrize(
        ("name", "older", "newer"),
        [
            ("mainlog", "mainlog-20261120.gz", "mainlog-20261121"),
            ("mainlog", "mainlog.2026-11-20", "mainlog.2026-11-21.gz"),
            ("mainlog", "mainlog-1763600000", "mainlog-1763686400"),
            ("mainlog", "mainlog-20261121.gz", "mainlog-20261121-1763686400"),
            ("mainlog", "mainlog.02.gz", "mainlog.01"),
            ("maillog", "maillog.1.bz2", "maillog.0.bz2"),
            ("mail.log", "mail-20261120.log.gz", "mail-20261121.log"),
            ("mail.log", "mail.log.2.gz", "mail.log.1"),
        ],
    )
    def test_knows_the_names_of_rotated_files(self, tmp_path: Path, name: str, older: str, newer: str) -> None:
        for rotated, data in ((newer, some(3)), (older, some(0))):
            path = tmp_path / rotated
            path.write_bytes(PACKERS[path.suffix](data) if path.suffix in PACKERS else data)
        for other in ("mailog.1", f"{name}.old", f"{name}.1x", "rejectlog.1", f"{name}2.1"):
            (tmp_path / other).write_bytes(b"not mine\n")
        (tmp_path / name).write_bytes(some(6))
        assert read(tmp_path / name)[0] == some(0, 9)

    def test_numbers_and_dates_together_go_by_what_was_written_last(self, log: Path) -> None:
        for name, first, time in (("mainlog.1", 0, 1000), ("mainlog-20261121", 3, 2000)):
            log.with_name(name).write_bytes(some(first))
            os.utime(log.with_name(name), (time, time))
        log.write_bytes(some(6))
        assert read(log)[0] == some(0, 9)

    def test_only_the_current_file_on_request(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        pack(rename(log))
        log.write_bytes(some(3))
        tail = follow(log, only_current=True)
        lines, position = drain(tail)
        assert lines == some(3)
        rename(log)
        log.write_bytes(some(6))
        assert drain(tail)[0] == some(6)
        assert read(log, position)[0] == some(6)

    def test_only_the_current_file_of_one_that_has_no_other(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        assert drain(follow(log, only_current=True))[0] == some(0)

    def test_rotated_files_are_read_though_the_log_is_missing(self, log: Path, follow: Follow) -> None:
        log.with_name("mainlog.1").write_bytes(some(0))
        tail = follow(log)
        assert drain(tail)[0] == some(0)
        assert tail.problem == f"{log} is not there; mailtop waits for it to appear"
        log.write_bytes(some(3))
        assert drain(tail)[0] == some(3)
        assert tail.problem is None

    def test_a_compressed_file_that_is_being_made_is_left_alone(self, log: Path) -> None:
        log.with_name("mainlog.1").write_bytes(some(0))
        log.with_name("mainlog.1.gz").write_bytes(gzip.compress(some(0))[:20])
        log.write_bytes(some(3))
        assert read(log)[0] == some(0, 6)

    def test_a_damaged_compressed_file_is_named(self, log: Path, follow: Follow) -> None:
        damaged = log.with_name("mainlog.1.gz")
        damaged.write_bytes(gzip.compress(os.urandom(100_000).hex().encode())[:-5000])
        log.write_bytes(some(3))
        tail = follow(log)
        assert drain(tail)[0].endswith(some(3)[-20:])
        assert tail.problem is not None and tail.problem.startswith(f"{damaged} cannot be decompressed to its end (")

    @pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python decompresses .zst")
    def test_zst_is_left_out_with_a_word(self, log: Path, follow: Follow) -> None:
        packed = log.with_name("mainlog.1.zst")
        packed.write_bytes(b"\x28\xb5\x2f\xfd")
        log.write_bytes(some(3))
        tail = follow(log)
        assert drain(tail)[0] == some(3)
        assert tail.problem == f"{packed} is left out: this Python cannot decompress .zst files, Python 3.14 can"

    def test_an_empty_compressed_file_is_nothing(self, log: Path) -> None:
        log.with_name("mainlog.1.gz").write_bytes(gzip.compress(b""))
        log.write_bytes(some(0))
        assert read(log)[0] == some(0)


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


def deny(path: Path) -> Callable[[str, int], int]:
    def opener(name: str, flags: int) -> int:
        if name == str(path):
            raise PermissionError(13, "Permission denied", name)
        return os.open(name, flags)

    return opener
