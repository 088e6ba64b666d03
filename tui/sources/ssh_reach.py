"""The way to another host: its `mailtop` run through `ssh`, without a prompt, over one connection that is kept. The ssh
source enters."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shlex
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import platformdirs

from tui.config import SshSource
from tui.sources import ssh_failures
from tui.sources.command import Commands, Ended, TooLong
from tui.sources.source import SourceError
from tui.text import clean

MIB = 1024 * 1024

PATIENCE = 0.75
"""The part of ``timeout_seconds`` after which ssh itself gives up, and says why: connecting, or a dead connection."""

ALIVE_COUNT = 2

KEPT_SECONDS = 60
KEPT_INTERVALS = 3
"""How long an idle connection is kept: longer than from one look to the next. It is closed with the source; this is for
when mailtop was killed."""

GOODBYE_SECONDS = 0.4
"""How long a kept connection may take to end; a source that is closed is waited for no longer."""

WHOM_SECONDS = 5.0
"""How long ssh may take to read its configuration."""

MAX_SOCKET = 104 - 18
"""The longest path of a socket (macOS), less what ssh appends while it makes it."""

_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+").fullmatch
"""Paths that ssh takes as they are: no blanks, and nothing that it would replace."""

_HELLO, _VERSION, _EXIT = 0x00000001, 4, 0x10000005
_TERMINATE = struct.pack(">6I", 8, _HELLO, _VERSION, 8, _EXIT, 0)
"""What a kept connection is told to end it (OpenSSH's PROTOCOL.mux: MUX_MSG_HELLO, MUX_C_TERMINATE)."""

_OPTIONS = (
    *("-T", "-a", "-x"),
    *("-oBatchMode=yes", "-oLogLevel=ERROR"),
    *("-oClearAllForwardings=yes", "-oPermitLocalCommand=no", "-oRemoteCommand=none"),
)


class SshReach:
    """Runs commands on one host. ``notes`` are sentences on what is not as wanted and yet no failure."""

    def __init__(self, config: SshSource) -> None:
        self._config = config
        self._commands = Commands()
        self._socket = _socket(config) if config.keep_connection else None
        self._closed = False
        self.notes: tuple[str, ...] = ()
        if config.keep_connection and self._socket is None:
            self.notes = (
                "Each look logs in anew, since no folder of your own is found whose path is short enough for a socket; "
                "set XDG_RUNTIME_DIR to one.",
            )

    async def run(self, arguments: Sequence[str]) -> Ended:
        """Run mailtop there with ``arguments`` to its end, whatever its exit code. Raises ``SourceError`` where there
        is no end or too much is printed."""
        if self._closed:
            raise SourceError("The source is closed.")
        config = self._config
        command = [*self._ssh(), "--", config.host or "", shlex.join([*config.command, *arguments])]
        try:
            return await self._commands.run(
                command,
                timeout_seconds=config.timeout_seconds,
                max_bytes=config.max_answer_mib * MIB,
                environment=_environment(),
            )
        except TimeoutError:
            await self._disconnect()  # the connection may be what hangs
            raise ssh_failures.late(config) from None
        except TooLong:
            raise ssh_failures.too_long(config) from None
        except (OSError, ValueError) as error:
            raise ssh_failures.not_started(error, config) from None

    async def whom(self) -> tuple[str, str]:
        """The user that logs in, and the host and port that are reached, by ssh's configuration; empty where it does
        not tell."""
        command = [*self._ssh(), "-G", "--", self._config.host or ""]
        try:
            ended = await self._commands.run(
                command, timeout_seconds=WHOM_SECONDS, max_bytes=MIB, environment=_environment()
            )
        except (TimeoutError, TooLong, OSError, ValueError):
            return "", ""
        lines = (line.partition(" ") for line in ended.printed.decode("utf-8", "replace").splitlines())
        told = {key: clean(value) for key, _, value in lines if key in ("user", "hostname", "port")}
        if len(told) < 3:
            return "", ""
        return told["user"], f"{told['hostname']}, port {told['port']}"

    async def close(self) -> None:
        """Kill what runs, and close the connection that was kept."""
        self._closed = True
        self._commands.kill()
        await self._disconnect()

    async def _disconnect(self) -> None:
        """End the connection that is kept. What `ssh -O exit` does, without a process for each of many hosts."""
        if self._socket is None:
            return
        with suppress(OSError, TimeoutError):  # nobody keeps it, or it hangs
            async with asyncio.timeout(GOODBYE_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                with closing(writer):
                    writer.write(_TERMINATE)
                    await reader.read()  # to its end, which is that of the connection
        _remove(self._socket)

    def _ssh(self) -> list[str]:
        """The words before the host. Options of the user's own come first, and so count."""
        config = self._config
        words = [*config.ssh, *_OPTIONS]
        words.append(f"-oConnectTimeout={max(1, int(config.timeout_seconds * PATIENCE))}")
        alive_seconds = max(1, int(config.timeout_seconds * PATIENCE / (ALIVE_COUNT + 1)))
        words += [f"-oServerAliveInterval={alive_seconds}", f"-oServerAliveCountMax={ALIVE_COUNT}"]
        if config.port is not None:
            words.append(f"-p{config.port}")
        if config.identity_file is not None:
            words += ["-i", config.identity_file, "-oIdentitiesOnly=yes"]
        if self._socket is not None:
            kept = max(KEPT_SECONDS, int(KEPT_INTERVALS * config.interval_seconds))
            words += ["-oControlMaster=auto", f"-oControlPath={self._socket}", f"-oControlPersist={kept}"]
        return words


def _environment() -> dict[str, str]:
    """Ours, so that ssh finds its agent; but no program that asks for a password in a window."""
    return os.environ | {"SSH_ASKPASS_REQUIRE": "never"}


def _socket(config: SshSource) -> str | None:
    """Where the connection of this process to this host, by this login, is kept; ``None`` where there is no place."""
    login = repr((os.getpid(), config.ssh, config.host, config.port, config.identity_file))
    name = hashlib.sha256(login.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    for folder in _folders():
        path = str(folder / name)
        if len(os.fsencode(path)) <= MAX_SOCKET and _PLAIN(path) and _is_private(folder):
            return path
    return None


def _folders() -> Iterator[Path]:
    """Where sockets may be kept, the best place first."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime) / "mailtop"
    yield platformdirs.user_state_path("mailtop") / "ssh"


def _remove(socket: str) -> None:
    with suppress(OSError):  # ssh has done so, unless the connection hangs
        Path(socket).unlink()


def _is_private(folder: Path) -> bool:
    """Whether this user alone may enter the folder, which is made where it is missing."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077 == 0
