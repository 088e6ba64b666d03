"""The screen in a real terminal: what it sends there, and that it goes when the terminal goes."""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from tests.pty_driver import Terminal
from tests.torture.terminal_case import Job, Watched

ROOT = Path(__file__).parent.parent.parent
ENVIRON = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


def scripted(told: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.ui.scripted_app", str(told), *arguments]


def started(told: Path, *arguments: str, **environ: str) -> Terminal:
    setting = [f"{name}={value}" for name, value in environ.items()]
    return Terminal(["env", *setting, *scripted(told, *arguments)], columns=80, rows=24, env=ENVIRON)


def test_keys_are_obeyed_and_q_leaves(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.press("down", "enter")
        terminal.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        terminal.press("?")
        terminal.wait_for("Walk through the queue")
        terminal.press("escape")
        terminal.wait_for("spring-2024")
        terminal.press("q")
        terminal.wait_for("all 5 accounts")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert (tmp_path / "told").read_text() == "closed 1 times"
        assert terminal.survivors() == []


def test_the_queue_is_walked_by_keyboard_alone(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.press("t")
        terminal.wait_for("queue ▸ in total")
        terminal.press("enter")
        terminal.wait_for("▸ by account")
        terminal.press("enter")
        terminal.wait_for("news@globex.test ▸ by campaign")
        terminal.press("enter")
        terminal.wait_for("news@globex.test ▸ weekly ▸ by isp")
        terminal.press("enter")
        terminal.wait_for("452 4.2.2 Mailbox full")
        for place in ("weekly ▸ by isp", "news@globex.test ▸ by campaign", "▸ by account", "queue ▸ in total"):
            terminal.press("escape")
            terminal.wait_for(place)
        terminal.press("/", *"gl", "escape", ":", "q", "enter")
        assert terminal.wait_exit() == 0


def test_keys_that_come_together_are_obeyed_one_after_another(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.type("i/qqq\rc:theme paper\r?q")
        terminal.wait_for("▸ by campaign  /qqq")
        terminal.wait_for("no campaign matches")
        terminal.type("qt")
        terminal.wait_for("queue ▸ in total")
        terminal.type("q")
        assert terminal.wait_exit() == 0


def test_ctrl_c_leaves(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        os.kill(terminal.pid, number)
        assert terminal.wait_exit() == 128 + number
        assert (tmp_path / "told").read_text() == "closed 1 times"


@pytest.mark.parametrize("arguments", [(), ("nohup",)])
def test_it_goes_when_its_terminal_goes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with started(tmp_path / "told", *arguments) as terminal:
        terminal.wait_for("all 5 accounts")
        gone_by = time.monotonic() + 2.0
        terminal.hang_up()
        terminal.wait_exit()
        assert time.monotonic() < gone_by + 0.5
        assert (tmp_path / "told").read_text() == "closed 1 times"


def test_it_goes_though_nobody_reads_its_terminal(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for _ in range(40):
            terminal.press("?", "escape", "T")
            time.sleep(0.02)
        os.kill(terminal.pid, signal.SIGTERM)
        deadline = time.monotonic() + 4.0
        while terminal._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert terminal._process.returncode == 128 + signal.SIGTERM


def watched(told: Path) -> Watched:
    return Watched(scripted(told), columns=80, rows=24, env=ENVIRON)


def job(told: Path) -> Job:
    return Job(scripted(told), columns=80, rows=24, env=ENVIRON)


def is_taken_once_more(terminal: Watched, before: int, row: int) -> None:
    """The terminal was taken ``before`` times, and is now so once more, with the cursor going to ``row``."""
    terminal.until(partial(terminal.has_entered, before + 1), "it takes the terminal again")
    terminal.wait_for("all 5 accounts")
    terminal.press("down")
    terminal.wait_for(f"row {row} of 5")  # keys come after whatever signals have told
    assert terminal.modes.entered == before + 1


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_stopped_and_continued_it_is_as_before(tmp_path: Path, number: signal.Signals) -> None:
    with job(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        os.kill(terminal.pid, number)
        if number is signal.SIGTSTP:  # who is not asked cannot give the terminal back
            terminal.stops()
        terminal.until(lambda: terminal.state == "T", "it stops")
        terminal.resize(90, 30)
        for row in (2, 3):  # a second time it has not been stopped
            before = terminal.modes.entered
            os.kill(terminal.pid, signal.SIGCONT)
            is_taken_once_more(terminal, before, row)
            terminal.wait_for(lambda terminal: terminal.lines()[29] != "")  # as large as it is now
        terminal.press("q")
        terminal.must_go(0)


def test_stopped_by_a_key_it_is_as_before(tmp_path: Path) -> None:
    with job(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.press("/")
        terminal.wait_for("a pattern")  # a key of the terminal's, whatever is typed
        for _ in range(2):
            terminal.press("ctrl+z")
            terminal.stops()
            before = terminal.modes.entered
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.until(partial(terminal.has_entered, before + 1), "it takes the terminal again")
            terminal.wait_for("a pattern")
        terminal.press("escape", "q")
        terminal.must_go(0)


def test_stopped_again_and_again_it_takes_the_terminal_once_each_time(tmp_path: Path) -> None:
    with job(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for row in range(2, 6):
            before = terminal.modes.entered
            for _ in range(2):
                os.kill(terminal.pid, signal.SIGTSTP)
            terminal.until(lambda: terminal.state == "T", "it stops")
            os.kill(terminal.pid, signal.SIGTSTP)
            os.kill(terminal.pid, signal.SIGCONT)
            is_taken_once_more(terminal, before, row)
        terminal.press("q")
        terminal.must_go(0)


def test_told_to_go_on_while_it_is_about_to_stop_it_goes_on(tmp_path: Path) -> None:
    with job(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for row in range(2, 6):
            before = terminal.modes.entered
            os.kill(terminal.pid, signal.SIGTSTP)
            terminal.until(lambda: terminal.changed == [], "it gives the terminal back")
            os.kill(terminal.pid, signal.SIGCONT)
            is_taken_once_more(terminal, before, row)
        terminal.press("q")
        terminal.must_go(0)


def test_told_to_stop_and_to_go_on_hundreds_of_times_it_goes_on(tmp_path: Path) -> None:
    chance = random.Random(5)
    with job(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for key, row in (("down", 5), ("up", 1)) * 5:
            for _ in range(30):
                os.kill(terminal.pid, signal.SIGTSTP)
                time.sleep(chance.random() * 0.002)
                os.kill(terminal.pid, signal.SIGCONT)
                time.sleep(chance.random() * 0.002)
            # a key that comes while the terminal is given back or taken is nobody's
            terminal.until(partial(shows_or_press, terminal, f"row {row} of 5", key), "keys are obeyed")
            assert "1049" in terminal.modes.changed
        terminal.press("q")
        terminal.must_go(0)


def shows_or_press(terminal: Watched, text: str, key: str) -> bool:
    """Whether the screen shows the text; else a key is pressed."""
    if text in terminal.text():
        return True
    terminal.press(key)
    return False


def test_no_thread_takes_what_the_kernel_keeps(tmp_path: Path) -> None:
    with watched(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for task in Path(f"/proc/{terminal.pid}/task").iterdir():
            (blocked,) = re.findall(r"^SigBlk:\t(.*)$", (task / "status").read_text(), re.M)
            for number in (signal.SIGTSTP, signal.SIGCONT):
                assert int(blocked, 16) >> number - 1 & 1, f"{(task / 'comm').read_text()} would take {number.name}"


@pytest.mark.parametrize("by_key", [False, True])
def test_whom_nobody_could_continue_is_not_stopped(tmp_path: Path, by_key: bool) -> None:
    """As in ``ssh -t host mailtop``."""
    with watched(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for row in (2, 3):
            before = terminal.modes.entered
            if by_key:
                terminal.press("ctrl+z")
            else:
                os.kill(terminal.pid, signal.SIGTSTP)
            is_taken_once_more(terminal, before, row)
        terminal.press("q")
        terminal.must_go(0)


PROMPT = "what now? "


class Shell(Watched):
    """A shell with jobs, and mailtop as its job."""

    def __init__(self, told: Path) -> None:
        argv = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
        super().__init__(argv, columns=80, rows=24, env={**ENVIRON, "PS1": PROMPT})
        self.command = shlex.join(scripted(told))

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_for(PROMPT.strip())
        self.told("set -b")  # says at once what it hears of its jobs
        return self

    def begin(self, after: str = "") -> int:
        """Start mailtop; gives its process id."""
        self.told(f"{self.command}{after}")
        pids: list[int] = []

        def has_begun() -> bool:
            pids[:] = [pid for pid in self.survivors() if pid != self.pid]
            return bool(pids)

        self.until(has_begun, "it starts")
        return pids[0]

    def told(self, line: str) -> None:
        self.type(f"{line}\r")

    def hears_that_it_stopped(self) -> None:
        """Before that it would not have its job go on."""
        self.wait_for("Stopped")
        self._screen.erase_in_display(2)
        self.told("")  # what the terminal still answers goes to the shell

    def must_be_left(self) -> None:
        """The job ends, and then the shell does."""
        self.press("q")
        self.wait_for(PROMPT.strip())
        self.told("")  # an answer that came too late goes to the shell
        self.told("exit 0")
        self.must_go(0)


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_in_the_background_it_waits_for_its_terminal(tmp_path: Path, number: signal.Signals) -> None:
    with Shell(tmp_path / "told") as shell:
        pid = shell.begin()
        shell.wait_for("all 5 accounts")
        for row in (2, 3):
            before = shell.modes.entered
            os.kill(pid, number)
            shell.hears_that_it_stopped()
            for _ in range(2):
                shell.told("bg")
                shell.hears_that_it_stopped()
                os.kill(pid, signal.SIGTSTP)
            shell.told("fg")
            is_taken_once_more(shell, before, row)
        shell.must_be_left()


def test_begun_in_the_background_it_takes_the_terminal_when_it_is_given(tmp_path: Path) -> None:
    with Shell(tmp_path / "told") as shell:
        shell.begin(" &")
        shell.hears_that_it_stopped()
        assert shell.modes.entered == 0
        shell.told("fg")
        is_taken_once_more(shell, 0, 2)
        shell.must_be_left()


def test_a_key_stops_all_that_runs_with_it(tmp_path: Path) -> None:
    with Shell(tmp_path / "told") as shell:
        shell.told(f"sh -c {shlex.quote(shell.command + '; true')}")
        shell.wait_for("all 5 accounts")
        for row in (2, 3):
            before = shell.modes.entered
            shell.press("ctrl+z")
            shell.hears_that_it_stopped()
            shell.told("fg")
            is_taken_once_more(shell, before, row)
        shell.must_be_left()


def test_a_terminal_that_tells_its_size_itself_is_as_before(tmp_path: Path) -> None:
    answers = {b"\x1b[?2048$p": b"\x1b[?2048;2$y"}
    argv = [*scripted(tmp_path / "told"), "mouse"]
    with Watched(argv, columns=80, rows=24, env=ENVIRON, answers=answers) as terminal:
        terminal.wait_for("all 5 accounts")
        terminal.until(lambda: {"1016", "2048"} <= set(terminal.modes.changed), "the terminal is asked for both")
        terminal.press("q")
        terminal.must_go(0)


def test_keys_for_what_is_not_there_yet_are_not_lost(tmp_path: Path) -> None:
    with started(tmp_path / "told") as terminal:
        terminal.wait_for("all 5 accounts")
        for opening in ("?", "T"):
            for _ in range(5):
                terminal.type(f"{opening}jkG")
                terminal.press("escape")
        terminal.type("t")
        terminal.wait_for("queue ▸ in total")
        terminal.press("q", "q")
        assert terminal.wait_exit() == 0
