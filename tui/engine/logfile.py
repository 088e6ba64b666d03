"""One file of a log, plain or compressed, read in whole lines; and the order of a log's rotated files. For the tail
only."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import io
import lzma
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

MAX_LINE_BYTES = 1 << 20
"""A longer line is no log line: it is passed over and counted."""

HEAD_BYTES = 1024
SHORTEST_COPY_BYTES = 32
FINISHED = -1
"""The offset of a file from which nothing more is expected."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in a file that is known again by device and inode, or by the hash of its first ``length`` bytes, which
    also finds it copied or compressed. ``offset`` counts decompressed bytes, or is ``FINISHED``."""

    device: int
    inode: int
    length: int
    digest: bytes
    offset: int


class Entry(msgspec.Struct, frozen=True):
    """A file of a log as found in its directory. ``name`` is the whole path, ``packing`` the suffix of a compressed one
    or empty, ``written`` its time of change in seconds since 1970."""

    name: str
    device: int
    inode: int
    size: int
    written: float
    packing: str


def digest(head: bytes) -> bytes:
    """The fingerprint of the first bytes of a file."""
    return hashlib.blake2b(head, digest_size=16).digest()


class _Plain:
    damage: str | None = None

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def at(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)


class _Packed:
    """A compressed file, read forwards only: what stands before the last offset asked for is forgotten."""

    def __init__(self, stream: BinaryIO) -> None:
        self.damage: str | None = None
        self._stream = stream
        self._base = 0
        self._buffer = b""

    def at(self, offset: int, size: int) -> bytes:
        while offset > self._base:
            if not self._buffer and not self._fill(min(offset - self._base, MAX_LINE_BYTES)):
                return b""
            passed = min(offset - self._base, len(self._buffer))
            self._buffer = self._buffer[passed:]
            self._base += passed
        while len(self._buffer) < size and self._fill(size - len(self._buffer)):
            pass
        return self._buffer[:size]

    def _fill(self, size: int) -> bool:
        if self.damage:
            return False
        try:
            more = self._stream.read(size)
        except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk, not of what stands on it
            self.damage = f"cannot be decompressed to its end ({error}); what follows in it is left out"
            return False
        self._buffer += more
        return bool(more)


def _gzip(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw))


def _bzip2(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, bz2.BZ2File(raw))


def _xz(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, lzma.LZMAFile(raw))


def _zstd(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, importlib.import_module("compression.zstd").ZstdFile(raw))  # Python 3.14 and later


_PACKINGS = {".gz": _gzip, ".bz2": _bzip2, ".xz": _xz, ".zst": _zstd}


class LogFile:
    """An open file of a log. ``offset`` is where the next whole line begins, ``skipped`` counts lines passed over since
    it was last asked, ``written`` is when the file was last written (seconds since 1970), as of the last reading."""

    def __init__(self, entry: Entry) -> None:
        """Open ``entry`` at its beginning. Raises ``OSError``; ``FileNotFoundError`` also when its name now stands for
        another file; ``ModuleNotFoundError`` where this Python cannot decompress it."""
        self._raw = io.FileIO(entry.name, "rb", opener=_open)
        try:
            found = os.fstat(self._raw.fileno())
            if (found.st_dev, found.st_ino) != (entry.device, entry.inode):
                raise FileNotFoundError(f"{entry.name} was replaced")
            self._content = self._contents(entry.packing)
            self._head = self._content.at(0, HEAD_BYTES)
        except BaseException:
            self._raw.close()
            raise
        self.name = entry.name
        self.packed = bool(entry.packing)
        self.device, self.inode = entry.device, entry.inode
        self.offset = 0
        self.skipped = 0
        self.written = entry.written
        self._scanned = 0

    def _contents(self, packing: str) -> _Plain | _Packed:
        if packing:
            return _Packed(_PACKINGS[packing](cast(BinaryIO, self._raw)))
        return _Plain(self._raw.fileno())

    @property
    def damage(self) -> str | None:
        """Why the file cannot be read to its end, when it cannot."""
        return self._content.damage and f"{self.name} {self._content.damage}"

    @property
    def empty(self) -> bool:
        """Whether it had no content when it was last looked at."""
        return not self._head

    def begins_with(self, place: Place) -> bool:
        """Whether this is the content that ``place`` is about."""
        return 0 < place.length <= len(self._head) and digest(self._head[: place.length]) == place.digest

    def copies(self, other: LogFile) -> bool:
        """Whether what is here is also the beginning of ``other``: a copy that is being made of it. A piece shorter
        than any line is no evidence."""
        return len(self._head) >= SHORTEST_COPY_BYTES and other._head.startswith(self._head)

    @property
    def deleted(self) -> bool:
        """Whether no name leads to it any more."""
        return os.fstat(self._raw.fileno()).st_nlink == 0

    def place(self) -> Place:
        """Where it stands. Of a file that is still short only the first line goes into the fingerprint: a copy that is
        made for a truncation may have less than what was read."""
        head = self._head[: self.offset] if self.offset > 0 else self._head
        if 0 < self.offset < HEAD_BYTES:
            head = head[: head.find(b"\n", SHORTEST_COPY_BYTES) + 1] or head
        return Place(self.device, self.inode, len(head), digest(head), self.offset)

    def go_to(self, offset: int) -> None:
        """Go on at ``offset``, or at the end when a plain file is shorter."""
        self.offset = offset if self.packed else min(offset, os.fstat(self._raw.fileno()).st_size)

    def is_as_left_at(self, offset: int) -> bool:
        """Whether it still reaches to ``offset``, where it was left, and a line ends there. When it was cut and has
        grown again, the rest of the line there is passed over."""
        if self.packed or offset <= 0:
            return True
        if self.offset == offset and self._content.at(offset - 1, 1) != b"\n":
            self._scanned = offset
        return self.offset == offset and not self._scanned

    def intact(self) -> bool:
        """Whether it still is what it was, only longer: not truncated, nor truncated and grown again."""
        if self.packed:
            return True
        head = self._content.at(0, HEAD_BYTES)
        if not head.startswith(self._head) or os.fstat(self._raw.fileno()).st_size < self.offset:
            return False
        self._head = head
        return True

    def lines(self, limit_bytes: int) -> bytes:
        """The whole lines from the offset on that are there, about ``limit_bytes`` of them at most; moves the offset
        behind them."""
        if self.offset == FINISHED:
            return b""
        while True:
            if self._scanned and not self._pass_line():
                return b""
            data = self._content.at(self.offset, limit_bytes)
            end = _end_of_lines(data)
            if not end and len(data) == limit_bytes <= MAX_LINE_BYTES:
                data = self._content.at(self.offset, MAX_LINE_BYTES + 1)
                end = data.find(b"\n") + 1
            if end or len(data) <= MAX_LINE_BYTES:
                self.written = os.fstat(self._raw.fileno()).st_mtime
                self.offset += end
                return data if end == len(data) else data[:end]
            self._scanned = self.offset + MAX_LINE_BYTES + 1

    def rest(self) -> bytes:
        """What stands behind the last whole line; moves the offset to the end of the file. For a file that is done."""
        if self.offset == FINISHED:
            return b""
        if self._scanned:
            self.offset, self._scanned = self._scanned, 0
            self.skipped += 1
            return b""
        rest = self._content.at(self.offset, MAX_LINE_BYTES + 1)
        self.offset += len(rest)
        return rest

    def close(self) -> None:
        """Give back the descriptor."""
        self._raw.close()

    def _pass_line(self) -> bool:
        while data := self._content.at(self._scanned, MAX_LINE_BYTES):
            newline = data.find(b"\n")
            if newline >= 0:
                self.offset, self._scanned = self._scanned + newline + 1, 0
                self.skipped += 1
                return True
            self._scanned += len(data)
        return False


def _end_of_lines(data: bytes) -> int:
    """Where the last whole line ends, 0 without one; stops before a line that is too long, so that the outcome does not
    depend on how much was read at once."""
    end = 0
    while (newline := data.rfind(b"\n", end, end + MAX_LINE_BYTES + 1)) >= 0:
        end = newline + 1
    return end


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # a named pipe would block


def entry_of(path: Path) -> Entry | None:
    """The regular file at ``path``; ``None`` where there is none. Raises ``OSError`` when that cannot be told."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    packing = path.suffix if path.suffix in _PACKINGS else ""
    return Entry(str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime, packing)


