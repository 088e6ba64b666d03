"""Says in one sentence which right is missing to read a file. Whoever opens files of the mail system may enter."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

Access = Callable[[Path, int], bool]
"""Whether this process may use a path in the ways of ``os.R_OK | os.W_OK | os.X_OK``, as ``os.access`` answers."""


def refusal(path: Path, access: Access = os.access) -> str | None:
    """Why ``path`` (a file, or a directory to list) cannot be read: the first folder on the way that cannot be entered,
    or the path itself, with its owner, group, mode and who may; ``None`` when nothing stands in the way.

    Raises ``FileNotFoundError`` when it is not there at all.
    """
    for folder in reversed(path.parents):
        if not access(folder, os.X_OK):
            return _sentence(folder, "enter", os.X_OK)
    wanted = os.R_OK | os.X_OK if stat.S_ISDIR(path.stat().st_mode) else os.R_OK
    return None if access(path, wanted) else _sentence(path, "read", wanted)


def _sentence(path: Path, verb: str, wanted: int) -> str:
    found = path.stat()
    user, group = _user(found.st_uid), _group(found.st_gid)
    if found.st_mode >> 3 & wanted == wanted:
        remedy = f" or add your user to the group {group}"
    else:
        remedy = f" or as {user}" if user != "root" else ""
    return (
        f"cannot {verb} {path}: it belongs to {user}:{group} with mode {stat.S_IMODE(found.st_mode):04o}; "
        f"run mailtop as root{remedy}"
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
