"""Exim's queue, read from its spool: which messages wait, for whom, and which are being delivered (by their locks)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from tui.engine.access import refusal
from tui.engine.accounts import Accounts
from tui.engine.events import HOLD, PROC
from tui.engine.queues.exim_header import HeaderError, waiting
from tui.engine.queues.listing import Listing, ListingError, Waiting
from tui.model import UNKNOWN_ACCOUNT

LOCKS = Path("/proc/locks")

_NOBODY = UNKNOWN_ACCOUNT.encode()
_NAME_LENGTHS = (18, 25)
_READ_BYTES = 1 << 16

Entries = list[os.DirEntry[bytes]]
_Stamp = tuple[int, int, int]
"""What changes with a file: its inode, time of change and size."""


class _Known(msgspec.Struct, gc=False):
    """A message as it was read, and its two files then."""

    header: _Stamp
    journal: _Stamp | None
    waiting: Waiting


class _Files(msgspec.Struct):
    """What a folder holds: the ``-H`` files, the ``-J`` files by message id, and the messages whose body is locked."""

    headers: Entries
    journals: dict[bytes, os.DirEntry[bytes]]
    locked: set[bytes]


class _Listed(msgspec.Struct):
    """What was found so far: ``known`` is what to remember of it, ``damaged`` are files and what is wrong with them."""

    messages: dict[bytes, Waiting]
    known: dict[bytes, _Known]
    damaged: list[str]


class EximSpool:
    """Lists the queue of the spool folder ``spool`` (the one that holds ``input``), plain or split, with its named
    queues. ``locks`` is the kernel's list of file locks. Only files that changed since the last listing are read again.
    """

    def __init__(self, spool: Path, accounts: Accounts, locks: Path = LOCKS) -> None:
        self._spool = spool
        self._accounts = accounts
        self._locks = locks
        self._known: dict[bytes, _Known] = {}

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``). A message whose header file is damaged is listed as held, with no
        recipients, and named in the listing's ``problem``; Exim counts it too and does not touch it."""
        taken = int(time.time())
        listed = _Listed({}, {}, [])
        try:
            locked = self._locked_inodes(self._spool.stat().st_dev)
            for folder in self._folders():  # one by one: half a million files are more than one wants to hold
                self._list_files(_files(folder, locked), listed, taken)
        except PermissionError as error:
            raise ListingError(self._refused(_path(error))) from error
        except OSError as error:
            raise ListingError(
                f"cannot read {_path(error)}: {error.strerror}; set `spool` in the configuration to the folder of "
                "Exim that holds `input`"
            ) from error
        self._known = listed.known
        damaged = listed.damaged
        problem = f"Exim's spool holds {len(damaged)} damaged messages ({damaged[0]})" if damaged else None
        return Listing(taken, listed.messages, problem)

    def _list_files(self, files: _Files, listed: _Listed, taken: int) -> None:
        for entry in files.headers:
            id_ = entry.name[:-2]
            try:
                message = listed.known[id_] = self._message(id_, entry, files.journals.get(id_))
            except FileNotFoundError:
                continue  # it left meanwhile
            except (HeaderError, IsADirectoryError) as error:
                listed.damaged.append(f"{os.fsdecode(entry.path)}: {error}")
                listed.messages[id_] = Waiting(id_, HOLD, (), None, _NOBODY, None, -1, taken)
                continue
            one = message.waiting
            if id_ in files.locked and one.state != HOLD:
                one = msgspec.structs.replace(one, state=PROC)
            listed.messages[id_] = one

    def _folders(self) -> Iterator[Entries]:
        """What is in ``input``, in its folders of one letter when the spool is split, and in those of named queues."""
        inputs = [os.fsencode(self._spool / "input")]
        inputs += [entry.path + b"/input" for entry in _entries(os.fsencode(self._spool)) if entry.is_dir()]
        for path in inputs:
            try:
                entries = _entries(path)
            except FileNotFoundError:
                if path is inputs[0]:
                    raise
                continue  # one of Exim's other folders
            yield entries
            for entry in entries:
                if len(entry.name) == 1 and entry.is_dir():
                    with suppress(FileNotFoundError):  # Exim removes them when they are empty
                        yield _entries(entry.path)

    def _locked_inodes(self, device: int) -> set[int]:
        """The inodes of the files on ``device`` with a write lock: Exim locks the body of what it delivers. Where a
        file's device is not the one that this list names (btrfs, overlay), Exim must be who holds the lock: inode
        numbers are the same on many devices."""
        anonymous = os.major(device) == 0
        inodes = set()
        for line in self._locks.read_text().splitlines():
            fields = line.split()
            if len(fields) < 6 or fields[1] != "POSIX" or fields[3] != "WRITE":
                continue
            major, minor, inode = fields[5].split(":")
            here = (int(major, 16), int(minor, 16)) == (os.major(device), os.minor(device))
            if here or (anonymous and self._is_exim(fields[4])):
                inodes.add(int(inode))
        return inodes

    def _is_exim(self, pid: str) -> bool:
        try:
            return (self._locks.parent / pid / "comm").read_text().startswith("exim")
        except OSError:  # it ended meanwhile, and its lock with it
            return False

    def _message(self, id_: bytes, entry: os.DirEntry[bytes], journal: os.DirEntry[bytes] | None) -> _Known:
        header_stamp = _stamp(entry)
        journal_stamp = None
        if journal is not None:
            try:
                journal_stamp = _stamp(journal)
            except FileNotFoundError:
                journal = None  # taken into a new header file meanwhile
        known = self._known.get(id_)
        if known is not None and known.header == header_stamp and known.journal == journal_stamp:
            return known
        finished = _read_or_nothing(journal.path) if journal is not None else b""
        return _Known(header_stamp, journal_stamp, waiting(id_, _read(entry.path), finished, self._accounts))

    def _refused(self, path: str) -> str:
        return refusal(Path(path)) or f"cannot read {path}: this user may not"


def _files(folder: Entries, locked: set[int]) -> _Files:
    """The files that matter. A body without a header is being received."""
    files = _Files([], {}, set())
    for entry in folder:
        name = entry.name
        kind = name[-2:]
        if len(name) not in _NAME_LENGTHS:
            continue
        if kind == b"-H":
            files.headers.append(entry)
        elif kind == b"-J":
            files.journals[name[:-2]] = entry
        elif kind == b"-D" and entry.inode() in locked:
            files.locked.add(name[:-2])
    return files


def _entries(folder: bytes) -> Entries:
    with os.scandir(folder) as entries:
        return list(entries)


def _stamp(entry: os.DirEntry[bytes]) -> _Stamp:
    status = entry.stat(follow_symlinks=False)
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: bytes) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        data = os.read(descriptor, _READ_BYTES)
        if len(data) == _READ_BYTES:
            while more := os.read(descriptor, _READ_BYTES):
                data += more
        return data
    finally:
        os.close(descriptor)


def _read_or_nothing(path: bytes) -> bytes:
    with suppress(FileNotFoundError):
        return _read(path)
    return b""


def _path(error: OSError) -> str:
    return os.fsdecode(error.filename or b"a file of the spool")