def rotated(path: Path) -> list[Entry]:
    """The rotated files of the log at ``path``, the oldest first: ``path.1``, ``path.2.gz``, ``path-20261121``,
    ``path.2026-11-21.xz``, and with the stamp before the suffix (``mail-20261121.log``). Where ``path`` is a symbolic
    link, those beside the file that it leads to, too.

    The order is by the number or date in the name; where both kinds stand together, the kind written last comes last.
    Raises ``OSError`` when a directory cannot be read.
    """
    numbered: list[tuple[tuple[int, ...], Entry]] = []
    dated: list[tuple[tuple[int, ...], Entry]] = []
    for stamp, entry in _stamped(path):
        if stamp < (1000,) and len(stamp) == 1:
            numbered.append(((-stamp[0],), entry))
        else:
            dated.append((stamp, entry))
    kinds = sorted((numbered, dated), key=lambda kind: max((entry.written for _, entry in kind), default=0.0))
    return [entry for kind in kinds for _, entry in sorted(kind, key=lambda each: (each[0], each[1].written))]


def _stamped(path: Path) -> Iterator[tuple[tuple[int, ...], Entry]]:
    """The rotated files and the numbers in their names."""
    logs = [path]
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        logs += [log for log in (target, target.with_name(path.name)) if log.parent.is_dir()]
    found: set[tuple[int, int]] = set()
    for log in logs:
        shape = _shape(log)
        names = {entry.name for entry in log.parent.iterdir()}
        for name in names:
            match = shape.fullmatch(name)
            # A compressed file beside its plain one is still being made.
            if match is None or (match["packing"] and name.removesuffix(match["packing"]) in names):
                continue
            entry = entry_of(log.with_name(name))
            if entry is not None and (entry.device, entry.inode) not in found:
                found.add((entry.device, entry.inode))
                yield tuple(int(part) for part in re.findall(r"\d+", match["after"] or match["before"])), entry


def _shape(path: Path) -> re.Pattern[str]:
    name, stem, suffix = (re.escape(part) for part in (path.name, path.stem, path.suffix))
    stamp = r"\d[\d\-._T]*"
    before = rf"{stem}[-._](?P<before>{stamp}){suffix}" if suffix else "(?P<before>(?!))"
    packing = "|".join(re.escape(packing) for packing in _PACKINGS)
    return re.compile(rf"(?:{name}[-._](?P<after>{stamp})|{before})(?P<packing>{packing})?")
