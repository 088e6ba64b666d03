"""Starts child processes, the hub's too. It imports next to nothing, so that the hub is on its way while the screen is
still being imported. The hub and the command line enter."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FD_VARIABLE = "MAILTOP_HUB_FD"
"""The environment variable that tells the hub its end of the socket."""


class Spawned(NamedTuple):
    """A child that was started, the writing end of its standard input and the reading end of its standard error."""

    process: subprocess.Popen[bytes]
    stdin: int
    stderr: int


class SpawnedHub(NamedTuple):
    """A hub that was started, and our end of the socket to it."""

    child: Spawned
    socket: socket.socket


def spawn(argv: Sequence[str], pass_fds: Sequence[int] = (), environment: Mapping[str, str] | None = None) -> Spawned:
    """Start ``argv`` with additions to the environment, in a session of its own, so that the terminal's signals do not
    reach it. Raises ``OSError`` when it cannot be."""
    child_stdin, stdin = os.pipe()
    stderr, child_stderr = os.pipe()
    os.set_blocking(stderr, False)
    try:
        process = subprocess.Popen(
            argv,
            stdin=child_stdin,
            stdout=subprocess.DEVNULL,
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
    return Spawned(process, stdin, stderr)


def spawn_hub(argv: Sequence[str]) -> SpawnedHub:
    """Start ``argv`` as a hub that talks through a socket. Raises ``OSError`` when it cannot be."""
    ours, theirs = socket.socketpair()
    try:
        return SpawnedHub(spawn(argv, [theirs.fileno()], {FD_VARIABLE: str(theirs.fileno())}), ours)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
