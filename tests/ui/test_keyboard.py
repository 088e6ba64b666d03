"""Esc is never lost and never late; what terminals send beside keys is still understood."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from textual import constants, events

from tests.pty_driver import Terminal
from tui.ui.keyboard import KeyParser

ROOT = Path(__file__).parent.parent.parent


def keys(*pieces: str, parser: KeyParser | None = None) -> list[str]:
    """The keys that come of these bytes, after a moment without any."""
    parser = parser or KeyParser(False)
    found = [event for piece in pieces for event in parser.feed(piece)]
    time.sleep(constants.ESCAPE_DELAY * 1.2)
    return [event.key for event in (*found, *parser.tick()) if isinstance(event, events.Key)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("\x1b", ["escape"]),
        ("\x1bj", ["escape", "j"]),
        ("\x1b:q\r", ["escape", "colon", "q", "enter"]),
        ("\x1b\r", ["escape", "enter"]),
        ("\x1b\x1b", ["escape", "escape"]),
        ("\x1b\x1bj", ["escape", "escape", "j"]),
        ("\x1b\x7f", ["escape", "backspace"]),
        ("\x1bf", ["escape", "f"]),
        ("\x1b[", ["escape", "left_square_bracket"]),
        ("a\x1b[A\x1bOB\x1b[5~", ["a", "up", "down", "pageup"]),
        ("\x1b[27u", ["escape"]),
        ("\x1b[1;5C", ["ctrl+right"]),
        ("\x03", ["ctrl+c"]),
        ("ä", ["ä"]),
    ],
)
def test_keys(typed: str, expected: list[str]) -> None:
    assert keys(typed) == expected


def test_a_sequence_in_two_pieces_is_one_key() -> None:
    assert keys("\x1b", "[A") == ["up"]


def test_what_is_pasted_is_no_key() -> None:
    parser = KeyParser(False)
    found = list(parser.feed("\x1b[200~one\x1b[201~q"))
    assert [type(event) for event in found] == [events.Paste, events.Key]
    assert isinstance(found[0], events.Paste) and found[0].text == "one"


def test_the_mouse_is_understood() -> None:
    assert isinstance(next(iter(KeyParser(False).feed("\x1b[<0;10;5M"))), events.MouseDown)


def test_what_somebody_else_has_read_is_not_waited_for() -> None:
    """A shell that reads what was typed while mailtop is stopped, and whose reading has to wait as before."""
    program = (
        "import os\n"
        "from tui.ui.keyboard import _read, _read_without_waiting\n"
        "with _read_without_waiting(0) as descriptor:\n"
        "    print('read', _read(descriptor), 'waits', os.get_blocking(0))\n"
        "    input('typed? ')\n"
    )
    with Terminal([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"]) as terminal:
        terminal.wait_for("read b'' waits True")
        terminal.wait_for("typed?")
        terminal.press("enter")
        assert terminal.wait_exit() == 0
