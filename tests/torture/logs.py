"""Attacks on the log: rotated in every style, cut, deleted, closed, stale, huge, damaged, while somebody reads. Every
line counts once, or the ledger says what may be missing. `attack` enters."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from pathlib import Path
from unittest.mock import patch

from tests.engine.log_files import append
from tests.ordinary_user import shut_out_of
from tests.torture.attack import Attack
from tests.torture.log_ledger import Collected
from tests.torture.log_world import SHORTEST_PIECE_BYTES, LogWorld, entry, is_short
from tui.engine import logfile
from tui.engine.accounts import Accounts
from tui.engine.batch import LogPosition
from tui.engine.logs.exim import EximLog
from tui.engine.tail import Tail

MOST_BYTES = 40 << 20
"""So much more memory may be taken, however much was logged."""

LIMITS = 200, 5000, 100_000, 1 << 20


class Follower:
    """Who reads a log, is killed and begins anew where it last committed. ``lines`` is what it committed, ``told`` how
    often it was told that some may be missing."""

    def __init__(self, log: Path, chance: random.Random) -> None:
        self.log, self.chance = log, chance
        self.lines: list[bytes] = []
        self.told = 0
        self.skipped = 0
        self.problems: set[str] = set()
        self.position: LogPosition | None = None

    def read(self, times: int) -> bool:
        """Look so often, then be killed; whether the end was reached and committed."""
        with closing(Tail(self.log, self.position)) as tail:
            pending: list[bytes] = []
            told = skipped = 0
            reached = self.position
            for _ in range(times):
                chunk = tail.read(self.chance.choice(LIMITS))
                if tail.problem is not None:
                    self.problems.add(tail.problem)
                if chunk is not None:
                    pending += chunk.lines.splitlines(keepends=True)
                    told, skipped = told + chunk.gap + chunk.copied, skipped + chunk.skipped
                    reached = chunk.position
                if chunk is None or self.chance.random() < 0.2:
                    self.lines += pending
                    self.told, self.skipped, self.position = self.told + told, self.skipped + skipped, reached
                    pending, told, skipped = [], 0, 0
                if chunk is None and self.chance.random() < 0.3:
                    return tail.problem is None
        return False

    def to_end(self) -> None:
        """Read all there is."""
        size = -1
        while size != len(self.lines):
            size = len(self.lines)
            for _ in range(5):
                self.read(1_000_000)


def _meanwhile(work: Callable[[], None], read: Callable[[], None]) -> None:
    """Do ``work`` in a thread, and ``read`` again and again until it is done."""
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while thread.is_alive():
            read()
    finally:
        thread.join()
    if trouble:
        raise trouble[0]


def _administer(world: LogWorld, chance: random.Random, times: int) -> None:
    """Write and rotate, now and then twice within a second, as fast as it can."""
    for _ in range(times):
        world.write(chance.randrange(1, 30), chance.choice((0, 0, 20, 150)))
        if chance.random() < 0.25:
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                world.rotate()
        threading.Event().wait(chance.random() * 0.004)
    world.close()


def _nap(world: LogWorld, chance: random.Random) -> None:
    """Be away for several rotations, now and then."""
    if chance.random() < 0.1:
        wanted = world.rotations + chance.randrange(1, 4)
        for _ in range(100):
            if world.rotations >= wanted:
                break
            threading.Event().wait(0.001)


def rotated_in_every_style(folder: Path, chance: random.Random) -> int:
    """A mail system writes, logrotate rotates, and a reader that is killed again and again is away for a while."""
    world = LogWorld(folder, random.Random(chance.random()))
    follower = Follower(world.log, chance)

    def read() -> None:
        follower.read(chance.randrange(1, 30))
        _nap(world, chance)

    _meanwhile(lambda: _administer(world, random.Random(world.chance.random()), 60), read)
    follower.to_end()
    _same(follower.lines, world.written, str(world))
    return world.rotations


def _same(read: list[bytes], written: list[bytes], what: str) -> None:
    if read != written:
        at = next((at for at, (a, b) in enumerate(zip(read, written, strict=False)) if a != b), len(read))
        raise AssertionError(f"{what}: {len(read)} of {len(written)} lines; at {at}: {read[at : at + 3]}")


def losses_are_told(folder: Path, chance: random.Random) -> int:
    """What is deleted, truncated or written between a copy and the truncation is lost, and a reader says so."""
    world = LogWorld(folder, chance)
    follower = Follower(world.log, chance)
    losses = 0
    for _ in range(25):
        world.write(chance.randrange(1, 60))
        if chance.random() < 0.7:
            follower.to_end()
        for _ in range(chance.choice((0, 1, 1, 2))):
            losses += _lose(world, follower)
    world.write(3)
    world.close()
    follower.to_end()
    read = set(follower.lines)
    missing = [line for line in world.written if line not in read]
    assert len(read) == len(follower.lines), f"{world}: lines came twice"
    assert [line for line in world.written if line in read] == follower.lines, f"{world}: out of order"
    assert world.losable.issuperset(missing), f"{world}: lost {[m for m in missing if m not in world.losable][:3]}"
    assert follower.told or not missing, f"{world}: {len(missing)} lines are missing, and nobody says so"
    return losses


def _lose(world: LogWorld, follower: Follower) -> int:
    """One thing that goes wrong, or nothing but a rotation."""
    chance = world.chance
    match chance.randrange(6):
        case 0:
            world.rotate()
            world.keep(chance.randrange(3))
        case 1 if not world.linked:
            world.delete()
        case 2 if not world.linked:
            world.truncate(0)
            world.write(chance.randrange(20))
        case 3 if not world.linked:
            follower.to_end()
            world.truncate(chance.randrange(1200, 20_000))
            follower.to_end()
        case 4 if world.copies:
            world.rotate(lambda: world.lose(chance.randrange(1, 5)))
        case _:
            world.rotate()
            return 0
    return 1


@contextmanager
def _flaky(chance: random.Random, share: float) -> Iterator[None]:
    """Handles go stale: of those that are read some fail from now on, and some reads fail for once."""
    stale: set[int] = set()
    read = logfile._Plain.at

    def at(self: logfile._Plain, offset: int, size: int) -> bytes:
        if chance.random() < share:
            stale.add(id(self))
        if id(self) in stale:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        if chance.random() < share:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(self, offset, size)

    with patch.object(logfile._Plain, "at", at):
        yield


def stale_handles(folder: Path, chance: random.Random) -> int:
    """The same while reading fails: stale handles as NFS has them, and a disk that fails now and then."""
    world = LogWorld(folder, random.Random(chance.random()))
    follower = Follower(world.log, chance)
    with _flaky(chance, 0.02):
        _meanwhile(
            lambda: _administer(world, random.Random(world.chance.random()), 40),
            lambda: _ignored(follower.read(chance.randrange(1, 30))),
        )
    follower.to_end()
    _same(follower.lines, world.written, str(world))
    return world.rotations


def _ignored(_value: object) -> None:
    """Whether the end was reached does not matter while the log grows."""


def closed_for_a_while(folder: Path, chance: random.Random) -> int:
    """An ordinary user's rights to the folder are taken away and given back, while the log is rotated."""
    (place := folder / "log").mkdir(mode=0o755)
    folder.chmod(0o755)
    world = LogWorld(place, chance)
    follower = Follower(world.log, chance)
    times = 12
    for _ in range(times):
        world.write(chance.randrange(1, 30))
        if chance.random() < 0.5:
            follower.read(20)
        with shut_out_of(place), closing(Tail(world.log, follower.position)) as tail:
            assert tail.read(1 << 20) is None
            assert tail.problem is not None and str(place) in tail.problem, tail.problem
        if chance.random() < 0.5:
            world.rotate()
    world.close()
    follower.to_end()
    _same(follower.lines, world.written, str(world))
    return times


