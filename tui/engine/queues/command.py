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

LONGEST_LINE_BYTES = 1 << 26
"""A message with half a million recipients is not as long: what prints a longer line prints no queue."""


def output_lines(
    command: Sequence[str], timeout_seconds: float, explain: Callable[[Sequence[str], int, bytes], str]
) -> Iterator[bytes]:
    """The lines that ``command`` prints. Raises ``ListingError`` after the last one if it failed or took too long, and
    for a line that never ends; ``explain`` makes a sentence of the command, its exit status and what it said on
    standard error."""
    deadline = time.monotonic() + timeout_seconds
    with _said(command) as stderr:
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
        except _EndlessError as error:
            raise ListingError(
                f"{shown(command)} printed a line of more than {LONGEST_LINE_BYTES >> 20} MiB, so the queue is not "
                "known; look what the command prints."
            ) from error
        finally:
            _end(process)
        if status != 0:
            stderr.seek(0)
            raise ListingError(explain(command, status, stderr.read(_SAID_BYTES)))


def _said(command: Sequence[str]) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise ListingError(
            f"{shown(command)} cannot be run, since there is no room for a temporary file ({error.strerror}); free "
            "some."
        ) from error


class _EndlessError(Exception):
    """A line is too long."""


def _lines(descriptor: int, deadline: float) -> Iterator[bytes]:
    begun: list[bytes] = []  # the pieces of a line without its end; to add each to the last would copy all of it
    begun_bytes = 0
    with DefaultSelector() as selector:
        selector.register(descriptor, EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0.0)):
            chunk = os.read(descriptor, _CHUNK_BYTES)
            if not chunk:
                if any(begun):
                    yield b"".join(begun)
                return
            first, *lines = chunk.split(b"\n")
            begun.append(first)
            begun_bytes += len(first)
            if begun_bytes > LONGEST_LINE_BYTES:
                raise _EndlessError
            if lines:
                yield b"".join(begun)
                *whole, rest = lines
                yield from whole
                begun, begun_bytes = [rest], len(rest)
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
