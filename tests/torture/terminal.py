"""Attacks on what the screen promises its terminal: it leaves when it should and in time, and all is as it was."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.cli.postfix_in_files import MAILTOP
from tests.torture.attack import Attack
from tests.torture.terminal_case import SLACK_SECONDS, Watched, environment, left_over, run, started, started_as_job

UP = "recipients in"
ENDING = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


def signal_in_the_start(folder: Path, chance: random.Random) -> int:
    """A signal at any moment of the first 600 ms."""
    number = chance.choice(list(ENDING))
    with started(folder, "demo", "--accounts", "3") as terminal:
        terminal.read_for(chance.random() * 0.6)
        os.kill(terminal.pid, number)
        if number is signal.SIGINT and terminal.ends_in_python():
            return 1
        terminal.must_go(ENDING[number], -number)
    assert left_over(folder) == [], f"{number.name} left {left_over(folder)}"
    return 1


def signals_while_it_ends(folder: Path, chance: random.Random) -> int:
    """A key or a signal that ends it, and further ones while it does."""
    first, second = chance.choice([None, *ENDING]), chance.choice(list(ENDING))
    with started(folder, "demo", "--accounts", "3") as terminal:
        terminal.wait_for(UP)
        if first is None:
            terminal.press("q")
        else:
            os.kill(terminal.pid, first)
        while not terminal.has_ended:
            terminal.read_for(chance.random() * 0.25)
            os.kill(terminal.pid, second)
        terminal.must_go(*{0 if first is None else ENDING[first], ENDING[second], -second})
    return 1


def stopped_and_continued(folder: Path, chance: random.Random) -> int:
    """Stopped by a signal that it may answer, or by one that it may not; continued, also when it was not stopped. The
    terminal is taken once each time."""
    times = 1
    with started_as_job(folder) as terminal:
        terminal.wait_for(UP)
        for _ in range(tries := chance.randrange(2, 5)):
            number = chance.choice([signal.SIGTSTP, signal.SIGSTOP, signal.SIGCONT])
            times += 2 if number is signal.SIGCONT else 1
            os.kill(terminal.pid, number)
            if number is signal.SIGTSTP:
                terminal.stops()
            if chance.random() < 0.5:
                terminal.resize(chance.randrange(80, 160), chance.randrange(24, 50))
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.read_for(chance.random() * 0.2)
        terminal.resize(90, 27)
        terminal.press("?")
        terminal.wait_for("Walk through the queue")
        assert terminal.modes.entered <= times, f"taken {terminal.modes.entered} times, not {times}"
        terminal.press("escape")
        terminal.wait_for(UP)
        terminal.press("q")
        terminal.must_go(0)
    return tries


def sizes(folder: Path, chance: random.Random) -> int:
    """Sizes from nothing to huge, faster than anything is drawn, while keys come."""
    count = 300
    with started(folder) as terminal:
        terminal.wait_for(UP)
        for number in range(count):
            columns, rows = chance.choice(
                ((0, 0), (1, 1), (chance.randrange(0, 40), chance.randrange(0, 12)), (400, 100))
            )
            terminal.set_size(columns, rows)
            if number % 20 == 0:
                terminal.press(chance.choice(("down", "enter", "escape", "?", "i", "a", "t", "c", "T")))
                terminal.read_for(0.001)
        terminal.press("escape", "escape", "escape", "a")
        terminal.resize(100, 30)
        terminal.wait_for(UP)
        terminal.read_for(0.3)
        busy = terminal.busy_seconds(0.5)
        assert busy < 0.4, f"{busy:.2f} s of work in 0.5 s while nothing happens"
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.must_go(143)
    return count


def garbage(folder: Path, chance: random.Random) -> int:
    """What no keyboard sends: any bytes, broken sequences, mouse reports, answers unasked, much that is pasted."""
    with started(folder) as terminal:
        terminal.wait_for(UP)
        rounds = 10
        for _ in range(rounds):
            terminal.send_raw(_garbage(chance).translate(None, b"\x03\x1a\x1c"))  # what a shell's terminal obeys
            terminal.read_for(0.02)
            if terminal.has_ended:
                break
        if terminal.has_ended:
            terminal.must_go(0)  # somewhere in it was what leaves
        else:
            os.kill(terminal.pid, signal.SIGTERM)
            terminal.must_go(143)
    return rounds


def _garbage(chance: random.Random) -> bytes:
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 2000))
    if kind == 1:
        return b"\x1b" + chance.choice((b"[", b"O", b"]", b"P", b"_", b"[<", b"[?", b"[200~")) + chance.randbytes(20)
    if kind == 2:
        numbers = [str(chance.choice((-1, 0, 1, 35, 64, 99999, 10**12))) for _ in range(3)]
        return f"\x1b[<{';'.join(numbers)}{chance.choice('Mm')}".encode()
    if kind == 3:
        return chance.choice(
            (b"\x1b[?2048;1$y", b"\x1b[48;0;0;0;0t", b"\x1b[?2026;2$y", b"\x1b[9999;9999R", b"\x1b[I\x1b[O")
        )
    if kind == 4:
        return b"\x1b[200~" + chance.randbytes(50_000).replace(b"\x1b", b"") + b"\x1b[201~"
    return bytes(chance.choices(b"jk?/:hlgGabc\x1b\r\t ", k=300))


def terminal_goes(folder: Path, chance: random.Random) -> int:
    """The terminal goes at any moment, also from a program that was told to ignore that."""
    ignoring = chance.random() < 0.5
    with started(
        folder, "demo", "--accounts", "3", wrapped=["sh", "-c", 'trap "" HUP; exec "$@"', "sh"] if ignoring else ()
    ) as terminal:
        if chance.random() < 0.5:
            terminal.wait_for(UP)
        else:
            terminal.read_for(chance.random() * 0.6)
        began = time.monotonic()
        terminal.hang_up()
        terminal.until(lambda: terminal.has_ended, "it ends")
        terminal.must_leave_nothing()
        assert time.monotonic() - began < 2.0 + SLACK_SECONDS
    assert left_over(folder) == [], f"it left {left_over(folder)}"
    return 1


def hub_is_killed(folder: Path, chance: random.Random) -> int:
    """The hub dies, or hangs, at any moment; another one takes its place, and none is left in the end."""
    with started(folder) as terminal:
        terminal.wait_for(UP)
        children = [pid for pid in terminal.survivors() if pid != terminal.pid]
        for pid in chance.sample(children, k=chance.randrange(1, len(children) + 1)):
            os.kill(pid, signal.SIGKILL)
            terminal.read_for(chance.random() * 0.1)
        terminal.read_for(0.3)
        terminal.press("i")
        terminal.wait_for("corp.test")
        terminal.press("q")
        terminal.wait_for(UP)
        terminal.press("q")
        terminal.must_go(0)
    return 1


def told_without_a_screen(folder: Path, chance: random.Random) -> int:
    """A signal at any moment to a command without a screen, or its parent's end."""
    services = (["collect"], ["serve", "--bind", "127.0.0.1:0"], ["web", "--bind", "127.0.0.1:0"])
    command = chance.choice((*services, ["show", "queue"], ["check"]))
    number = chance.choice([*ENDING, signal.SIGKILL])
    with started(folder, *command) as terminal:
        terminal.read_for(chance.random() * 0.9)
        if not terminal.has_ended:
            os.kill(terminal.pid, number)
        if number is signal.SIGINT and terminal.ends_in_python():
            return 1
        quietly = [0] if command in services or command[0] in ("show", "check") else []
        terminal.must_go(*quietly, *([3] if command == ["check"] else []), ENDING.get(number, -9), -number)
    assert left_over(folder) == [], f"{number.name} left {left_over(folder)}"
    return 1


