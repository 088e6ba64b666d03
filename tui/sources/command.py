"""Runs commands without a shell, with bounded time and output, and leaves nothing of them behind. Sources that ask by a
command enter."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

_SAID_BYTES = 8192
_SAID_SECONDS = 0.2
_END_SECONDS = 1.0


class TooLong(Exception):
    """A command printed more than it may."""


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: its exit code (a signal's number below zero), what it printed, and the end of what it said
    on standard error."""

    status: int
    printed: bytes
    said: bytes


class Commands:
    """The commands of one source. They get no terminal and no standard input, and are killed with all that they started
    when they take too long, print too much, or nobody waits for them any more."""

    def __init__(self) -> None:
        self._running: dict[_Process, asyncio.SubprocessTransport] = {}

    async def run(
        self,
        command: Sequence[str],
        *,
        timeout_seconds: float,
        max_bytes: int,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run ``command`` to its end. Raises ``OSError`` or ``ValueError`` when it cannot be started, ``TimeoutError``
        and ``TooLong``."""
        loop = asyncio.get_running_loop()
        transport, process = await loop.subprocess_exec(
            lambda: _Process(max_bytes),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        self._running[process] = transport
        try:
            async with asyncio.timeout(timeout_seconds):
                await process.ended.wait()
            with suppress(TimeoutError):  # what runs on in the background may hold standard error open
                async with asyncio.timeout(_SAID_SECONDS):
                    await process.silent.wait()
        finally:
            del self._running[process]
            await _end(process, transport)
        if process.too_long:
            raise TooLong
        status = transport.get_returncode()
        return Ended(-signal.SIGKILL if status is None else status, bytes(process.printed), bytes(process.said))

    def kill(self) -> None:
        """End all that run now; who waits for one is told that it was killed."""
        for process, transport in self._running.items():
            _kill(process, transport)


class _Process(asyncio.SubprocessProtocol):
    """Keeps what a command prints, up to a limit, and tells when it has ended and closed its output."""

    def __init__(self, max_bytes: int) -> None:
        self.printed = bytearray()
        self.said = bytearray()
        self.too_long = False
        self.ended = asyncio.Event()
        self.silent = asyncio.Event()
        self.exited = asyncio.Event()
        self.is_printing = True
        self._max_bytes = max_bytes

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.said += data
            del self.said[:-_SAID_BYTES]
        elif len(self.printed) + len(data) > self._max_bytes:
            self.too_long = True
            self.ended.set()
            self.silent.set()
        else:
            self.printed += data

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != 1:
            self.silent.set()
            return
        self.is_printing = False
        if self.exited.is_set():
            self.ended.set()

    def process_exited(self) -> None:
        self.exited.set()
        if not self.is_printing:
            self.ended.set()


def _kill(process: _Process, transport: asyncio.SubprocessTransport) -> None:
    """Kill the command and what it started, unless all of it has ended."""
    if process.is_printing or not process.exited.is_set():
        with suppress(OSError):
            os.killpg(transport.get_pid(), signal.SIGKILL)


async def _end(process: _Process, transport: asyncio.SubprocessTransport) -> None:
    """Leave nothing behind: neither the pipes nor a process."""
    _kill(process, transport)
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await process.exited.wait()
    transport.close()
