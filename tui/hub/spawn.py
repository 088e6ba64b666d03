"""Starts child processes, the hub's too. It imports next to nothing, so that the hub is on its way while the screen is
still being imported. The hub and the command line enter."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO, TextIOWrapper
from typing import Any, NamedTuple, NoReturn, Protocol

FD_VARIABLE = "MAILTOP_HUB_FD"
"""The environment variable that tells the hub its end of the socket."""


class Process(Protocol):
    """A child of this process, as ``subprocess.Popen`` has it."""

    pid: int
    returncode: int | Any

    def wait(self) -> int:
        """Wait until it has ended; its exit code, negative for a signal."""
        ...

    def terminate(self) -> None:
        """Tell it to end."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...


class Spawned(NamedTuple):
    """A child that was started, the writing end of its standard input and the reading end of its standard error."""

    process: Process
    stdin: int
    stderr: int


class SpawnedHub(NamedTuple):
    """A hub that was started, and our end of the socket to it."""

    child: Spawned
    socket: socket.socket


def spawn(argv: Sequence[str], pass_fds: Sequence[int] = (), environment: Mapping[str, str] | None = None) -> Spawned:
    """Start ``argv`` with additions to the environment, in a session of its own, so that the terminal's signals do not
    reach it. Raises ``OSError`` when it cannot be."""
    with _pipes() as (child_stdin, stdin, stderr, child_stderr):
        process = subprocess.Popen(
            argv,
            stdin=child_stdin,
            stdout=subprocess.DEVNULL,
            stderr=child_stderr,
            pass_fds=pass_fds,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    return Spawned(process, stdin, stderr)


@contextmanager
def _pipes() -> Iterator[tuple[int, int, int, int]]:
    """The ends of a child's standard input and error: its own and ours, and ours and its own. Its own are closed
    afterwards, ours where the child could not be started."""
    with ExitStack() as its, ExitStack() as ours:
        child_stdin, stdin = os.pipe()
        its.callback(os.close, child_stdin)
        ours.callback(os.close, stdin)
        stderr, child_stderr = os.pipe()
        ours.callback(os.close, stderr)
        its.callback(os.close, child_stderr)
        os.set_blocking(stderr, False)
        yield child_stdin, stdin, stderr, child_stderr
        ours.pop_all()


def spawn_hub(argv: Sequence[str], main: Callable[[], int] | None = None) -> SpawnedHub:
    """Start ``argv`` as a hub that talks through a socket; with ``main`` a copy of this process that runs it, which
    need not import again what is here. Raises ``OSError`` when it cannot be."""
    ours, theirs = socket.socketpair()
    environment = {FD_VARIABLE: str(theirs.fileno())}
    try:
        if main is None:
            return SpawnedHub(spawn(argv, [theirs.fileno()], environment), ours)
        return SpawnedHub(_fork(main, theirs.fileno(), environment), ours)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()


class _Copy:
    """A child that is a copy of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _fork(main: Callable[[], int], kept: int, environment: Mapping[str, str]) -> Spawned:
    """A copy of this process, which must not have any other thread, that runs ``main`` as ``spawn`` runs a command."""
    with _pipes() as pipes:
        pid = os.fork()
        if not pid:
            _be_copied(main, kept, environment, pipes)
    _, stdin, stderr, _ = pipes
    return Spawned(_Copy(pid), stdin, stderr)


def _be_copied(
    main: Callable[[], int], kept: int, environment: Mapping[str, str], pipes: tuple[int, int, int, int]
) -> NoReturn:
    child_stdin, stdin, stderr, child_stderr = pipes
    code = 1
    try:
        os.setsid()
        os.dup2(child_stdin, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(child_stderr, 2)
        os.closerange(3, kept)
        os.closerange(kept + 1, max(child_stderr, stdin, stderr) + 1)
        os.environ.update(environment)
        sys.stderr = TextIOWrapper(FileIO(2, "w", closefd=False), errors="backslashreplace", write_through=True)
        code = main()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # what the parent would do at its end is not for its copy