def the_ledger_counts_every_line(folder: Path, chance: random.Random) -> int:
    """The same with a whole collector, which is killed again and again, and its ledger."""
    (place := folder / "log").mkdir()
    world = LogWorld(place, random.Random(chance.random()))
    collected = Collected(world.log, folder / "ledger", _exim)

    def read() -> None:
        collected.collect(chance.randrange(1, 4))
        _nap(world, chance)

    _meanwhile(lambda: _administer(world, random.Random(world.chance.random()), 40), read)
    collected.collect(2)
    assert collected.sums() == (world.count, world.count, 0, 0), f"{world}: {collected.sums()} of {world.count}"
    assert collected.waiting() == 0
    counters = {name: count for name, count in collected.counters().items() if name != "log_copies"}
    assert not any(counters.values()), f"{world}: {counters}"
    collected.adds_up()
    return world.rotations


def _exim() -> EximLog:
    return EximLog(Accounts(), UTC)


def half_a_line_is_read_when_it_is_whole(folder: Path, chance: random.Random) -> int:
    """A line is written in pieces over hours, with ticks, kills and rotations between; it counts once, when it ends."""
    world = LogWorld(folder, chance)
    now = time.time()
    collected = Collected(world.log, folder / "ledger", _exim, lambda: now)
    times = 3
    for _ in range(times):
        kept = chance.randrange(SHORTEST_PIECE_BYTES, 300)
        begun = world.count
        world.write(2, kept)
        collected.collect()
        assert begun <= collected.sums()[1] <= world.count
        now += chance.choice((60, 3600, 20_000))
        if chance.random() < 0.5:
            world.rotate()
        world.write(0)
        collected.collect()
        assert collected.sums()[:2] == (world.count, world.count)
        assert collected.waiting() == 0
    world.close()
    collected.adds_up()
    return times


