"""The way to the terminal: counts what is sent, notices a slow link, and holds pictures back while the terminal does
not read. For the app; its screens ask only whether the terminal is busy."""

from __future__ import annotations

import math
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

WINDOW_SECONDS = 10.0
"""Over how long bytes and waits are counted."""

LEAST_BYTES_PER_SECOND = 50.0
"""Less is told as 0: what it costs to show the rate itself must not count as a change of the rate."""

KEPT_BETWEEN = 0.6, 1.6
"""A rate that is told stays as it is while the real one lies between these parts of it."""

PIECE_BYTES = 1024
"""So much is written in one call, so that it is seen whether the terminal takes anything at all."""

WAIT_SECONDS = 0.02
STOPPED_SECONDS = 5.0
"""A write that waits shorter was not held up by the link; one that waits longer met a terminal that does not read
at all, which says nothing of the link."""

SLOW_FROM = 0.2
"""A link is slow from the part of the time on that writes wait for it."""

SLOW_FOR_SECONDS = 60.0
"""So long after the last write that waited a link still counts as slow."""

LEAVE_SECONDS = 0.5
"""How long the end waits for a terminal that does not read."""


class Traffic:
    """Counts writes: ``sent`` is told each of them in one thread, any other may ask. Times are those of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._writes: deque[tuple[float, int, float]] = deque(maxlen=4096)
        self._told = 0
        self._slow_until = -math.inf

    def sent(self, size: int, seconds: float) -> None:
        """A write of ``size`` bytes took ``seconds``."""
        now = self._clock()
        waited = seconds if WAIT_SECONDS <= seconds < STOPPED_SECONDS else 0.0
        self._writes.append((now, size, waited))
        if not waited:
            return
        waits = sum(waited for _, _, waited in self._recent())
        if waits >= SLOW_FROM * WINDOW_SECONDS or now < self._slow_until:
            self._slow_until = now + SLOW_FOR_SECONDS

    @property
    def bytes_per_second(self) -> int:
        """What was sent a second of late, in one significant digit; 0 when next to nothing was."""
        rate = sum(size for _, size, _ in self._recent()) / WINDOW_SECONDS
        low, high = KEPT_BETWEEN
        if rate < LEAST_BYTES_PER_SECOND:
            self._told = 0
        elif not low * self._told <= rate <= high * self._told:
            step = 10 ** math.floor(math.log10(rate))
            self._told = round(rate / step) * step
        return self._told

    @property
    def link_bytes_per_second(self) -> float | None:
        """What the link carries, by the writes that had to wait for it; ``None`` while none of late had to."""
        waits = [(size, waited) for _, size, waited in self._recent() if waited]
        return sum(size for size, _ in waits) / sum(waited for _, waited in waits) if waits else None

    @property
    def is_slow(self) -> bool:
        """Whether the link was slow within the last minute."""
        return self._clock() < self._slow_until

    def _recent(self) -> list[tuple[float, int, float]]:
        since = self._clock() - WINDOW_SECONDS
        return [write for write in list(self._writes) if write[0] > since]


class Outlet(Thread):
    """Writes to the file ``descriptor`` in a thread of its own; whoever gives it something never waits.

    ``when_free`` holds a call to be made, in this thread, once all that was given has been taken.
    """

    def __init__(self, descriptor: int, traffic: Traffic) -> None:
        super().__init__(daemon=True, name="mailtop-output")
        self._descriptor = descriptor
        self._traffic = traffic
        self._given: SimpleQueue[str | None] = SimpleQueue()
        self._given_count = self._taken_count = 0
        self._when_free: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether some of what was given has not been taken."""
        return self._given_count != self._taken_count

    def give(self, text: str) -> None:
        """Have ``text`` written, after all that was given before."""
        self._given_count += 1
        self._given.put(text)

    def call_when_free(self, call: Callable[[], None]) -> None:
        """Have ``call`` made once nothing waits, in this object's thread or the caller's; a later one replaces it."""
        self._when_free = call
        if not self.is_busy:
            self._tell()

    def stop(self, seconds: float) -> None:
        """End after all that was given; a terminal that takes longer is left alone."""
        self._given.put(None)
        self.join(seconds)

    def run(self) -> None:
        """Write what comes, as much at a time as there is."""
        while (text := self._given.get()) is not None:
            texts = [text]
            with suppress(Empty):
                while (text := self._given.get_nowait()) is not None:
                    texts.append(text)
            # A terminal that is gone is noticed by whoever watches it; until then there is nobody to tell.
            with suppress(OSError):
                self._write("".join(texts).encode(errors="replace"))
            self._taken_count += len(texts)
            if not self.is_busy:
                self._tell()
            if text is None:
                return

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            began = time.monotonic()
            try:
                size = os.write(self._descriptor, rest[:PIECE_BYTES])
            except BlockingIOError:  # another program that shares the terminal made it so
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
                size = 0
            rest = rest[size:]
            self._traffic.sent(size, time.monotonic() - began)

    def _tell(self) -> None:
        call, self._when_free = self._when_free, None
        if call is not None:
            call()


class TerminalDriver(LinuxDriver):
    """``MailtopApp(driver_class=TerminalDriver)``: Textual's driver with an output that never blocks the app.

    The app shows ``traffic.bytes_per_second`` in its status line when it draws that anyway, and turns to fewer colours,
    no charts and longer intervals while ``traffic.is_slow``. Both cost nothing and may be asked at any time. A screen
    that is a ``NarrowScreen`` is not painted while ``is_busy``; it is painted once, as it then is, when the terminal
    has taken what was written before.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.traffic = Traffic()
        self._outlet: Outlet | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the terminal has not yet taken all that was written."""
        return self._outlet is not None and self._outlet.is_busy

    def call_when_free(self, call: Callable[[], None]) -> None:
        """Have ``call`` made in the app's loop once the terminal has taken all; a later one replaces it."""
        if self._outlet is not None:
            self._outlet.call_when_free(lambda: self._in_loop(call))

    def start_application_mode(self) -> None:
        """Take over the terminal."""
        self._outlet = Outlet(sys.__stderr__.fileno() if sys.__stderr__ else 2, self.traffic)
        self._outlet.start()
        start: Callable[[], None] = super().start_application_mode
        start()

    def write(self, data: str) -> None:
        """Have ``data`` sent, without waiting."""
        if self._outlet is not None:
            self._outlet.give(data)

    def close(self) -> None:
        """Give the terminal back, if it reads."""
        super().close()
        if self._outlet is not None:
            self._outlet.stop(LEAVE_SECONDS)
            self._outlet = None

    def _in_loop(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it all painting
            self._loop.call_soon_threadsafe(call)
