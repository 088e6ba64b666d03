"""A mail system that writes a log, and an administrator who rotates it in every style: for the attacks on who reads
it. What they wrote is known line by line."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import shutil
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from tests.engine.log_files import PACKERS

SHORTEST_PIECE_BYTES = 12
"""A file that begins with less of a cut line could not be told from others."""

UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


def is_short() -> bool:
    """Whether an attack is tried for a moment only, as a test of the default suite."""
    return "PYTEST_CURRENT_TEST" in os.environ


def entry(number: int) -> bytes:
    """All that an Exim log says of the mail of this number: three lines."""
    id_ = b"0t5C6f-%06d-00" % number
    head = time.strftime("%Y-%m-%d %H:%M:%S ", time.gmtime()).encode() + id_
    return (
        b"%b <= carol%d@shop.test H=c [192.0.2.1] P=esmtps S=%d for r%d@gmail.com\n" % (head, number, number, number)
        + b'%b => r%d@gmail.com R=dnslookup T=remote_smtp H=mx [192.0.2.2] C="250 OK"\n' % (head, number)
        + b"%b Completed\n" % head
    )


class LogWorld:
    """One log below ``folder`` and its style: how rotated files are called, copied or renamed, packed when, and by
    what. ``written`` is all that was written, ``losable`` the lines that are in no file, or were not for a reader who
    was late."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.dated = chance.random() < 0.5
        self.copies = chance.random() < 0.4
        self.packing = chance.choice(["", *PACKERS])
        self.delays = chance.random() < 0.5
        self.linked = not self.copies and chance.random() < 0.2
        self.written: list[bytes] = []
        self.losable: set[bytes] = set()
        self.rotations = 0
        self.count = 0
        self._rest = b""
        self._day = 20_261_101
        self.log = folder / "mainlog"
        if self.linked:
            self._link()
        self._writer = FileIO(self.log, "ab")

    def __repr__(self) -> str:
        names = ("dated", "copies", "packing", "delays", "linked")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)

    def write(self, mails: int = 1, keep: int = 0) -> None:
        """Log so much mail; the last ``keep`` bytes of it come with what is written next."""
        for _ in range(mails):
            self.count += 1
            more = entry(self.count)
            self.written += more.splitlines(keepends=True)
            self._rest += more
        cut = max(len(self._rest) - keep, 0)
        if 0 <= self._rest.find(b"\n", cut) - cut < SHORTEST_PIECE_BYTES:
            cut = self._rest.find(b"\n", cut) + 1
        self._writer.write(self._rest[:cut])
        self._rest = self._rest[cut:]

    def rotate(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Rotate the log; ``meanwhile`` comes between the copy and the truncation, or before the new file."""
        self.rotations += 1
        if self.linked:
            self.write(0)
            meanwhile()
            self._link()
            self._reopen()
            return
        place = self._room()
        if self.copies:
            shutil.copyfile(self.log, place)
            meanwhile()
            os.truncate(self.log, 0)
        else:
            self.log.rename(place)
            meanwhile()
            if self.chance.random() < 0.5:
                self.log.touch()
            self._reopen()
        self._pack(place)

    def keep(self, most: int) -> None:
        """Delete the oldest rotated files, as logrotate does with ``rotate``; who has not read them has lost them."""
        rotated = self._rotated()
        for path in rotated[: max(len(rotated) - most, 0)]:
            self.losable.update(self._content(path).splitlines(keepends=True))
            path.unlink()

    def delete(self) -> None:
        """Delete the log and begin a new one, by hand."""
        self.losable.update(self.log.read_bytes().splitlines(keepends=True))
        self.log.unlink()
        self._reopen()

    def truncate(self, length: int) -> None:
        """Cut the log off, with no copy."""
        length = min(length, self.log.stat().st_size)
        length = self.log.read_bytes().rfind(b"\n", 0, length) + 1
        self.losable.update(self.log.read_bytes()[length:].splitlines(keepends=True))
        os.truncate(self.log, length)

    def lose(self, mails: int) -> None:
        """Log mail that is in no file later."""
        begun = len(self.written)
        self.write(mails)
        self.losable.update(self.written[begun:])

    def close(self) -> None:
        """Write what is left and go."""
        if not self._writer.closed:
            self.write(0)
            self._writer.close()

    def _reopen(self) -> None:
        self._writer.close()
        self._writer = FileIO(self.log, "ab")

    def _link(self) -> None:
        """Let the log lead to the file of a new day."""
        self._day += 1
        new = self.folder / f"mainlog-{self._day}"
        new.touch()
        link = self.folder / "link"
        link.symlink_to(new)
        link.rename(self.log)

    def _rotated(self) -> list[Path]:
        found = [path for path in self.folder.glob("mainlog[.-]*") if not path.samefile(self.log)]
        return sorted(found, key=lambda path: int(path.name[8:].split(".")[0]) * (1 if self.dated else -1))

    def _room(self) -> Path:
        if self.dated:
            self._day += 1
            return self.folder / f"mainlog-{self._day}"
        for path in self._rotated():
            _, number, *packing = path.name.split(".")
            path.rename(path.with_name(".".join(["mainlog", str(int(number) + 1), *packing])))
        return self.folder / "mainlog.1"

    def _pack(self, newest: Path) -> None:
        if not self.packing:
            return
        for path in self._rotated():
            if path.suffix not in PACKERS and (path != newest or not self.delays):
                packed = path.with_name(path.name + self.packing)
                packed.write_bytes(PACKERS[self.packing](path.read_bytes()))
                shutil.copystat(path, packed)
                path.unlink()

    def _content(self, path: Path) -> bytes:
        unpack = UNPACKERS.get(path.suffix)
        return unpack(path.read_bytes()) if unpack is not None else path.read_bytes()
