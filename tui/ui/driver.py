"""The way to the terminal: counts what is sent, asks whether it has arrived, and holds pictures back while the terminal
does not read. For the app; its screens ask only whether the terminal is busy."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message

from tui.ui.keyboard import KeyboardDriver
from tui.ui.painted import painted_by
from tui.ui.stopping import StopSignals
from tui.ui.traffic import Traffic

PIECE_BYTES = 1024
"""So much is written in one call, so that it is seen whether the terminal takes anything at all."""

QUESTION = "\x1b[6n"
"""Where is the cursor? Every terminal tells, once it has read so far."""

ASK_BYTES = 512
"""So much is sent before the terminal is asked whether it has it."""

AHEAD_BYTES = 1024
"""On a slow link no further picture is sent while so much is on its way: it would come late, and be out of date."""

ANSWER_SECONDS = 2.0
"""A terminal that has not answered after so long is not waited for."""

LEAVE_SECONDS = 0.3
"""How long the end waits for a terminal that does not read."""

_OURS = "".join(f"\x1b[?{mode}l" for mode in (2026, 2048, 2004, 1000, 1003, 1015, 1006, 1016, 1004))
GIVEN_BACK = f"\x18{_OURS}\x1b[?7h\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h"
"""Ends a sequence that was cut off, and all that this program turns on."""


class Outlet(Thread):
    """Writes to the file ``descriptor`` in a thread of its own; whoever gives it something never waits."""

    def __init__(self, descriptor: int, traffic: Traffic) -> None:
        super().__init__(daemon=True, name="mailtop-output")
        self.descriptor = descriptor
        self._traffic = traffic
        self._given: SimpleQueue[str | None] = SimpleQueue()
        self._lock = Lock()
        self._waiting = 0
        self._dropped = False
        self._when_free: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether some of what was given has not been taken."""
        return self._waiting > 0

    def give(self, text: str) -> None:
        """Have ``text`` written, after all that was given before."""
        with self._lock:
            self._waiting += 1
        self._given.put(text)

    def call_when_free(self, call: Callable[[], None]) -> None:
        """Have ``call`` made once nothing waits, in this object's thread or the caller's; a later one replaces it."""
        self._when_free = call
        if not self.is_busy:
            self._tell()

    def stop(self, seconds: float) -> None:
        """End after all that was given; a terminal that takes longer is left alone."""
        self._given.put(None)
        if self.ident is not None:  # else the system has refused the thread
            self.join(seconds)

    def drop(self) -> None:
        """Write nothing more of what was given, nor of what will be."""
        self._dropped = True

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
            with self._lock:
                self._waiting -= len(texts)
            if not self.is_busy:
                self._tell()
            if text is None:
                return

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self._dropped:
            began = time.monotonic()
            try:
                size = os.write(self.descriptor, rest[:PIECE_BYTES])
            except BlockingIOError:  # another program that shares the terminal made it so
                poll = select.poll()
                poll.register(self.descriptor, select.POLLOUT)
                poll.poll()
                size = 0
            rest = rest[size:]
            self._traffic.sent(size, time.monotonic() - began)

    def _tell(self) -> None:
        call, self._when_free = self._when_free, None
        if call is not None:
            call()


