"""Closed pipes, full disks and closed descriptors, in a process of its own: an exit code, a sentence, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli.arguments import Exit

PROGRAM = """
import sys
from tui.cli import main, output
main._command = lambda options: output.write(("x" * 9 + "\\n" for _ in range({lines})), utf8=True) or 0
sys.exit(main.main(["show", "totals"]))
"""


def command(lines: int) -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(lines=lines)]


@pytest.mark.parametrize("lines", [1, 100_000])
def test_full_disk_is_one_sentence(lines: int) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(lines), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == Exit.OUTPUT
    assert done.stderr == "mailtop: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("lines", [1, 100_000])
def test_reader_that_went_away_is_nobodys_error(lines: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(lines), stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (Exit.PIPE_CLOSED, "")


def test_closed_output_is_one_sentence() -> None:
    closed = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command(1)]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (Exit.OUTPUT, "mailtop: standard output is closed\n")


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_help_that_cannot_be_written_leaves_no_traceback(redirection: str) -> None:
    shell = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "tui", "--help"]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_closed_standard_error_stops_nothing() -> None:
    shell = [
        "/bin/sh",
        "-c",
        'exec "$@" 2>&-',
        "sh",
        sys.executable,
        "-m",
        "tui",
        "show",
        "totals",
        "--config",
        "/none",
    ]
    done = subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_names_reach_a_terminal_of_another_encoding_with_replacements() -> None:
    program = "from tui.cli.output import write; write(['n\\u00e4me \\u540d\\n'], utf8={utf8})"
    for utf8, expected in [(False, b"n\xe4me ?\n"), (True, "näme 名\n".encode())]:
        done = subprocess.run(
            [sys.executable, "-c", program.format(utf8=utf8)],
            env=os.environ | {"PYTHONIOENCODING": "latin-1"},
            stdout=subprocess.PIPE,
            check=True,
        )
        assert done.stdout == expected
