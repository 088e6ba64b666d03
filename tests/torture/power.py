"""Power cuts: what a disk may hold of a ledger when nothing was written to it but what was synced, and any part of the
rest. `crash` enters.

SQLite syncs the write-ahead log (WAL) before a checkpoint copies from it into the ledger, and the ledger after it; what
was written since may be there in part, in any order. Not covered: disks that say to have synced what they have not, and
file systems that lose what was synced.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile
from pathlib import Path

from tests.engine.collector_child import collecting
from tests.torture.known_mail import KnownMail, append, counted, pieces

WAL_HEADER, FRAME_HEADER, SECTOR = 32, 24, 512
SHORTEST_BYTES = 1024
"""A log of less is not known again."""


class Disk:
    """A ledger and its WAL as they stand at a moment. ``copied`` is how much of a WAL of which salt was synced by a
    checkpoint and is in the ledger; where another WAL has begun since, nothing of it need be there."""

    def __init__(self, ledger: Path, copied: tuple[bytes, int]) -> None:
        self.ledger = bytearray(ledger.read_bytes())
        wal = ledger.with_name(ledger.name + "-wal")
        self.wal = bytearray(wal.read_bytes() if wal.exists() else b"")
        salt, size = copied
        self.synced = size if self._salt() == salt else 0

    def put(self, folder: Path, rng: random.Random) -> Path:
        """Write it to a folder, with what may be left of the shared memory."""
        ledger = folder / "ledger.sqlite"
        ledger.write_bytes(self.ledger)
        ledger.with_name("ledger.sqlite-wal").write_bytes(self.wal)
        if rng.random() < 0.5:
            ledger.with_name("ledger.sqlite-shm").write_bytes(rng.randbytes(32768))
        if rng.random() < 0.5:
            ledger.with_name("ledger.sqlite.lock").write_bytes(b'{"pid":1,"started":1.0,"command":"mailtop collect"}')
        return ledger

    def frames(self) -> list[int]:
        """Where the WAL's frames begin; what stands behind them is left from another one."""
        size = FRAME_HEADER + self._page_bytes()
        begin = range(WAL_HEADER, len(self.wal) - size + 1, size)
        return list(takewhile(lambda at: self.wal[at + 8 : at + 16] == self._salt(), begin))

    def checkpoint(self, rng: random.Random) -> None:
        """Begin to copy the synced WAL into the ledger, whose pages may come in any order, some torn."""
        page, last = self._page_bytes(), {}
        committed: dict[int, int] = {}
        for frame in self.frames():
            last[int.from_bytes(self.wal[frame : frame + 4], "big")] = frame + FRAME_HEADER
            if any(self.wal[frame + 4 : frame + 8]):
                committed.update(last)
        for number, at in committed.items():
            if rng.random() < 0.5:
                whole = rng.random() < 0.8
                size = page if whole else SECTOR * rng.randrange(1, page // SECTOR)
                place = (number - 1) * page
                self.ledger.extend(bytes(max(0, place + page - len(self.ledger))))
                self.ledger[place : place + size] = self.wal[at : at + size]

    def _salt(self) -> bytes:
        return bytes(self.wal[16:24])

    def _page_bytes(self) -> int:
        return int.from_bytes(self.wal[8:12], "big")


def _cut(disk: Disk, rng: random.Random) -> None:
    """Its end is missing."""
    del disk.wal[rng.randrange(disk.synced, len(disk.wal) + 1) :]


def _cut_between(disk: Disk, rng: random.Random) -> None:
    """Its last pages are missing."""
    del disk.wal[rng.choice([at for at in disk.frames() if at >= disk.synced] or [len(disk.wal)]) :]


def _lost(disk: Disk, _rng: random.Random) -> None:
    """None of what was not synced is there."""
    del disk.wal[disk.synced :]


def _torn(disk: Disk, rng: random.Random) -> None:
    """Some sectors were not written, or have what stood there before."""
    for at in range(-(-disk.synced // SECTOR) * SECTOR, len(disk.wal), SECTOR):
        if rng.random() < 0.1:
            size = min(SECTOR, len(disk.wal) - at)
            disk.wal[at : at + size] = rng.randbytes(size) if rng.random() < 0.3 else bytes(size)


def _half_copied(disk: Disk, rng: random.Random) -> None:
    """A checkpoint was under way."""
    disk.checkpoint(rng)


def _nothing(_disk: Disk, _rng: random.Random) -> None:
    """All of the ledger was written; it is the log that may have lost its end."""


CUTS: tuple[Callable[[Disk, random.Random], None], ...] = (_cut, _cut_between, _lost, _torn, _half_copied, _nothing)


def a_power_cut_loses_nothing(folder: Path, rng: random.Random) -> int:
    """A ledger is written, and the power is cut again and again; the log may have lost its end, too."""
    mail = KnownMail(mta := rng.choice(("exim", "postfix")), rng, rng.randrange(30, 120))
    truth, log = mail.truth(), folder / "log"
    (folder / "whole").mkdir()
    ledger = folder / "whole" / "ledger.sqlite"
    moments: list[tuple[Disk, int]] = []
    copied = b"", 0
    with collecting(mta, log, ledger) as collector:
        for piece in pieces(mail.log(), rng, 12):
            append(log, piece)
            collector.tick()
            if rng.random() < 0.25:
                copied = _checkpoint(ledger)
            moments.append((Disk(ledger, copied), log.read_bytes().rfind(b"\n") + 1))
    for tried, (disk, read) in enumerate(moments, 1):
        cut = rng.choice(CUTS)
        cut(disk, rng)
        (folder / str(tried)).mkdir()
        here = disk.put(folder / str(tried), rng)
        log.write_bytes(mail.log())
        if has_lost := cut is _nothing and read > SHORTEST_BYTES:
            os.truncate(log, rng.randrange(SHORTEST_BYTES, read))
        with collecting(mta, log, here) as collector:
            collector.tick()
            if has_lost:
                append(log, mail.log()[read:])
            collector.tick()
        found = counted(here)
        assert found == truth, f"after {cut.__name__}: {found} instead of {truth}"
    return len(moments)


def _checkpoint(ledger: Path) -> tuple[bytes, int]:
    """Copy all of the WAL into the ledger; returns its salt and size."""
    with closing(sqlite3.connect(ledger, isolation_level=None)) as db:
        busy, frames, copied = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert not busy
        assert frames == copied
    wal = ledger.with_name(ledger.name + "-wal").read_bytes()
    return wal[16:24], len(wal)
