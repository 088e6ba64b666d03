"""A program in a terminal, measured from outside: what it writes is recorded with the time of each piece, and replayed
through an emulator afterwards, so that nothing is emulated while it runs."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pyte

from tests.pty_driver import KEYS, STRANGE, WHOLE

PIECE_BYTES = 64
"""On a slow link so many bytes come at a time."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

ANSWERS = {b"\x1b[c": b"\x1b[?62;22c", b"\x1b[0c": b"\x1b[?62;22c", b"\x1b[5n": b"\x1b[0n", b"\x1b[6n": b"\x1b[1;1R"}
"""What a terminal is asked, and what it answers once it has read that far."""

Seen = TypeVar("Seen")


@dataclass
class Use:
    """What a program and all its children used: CPU seconds so far, proportional and private memory now."""

    cpu_seconds: float = 0.0
    shared_bytes: int = 0
    private_bytes: int = 0
    processes: int = 0


@dataclass
class Terminal:
    """``argv`` in a terminal of its own, of ``columns`` by ``rows`` cells; ``link`` is how many bytes a second it
    passes on (``None``: as fast as they are read). Leaving the ``with`` block kills it."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    columns: int = 140
    rows: int = 45
    link: float | None = None
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    keys: list[tuple[float, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.began = time.perf_counter()
        self._free_at = 0.0
        self._tail = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
            os.execvpe(self.argv[0], [*self.argv], {**self.environ, "TERM": "xterm-256color"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in reversed(tree(self.pid)):
            os.kill(pid, signal.SIGKILL)
        os.close(self._fd)
        os.waitpid(self.pid, 0)

    def press(self, key: str) -> None:
        """Press a key by its name in ``tests/pty_driver.py``."""
        self.keys.append((time.perf_counter(), key))
        os.write(self._fd, KEYS.get(key) or key.encode())

    def read(self, seconds: float) -> None:
        """Record what comes for so long."""
        self._read_until(time.perf_counter() + seconds, lambda: False)

    def read_until(self, text: str, seconds: float) -> float:
        """Record until ``text`` came in one piece of one style; the seconds since the start. Raises ``TimeoutError``
        after ``seconds``."""
        wanted, end = text.encode(), time.perf_counter() + seconds
        self._read_until(end, lambda: wanted in self._tail)
        if wanted not in self._tail:
            raise TimeoutError(f"{text!r} was not seen within {seconds} s of {self.argv}:\n{self.replay().text()}")
        return self.pieces[-1][0] - self.began

    def settle(self, quiet: float, seconds: float) -> None:
        """Record until nothing came for ``quiet`` seconds, at most for ``seconds``."""
        end = time.perf_counter() + seconds
        self._read_until(end, lambda: time.perf_counter() - self.pieces[-1][0] > quiet if self.pieces else False)

    def replay(self) -> Replay:
        """The screen as it now stands."""
        replay = Replay(self.columns, self.rows)
        for _, data in self.pieces:
            replay.feed(data)
        return replay

    def bytes_since(self, began: float) -> int:
        """How many bytes came since then (``time.perf_counter``)."""
        return sum(len(data) for at, data in self.pieces if at >= began)

    def use(self) -> Use:
        """What the program and its children have used."""
        use = Use()
        for pid in tree(self.pid):
            try:
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                memory = dict(re.findall(r"(\w+): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text()))
            except OSError:  # it has ended meanwhile
                continue
            use.processes += 1
            use.cpu_seconds += sum(int(word) for word in words[11:15]) / TICKS_PER_SECOND
            use.shared_bytes += int(memory["Pss"]) * 1024
            use.private_bytes += (int(memory["Private_Clean"]) + int(memory["Private_Dirty"])) * 1024
        return use

    def waits(self, began: float, state: Callable[[Replay], Seen]) -> list[float | None]:
        """Seconds from each key since ``began`` until ``state`` of the screen had changed; ``None`` where it had not
        before the next key."""
        replay, pieces = Replay(self.columns, self.rows), iter(self.pieces)
        waits: list[float | None] = []
        keys = [at for at, _ in self.keys if at >= began]
        at, data = next(pieces)
        for pressed, following in zip(keys, [*keys[1:], float("inf")], strict=True):
            while at <= pressed:
                replay.feed(data)
                at, data = next(pieces, (float("inf"), b""))
            before, wait = state(replay), None
            while at < following:
                replay.feed(data)
                if wait is None and state(replay) != before:
                    wait = at - pressed
                at, data = next(pieces, (float("inf"), b""))
            waits.append(wait)
        return waits

    def _read_until(self, end: float, done: Callable[[], bool]) -> None:
        while (now := time.perf_counter()) < end and not done():
            if now < self._free_at:
                time.sleep(min(end, self._free_at) - now)
                continue
            if not select.select([self._fd], [], [], min(end - now, 0.02))[0]:
                continue
            try:
                data = os.read(self._fd, PIECE_BYTES if self.link else 65536)
            except OSError:  # the program has ended
                return
            at = time.perf_counter()
            if self.link:
                at = self._free_at = max(at, self._free_at) + len(data) / self.link
            self.pieces.append((at, data))
            self._answer(data)
            self._tail = (self._tail + data)[-65536:]

    def _answer(self, data: bytes) -> None:
        """Answer what the program asks the terminal; a question may lie in two pieces."""
        recent = self._tail[-8:] + data
        for question, answer in ANSWERS.items():
            for match in re.finditer(re.escape(question), recent):
                if match.end() > len(self._tail[-8:]):
                    os.write(self._fd, answer)


class Replay:
    """An emulated screen that is fed what was recorded."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def feed(self, data: bytes) -> None:
        """Take one piece; a sequence that is not whole waits for the next."""
        text = self._pending + self._decoder.decode(data)
        cut = text.rfind("\x1b")
        if cut < 0 or WHOLE.match(text, cut):
            cut = len(text)
        self._pending = text[cut:]
        self._stream.feed(STRANGE.sub("", text[:cut]))

    def lines(self) -> list[str]:
        """The rows of the screen."""
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self.lines())

    def find(self, pattern: str) -> Iterator[str]:
        """The parts of the screen that match."""
        return (match[0] for match in re.finditer(pattern, self.text()))

    def bar(self, column: int) -> list[tuple[str, bool, bool]]:
        """A column's looks, row by row: where a cursor stands, in any program that marks a whole row."""
        cells = [self._screen.buffer[y][column] for y in range(self._screen.lines)]
        return [(cell.bg, cell.reverse, cell.bold) for cell in cells]


def tree(pid: int) -> list[int]:
    """A process and all that came of it."""
    found, left = [], [pid]
    while left:
        pid = left.pop()
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            left += [int(word) for task in tasks for word in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        found.append(pid)
    return found
