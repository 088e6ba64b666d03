"""Runs a mail system's own listing command and gives its output line by line. For the listers beside it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import IO, cast

from tui.engine.queues.listing import ListingError
from tui.text import clean

_CHUNK_BYTES = 1 << 16
_SAID_BYTES = 4096


def output_lines(
    command: Sequence[str], timeout_seconds: float, explain: Callable[[Sequence[str], int, bytes], str]
) -> Iterator[bytes]:
    """The lines that ``command`` prints. Raises ``ListingError`` after the last one if it failed or took too long;
    ``explain`` makes a sentence of the command, its exit status and what it said on standard error."""
    deadline = time.monotonic() + timeout_seconds
    with tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
            )
        except OSError as error:
            raise not_run(command, error) from error
        try:
            yield from _lines(cast("IO[bytes]", process.stdout).fileno(), deadline)
            status = process.wait(max(deadline - time.monotonic(), 0.1))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise ListingError(
                f"{shown(command)} did not end within {timeout_seconds:g} seconds, so the queue is not known; "
                "look whether the mail system is overloaded."
            ) from error
        finally:
            _end(process)
        if status != 0:
            stderr.seek(0)
            raise ListingError(explain(command, status, stderr.read(_SAID_BYTES)))


def _lines(descriptor: int, deadline: float) -> Iterator[bytes]:
    rest = b""
    with DefaultSelector() as selector:
        selector.register(descriptor, EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0.0)):
            chunk = os.read(descriptor, _CHUNK_BYTES)
            if not chunk:
                if rest:
                    yield rest
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
    raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: neither the pipe nor the command and what it started."""
    if process.stdout is not None:
        process.stdout.close()
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)


def shown(command: Sequence[str]) -> str:
    """The command as a person would type it, safe to show."""
    return f"`{clean(shlex.join(command))}`"


def not_run(command: Sequence[str], error: OSError) -> ListingError:
    """The error for a command that could not be started."""
    return ListingError(
        f"{shown(command)} cannot be run ({error.strerror or error}); install the mail system or set the command's "
        "full path in the configuration."
    )
