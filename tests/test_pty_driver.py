"""The terminal driver itself: keys in, screen out, ends and survivors seen."""

from __future__ import annotations

import sys
import time

import pytest

from tests.pty_driver import Terminal

ECHO = """
import os, sys, tty
tty.setraw(0)
print("\\x1b[?1049h\\x1b[2J\\x1b[3;5Hready\\x1b[?2026$p\\x1b[>1u\\x1b[6n", end="", flush=True)
while (key := os.read(0, 64)) != b"q":
    print("\\x1b[5;1H\\x1b[2K" + repr(key), end="", flush=True)
sys.exit(7)
"""


def test_keys_go_in_and_the_screen_comes_out() -> None:
    with Terminal([sys.executable, "-c", ECHO], columns=80, rows=10) as terminal:
        terminal.wait_for("ready")
        assert terminal.lines()[2] == "    ready"
        terminal.wait_for(r"b'\x1b[3;10R'")  # the emulator's answer to the question where the cursor is
        terminal.press("down")
        terminal.wait_for(r"b'\x1b[B'")
        terminal.press("ctrl+c")
        terminal.wait_for(r"b'\x03'")
        terminal.press("q")
        assert terminal.wait_exit() == 7
        assert terminal.survivors() == []


def test_the_end_of_the_program_fails_a_wait_with_the_screen() -> None:
    with Terminal(["echo", "last words"]) as terminal, pytest.raises(AssertionError, match="last words"):
        terminal.wait_for("something else")


def test_a_lost_connection_hangs_up_and_what_survives_it_is_seen_and_killed() -> None:
    with Terminal(["sh", "-c", "trap '' HUP; echo up; while :; do sleep 0.05; done"]) as terminal:
        terminal.wait_for("up")
        terminal.hang_up()
        assert terminal.pid in terminal.survivors()
    deadline = time.monotonic() + 5
    while terminal.survivors():  # a sleep that was born while the shell was killed ends by itself
        assert time.monotonic() < deadline