def huge_lines_and_garbage(folder: Path, chance: random.Random) -> int:
    """Lines of up to 100 MB with no end, blocks of NUL and binary garbage between others, which all count; memory stays
    flat, and what was passed over is told."""
    log, times = folder / "mainlog", 6
    collected = Collected(log, folder / "ledger", _exim)
    before, mail, long = _resident_bytes(), 0, 0
    for _ in range(times):
        with log.open("ab") as file:
            size = chance.choice((1 << 10, 1 << 20, (1 << 20) + 5, 20 << 20, 100 << 20))
            match chance.randrange(3):
                case 0:  # as a writer leaves it that does not see that its log was truncated
                    file.truncate(file.tell() + size)
                    file.seek(0, os.SEEK_END)
                case 1:
                    size = min(size, 5 << 20)
                    file.write(chance.randbytes(size).replace(b"\n", b"."))
                case _:
                    size = chance.randrange(20_000)
                    file.write(chance.randbytes(size))
            file.write(b"\n")
            long += size > 1 << 20
        if chance.random() < 0.5:
            collected.collect()
        mail += 5
        append(log, b"".join(entry(number) for number in range(mail - 5, mail)))
        collected.collect()
    assert collected.sums() == (mail, mail, 0, 0), f"{collected.sums()} of {mail}"
    assert collected.counters().get("unparsed", 0) >= long
    grown = _resident_bytes() - before
    assert grown < MOST_BYTES, f"{grown >> 20} MB more memory"
    collected.adds_up()
    return times


def a_log_that_grows_by_50_mb_a_second(folder: Path, chance: random.Random) -> int:
    """Somebody logs 50 MB/s for a while: memory stays flat, and the collector catches up."""
    log = folder / "mainlog"
    log.touch()
    seconds = 0.15 if is_short() else chance.choice((1.0, 2.0))
    piece = b"".join(entry(number) for number in range(5000, 5400))
    pieces = int(50_000_000 * seconds / len(piece))
    collected = Collected(log, folder / "ledger", _exim)
    before = _resident_bytes()
    most = before

    def write() -> None:
        begun = time.monotonic()
        with log.open("ab", buffering=0) as file:
            for number in range(pieces):
                file.write(piece)
                time.sleep(max(begun + (number + 1) * seconds / pieces - time.monotonic(), 0))

    def read() -> None:
        nonlocal most
        collected.collect()
        most = max(most, _resident_bytes())

    _meanwhile(write, read)
    deadline = time.monotonic() + 60 * seconds
    while collected.sums()[0] < pieces * 400:
        assert time.monotonic() < deadline, f"{collected.sums()} of {pieces * 400} messages"
        read()
    assert collected.sums() == (pieces * 400, pieces * 400, 0, 0)
    assert most - before < MOST_BYTES, f"{most - before >> 20} MB more memory for {pieces * len(piece) >> 20} MB of log"
    collected.adds_up()
    return 1


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


ATTACKS = [
    Attack("a log rotated in every style: every line comes once, in order", rotated_in_every_style, 1.0),
    Attack(
        "the same with a killed collector: its ledger counts each message once",
        the_ledger_counts_every_line,
        1.5,
    ),
    Attack("what is deleted or cut unread, or between a copy and the cut, is told", losses_are_told, 0.5),
    Attack("handles that go stale and a disk that fails: every line comes once", stale_handles, 1.0),
    Attack("rights taken away and given back: a sentence meanwhile, and every line", closed_for_a_while, 0.3),
    Attack(
        "half a line for hours, across kills and rotations, counts once",
        half_a_line_is_read_when_it_is_whole,
        1.0,
    ),
    Attack("lines of 100 MB, NULs and garbage: passed over and told; memory flat", huge_lines_and_garbage, 2.0),
    Attack(
        "a log that grows by 50 MB/s: memory flat, and the collector catches up",
        a_log_that_grows_by_50_mb_a_second,
        6.0,
    ),
]
