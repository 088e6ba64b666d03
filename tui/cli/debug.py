"""`--debug FILE`: what the rooms log under "mailtop", line by line, clean, into a private file. Only `main` enters."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import platform
import stat
import sys
import time
from pathlib import Path
from types import TracebackType

from tui import __version__
from tui.config import ConfigError
from tui.text import clean

LOGGER = "mailtop"
"""The one tree of loggers that is written: libraries below may log headers, and so a secret."""


def start(options: argparse.Namespace) -> None:
    """Write from now on what is logged to the file that ``options.debug`` names, also from the processes that this one
    starts. Raises ``ConfigError`` when the file cannot be had or others could read it."""
    path = Path(options.debug).absolute()
    options.debug = str(path)  # a child may stand in another folder
    handler = DebugFile(path)
    handler.setFormatter(_Line(options.command))
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    logger.debug("mailtop %s on %s began: %s", __version__, python, " ".join(sys.argv[1:]))
    sys.excepthook = _tell_and_fail


class DebugFile(logging.Handler):
    """Adds lines to ``path``, each in one piece, so that several processes can share it. A disk that fails ends the
    log and nothing else."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = _opened(path)

    def emit(self, record: logging.LogRecord) -> None:
        """Add one line."""
        if self._file is None:
            return
        line = self.format(record)
        try:
            os.write(self._file, f"{line}\n".encode())
        except OSError:
            self.close()

    def close(self) -> None:
        """Give back the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
        super().close()


def _tell_and_fail(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """A failure of mailtop itself stands in the file, too: of a child nobody sees the traceback."""
    logging.getLogger(LOGGER).debug("mailtop failed", exc_info=(kind, error, traceback))
    sys.__excepthook__(kind, error, traceback)


class _Line(logging.Formatter):
    """UTC, process, logger, text: one line whatever the text holds."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = f"{process}[{os.getpid()}]"

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        lines = super().format(record).splitlines()  # with an exception's traceback, when it has one
        return clean(f"{when}.{int(record.msecs):03}Z {self._process} {record.name}: {' | '.join(lines)}")


def _opened(path: Path) -> int | None:
    """A descriptor to add to ``path``, which is made private, or must be."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigError(f"--debug: cannot write {clean(str(path))} ({reason}); name another file") from None
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        trouble = "is no ordinary file; name another file"
    elif found.st_uid != os.geteuid() or found.st_mode & 0o077:
        trouble = "belongs to somebody else or is open to others; name a new file, or make it yours with mode 600"
    else:
        return file
    os.close(file)
    raise ConfigError(f"--debug: {clean(str(path))} {trouble}")
