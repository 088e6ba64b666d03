"""One writer a ledger: a lock file beside it, held by ``flock``, that names its holder. Ledgers on disk and those who
would write them may enter."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_files import make_folder, open_own, open_to_same
from tui.text import clean

_TRIES, _PAUSE_SECONDS = 10, 0.02
"""``holder`` takes the lock for an instant to look, which must not turn a writer away; and a writer needs an instant to
write its name."""


class Holder(msgspec.Struct, frozen=True):
    """Who writes a ledger: ``started`` in seconds since 1970, ``command`` as it was called."""

    pid: int
    started: float
    command: str


class LedgerLock:
    """The right to write the ledger at ``ledger``, from construction until ``release`` or the end of the process.

    Raises ``LedgerBusy`` when another process has it, ``LedgerError`` when the lock file cannot be made.
    """

    def __init__(self, ledger: Path, command: str | None = None) -> None:
        self._path = path = lock_path(ledger)
        try:
            make_folder(path.parent)
            self._file = open_own(path)
        except OSError as error:
            raise LedgerError(
                f"cannot lock the ledger {ledger} ({path}: {error.strerror}); its folder must be writable to collect"
            ) from error
        try:
            self._take(ledger)
            open_to_same(self._file, ledger)
            holder = Holder(os.getpid(), time.time(), _own_command() if command is None else command)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, msgspec.json.encode(holder), 0)
        except OSError as error:
            os.close(self._file)
            raise LedgerError(f"cannot lock the ledger {ledger} ({path}: {error.strerror})") from error
        except BaseException:
            os.close(self._file)
            raise

    @property
    def held(self) -> bool:
        """Whether the right was not given up yet."""
        return self._file >= 0

    @property
    def is_known(self) -> bool:
        """Whether others see it: not when the lock file was removed or replaced."""
        return self.held and is_at(os.fstat(self._file), self._path)

    def release(self) -> None:
        """Give the right up; the file stays, since removing it would race with who waits for it."""
        if self.held:
            os.close(self._file)
            self._file = -1

    def _take(self, ledger: Path) -> None:
        for _ in range(_TRIES):
            if _locked(self._file, fcntl.LOCK_EX):
                return
            time.sleep(_PAUSE_SECONDS)
        raise LedgerBusy(f"the ledger {ledger} is already written by {_described(_read(self._file))}")


def lock_path(ledger: Path) -> Path:
    """The lock file of the ledger at ``ledger``."""
    return ledger.with_name(ledger.name + ".lock")


def is_at(opened: os.stat_result, path: Path) -> bool:
    """Whether an open file is the one that stands at ``path`` now; so it is, too, where that cannot be told."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)


def holder(ledger: Path) -> Holder | None:
    """Who writes the ledger now; ``None``: nobody does. Raises ``LedgerError`` when that cannot be known."""
    path = lock_path(ledger)
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(f"cannot tell who writes the ledger {ledger} ({path}: {error.strerror})") from error
    try:
        for _ in range(_TRIES):
            if _locked(file, fcntl.LOCK_SH):
                return None
            if (named := _read(file)) is not None:
                return named
            time.sleep(_PAUSE_SECONDS)
    finally:
        os.close(file)
    raise LedgerError(f"cannot tell who writes the ledger {ledger}: {path} is locked and names nobody")


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int) -> Holder | None:
    """What the lock file says; ``None`` while its holder has not written it yet."""
    try:
        return msgspec.json.decode(os.pread(file, 4096, 0), type=Holder)
    except msgspec.DecodeError:
        return None


def _described(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    started = datetime.fromtimestamp(holder.started, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"process {holder.pid} ({clean(holder.command)}), started {started}"


def _own_command() -> str:
    """How this process was called; a module's ``__main__.py`` is called by its package's name."""
    program = Path(sys.argv[0] or sys.executable)
    name = program.parent.name if program.name == "__main__.py" else program.name
    return shlex.join([name, *sys.argv[1:]])[:200]
