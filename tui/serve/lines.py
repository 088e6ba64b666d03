"""What the server says, line by line, from a thread of its own: a terminal or pipe that nobody reads must not stop the
answers. Only the command line enters."""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time

from tui.text import clean

MAX_WAITING = 10_000
END_SECONDS = 1.0


class Lines(logging.Handler):
    """Writes records to standard error, in UTC. Those that find the queue full are left out, and counted."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        lines = self.format(record).splitlines()  # with an exception's traceback, when it has one
        line = f"mailtop: {when} {clean(' | '.join(lines))}"
        if self._left_out:
            line = f"{line} (before this {self._left_out} lines were left out)"
        try:
            self._waiting.put_nowait(line)
            self._left_out = 0
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Write what waits, unless nobody reads it."""
        try:
            self._waiting.put(None, timeout=END_SECONDS)
            self._thread.join(END_SECONDS)
        except queue.Full:
            pass
        super().close()

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            try:
                if sys.stderr is not None:
                    print(line, file=sys.stderr, flush=True)
            except OSError:
                return  # nobody is left who could be told
