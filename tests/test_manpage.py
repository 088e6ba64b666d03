"""The man page is what the code makes, and roff reads it without a word."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mailtop.1"


def test_the_man_page_is_what_the_code_makes() -> None:
    made = subprocess.run([sys.executable, ROOT / "scripts" / "manpage.py"], capture_output=True, text=True, check=True)
    assert PAGE.read_text() == made.stdout, "make it again: scripts/manpage.py > docs/mailtop.1"


def test_roff_reads_the_man_page_without_a_word() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", PAGE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mailtop show queue" in re.sub(".\b", "", done.stdout)  # bold is overstruck