class Tmux:
    """A server of tmux of its own, with mailtop in its one window."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._env = environment(folder)
        self._socket = str(folder / "tmux")
        self("new-session", "-d", "-x", "100", "-y", "30", shlex.join([*MAILTOP, *words]))

    def __call__(self, *words: str) -> str:
        return run(["tmux", "-S", self._socket, "-f", "/dev/null", *words], self._env).stdout

    def shows(self, text: str) -> bool:
        return text in self("capture-pane", "-p")

    def processes(self) -> list[int]:
        """Those that were started in the window, and still live."""
        mark = f"TMUX={self._socket},".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (
                f"{what}: not after {seconds:g} s; tmux shows:\n{self('capture-pane', '-p')}"
            )
            time.sleep(0.05)


def in_tmux(folder: Path, chance: random.Random) -> int:
    """Detached, attached in other sizes, and at last the server of tmux is ended or killed."""
    tmux = Tmux(folder)
    try:
        tmux.until(lambda: tmux.shows(UP), "it is up")
        for _ in range(chance.randrange(1, 4)):
            columns, rows = chance.randrange(80, 150), chance.randrange(24, 50)
            with Watched(
                ["tmux", "-S", str(folder / "tmux"), "attach"], columns=columns, rows=rows, env=environment(folder)
            ) as attached:
                attached.until(lambda: tmux("list-clients") != "", "it is attached")
                attached.read_for(chance.random() * 0.5)
                attached.hang_up()
            tmux.until(lambda: not tmux("list-clients"), "it is detached")
        tmux("send-keys", "?")
        tmux.until(lambda: tmux.shows("Walk through the queue"), "keys are obeyed")
        if chance.random() < 0.5:
            tmux("kill-server")
        else:
            os.kill(int(tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)
        tmux.until(lambda: not tmux.processes(), "all processes end", 2.0 + SLACK_SECONDS)
    finally:
        tmux("kill-server")
    return 1


def tmux_is_missing() -> str:
    """What is missing for it."""
    return "" if shutil.which("tmux") else "tmux is not installed"


ATTACKS = [
    Attack("a signal while the screen starts ends it and leaves nothing", signal_in_the_start),
    Attack("further signals while it ends change nothing", signals_while_it_ends, 2.0),
    Attack("stopped, the terminal is as it was; continued, the screen is back", stopped_and_continued, 2.0),
    Attack("thousands of sizes, from 0x0 on: it is drawn rightly, and rests", sizes, 3.0),
    Attack("whatever is typed or pasted, it lives or leaves in order", garbage, 3.0),
    Attack("it goes with its terminal, told to ignore that or not", terminal_goes, 2.0),
    Attack("commands without a screen end when told to, at any moment", told_without_a_screen, 1.5),
    Attack("in tmux it is detached, attached and ended", in_tmux, 4.0, tmux_is_missing),
    Attack("a hub that is killed is replaced, and none is left behind", hub_is_killed, 2.0),
]
