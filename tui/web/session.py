"""One browser's screen: a process of its own, which ends with the browser's connection. Only the server enters."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

LOG = logging.getLogger("mailtop.web")

MIN_CELLS, MAX_CELLS = 1, 1000
STOP_SECONDS = 2.0
OF_THE_TERMINAL = ("NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY", "SSH_TTY")
"""Variables of whoever started the server that describe his terminal, and not the browser's."""


class Session(AppService):
    """Runs ``argv`` without a shell, whose words never leave this host, and kills it when it does not end by itself."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(
            "", write_bytes=write_bytes, write_str=write_str, close=close, download_manager=DownloadManager()
        )
        self._argv = list(argv)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width=clamped(width), height=clamped(height))
        for name in OF_THE_TERMINAL:
            environment.pop(name, None)
        environment |= {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        self._process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, cwd=os.sep
        )
        self._stdin = self._process.stdin
        return self._process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """The browser's window has another size, in cells."""
        await super().set_terminal_size(clamped(width), clamped(height))

    async def stop(self) -> None:
        """End the process, and wait until it has."""
        process = self._process
        if process is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await super().stop()
                await process.wait()
        if process.returncode is None:
            LOG.warning("a screen did not end within %s seconds and was killed", STOP_SECONDS)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def clamped(cells: int) -> int:
    """A number of cells that a window can have."""
    return min(max(cells, MIN_CELLS), MAX_CELLS)
