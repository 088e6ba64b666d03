"""Runs a command that prints a secret, so that nothing of it shows. Only `secrets` enters."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import IO, cast

from tui.text import clean

COMMAND_SECONDS = 30.0
_CHUNK_BYTES = 1 << 16
_SAID_BYTES = 4096
_SAID_CHARS = 200


def run(command: Sequence[str], name: str, timeout_seconds: float, max_bytes: int) -> bytes | str:
    """What ``command`` prints, up to one byte more than ``max_bytes``, or a sentence that says why that is nothing;
    ``name`` is what the sentence calls it. Without a shell, a terminal and standard input."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{name} cannot be run: {getattr(error, 'strerror', None) or error}"
    try:
        printed, said, is_whole = _read(process, time.monotonic() + timeout_seconds, max_bytes)
    finally:
        _end(process)
    if len(printed) > max_bytes:
        return printed
    if not is_whole:
        return f"{name} did not end within {timeout_seconds:g} seconds, so there is no secret"
    if process.returncode != 0:  # what it said is quoted only where it cannot repeat what it printed
        return f"{name} {_ending(process.returncode)}, so there is no secret{_last_line(said) if not printed else ''}"
    return printed or f"{name} printed nothing on standard output, so there is no secret"


def _read(process: subprocess.Popen[bytes], deadline: float, max_bytes: int) -> tuple[bytes, bytes, bool]:
    """Standard output, the end of standard error, and whether the command ended by itself in time."""
    printed, said = b"", b""
    out, err = cast("IO[bytes]", process.stdout).fileno(), cast("IO[bytes]", process.stderr).fileno()
    with DefaultSelector() as selector:
        selector.register(out, EVENT_READ)
        selector.register(err, EVENT_READ)
        # Only standard output is waited for: an agent that the command starts may keep the other open.
        while out in selector.get_map():
            ready = selector.select(max(deadline - time.monotonic(), 0.0))
            if not ready or time.monotonic() > deadline:
                return printed, said, False
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == out:
                    printed = (printed + chunk)[: max_bytes + 1]
                else:
                    said = (said + chunk)[-_SAID_BYTES:]
            if len(printed) > max_bytes:
                return printed, said, False
    try:
        process.wait(max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        return printed, said, False
    os.set_blocking(err, False)
    with suppress(BlockingIOError):
        said = (said + os.read(err, _CHUNK_BYTES))[-_SAID_BYTES:]
    return printed, said, True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: neither the pipes nor a command that hangs and what it started."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


def _last_line(said: bytes) -> str:
    """The last line of standard error as the end of a sentence."""
    lines = [clean(line.strip()) for line in said.splitlines() if line.strip()]
    return f": {lines[-1][:_SAID_CHARS]}" if lines else ""
