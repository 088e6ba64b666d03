"""Terminals of many names, in a pty: none gets a sign that it cannot show, or a colour that it has not."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.pty_driver import Terminal
from tests.ui.recording import Recording

ROOT = Path(__file__).parent.parent.parent
NO_COLOURS = r"\d|2[2-9]|39|49"
SIXTEEN = rf"{NO_COLOURS}|3[0-7]|4[0-7]|9[0-7]|10[0-7]"
MANY = rf"{SIXTEEN}|[34]8;5;\d+"
MILLIONS = rf"{NO_COLOURS}|[34]8;2;[\d;]+"


@pytest.mark.parametrize(
    ("environ", "is_ascii", "styles"),
    [
        ({"TERM": "linux"}, True, SIXTEEN),
        ({"TERM": "vt100"}, True, NO_COLOURS),
        ({"TERM": "xterm"}, False, SIXTEEN),
        ({"TERM": "screen"}, False, SIXTEEN),
        ({"TERM": "tmux-256color"}, False, MANY),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, False, MILLIONS),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, False, NO_COLOURS),
        ({"TERM": "xterm-256color", "LC_ALL": "C"}, True, MANY),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_terminal_gets_what_it_can_show(
    environ: dict[str, str], is_ascii: bool, styles: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [f"{name}={value}" for name, value in environ.items()]
    argv = ["env", *told, sys.executable, "-m", "tests.ui.scripted_app", str(tmp_path / "told")]
    base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    with Terminal(argv, columns=100, rows=30, env=base) as terminal:
        recording = Recording(terminal, monkeypatch)
        terminal.wait_for("all 5 accounts")
        terminal.press("down")
        terminal.wait_for("row 2 of 5")
        for word in ("alice@acme.test", "mx1 live", "2,181", "account"):
            assert word in terminal.text()
        signs = ("▌", "●", "▸") if not is_ascii else (">", "*")
        for sign in signs:
            assert sign in terminal.text(), "state is told by sign and word"
        terminal.press("T")
        terminal.wait_for("Enter keep")
        terminal.press("q")
        terminal.wait_for(lambda terminal: "Enter keep" not in terminal.text())
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert recording.words.isascii() is is_ascii
    assert {style for style in recording.styles if not re.fullmatch(styles, style)} == set()
    assert ("7" in recording.styles) or "48" in "".join(recording.styles), "the cursor can be seen"
