"""Keys from the terminal. Textual takes Esc and a key that comes right after it, as keys do in one packet of a slow
link, for that key with Alt, and loses Esc; and it looks for Esc ten times a second only. For the driver."""

from __future__ import annotations

import os
import selectors
import signal
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

ESC = "\x1b"

INTRODUCERS = "[O]P_^X\\"
"""What stands after Esc in the sequences that terminals send."""

WAIT_SECONDS = 0.1
"""How long the end of the program waits for a key at most."""

READ_BYTES = 4096


class KeyParser(XTermParser):
    """Esc is Esc, whatever follows it: nothing here needs Alt."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if alt or (len(sequence) == 2 and sequence[0] == ESC and sequence[1] not in INTRODUCERS):
            yield events.Key("escape", ESC)
            sequence = sequence[-1]
        yield from super()._sequence_to_key_events(sequence)


class KeyboardDriver(LinuxDriver):
    """Textual's driver with keys read so."""

    def run_input_thread(self) -> None:
        """Read keys until the app ends, in a thread of its own. What is typed while the terminal is the shell's is not
        for us: with this signal blocked reading it fails, and the process is not stopped in the middle of it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN})
        parser, decode = KeyParser(self._debug), getincrementaldecoder("utf-8")("replace").decode
        wait = WAIT_SECONDS
        with _read_without_waiting(self.fileno) as descriptor, selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                data = _read(descriptor) if selector.select(wait) else None
                if data == b"":
                    self.exit_event.wait(WAIT_SECONDS)
                text = decode(data) if data else ""
                for event in (*(parser.feed(text) if text else ()), *parser.tick()):
                    self.process_message(event)
                # what may be the beginning of a sequence is Esc if no more comes soon
                wait = constants.ESCAPE_DELAY if data else WAIT_SECONDS


@contextmanager
def _read_without_waiting(terminal: int) -> Iterator[int]:
    """A descriptor of the same terminal. What was there to read, a shell may have read since, while this program was
    stopped; and a descriptor that we were given never to wait would not for the shell either, whose it is, too."""
    descriptor = terminal
    with suppress(OSError):  # not the terminal that a shell gives and takes
        os.tcgetpgrp(terminal)
        descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        if descriptor != terminal:
            os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """What was typed; nothing when the terminal is gone or the shell's, which somebody else sees to."""
    try:
        return os.read(descriptor, READ_BYTES)
    except OSError:
        return b""
