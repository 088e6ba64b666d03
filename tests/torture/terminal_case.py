"""A terminal that knows how it was found, and whether it is so again: for the attacks on the screen."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.pty_driver import Terminal

GONE_SECONDS = 2.0
"""What is promised."""

SLACK_SECONDS = 3.0
"""What a busy machine may add: a process that would not end by itself takes longer than both."""

WAIT_SECONDS = 15.0
"""How long is waited for what is not promised within a time."""

_MODES = re.compile(rb"\x1b\[(\?[0-9;]+[hl]|>[0-9]*u|<[0-9]*u)")
_AT_FIRST = {b"7", b"25"}
"""Private modes that a terminal has set: lines wrap, the cursor shows."""


class Modes:
    """Which of its modes a program has changed, by all that it sent."""

    def __init__(self) -> None:
        self._set: dict[bytes, bool] = {}
        self._keyboards = 0
        self.entered = 0
        """How often the program has turned to a screen of its own."""
        self._rest = b""

    def take(self, data: bytes) -> None:
        """The next piece of the program's output."""
        data = self._rest + data
        end = 0
        for match in _MODES.finditer(data):
            end = match.end()
            found = match[1]
            if found[:1] == b"?":
                self.entered += found == b"?1049h"
                self._set |= dict.fromkeys(found[1:-1].split(b";"), found[-1:] == b"h")
            else:
                self._keyboards = max(self._keyboards + (1 if found[:1] == b">" else -1), 0)
        self._rest = data[max(end, len(data) - 32) :]

    @property
    def changed(self) -> list[str]:
        """Those that are not as a terminal has them."""
        found = [mode.decode() for mode, is_set in self._set.items() if is_set != (mode in _AT_FIRST)]
        return found + ["keyboard"] * self._keyboards


class Watched(Terminal):
    """A command in a terminal of its own, of which ``changed`` tells what it has not put back.

    ``answers`` are further answers to what a program asks of its terminal: by the question, the bytes.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 100,
        rows: int = 30,
        env: Mapping[str, str],
        answers: Mapping[bytes, bytes] | None = None,
    ) -> None:
        super().__init__(argv, columns=columns, rows=rows, env=env)
        self.modes = Modes()
        self._answers = dict(answers or {})

    def __enter__(self) -> Self:
        super().__enter__()
        self._before = termios.tcgetattr(self._slave)  # no program is as quick as to have changed them
        return self

    @property
    def changed(self) -> list[str]:
        """What of the terminal is not as it was."""
        names = ("iflag", "oflag", "cflag", "lflag", "ispeed", "ospeed", "cc")
        now = termios.tcgetattr(self._slave)
        return [
            *self.modes.changed,
            *(name for name, old, new in zip(names, self._before, now, strict=True) if old != new),
        ]

    @property
    def has_ended(self) -> bool:
        """Whether the command has."""
        return self._process.poll() is not None

    @property
    def state(self) -> str:
        """The command's state, as ``ps`` shows it: ``T`` is stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][:1]

    def has_entered(self, times: int) -> bool:
        """Whether the command has turned to a screen of its own so often."""
        return self.modes.entered >= times

    def read_for(self, seconds: float) -> None:
        """Take what the program sends, for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(min(left, 0.05))

    def until(self, holds: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Read until ``holds``; raises ``AssertionError``."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not after {seconds:g} s; the screen shows:\n{self.text()}"
            self._read(0.02)

    def must_go(self, *codes: int) -> None:
        """The command ends soon with one of these exit codes, its terminal is as it was, and nothing of it lives on."""
        self.until(lambda: self.has_ended, "it ends", GONE_SECONDS + SLACK_SECONDS)
        while self._read(0.0):
            pass
        code = self._process.returncode
        assert code in codes, f"exit code {code}, not {codes}; it said:\n{self.text()}"
        assert "Traceback" not in self.text(), self.text()
        assert self.changed == [], f"{self.changed} is left over (exit code {code})"
        self.must_leave_nothing()

    def ends_in_python(self) -> bool:
        """Whether it ends while Python itself starts, which then tells where it was, as it does for every program."""
        self.until(lambda: self.has_ended, "it ends")
        while self._read(0.0):
            pass
        return "KeyboardInterrupt" in self.text() and "/tui/" not in self.text()

    def must_leave_nothing(self) -> None:
        """No process lives on."""
        self.until(lambda: not self.survivors(), "all its processes end")

    def send_raw(self, data: bytes, seconds: float = 0.5) -> None:
        """Type bytes, as fast and for as long as they are taken, for so many seconds at most."""
        deadline = time.monotonic() + seconds
        os.set_blocking(self._fd, False)
        try:
            while data and not self.has_ended and time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._fd, data[:4096]) :]
                self._read(0.0 if data else 0.01)
        finally:
            os.set_blocking(self._fd, True)

    def busy_seconds(self, seconds: float) -> float:
        """The processor time that the command and its children take meanwhile."""
        pids = self.survivors()
        before = sum(map(cpu_seconds, pids))
        self.read_for(seconds)
        return sum(map(cpu_seconds, pids)) - before

    def _decoded(self, data: bytes) -> str:
        self.modes.take(data)
        for question, answer in self._answers.items():
            if question in data:
                self._write(answer)
        # The emulator has no other screen, and would show what was drawn before.
        return super()._decoded(data).replace("\x1b[?1049h", "\x1b[?1049h\x1b[2J")


class Job(Watched):
    """The same with a parent that could have it go on: nobody else can be stopped by the signals of a terminal."""

    def __init__(self, argv: Sequence[str], **options: Any) -> None:
        super().__init__([sys.executable, str(Path(__file__).with_name("job.py")), *argv], **options)

    @cached_property
    def pid(self) -> int:
        """The process id of the command, which must have begun."""
        (pid,) = (pid for pid in self.survivors() if f"PPid:\t{self._process.pid}\n" in status(pid))
        return pid

    def stops(self) -> None:
        """It is stopped soon, and has given the terminal back."""
        self.until(lambda: self.state == "T", "it stops")
        self.until(lambda: self.changed == [], "it gives the terminal back")


def status(pid: int) -> str:
    """What the system tells of a process; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/status").read_text()
    return ""


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has taken so far; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(
    folder: Path, *words: str, wrapped: Sequence[str] = (), answers: Mapping[bytes, bytes] | None = None
) -> Watched:
    """mailtop in a terminal, over a mail system of files in ``folder``; ``wrapped`` are words before the command."""
    return Watched([*wrapped, *MAILTOP, *words], env=environment(folder), answers=answers)


def started_as_job(folder: Path) -> Job:
    """The same by a parent that could have it go on."""
    return Job(MAILTOP, env=environment(folder))


def environment(folder: Path) -> dict[str, str]:
    """What mailtop needs around it; all that it writes goes below ``folder``."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **PostfixInFiles(folder).environment(),
        "TMPDIR": str(temporary),
        "XDG_STATE_HOME": str(folder / "state"),
        "LANG": "C.UTF-8",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }


def left_over(folder: Path) -> list[str]:
    """What stands in the folder for temporary files."""
    return [path.name for path in (folder / "tmp").iterdir()]


def run(words: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )
