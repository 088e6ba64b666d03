"""Draws docs/mailtop.svg: the demo in a terminal, exported by its own command. Run by scripts/docs."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.pty_driver import Terminal

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "mailtop.svg"
COLUMNS, ROWS = 120, 40


def draw(folder: str) -> str:
    """The picture as SVG: numbers that have changed, rows that are a problem, and one of them under the cursor."""
    picture = Path(folder) / "mailtop.svg"
    env = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "COLORTERM": "truecolor"}
    argv = [sys.executable, "-m", "tui", "demo"]
    with Terminal(argv, columns=COLUMNS, rows=ROWS, env=env | {"PYTHONPATH": str(ROOT)}) as terminal:
        terminal.wait_for("by account")
        terminal.wait_for("growing", timeout=120)
        terminal.press(*"jjjjj")
        terminal.wait_for("row 6 of")
        terminal.type(f":export svg {picture}")
        terminal.press("enter")
        terminal.wait_for(lambda shown: picture.exists() and "mailtop.svg" in shown.text())
        terminal.press("q")
        terminal.wait_exit()
    return picture.read_text()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(folder)
    PICTURE.write_text("".join(f"{line.rstrip()}\n" for line in drawn.splitlines()))
