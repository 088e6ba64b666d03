"""A child process with the last line it said, and a pipe that tells it that its parent lives. The hub and its link
enter."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

from tui.hub.spawn import Spawned, spawn
from tui.text import clean

TAIL_BYTES = 4096

PATIENCE = 0.25
"""The part of the time that a child has to end in which it is not told by a signal."""


class Child:
    """A running child in a session of its own, so that the terminal's signals do not reach it. Its standard input is a
    pipe that closes with the parent, however that ends. Raises ``OSError``, and the child has ended then."""

    def __init__(self, spawned: Spawned) -> None:
        self._process, stdin, stderr = spawned
        self._stdin: int | None = stdin
        self._stderr: int | None = stderr
        self._tail = b""
        self._ended = asyncio.Event()
        self.said = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(stderr, self._listen)
        # Not asyncio's own way to wait for a child: only a child that its loop started can be waited for so.
        waiting = threading.Thread(target=self._wait, args=(loop,), name="mailtop-child", daemon=True)
        try:
            waiting.start()
        except RuntimeError as error:
            self._process.kill()
            self._process.wait()
            self._release()
            raise OSError(errno.EAGAIN, str(error)) from error

    @classmethod
    async def start(
        cls, argv: Sequence[str], pass_fds: Sequence[int] = (), environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start ``argv`` with additions to the environment; raises ``OSError`` when it cannot be."""
        return cls(spawn(argv, pass_fds, environment))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def last_line(self) -> str:
        """The last line that the child wrote to its standard error, clean; empty when it wrote none."""
        lines = self._tail.split(b"\n") if self._tail else []
        return next((clean(line.strip()) for line in reversed(lines) if line.strip()), "")

    async def wait(self) -> str:
        """Wait until the child has ended; returns how, in words ("exit code 3", "SIGKILL")."""
        await self._ended.wait()
        code = self._process.returncode
        self._listen()
        self._release()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        return self._process.returncode

    async def end(self, seconds: float) -> None:
        """Close the pipe that keeps the child alive; tell one that does not look there, as when it just starts, by
        SIGTERM; kill it when it has not ended after ``seconds``."""
        self._close_stdin()
        try:
            for part, tell in ((PATIENCE, self._process.terminate), (1 - PATIENCE, self._process.kill)):
                try:
                    async with asyncio.timeout(seconds * part):
                        await self.wait()
                    return
                except TimeoutError:
                    tell()
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self.wait()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._process.wait()
        with suppress(RuntimeError):  # the loop has ended, and whoever waited with it
            loop.call_soon_threadsafe(self._ended.set)

    def _listen(self) -> None:
        if self._stderr is None:
            return
        try:
            while chunk := os.read(self._stderr, 65536):
                self._tail = (self._tail + chunk)[-TAIL_BYTES:]
                self.said.set()
        except BlockingIOError:
            return
        asyncio.get_running_loop().remove_reader(self._stderr)

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    def _release(self) -> None:
        self._close_stdin()
        if self._stderr is not None:
            asyncio.get_running_loop().remove_reader(self._stderr)
            os.close(self._stderr)
            self._stderr = None
