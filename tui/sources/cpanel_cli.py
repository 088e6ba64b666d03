"""The way to cPanel on its own server: its commands, run without a shell, with bounded time and output. The cPanel
source enters."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from tui.sources.command import Commands, Ended, TooLong
from tui.sources.cpanel_wire import Call, NoAnswer, Trouble
from tui.sources.masking import clean
from tui.sources.source import SourceError

CPAPI2 = "/usr/local/cpanel/bin/cpapi2"
WHMAPI1 = "/usr/local/cpanel/bin/whmapi1"

_SAID_CHARACTERS = 200


class CommandReach:
    """Runs ``cpapi2`` for one account and ``whmapi1`` for all of them; needs no secret and hands none on."""

    def __init__(self, *, cpapi2: str, whmapi1: str, timeout_seconds: float, max_bytes: int) -> None:
        self._cpapi2 = cpapi2
        self._whmapi1 = whmapi1
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._commands = Commands()

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
        """Kill what runs."""
        self._commands.kill()

    async def _output(self, command: Sequence[str]) -> bytes:
        try:
            ended = await self._commands.run(
                command,
                timeout_seconds=self._timeout_seconds,
                max_bytes=self._max_bytes,
                environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            )
        except TimeoutError:
            raise SourceError(
                f"{_shown(command)} did not end within {self._timeout_seconds:g} seconds; look whether the server is "
                "overloaded, or raise `timeout_seconds`."
            ) from None
        except TooLong:
            raise SourceError(
                f"{_shown(command)} printed more than {self._max_bytes:,} bytes; raise `max_answer_mib` if it may."
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NoAnswer(Trouble.NO_FUNCTION, clean(f"{command[0]}: {reason}")) from None
        return _printed(ended)


def _printed(ended: Ended) -> bytes:
    """The output; a command that failed says why in it as JSON, or on standard error."""
    if ended.status == 0 or ended.printed.lstrip().startswith(b"{"):
        return ended.printed
    lines = (clean(line.strip()) for line in ended.said.splitlines())
    said = next((line[:_SAID_CHARACTERS] for line in lines if line), "")
    reason = f"status {ended.status}: {said}" if said else f"status {ended.status}"
    raise NoAnswer(Trouble.FAILED, reason)


def _shown(command: Sequence[str]) -> str:
    return f"`{clean(shlex.join(command))}`"
