"""Screens, hubs, collectors and servers, each killed as nothing can be prepared for, while mail is logged. `crash`
enters."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.cli.postfix_in_files import MAILTOP
from tests.pty_driver import Terminal
from tests.torture.known_mail import Totals, append, pieces
from tests.torture.mail_host import MailHost, until
from tui.serve.tokens import TokenStore

GONE_SECONDS = 3.0
"""What is left of a program that was killed ends in less than two seconds; the rest is for a loaded machine."""


def a_killed_hub_is_replaced(folder: Path, rng: random.Random) -> int:
    """The screen's hub and its collector are killed in turns, the screen itself at last: it counts on, and nothing is
    left of it."""
    host = MailHost(folder, rng)
    tried = 0
    with Terminal(MAILTOP, env=host.environ) as terminal:
        screen = terminal.pid
        terminal.wait_for(lambda _: host.collector() is not None)
        for piece in pieces(host.mail.log(), rng, 1):
            append(host.log, piece)
            read_for(terminal, 0.6 * rng.random() ** 2)
            hubs = [pid for pid in host.processes() if pid != screen and _parent(pid) == screen]
            collector = host.collector()
            victim = rng.choice([*hubs, *([collector] if collector else [])] or [None])
            if victim is not None:
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                tried += 1
                until(partial(host.is_gone, victim), "the victim is gone")
        terminal.wait_for(lambda _: host.is_counted(), timeout=20)
        waiting = sum(sums[-1] for sums in host.mail.truth().values())
        terminal.wait_for(f"{waiting} recipients", timeout=20)
        assert sum("collect" in command for command in host.processes().values()) == 1, host.processes()
        os.kill(screen, signal.SIGKILL)
        terminal.wait_exit()
        until(lambda: not host.processes(), f"nothing is left of the screen: {host.processes()}", GONE_SECONDS)
        assert host.collector() is None
    assert host.is_counted()
    return tried + 1


def read_for(terminal: Terminal, seconds: float) -> None:
    """Look at a terminal for a while."""
    end = time.monotonic() + seconds
    terminal.wait_for(lambda _: time.monotonic() > end)


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    return None


def a_killed_server_comes_back(folder: Path, rng: random.Random) -> int:
    """A server is killed at any moment; its collector ends, and the next one has the address and the numbers."""
    host = MailHost(folder, rng)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tokens = TokenStore(folder / "tokens.json")
    secret = tokens.new("torture")
    for tried, piece in enumerate(pieces(host.mail.log(), rng, 1)):
        append(host.log, piece)
        command = [*MAILTOP, "serve", "--tokens", str(tokens.path), "--bind", f"127.0.0.1:{port}", "--rate", "0"]
        with (folder / "said").open("ab") as said, subprocess.Popen(command, env=host.environ, stderr=said) as server:
            try:
                if tried == 1:
                    _comes_to(host, port, secret)
                else:
                    time.sleep(1.2 * rng.random())
                assert server.poll() is None, (folder / "said").read_text()
            finally:
                server.kill()
        until(lambda: not host.processes(), f"nothing is left of the server: {host.processes()}", GONE_SECONDS)
        assert host.collector() is None
    assert host.is_counted()
    return tried + 1


def _comes_to(host: MailHost, port: int, secret: str) -> None:
    """Wait until the server says what is known to be true."""
    found: Totals = {}
    end = time.monotonic() + 20
    while (found := dict(_asked(port, secret))) != _sent(host.mail.truth()):
        assert time.monotonic() < end, f"{found} instead of {host.mail.truth()}"
        time.sleep(0.02)


def _asked(port: int, secret: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What the server says of each account: sent, delivered, deferred, failed, bytes."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/json-api/emailtrack_user_stats?api.version=1",
        headers={"Authorization": f"whm root:{secret}"},
    )
    with suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
        for record in json.load(answer).get("data", {}).get("records", []):
            counts = ("SENDCOUNT", "SUCCESSCOUNT", "DEFERCOUNT", "FAILCOUNT", "TOTALSIZE")
            yield record["USER"], tuple(int(record[count]) for count in counts)


def _sent(truth: Totals) -> Totals:
    return {account: sums[:-1] for account, sums in truth.items()}
