"""Writes, rotates and reads logs on disk, for the tests of the tail."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tui.engine.batch import LogPosition
from tui.engine.tail import Tail

LIMIT = 1 << 20


class Follow:
    """Makes tails, and closes them after the test."""

    def __init__(self) -> None:
        self.tails: list[Tail] = []

    def __call__(self, path: Path, position: LogPosition | None = None, *, only_current: bool = False) -> Tail:
        self.tails.append(Tail(path, position, only_current=only_current))
        return self.tails[-1]


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
