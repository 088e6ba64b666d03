"""Of SIGTSTP and SIGCONT the later one counts, whenever it comes; whom nobody could continue is not stopped."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ANSWER_SECONDS = 20.0
"""So long a busy machine may take."""

PROGRAM = """
import asyncio, os, random, sys, time
if "bare" in sys.argv:
    sys.modules["ctypes"] = None
from tui.ui.stopping import StopSignals

async def run():
    stops, over = StopSignals(), asyncio.Event()

    def told():
        time.sleep(random.random() * 0.001)  # as it gives a terminal back
        stops.pause()

    def answer():
        for word in os.read(0, 4096).decode():
            if word == "t":
                time.sleep(0.2)
            if word == "c":
                stops.close()
            if word == "z":
                stops.tell_all()
            os.write(1, word.encode())

    stops.listen(0, told)
    asyncio.get_running_loop().add_reader(0, answer)
    os.write(1, b".")
    await over.wait()

asyncio.run(run())
"""


class Program:
    """A program that answers each letter with itself, once told to close its stop signals (``c``), to stop all that
    runs with it (``z``), or to be busy for a moment (``t``)."""

    def __init__(self, *words: str, before: tuple[str, ...] = (), **options: Any) -> None:
        self._process = subprocess.Popen(
            [*before, sys.executable, "-c", PROGRAM, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
            **options,
        )
        self.must_say(".")

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def ask(self, word: str) -> None:
        assert self._process.stdin is not None
        os.write(self._process.stdin.fileno(), word.encode())

    def must_say(self, word: str) -> None:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        assert readable, "it does not answer"
        assert os.read(self._process.stdout.fileno(), 1) == word.encode()

    def must_answer(self, word: str = "a") -> None:
        self.ask(word)
        self.must_say(word)

    def must_stop(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while (change := os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG)) is None:
            assert time.monotonic() < deadline, "it does not stop"
            time.sleep(0.0005)
        assert change.si_status == signal.SIGTSTP


def test_it_stops_and_goes_on() -> None:
    with Program(process_group=0) as program:
        for _ in range(3):
            program.tell(signal.SIGTSTP)
            program.must_stop()
            program.tell(signal.SIGCONT)
            program.must_answer()


def test_it_stops_itself_and_goes_on() -> None:
    with Program(process_group=0) as program:
        program.ask("z")
        program.must_stop()
        program.tell(signal.SIGCONT)
        program.must_say("z")


def test_the_later_signal_counts_at_any_moment() -> None:
    chance = random.Random(7)
    with Program(process_group=0) as program:
        for _ in range(400):
            program.tell(signal.SIGTSTP)
            time.sleep(chance.random() * 0.002)
            program.tell(signal.SIGCONT)
            program.must_answer()
            program.tell(signal.SIGCONT)
            time.sleep(chance.random() * 0.0005)
            program.tell(signal.SIGTSTP)
            program.must_stop()
            program.tell(signal.SIGCONT)


def test_the_later_signal_counts_for_one_that_is_busy() -> None:
    with Program(process_group=0) as program:
        for _ in range(3):
            program.ask("t")
            program.tell(signal.SIGTSTP)
            program.tell(signal.SIGCONT)
            program.must_say("t")
            program.must_answer()


@pytest.mark.parametrize("by_key", [False, True])
def test_whom_nobody_could_continue_is_not_stopped(by_key: bool) -> None:
    with Program(start_new_session=True) as program:
        for _ in range(3):
            if by_key:
                program.must_answer("z")
            else:
                program.tell(signal.SIGTSTP)
            program.must_answer()


def test_who_was_told_to_ignore_it_does() -> None:
    with Program(before=("sh", "-c", 'trap "" TSTP; exec "$@"', "sh"), process_group=0) as program:
        program.tell(signal.SIGTSTP)
        program.must_answer()


def test_at_the_end_the_kernel_obeys_what_was_told() -> None:
    with Program(process_group=0) as program:
        program.ask("tc")
        program.tell(signal.SIGTSTP)
        program.must_stop()
        program.tell(signal.SIGCONT)
        program.must_say("t")
        program.must_say("c")
        program.must_answer()


def test_a_python_that_cannot_ask_is_not_stopped_with_its_terminal_taken() -> None:
    with Program("bare", process_group=0) as program:
        program.tell(signal.SIGTSTP)
        program.must_answer("z")
        program.must_answer("c")
        program.must_answer()
