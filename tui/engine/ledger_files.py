"""The files of a ledger on disk: whom they are for, and that nobody else has put them there. Ledgers on disk and their
lock enter."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OWNER, _GROUP_TOO = 0o600, 0o640


def make_folder(folder: Path) -> None:
    """Make the folder of a ledger, for its owner alone, where it is missing. Raises ``OSError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is a file, not a folder") from None


def open_own(path: Path) -> int:
    """A descriptor of the file at ``path``, which is made where it is missing: addresses and replies are not for
    everyone's eyes. Raises ``OSError``, whose ``strerror`` says what is wrong with a file that others may have put
    there."""
    try:
        file = os.open(path, _FLAGS, _mode_in(path.parent))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link; name the file that it leads to") from None
        raise
    trouble = _trouble(file, path)
    if trouble:
        os.close(file)
        raise OSError(errno.EPERM, trouble)
    return file


def open_to_same(file: int, path: Path) -> None:
    """Let who may read the file at ``path`` read the open ``file`` too, and nobody else, where that is ours to say.
    Raises ``OSError``."""
    if os.geteuid() not in (0, os.fstat(file).st_uid):
        return
    with suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return
        others = found.st_mode & 0o044
        if os.fstat(file).st_gid != found.st_gid:
            try:
                os.fchown(file, -1, found.st_gid)
            except PermissionError:  # a group that is not ours
                others &= 0o004
        os.fchmod(file, _OWNER | others)


def _mode_in(folder: Path) -> int:
    """For its owner, and for the group where the folder is open to that and closed to all others."""
    return _GROUP_TOO if stat.S_IMODE(folder.stat().st_mode) & 0o057 == 0o050 else _OWNER


def _trouble(file: int, path: Path) -> str:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        return "it is no ordinary file"
    if found.st_uid not in (0, os.geteuid(), path.parent.stat().st_uid):
        return f"it belongs to another user (number {found.st_uid}), who may have put it there"
    return ""
