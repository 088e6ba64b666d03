"""Drives a terminal program from outside: a pty, an emulator, keys, conditions. Any test that needs the real screen."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

KEYS = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "space": b" ",
    "backspace": b"\x7f",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "f1": b"\x1bOP",
}
"""Keys by the names that Textual gives them; any other key is its own character, ``ctrl+x`` its control byte."""

STRANGE = re.compile(
    r"\x1b\[[<>=][0-9;:]*[A-Za-z]"  # kitty keyboard, secondary attributes
    r"|\x1b\[\?[0-9;]*\$[a-z]"  # questions about modes
    r"|\x1b[P_^X][^\x1b\x07]*(?:\x1b\\|\x07)"  # device control, application and privacy strings
    r"|\x1b\[[0-9;]* [a-zA-Z]"  # cursor style
    r"|\x1b\[[0-9;]*[tS]"  # window operations
    r"|\x1b\[\?[0-9;]*[urs]"  # saved modes
)
"""Sequences that pyte would print as text or choke on."""

WHOLE = re.compile(r"\x1b(\[[<>=?]?[0-9;:]*[ $]?[@-~]|[^\[\]P_^X]|\].*(\x07|\x1b\\)|[P_^X].*(\x07|\x1b\\))", re.S)


class _Screen(pyte.Screen):
    """An emulated screen that answers what the program asks of its terminal."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None]) -> None:
        super().__init__(columns, rows)
        self._reply = reply

    def write_process_input(self, data: str) -> None:
        self._reply(data.encode())


class Terminal:
    """A command in a terminal of its own. Leaving the ``with`` block kills whatever of it is left.

    ``env`` is the whole environment; ``TERM`` is set. Output is read while a method waits, so the emulated screen is
    as new as the last call.
    """

    def __init__(
        self, argv: Sequence[str], *, columns: int = 140, rows: int = 45, env: Mapping[str, str] | None = None
    ) -> None:
        self._marker = uuid.uuid4().hex
        self._argv = list(argv)
        self._env = {**(os.environ if env is None else env), "TERM": "xterm-256color", "PTY_DRIVER": self._marker}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            self._env.pop(name, None)
        self._screen = _Screen(columns, rows, self._write)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self.bytes_read = 0

    def __enter__(self) -> Self:
        self._fd, slave = pty.openpty()
        self.resize(self._screen.columns, self._screen.lines)
        # A new session's first terminal opened becomes its controlling terminal, so let sh open it by name.
        opener = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(slave), *self._argv]
        self._process = subprocess.Popen(opener, start_new_session=True, env=self._env)
        self._slave = slave
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self.survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self.hang_up()

    @property
    def pid(self) -> int:
        """The process id of the command."""
        return self._process.pid

    def press(self, *keys: str) -> None:
        """Type keys by name, one after another."""
        for key in keys:
            if key.startswith("ctrl+"):
                self._write(bytes([ord(key[5:].upper()) & 0x1F]))
            else:
                self._write(KEYS.get(key) or key.encode())

    def type(self, text: str) -> None:
        """Type a text in one piece, as a slow link brings it."""
        self._write(text.encode())

    def wait_for(self, condition: str | Callable[[Terminal], bool], timeout: float = 15.0) -> None:
        """Read until ``condition`` holds: a text that stands on the screen, or a function of this terminal.

        Raises ``AssertionError`` with the screen after ``timeout`` seconds, or at once when the program has ended.
        """
        holds = condition if callable(condition) else lambda terminal: condition in terminal.text()
        deadline = time.monotonic() + timeout
        while not holds(self):
            ended = self._process.poll() is not None
            if not self._read(0.05) and (ended or time.monotonic() > deadline):
                why = "the program ended" if ended else f"{timeout} s passed"
                what = condition if isinstance(condition, str) else "the condition"
                raise AssertionError(f"{why} before {what!r} was seen; the screen shows:\n{self.text()}")

    def wait_exit(self, timeout: float = 5.0) -> int:
        """Wait for the program's end; gives its exit code (negative: the signal). Raises ``AssertionError``."""
        deadline = time.monotonic() + timeout
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"still running after {timeout} s; the screen shows:\n{self.text()}")
            self._read(0.05)
        while self._read(0.0):
            pass
        return self._process.returncode

    def survivors(self) -> list[int]:
        """The processes that came of this command and still live, found by a mark in their environment."""
        mark = f"PTY_DRIVER={self._marker}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    marked = mark in (entry / "environ").read_bytes().split(b"\0")
                except OSError:  # it ended meanwhile, or is not ours
                    continue
                if marked:
                    found.append(int(entry.name))
        return found

    def lines(self) -> list[str]:
        """The rows of the screen, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self.lines())

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size; the program gets SIGWINCH."""
        self._screen.resize(rows, columns)
        self.set_size(columns, rows)

    def set_size(self, columns: int, rows: int) -> None:
        """The same for the program alone, as small as nothing: the emulated screen stays as it is."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal under the program, as a lost connection does."""
        for fd in (self._fd, self._slave):
            if fd >= 0:
                os.close(fd)
        self._fd = self._slave = -1

    def _write(self, data: bytes) -> None:
        if self._fd >= 0:
            os.write(self._fd, data)

    def _read(self, timeout: float) -> bool:
        """Take one chunk of output into the emulator; false when there was none within ``timeout`` seconds."""
        if self._fd < 0 or not select.select([self._fd], [], [], timeout)[0]:
            return False
        data = os.read(self._fd, 65536)
        self.bytes_read += len(data)
        text = self._pending + self._decoded(data)
        cut = text.rfind("\x1b")
        if cut < 0 or WHOLE.match(text, cut):
            cut = len(text)
        self._pending = text[cut:]
        self._stream.feed(STRANGE.sub("", text[:cut]))
        return True

    def _decoded(self, data: bytes) -> str:
        """What the emulator is to see of the program's output."""
        return self._decoder.decode(data)
