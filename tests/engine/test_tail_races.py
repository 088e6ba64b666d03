from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from contextlib import closing
from io import FileIO
from pathlib import Path
from random import Random
from threading import Thread
from time import sleep

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.engine.log_files import PACKERS
from tui.engine.batch import LogPosition
from tui.engine.tail import Tail

LATE = b"late "
SHORTEST_PIECE_BYTES = 12
"""A file that begins with less of a cut line could not be told from others."""


class Rotations(RuleBasedStateMachine):
    """A log under an administrator who rotates it in all ways, and a reader that is killed at any time: what is
    committed is what was written, once and in order.

    ``writer`` is a mail system that writes lines in pieces and opens the new file some time after a rename;
    ``straggler`` a process of it that still writes whole lines to the file rotated last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "mainlog"
        self.writer = FileIO(self.log, "ab")
        self.straggler: FileIO | None = None
        self.count = 0
        self.unwritten = b""
        self.written = b""
        self.late: list[bytes] = []
        self.committed = b""
        self.uncommitted = b""
        self.position: LogPosition | None = None
        self.reached: LogPosition | None = None
        self.tail = Tail(self.log, None)

    @rule(lines=st.integers(1, 60), keep=st.integers(0, 80))
    def write(self, lines: int, keep: int) -> None:
        new = self.unwritten
        for _ in range(lines):
            self.count += 1
            new += b"%d said %032x\n" % (self.count, pow(3, self.count, 1 << 128))
        cut = max(len(new) - keep, 0)
        if 0 <= new.find(b"\n", cut) - cut < SHORTEST_PIECE_BYTES:
            cut = new.find(b"\n", cut) + 1
        self.unwritten = new[cut:]
        self.writer.write(new[:cut])
        self.written += new[:cut]

    def may_rotate(self) -> bool:
        return self.log.exists() and self.log.samefile(f"/proc/self/fd/{self.writer.fileno()}")

    @precondition(may_rotate)
    @rule(create=st.booleans(), straggles=st.booleans())
    def rename(self, create: bool, straggles: bool) -> None:
        old = self.make_room()
        self.log.rename(old)
        if create:
            self.log.touch()
        if straggles and old.stat().st_size:
            self.straggler = FileIO(old, "ab")

    @rule()
    def reopen(self) -> None:
        self.writer.close()
        self.writer = FileIO(self.log, "ab")

    @precondition(may_rotate)
    @rule()
    def copy_truncate(self) -> None:
        shutil.copyfile(self.log, self.make_room())
        os.truncate(self.log, 0)

    @precondition(lambda self: self.straggler is not None and self.may_rotate())
    @rule()
    def write_late(self) -> None:
        assert self.straggler is not None
        if not self.log.with_name("mainlog.1").read_bytes().endswith(b"\n"):
            return  # the writer left half a line there
        self.count += 1
        line = b"%s%d\n" % (LATE, self.count)
        self.straggler.write(line)
        self.late.append(line)

    @rule(number=st.integers(1, 4), packing=st.sampled_from(sorted(PACKERS)))
    def compress(self, number: int, packing: str) -> None:
        path = self.log.with_name(f"mainlog.{number}")
        if not path.exists() or path.samefile(f"/proc/self/fd/{self.writer.fileno()}"):
            return
        if number == 1:
            self.stop_straggler()
        path.with_name(path.name + packing).write_bytes(PACKERS[packing](path.read_bytes()))
        path.unlink()

    @rule(limit=st.sampled_from([10, 100, 1000, 100_000]), times=st.integers(1, 5))
    def read(self, limit: int, times: int) -> None:
        for _ in range(times):
            chunk = self.tail.read(limit)
            if chunk is None:
                return
            assert chunk.lines.endswith(b"\n") and not chunk.skipped and not chunk.gap
            self.uncommitted += chunk.lines
            self.reached = chunk.position

    @rule()
    def commit(self) -> None:
        self.committed += self.uncommitted
        self.uncommitted = b""
        self.position = self.reached

    @rule()
    def kill(self) -> None:
        self.tail.close()
        self.uncommitted = b""
        self.reached = self.position
        self.tail = Tail(self.log, self.position)

    def make_room(self) -> Path:
        self.stop_straggler()
        for path in sorted(self.log.parent.glob("mainlog.*"), key=lambda path: -int(path.name.split(".")[1])):
            _, number, *packing = path.name.split(".")
            path.rename(path.with_name(".".join(["mainlog", str(int(number) + 1), *packing])))
        return self.log.with_name("mainlog.1")

    def stop_straggler(self) -> None:
        if self.straggler is not None:
            self.straggler.close()
        self.straggler = None

    def teardown(self) -> None:
        try:
            self.writer.write(self.unwritten)
            self.written += self.unwritten
            self.reopen()
            self.read(100_000, 1_000_000)
            self.commit()
        finally:
            self.tail.close()
            self.writer.close()
            self.stop_straggler()
            self.folder.cleanup()
        lines = self.committed.splitlines(keepends=True)
        assert b"".join(line for line in lines if not line.startswith(LATE)) == self.written
        assert sorted(line for line in lines if line.startswith(LATE)) == sorted(self.late)


Rotations.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestRotations = Rotations.TestCase


class Administrator:
    """Writes lines and rotates as fast as it can, while somebody reads: the races are real ones."""

    def __init__(self, log: Path, lines: int) -> None:
        self.log, self.lines, self.count = log, lines, 0

    def run(self) -> None:
        random = Random(1)
        old: FileIO | None = None
        writer = FileIO(self.log, "ab")
        while self.count < self.lines:
            for _ in range(random.randrange(1, 200)):
                self.write(old if old is not None and random.random() < 0.05 else writer)
            if random.random() < 0.2:
                if old is not None:
                    old.close()
                self.make_room()
                self.log.rename(self.log.with_name("mainlog.1"))
                old = writer
                self.write(old)
                writer = FileIO(self.log, "ab")
            sleep(0.001)
        writer.close()
        if old is not None:
            old.close()

    def write(self, file: FileIO) -> None:
        self.count += 1
        file.write(b"%d said something\n" % self.count)

    def make_room(self) -> None:
        rotated = sorted(self.log.parent.glob("mainlog.*"), key=lambda path: -int(path.name.split(".")[1]))
        for path in rotated:
            _, number, *packing = path.name.split(".")
            moved = path.rename(path.with_name(".".join(["mainlog", str(int(number) + 1), *packing])))
            if number == "2":
                moved.with_name(moved.name + ".gz").write_bytes(gzip.compress(moved.read_bytes()))
                moved.unlink()


def test_nothing_is_lost_or_doubled_by_real_races(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path / "mainlog", 30_000)
    thread = Thread(target=administrator.run)
    random = Random(2)
    committed = b""
    position: LogPosition | None = None
    thread.start()
    while thread.is_alive():
        with closing(Tail(administrator.log, position)) as tail:
            read, reached = b"", position
            for _ in range(random.randrange(1, 30)):
                chunk = tail.read(random.choice([1000, 10_000, 1_000_000]))
                if chunk is not None:
                    read, reached = read + chunk.lines, chunk.position
                if random.random() < 0.3:
                    committed, read, position = committed + read, b"", reached
    thread.join()
    with closing(Tail(administrator.log, position)) as tail:
        while (chunk := tail.read(1_000_000)) is not None:
            committed += chunk.lines
    numbers = [int(line.split()[0]) for line in committed.splitlines()]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == set(range(1, administrator.count + 1))
