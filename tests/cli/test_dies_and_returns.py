"""A server that dies and comes back while the monitor runs in a terminal: the screen says so, and no key is pressed."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cli.postfix_in_files import MAILTOP
from tests.http_server import HttpServer
from tests.pty_driver import Terminal
from tests.sources.queue_server import TOKEN, Cell, Platform
from tui.cli.arguments import Exit

INTERVAL_SECONDS = 2.0
SLACK_SECONDS = 4.0
"""What a loaded machine may add: the events and their order are what is tested."""


class Mortal:
    """A server in a thread of its own, always on the same port; it lives while entered, again and again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._server: HttpServer | None = None
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._server = self._platform.server(port=self._port)
        asyncio.run_coroutine_threadsafe(self._server.__aenter__(), self._loop).result(10)
        self._port = self._server.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        asyncio.run_coroutine_threadsafe(self._server.__aexit__(None, None, None), self._loop).result(10)

    def bury(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def configured(folder: Path, url: str) -> dict[str, str]:
    """The environment of a monitor of the sender queue at ``url``, and of nothing else."""
    config = folder / "mailtop.toml"
    config.write_text(
        f'interval = {INTERVAL_SECONDS}\n[[source]]\ntype = "sender_queue"\nname = "altcraft"\nurl = "{url}"\n'
        'senders = [119]\ntoken_env = "QUEUE_TOKEN"\n'
    )
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "QUEUE_TOKEN": TOKEN}


def seen_after(terminal: Terminal, pattern: str, began: float) -> float:
    """Wait until the status line matches; gives the seconds since ``began``."""
    terminal.wait_for(lambda shown: re.search(pattern, shown.lines()[0]) is not None, timeout=30)
    return time.monotonic() - began


def test_a_server_that_dies_is_stale_with_its_age_and_live_again_when_it_is_back(tmp_path: Path) -> None:
    platform = Platform([Cell(119, 4, 14, "Gmail", new=11, retry=22)], accounts={4: "acme"})
    mortal = Mortal(platform)
    try:
        with mortal:
            env = configured(tmp_path, mortal.url)
        argv = [*MAILTOP, "--config", str(tmp_path / "mailtop.toml")]
        with Terminal(argv, columns=80, rows=24, env=env) as terminal:
            with mortal:
                terminal.wait_for(lambda shown: "altcraft live" in shown.lines()[0] and "33" in shown.text())
            stale = seen_after(terminal, r"altcraft stale <?\d+s", died := time.monotonic())
            assert "33" in terminal.text(), "the last good numbers stay"
            terminal.wait_for("altcraft: ")
            outage = seen_after(terminal, r"altcraft stale \d+s", died)
            platform.cells[0] = Cell(119, 4, 14, "Gmail", new=40, retry=37)
            with mortal:
                live = seen_after(terminal, r"altcraft live", time.monotonic())
                terminal.wait_for("77")
                assert "altcraft: " not in terminal.text()
                terminal.press("q")
                assert terminal.wait_exit() == Exit.OK
            assert TOKEN not in terminal.text()
        assert stale <= 2 * INTERVAL_SECONDS + SLACK_SECONDS, f"{stale:.1f} s until it was seen"
        assert live <= INTERVAL_SECONDS + SLACK_SECONDS, f"{live:.1f} s after {outage:.1f} s away"
        print(f"seen after {stale:.1f} s; back after {live:.1f} s, having been away for more than {outage:.1f} s")
    finally:
        mortal.bury()
