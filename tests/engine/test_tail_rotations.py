from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import pytest

import tui.engine.tail
from tests.engine.log_files import LIMIT, PACKERS, Follow, append, copy_truncate, drain, pack, read, rename, some
from tui.engine import logfile


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
        tail = follow(log, position)
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.gap
        assert chunk.lines + drain(tail)[0] == some(6)

    def test_a_log_deleted_with_the_file_before_it_does_not_bring_back_the_others(
        self, log: Path, follow: Follow
    ) -> None:
        log.with_name("mainlog.2").write_bytes(some(0))
        log.with_name("mainlog.1").write_bytes(some(3))
        for number in (2, 1):
            os.utime(log.with_name(f"mainlog.{number}"), (1000 - number, 1000 - number))
        log.write_bytes(some(6))
        tail = follow(log)
        _, position = drain(tail)
        log.with_name("mainlog.1").unlink()
        log.unlink()
        log.write_bytes(some(9))
        for reading in (tail, follow(log, position)):
            assert drain(reading)[0] == some(9)

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

    def test_a_piece_of_a_line_is_not_taken_for_a_copy_under_way(self, log: Path) -> None:
        log.with_name("mainlog.2").write_bytes(some(0) + b"cut")
        log.with_name("mainlog.1").write_bytes(b"...")
        log.write_bytes(b"...in three\n")
        assert read(log)[0] == some(0) + b"cut......in three\n"

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

    def test_shrunk_below_what_was_read_is_a_gap(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0, 100))
        tail = follow(log)
        _, position = drain(tail)
        os.truncate(log, len(some(0, 90)))
        append(log, some(100))  # nobody can tell where it was cut, if that is not seen at once
        again = follow(log, position)
        for reading in (tail, again):
            chunk = reading.read(LIMIT)
            assert chunk is not None and chunk.gap and chunk.lines == b""
            position = chunk.position
        append(log, some(103))
        for reading in (tail, again, follow(log, position)):
            assert drain(reading)[0] == some(103)

    def test_shrunk_and_grown_again_while_nobody_looked_is_a_gap(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0, 100))
        _, position = read(log)
        os.truncate(log, len(some(0, 90)))
        append(log, b"a line of another length\n" + some(200, 20))
        tail = follow(log, position)
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == b""
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.skipped == 1 and chunk.lines == some(209, 11)

    def test_it_is_told_since_nobody_knows_what_was_written_meanwhile(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        _, position = drain(tail)
        copy_truncate(log)
        append(log, some(3))
        again = follow(log, position)
        for reading in (tail, again):
            chunk = reading.read(LIMIT)
            assert chunk is not None and chunk.copied and not chunk.gap and chunk.lines == some(3)
        append(log, some(6))
        for reading in (tail, again):
            assert (chunk := reading.read(LIMIT)) is not None and not chunk.copied

    def test_a_renamed_log_is_no_copy(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0))
        tail = follow(log)
        _, position = drain(tail)
        rename(log)
        log.write_bytes(some(3))
        for reading in (tail, follow(log, position)):
            chunk = reading.read(LIMIT)
            assert chunk is not None and not chunk.copied and chunk.lines == some(3)

    def test_the_copy_of_a_short_log_that_was_written_and_read_meanwhile_is_known(
        self, log: Path, follow: Follow
    ) -> None:
        log.write_bytes(some(0))
        copy = log.with_name("mainlog.1")
        copy.write_bytes(some(0))
        append(log, some(3))
        tail = follow(log)
        _, position = drain(tail)
        os.truncate(log, 0)
        append(log, some(6))
        assert drain(tail)[0] == some(6)
        assert read(log, position)[0] == some(6)

    def test_a_line_cut_by_it_is_joined(self, log: Path, follow: Follow) -> None:
        log.write_bytes(some(0) + b"cut in ")
        tail = follow(log)
        _, position = drain(tail)
        copy_truncate(log)
        append(log, b"two\n")
        assert drain(tail)[0] == b"cut in two\n"
        assert read(log, position)[0] == b"cut in two\n"


class TestLink:
    def test_files_beside_the_target_are_found(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        target, link = tmp_path / "data" / "mail", tmp_path / "mainlog"
        link.symlink_to(target)
        target.write_bytes(some(0))
        _, position = read(link)
        append(target, some(3))
        pack(target.rename(target.with_name("mail.1")))
        target.write_bytes(some(6))
        assert read(link, position)[0] == some(3, 6)

    @pytest.mark.parametrize("folder", [".", "data"])
    def test_it_leads_to_a_new_file(self, tmp_path: Path, folder: str) -> None:
        (tmp_path / "data").mkdir()
        link = tmp_path / "mail.log"
        position, seen = None, b""
        for day in (20, 21, 22, 23):
            target = tmp_path / folder / f"mail-202611{day}.log"
            target.write_bytes(some(day * 10, 10))
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            if day != 22:
                more, position = read(link, position)
                seen += more
        assert seen == some(200, 40)

    def test_one_that_leads_nowhere_is_waited_for(self, log: Path, follow: Follow) -> None:
        log.symlink_to(log.parent / "away" / "mail")
        tail = follow(log)
        assert tail.read(LIMIT) is None
        assert tail.problem == f"{log} is not there; mailtop waits for it to appear"
        log.unlink()
        log.symlink_to(log)
        assert tail.read(LIMIT) is None
        assert tail.problem is not None and tail.problem.startswith(f"cannot read {log}")


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

    def test_names_with_the_same_number_go_by_what_was_written_last(self, log: Path) -> None:
        for name, first, time in (("mainlog.1", 3, 2000), ("mainlog-1", 0, 1000)):
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
        chunk = tail.read(LIMIT)
        assert chunk is not None and chunk.gap and chunk.lines == some(3)
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
