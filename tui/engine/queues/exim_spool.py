"""Exim's queue, read from its spool: which messages wait, for whom, and which are being delivered (by their locks)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from tui.engine.access import refusal
from tui.engine.accounts import Accounts
from tui.engine.events import HOLD, PROC
from tui.engine.queues.exim_header import HeaderError, waiting
from tui.engine.queues.listing import Listing, ListingError, Waiting

LOCKS = Path("/proc/locks")

_Stamp = tuple[int, int, int]


class _Known(msgspec.Struct, gc=False):
    """A message as it was read, and the inode, time of change and size of its two files then."""

    header: _Stamp
    journal: _Stamp | None
    waiting: Waiting
    delivering: Waiting


class _Files(msgspec.Struct, gc=False):
    """The files of one message in the spool: the folder, and the inode of its body, which is locked by deliveries."""

    folder: str
    header: bool = False
    journal: bool = False
    body_inode: int = 0


class EximSpool:
    """Lists the queue of the spool folder ``spool`` (the one that holds ``input``), plain or split. ``locks`` is the
    kernel's list of file locks. Only files that changed since the last listing are read again."""

    def __init__(self, spool: Path, accounts: Accounts, locks: Path = LOCKS) -> None:
        self._input = spool / "input"
        self._accounts = accounts
        self._locks = locks
        self._known: dict[bytes, _Known] = {}

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``). A message whose header file is damaged is listed with no
        recipients and named in the listing's ``problem``; Exim counts it too."""
        taken = int(time.time())
        files = self._scan()
        locked = self._locked_inodes()
        known: dict[bytes, _Known] = {}
        messages: dict[bytes, Waiting] = {}
        damaged: list[str] = []
        for name, of_message in files.items():
            if not of_message.header:
                continue  # it is being received
            id_ = name.encode("ascii", "replace")
            try:
                message = self._message(id_, of_message, name)
            except FileNotFoundError:
                continue  # it left meanwhile
            except PermissionError as error:
                raise ListingError(self._refused(str(error.filename))) from error
            except OSError as error:
                raise ListingError(
                    f"cannot read {error.filename}: {error.strerror}; the queue is not known."
                ) from error
            except HeaderError as error:
                damaged.append(f"{name}-H: {error}")
                messages[id_] = Waiting(id_, HOLD, (), None, b"", None, -1, taken)
                continue
            known[id_] = message
            messages[id_] = message.delivering if of_message.body_inode in locked else message.waiting
        self._known = known
        problem = f"Exim's spool holds {len(damaged)} damaged messages ({damaged[0]})." if damaged else None
        return Listing(taken, messages, problem)

    def _scan(self) -> dict[str, _Files]:
        """The files by message id. Each letter of a split spool is a folder of one character."""
        files: dict[str, _Files] = {}
        folders = [str(self._input)]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        name = entry.name
                        if name[-2:-1] != "-":
                            if len(name) == 1 and entry.is_dir(follow_symlinks=False):
                                folders.append(entry.path)
                            continue
                        of_message = files.get(name[:-2])
                        if of_message is None:
                            of_message = files[name[:-2]] = _Files(folder)
                        self._note(of_message, name[-1], entry.inode())
            except PermissionError as error:
                raise ListingError(self._refused(folder)) from error
            except OSError as error:
                raise ListingError(
                    f"cannot list Exim's spool {folder}: {error.strerror}; set `spool` in the configuration to the "
                    "folder that holds `input`."
                ) from error
        return files

    @staticmethod
    def _note(of_message: _Files, kind: str, inode: int) -> None:
        if kind == "H":
            of_message.header = True
        elif kind == "D":
            of_message.body_inode = inode
        elif kind == "J":
            of_message.journal = True

    def _message(self, id_: bytes, files: _Files, name: str) -> _Known:
        path = f"{files.folder}/{name}-H"
        stamp = _stamp(path)
        journal_path = f"{files.folder}/{name}-J"
        journal_stamp = _stamp_or_none(journal_path) if files.journal else None
        known = self._known.get(id_)
        if known is not None and known.header == stamp and known.journal == journal_stamp:
            return known
        journal = _read_or_empty(journal_path) if journal_stamp is not None else b""
        message = waiting(id_, _read(path), journal, self._accounts)
        delivering = message if message.state == HOLD else msgspec.structs.replace(message, state=PROC)
        return _Known(stamp, journal_stamp, message, delivering)

    def _locked_inodes(self) -> set[int]:
        """The inodes of files with a write lock: Exim locks the body of a message while it delivers it."""
        try:
            lines = self._locks.read_text().splitlines()
        except OSError as error:
            raise ListingError(
                f"cannot read {self._locks}: {error.strerror}; without it nobody can tell what Exim delivers now."
            ) from error
        inodes = set()
        for line in lines:
            fields = line.split()
            if len(fields) >= 6 and "WRITE" in fields and "->" not in fields:
                inodes.add(int(fields[5].rpartition(":")[2]))
        return inodes

    def _refused(self, path: str) -> str:
        return refusal(Path(path)) or f"cannot read {path}: it may not be read by this user."


def _stamp(path: str) -> _Stamp:
    status = os.stat(path)  # noqa: PTH116 - a Path for each of 100,000 files takes longer than the call
    return status.st_ino, status.st_mtime_ns, status.st_size


def _stamp_or_none(path: str) -> _Stamp | None:
    try:
        return _stamp(path)
    except FileNotFoundError:
        return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        data = os.read(descriptor, size + 1)
        while more := os.read(descriptor, 1 << 20):
            data += more
        return data
    finally:
        os.close(descriptor)


def _read_or_empty(path: str) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        return b""
