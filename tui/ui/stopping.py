"""Being stopped and going on by the kernel's own rule: of SIGTSTP and SIGCONT the later one undoes the earlier, at any
moment. For the driver, and for whoever starts threads."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

HELD = (signal.SIGTSTP, signal.SIGCONT)
"""They wait in the kernel until they are obeyed; every thread has to hold them back, or it would take them."""


class StopSignals:
    """SIGTSTP and SIGCONT of a process with a terminal; to be made in its main thread, as all is called there.

    A handler would be told of SIGTSTP and then stop the process by a signal of its own, which undoes a SIGCONT that
    comes between the two. So there is none: as long as SIGTSTP waits, a SIGCONT takes it away.
    """

    def __init__(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        self._actions = [signal.getsignal(number) for number in HELD]
        self._descriptor: int | None = None

    def listen(self, terminal: int, told: Callable[[], None]) -> None:
        """From now on have ``told`` called in the running loop whenever one of the two came; it is to call `pause`.
        ``terminal`` is the descriptor of the terminal that the process may have in front."""
        for number, action in zip(HELD, self._actions, strict=True):
            signal.signal(number, action)
        self._terminal = terminal
        self._descriptor = _descriptor_of(HELD)
        if self._descriptor is not None:
            asyncio.get_running_loop().add_reader(self._descriptor, told)

    def close(self) -> None:
        """Leave both to the kernel."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)

    @property
    def is_in_front(self) -> bool:
        """Whether the terminal is this process's to use."""
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return True

    def tell_all(self) -> None:
        """Have this process and those it runs with stopped, as a terminal does at Ctrl-Z."""
        if self._descriptor is not None:
            os.kill(0, signal.SIGTSTP)

    def pause(self) -> None:
        """Be stopped here if that is what was told last, and each time that the process goes on without its terminal
        (``bg``). The kernel stops nobody whom no shell could have go on (an orphaned process group)."""
        self._let_stop()
        while _take(signal.SIGCONT) and not self.is_in_front:
            self._stop_unless_in_front()

    def wait_for_front(self) -> None:
        """Be stopped until the terminal is this process's, as one that is begun in the background."""
        if not self.is_in_front:
            self._stop_unless_in_front()
            self.pause()

    def _stop_unless_in_front(self) -> None:
        # First the signal and then the look: a shell first gives the terminal and then sends SIGCONT, so whoever is
        # not seen in front here is told later, which takes the signal away.
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        if self.is_in_front:
            _take(signal.SIGTSTP)
        self._let_stop()

    def _let_stop(self) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})


def _take(number: signal.Signals) -> bool:
    """Whether the signal waited; it does no longer."""
    return signal.sigtimedwait({number}, 0) is not None


def _descriptor_of(numbers: tuple[signal.Signals, ...]) -> int | None:
    """A descriptor that can be read while one of the signals waits; Python has no call for signalfd(2). ``None`` in a
    Python without ctypes: they wait for good, and the process is stopped by SIGSTOP only."""
    try:
        import ctypes
    except ImportError:
        return None
    # As large as the sigset_t of any C library.
    mask = (ctypes.c_ulong * 32)(sum(1 << number - 1 for number in numbers))
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(library.signalfd(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "signalfd")
    return descriptor
