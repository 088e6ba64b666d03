"""A child process with the last line it said, and a pipe that tells it that its parent lives. The hub and its link
enter."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Self

from tui.text import clean

TAIL_BYTES = 4096


class Child:
    """A running child in a session of its own, so that the terminal's signals do not reach it. Its standard input is a
    pipe that closes with the parent, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process, stdin: int, stderr: int) -> None:
        self._process = process
        self._stdin: int | None = stdin
        self._stderr: int | None = stderr
        self._tail = b""
        self.said = asyncio.Event()
        asyncio.get_running_loop().add_reader(stderr, self._listen)

    @classmethod
    async def start(
        cls, argv: Sequence[str], pass_fds: Sequence[int] = (), environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start ``argv`` with additions to the environment; raises ``OSError`` when it cannot be."""
        child_stdin, stdin = os.pipe()
        stderr, child_stderr = os.pipe()
        os.set_blocking(stderr, False)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=child_stdin,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=child_stderr,
                pass_fds=pass_fds,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except BaseException:
            os.close(stdin)
            os.close(stderr)
            raise
        finally:
            os.close(child_stdin)
            os.close(child_stderr)
        return cls(process, stdin, stderr)

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
        code = await self._process.wait()
        self._listen()
        self._release()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        return self._process.returncode

    async def end(self, seconds: float) -> None:
        """Close the pipe that keeps the child alive, and kill it when it has not ended after ``seconds``."""
        self._close_stdin()
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            pass
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self.wait()

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
