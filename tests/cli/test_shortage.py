"""A system that has nothing more to give: a sentence that says of what, and its exit code."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from tui.cli.arguments import Exit
from tui.cli.shortage import shortage

PROGRAM = """
import sys
from tui.cli import main
def command(options):
    raise {error}
main._command = command
sys.exit(main.main(["show", "totals"]))
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "no more memory"),
        (ImportError("libx.so: failed to map segment from shared object: Cannot allocate memory"), "no more memory"),
        (ImportError("libsqlite3.so.0: failed to map segment from shared object"), "no more memory"),
        (RuntimeError("can't start new thread"), "no more processes or threads"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "no more processes or threads"),
        (OSError(errno.EMFILE, "Too many open files"), "open no more files"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "full for this user"),
        (OSError(errno.EROFS, "Read-only file system"), "closed for writing"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "the disk is full"),
    ],
)
def test_what_the_system_lacks_is_said(error: Exception, words: str) -> None:
    assert words in (shortage(error) or "")


@pytest.mark.parametrize(
    "error", [RuntimeError("a mistake"), OSError("no number"), FileNotFoundError(2, "x"), ValueError()]
)
def test_what_is_something_else_stays_so(error: Exception) -> None:
    assert shortage(error) is None


def test_it_is_one_sentence_and_no_traceback() -> None:
    for error, code in (("MemoryError", Exit.SYSTEM), ("RuntimeError('a mistake')", Exit.FAILED)):
        program = [sys.executable, "-c", PROGRAM.format(error=error)]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("Traceback" in done.stderr) == (code == Exit.FAILED)
        assert code == Exit.FAILED or done.stderr == f"mailtop: {shortage(MemoryError())}\n"
