"""Leaving when the terminal goes or a signal says so: within two seconds, whatever the screen is doing. For the app
only."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from tui.ui.stopping import HELD

GRACE_SECONDS = 1.7
"""How long an orderly end may take before the process ends anyway."""

GIVE_BACK_SECONDS = 0.2
"""How long the terminal is then waited for."""


def watch(leave: Callable[[int], None], terminal: int, give_back: Callable[[], None]) -> None:
    """Call ``leave`` with an exit code (128 + signal) on SIGHUP, SIGTERM, SIGINT, or when the terminal at the file
    descriptor ``terminal`` hangs up, also where SIGHUP is ignored (nohup); and end the process if it has not ended by
    itself after ``GRACE_SECONDS``, having called ``give_back``. To be called in the main thread, before the terminal is
    changed. ``leave`` and ``give_back`` are called from any thread."""

    def end(code: int) -> None:
        # What hangs while the terminal is given back ends with the process.
        giving = threading.Thread(target=give_back, daemon=True)
        giving.start()
        giving.join(GIVE_BACK_SECONDS)
        os._exit(code)

    leaving = False

    def go(code: int) -> None:
        nonlocal leaving
        if not leaving:
            leaving = True
            # A terminal that nobody reads blocks Textual's loop for good: only another thread can then end the process.
            timer = threading.Timer(GRACE_SECONDS, end, (code,))
            timer.daemon = True
            with suppress(RuntimeError):  # the interpreter ends already, and starts no thread
                timer.start()
        leave(code)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        go(128 + number)

    def on_hangup() -> None:
        poll = select.poll()
        poll.register(terminal, 0)
        if poll.poll():
            go(128 + signal.SIGHUP)

    signal.setitimer(signal.ITIMER_REAL, 0)  # whoever watched over the start
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # as the new thread then does, too
    threading.Thread(target=on_hangup, name="mailtop-hangup", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
