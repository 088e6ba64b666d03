"""Signals from the first moment of a process on: noted while it starts, then what Ctrl-C is."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

NUMBERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


def ended(code: str, number: signal.Signals | None = None) -> subprocess.CompletedProcess[str]:
    """A process that sends itself signals, as ``code`` says; others come when it says so."""
    head = "import os, signal, time\nfrom tui.cli import ending\n"
    if number is not None:
        head += f"def tell(): os.kill(os.getpid(), {int(number)})\n"
    argv = [sys.executable, "-c", head + code]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_start_is_not_interrupted_and_then_obeys(number: signal.Signals) -> None:
    done = ended(
        "ending.note_signals()\ntell()\nprint('started', ending.told())\n"
        "try: ending.obey_signals()\nexcept KeyboardInterrupt: print('obeyed')",
        number,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["started", str(int(number)), "obeyed"]), done.stderr


@pytest.mark.parametrize("number", NUMBERS)
def test_what_has_started_is_interrupted(number: signal.Signals) -> None:
    done = ended(
        "ending.note_signals()\nending.obey_signals()\ntry: tell(); time.sleep(9)\n"
        "except KeyboardInterrupt: print(ending.told() or signal.SIGINT)",
        number,
    )
    assert done.stdout.strip() in (str(int(number)), repr(number), str(number)), done


@pytest.mark.parametrize("number", NUMBERS)
def test_a_task_is_cancelled_as_by_ctrl_c(number: signal.Signals) -> None:
    done = ended(
        "import asyncio\nending.note_signals()\nending.obey_signals()\n"
        "async def main():\n  try:\n    tell()\n    await asyncio.sleep(9)\n  finally: print('cleared away')\n"
        "try: asyncio.run(main())\nexcept KeyboardInterrupt: print('ended')",
        number,
    )
    assert done.stdout.split("\n")[:2] == ["cleared away", "ended"], done


def test_a_start_that_hangs_ends() -> None:
    began = time.monotonic()
    done = ended("ending.START_SECONDS = 0.1\nending.note_signals()\ntell()\ntime.sleep(20)", signal.SIGTERM)
    assert done.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - began < 15


def test_who_is_told_to_ignore_a_hangup_does() -> None:
    done = ended(
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nending.note_signals()\nending.obey_signals()\ntell()\n"
        "print('on it goes')",
        signal.SIGHUP,
    )
    assert (done.returncode, done.stdout) == (0, "on it goes\n")