class TerminalDriver(KeyboardDriver):
    """``MailtopApp(driver_class=TerminalDriver)``: Textual's driver with an output that never blocks the app.

    The app shows ``traffic.bytes_per_second`` in its status line when it draws that anyway, and turns to fewer colours,
    no charts and longer intervals while ``traffic.is_slow``. Both cost nothing and may be asked at any time. A screen
    that is a ``NarrowScreen`` is not painted while ``is_busy``; it is painted once, as it then is, when the terminal
    has taken what was written before, and where the link is slow when that has arrived.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self._stops = StopSignals()  # before Textual has them end in the middle of whatever they interrupt
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._stops.listen(self.fileno, self._stop_or_go_on)
        self._has_given_back = False
        self.traffic = Traffic()
        self._painted = painted_by(app)
        self._outlet: Outlet | None = None
        self._unanswered = 0
        self._asked_of = 0
        self._asked_at: float | None = None
        self._quiet = Event()
        self._leaving = False
        self._when_answered: Callable[[], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the terminal has not yet taken all that was written, or a slow link not yet carried it."""
        return self._outlet is not None and (self._outlet.is_busy or self._link_is_full)

    def call_when_free(self, call: Callable[[], None]) -> None:
        """Have ``call`` made in the app's loop once the terminal is no longer busy; a later one replaces it."""
        if self._outlet is not None and self._outlet.is_busy:
            self._outlet.call_when_free(lambda: self._in_loop(call))
        elif self._link_is_full:
            self._when_answered = call
            self._loop.call_later(ANSWER_SECONDS, self._tell)
        else:
            self._in_loop(call)

    def start_application_mode(self) -> None:
        """Take over the terminal, once it is ours."""
        self._stops.wait_for_front()
        self._outlet = Outlet(sys.__stderr__.fileno() if sys.__stderr__ else 2, self.traffic)
        self._outlet.start()
        self._leaving = self._has_given_back = False
        self._unanswered, self._asked_of, self._asked_at = 0, 0, None
        self._painted.forget()
        start: Callable[[], None] = super().start_application_mode
        start()
        self._ask()

    def write(self, data: str) -> None:
        """Have ``data`` sent, without waiting."""
        if self._outlet is None:
            return
        self._painted.written(data)
        self._outlet.give(data)
        self._unanswered += len(data)
        if self._unanswered - self._asked_of >= ASK_BYTES:
            self._ask()

    def stop_application_mode(self) -> None:
        """Give the terminal back; what Textual leaves on, too."""
        super().stop_application_mode()
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
        if self._in_band_window_resize:  # its answer may have come while the rest was turned off
            self.write("\x1b[?2048l")
        self._mouse_pixels = self._in_band_window_resize = self._has_given_back = False
        self._end_output()

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        self.stop_application_mode()
        self._has_given_back = True

    def close(self) -> None:
        """End all that was begun here."""
        self._end_output()
        self._stops.close()

    def _end_output(self) -> None:
        """End what writes; what a terminal that does not read has not taken is thrown away."""
        super().close()
        if self._outlet is not None:
            self._outlet.stop(LEAVE_SECONDS)
            if self._outlet.is_alive():
                self.give_back()
            self._outlet = None

    def give_back(self) -> None:
        """Have the terminal as it was, whatever the app is doing and whether the terminal reads or not; nothing more is
        drawn. From any thread."""
        outlet = self._outlet
        if outlet is None:
            return
        outlet.drop()
        with suppress(termios.error, OSError):
            termios.tcflush(outlet.descriptor, termios.TCOFLUSH)
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            os.write(outlet.descriptor, GIVEN_BACK.encode())

    def disable_input(self) -> None:
        """Stop listening; an answer that is on its way is waited for, since a shell would take it for typed. A terminal
        that does not even take the question has not been asked."""
        self._leaving = True
        if self._asked_at is not None and self._outlet is not None and not self._outlet.is_busy:
            self._quiet.wait(LEAVE_SECONDS)
        super().disable_input()

    def suspend(self) -> None:
        """Be stopped, with all that runs with this process, until a shell has them go on. While keys are ours the
        terminal does not do that at Ctrl-Z."""
        self._stops.tell_all()

    def process_message(self, message: Message) -> None:
        """Take what comes from the terminal; in the thread that reads it."""
        if isinstance(message, events.CursorPosition) and self._asked_at is not None:
            self.traffic.answered(self._asked_of, time.monotonic() - self._asked_at)
            self._quiet.set()
            self._in_loop(self._answered)
        else:
            super().process_message(message)

    def _stop_or_go_on(self) -> None:
        """Obey what was told. Who stops a program without asking, as a debugger does, may have used its terminal
        meanwhile, so that is taken anew, too."""
        self._give_way()
        self._stops.pause()
        self._give_way()  # it was not in front before
        if self._has_given_back and self._stops.is_in_front:
            self.resume_application_mode()
            self._app.refresh(layout=True)

    def _give_way(self) -> None:
        if self._outlet is not None and self._stops.is_in_front:
            self.suspend_application_mode()

    @property
    def _link_is_full(self) -> bool:
        asked_at = self._asked_at
        if asked_at is None or time.monotonic() >= asked_at + ANSWER_SECONDS:
            return False
        return self._unanswered >= AHEAD_BYTES and self.traffic.is_slow

    def _ask(self) -> None:
        """Ask the terminal whether it has what was sent. One question at a time: a terminal that does not answer is not
        asked again."""
        if self._outlet is None or self._asked_at is not None or self._leaving:
            return
        self._quiet.clear()
        self._asked_at, self._asked_of = time.monotonic(), self._unanswered
        self._outlet.give(QUESTION)

    def _answered(self) -> None:
        """What the last question was about has arrived."""
        self._unanswered -= self._asked_of
        self._asked_at, self._asked_of = None, 0
        if self._unanswered >= ASK_BYTES:
            self._ask()
        self._tell()

    def _tell(self) -> None:
        call, self._when_answered = self._when_answered, None
        if call is not None:
            call()

    def _in_loop(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it all painting
            self._loop.call_soon_threadsafe(call)
