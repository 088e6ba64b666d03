"""What to say when the system has nothing more to give: memory, processes, threads, open files, room. Only `main`
enters."""

from __future__ import annotations

import errno
import sys
import warnings

_SHORT_OF = {
    errno.ENOMEM: "the system gives no more memory; look at what else runs, and at the limit (ulimit -v)",
    errno.EAGAIN: "the system starts no more processes or threads; look at the limit (ulimit -u)",
    errno.EMFILE: "the system lets this process open no more files; look at the limit (ulimit -n)",
    errno.ENFILE: "the system lets nobody open more files; look at its limit (fs.file-max)",
    errno.ENOSPC: "the disk is full; free some room",
    errno.EDQUOT: "the disk is full for this user; free some room, or ask for more",
    errno.EROFS: "the disk is closed for writing; look why",
}


def shortage(error: BaseException) -> str | None:
    """What the system lacked, in a sentence; ``None``: the error is another one."""
    said = str(error)
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError) and "can't start new thread" in said:
        number = errno.EAGAIN
    elif isinstance(error, FileNotFoundError) and "No usable temporary directory" in said:
        number = errno.ENOSPC
    elif isinstance(error, ImportError) and ("memory" in said or "failed to map segment" in said):
        number = errno.ENOMEM
    else:
        number = error.errno or 0 if isinstance(error, OSError) else 0
    return _SHORT_OF.get(number)


def be_quiet() -> None:
    """What was left half made for lack of something says nothing more of it while it is cleared away."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _unraisable: None
