"""Leaving when the terminal goes or a signal says so: within two seconds, whatever the screen is doing. For the app
only."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType

GRACE_SECONDS = 1.7
"""How long an orderly end may take before the process ends anyway."""


def watch(leave: Callable[[int], None], terminal: int) -> None:
    """Call ``leave`` with an exit code (128 + signal) on SIGHUP, SIGTERM, or when the terminal at the file descriptor
    ``terminal`` hangs up, also where SIGHUP is ignored (nohup); and end the process if it has not ended by itself after
    ``GRACE_SECONDS``. To be called in the main thread. ``leave`` is called from any thread."""

    def go(code: int) -> None:
        # A terminal that nobody reads blocks Textual's loop for good: only another thread can then end the process.
        timer = threading.Timer(GRACE_SECONDS, os._exit, (code,))
        timer.daemon = True
        timer.start()
        leave(code)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        go(128 + number)

    def on_hangup() -> None:
        poll = select.poll()
        poll.register(terminal, 0)
        if poll.poll():
            go(128 + signal.SIGHUP)

    signal.signal(signal.SIGHUP, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    threading.Thread(target=on_hangup, name="mailtop-hangup", daemon=True).start()
