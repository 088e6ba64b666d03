"""Signals that end a process: while it starts they are noted, since an exception in the middle of an import is lost or
worse; then they are what Ctrl-C is. Only the start, `main` and `monitor` enter."""

from __future__ import annotations

import os
import signal
from types import FrameType

START_SECONDS = 1.7
"""How long a start that was told to end may take before the process ends anyway."""

NUMBERS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_told: int | None = None


def told() -> int | None:
    """The signal that has told this process to end, if one has."""
    return _told


def obey() -> None:
    """Raise ``KeyboardInterrupt`` if this process was told to end."""
    if _told is not None:
        raise KeyboardInterrupt


def note_signals() -> None:
    """Note from now on who tells this process to end; signals that are ignored (``nohup``) stay so."""
    signal.signal(signal.SIGALRM, _end)
    for number in NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _note)


def obey_signals() -> None:
    """From now on raise ``KeyboardInterrupt`` in the main thread, or do there what asyncio does in its place, when a
    signal tells this process to end; at once if one has."""
    stop_waiting()
    for number in NUMBERS:
        if signal.getsignal(number) is _note:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else _interrupt)
    obey()


def stop_waiting() -> None:
    """The start is over, and nobody need end it any more."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _note(number: int, _frame: FrameType | None) -> None:
    global _told
    if _told is None:
        _told = number
        signal.setitimer(signal.ITIMER_REAL, START_SECONDS)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _told
    _told = _told or number
    interrupt = signal.getsignal(signal.SIGINT)
    if callable(interrupt):
        interrupt(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(128 + (_told or signal.SIGALRM))
