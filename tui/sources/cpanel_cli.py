"""The way to cPanel on its own server: its commands, run without a shell, with bounded time and output. The cPanel
source enters."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Sequence
from contextlib import suppress

from tui.sources.cpanel_wire import Call, NoAnswer, Trouble
from tui.sources.masking import clean
from tui.sources.source import SourceError

CPAPI2 = "/usr/local/cpanel/bin/cpapi2"
WHMAPI1 = "/usr/local/cpanel/bin/whmapi1"

_SAID_BYTES = 4096
_SAID_CHARACTERS = 200
_END_SECONDS = 1.0


class CommandReach:
    """Runs ``cpapi2`` for one account and ``whmapi1`` for all of them; needs no secret and hands none on."""

    def __init__(self, *, cpapi2: str, whmapi1: str, timeout_seconds: float, max_bytes: int) -> None:
        self._cpapi2 = cpapi2
        self._whmapi1 = whmapi1
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes

    async def ask(self, call: Call, account: str | None = None) -> bytes:
        """What the command prints. Raises ``NoAnswer`` when it fails and ``SourceError`` when it does not end or says
        too much."""
        if call is Call.STATS:
            name = (account or "").lower()
            return await self._output([self._cpapi2, f"--user={name}", "--output=json", "EmailTrack", "stats"])
        return await self._output([self._whmapi1, "--output=json", call.value])

    def begin(self) -> None:
        """Every command is tried at every look."""

    def forget(self) -> None:
        """There are no credentials."""

    async def close(self) -> None:
        """Nothing stays open."""

    async def _output(self, command: Sequence[str]) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            transport, process = await loop.subprocess_exec(
                lambda: _Process(self._max_bytes),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NoAnswer(Trouble.NO_FUNCTION, clean(f"{command[0]}: {reason}")) from None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await process.ended.wait()
        except TimeoutError:
            raise SourceError(
                f"{_shown(command)} did not end within {self._timeout_seconds:g} seconds; look whether the server is "
                "overloaded, or raise `timeout_seconds`."
            ) from None
        finally:
            await _end(transport, process)
        if process.too_long:
            raise SourceError(
                f"{_shown(command)} printed more than {self._max_bytes:,} bytes; raise `max_answer_mib` if it may."
            )
        return _printed(process, transport.get_returncode())


class _Process(asyncio.SubprocessProtocol):
    """Keeps what a command prints, up to a limit, and tells when it has ended and closed its output."""

    def __init__(self, max_bytes: int) -> None:
        self.printed = bytearray()
        self.said = bytearray()
        self.too_long = False
        self.ended = asyncio.Event()
        self.exited = asyncio.Event()
        self._max_bytes = max_bytes

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.said += data[: _SAID_BYTES - len(self.said)]
        elif len(self.printed) + len(data) > self._max_bytes:
            self.too_long = True
            self.ended.set()
        else:
            self.printed += data

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def _end(transport: asyncio.SubprocessTransport, process: _Process) -> None:
    """Leave nothing behind: neither the pipes nor the command and what it started."""
    if not process.exited.is_set():
        with suppress(OSError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.exited.wait()
    transport.close()


def _printed(process: _Process, status: int | None) -> bytes:
    """The output; a command that failed says why in it as JSON, or on standard error."""
    printed = bytes(process.printed)
    if status == 0 or printed.lstrip().startswith(b"{"):
        return printed
    lines = (clean(line.strip()) for line in bytes(process.said).splitlines())
    said = next((line[:_SAID_CHARACTERS] for line in lines if line), "")
    reason = f"status {status}: {said}" if said else f"status {status}"
    raise NoAnswer(Trouble.FAILED, reason)


def _shown(command: Sequence[str]) -> str:
    return f"`{clean(shlex.join(command))}`"
