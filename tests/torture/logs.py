"""Attacks on the log: rotated in every style, cut, deleted, closed, stale, huge, damaged, while somebody reads. Every
line counts once, or the ledger says what may be missing. `attack` enters."""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.ordinary_user import shut_out_of
from tests.torture.attack import Attack
from tests.torture.log_world import LogWorld
from tui.engine import logfile
from tui.engine.batch import LogPosition
from tui.engine.tail import Tail

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


ATTACKS = [
    Attack("a log rotated in every style: every line comes once, in order", rotated_in_every_style, 1.0),
    Attack("what is deleted or truncated unread, or between a copy and the cut, is told", losses_are_told, 0.5),
    Attack("handles that go stale and a disk that fails: every line comes once", stale_handles, 1.0),
    Attack("rights taken away and given back: a sentence meanwhile, and every line", closed_for_a_while, 0.3),
]
