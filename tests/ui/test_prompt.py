"""The line one types in: editing, history, drawing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.test_keymap import DEFAULT
from tui.text import cell_width, clean
from tui.ui.glyphs import ASCII, UNICODE
from tui.ui.widgets.prompt import MOST_CHARACTERS, MOST_HISTORY, Prompt


def typed(prompt: Prompt, *keys: str) -> Prompt:
    for key in keys:
        prompt.press(key, key if len(key) == 1 else None)
    return prompt


@pytest.mark.parametrize(
    ("keys", "text", "caret"),
    [
        (("a", "b", "left", "c"), "acb", 2),
        (("a", "b", "backspace"), "a", 1),
        (("a", "b", "left", "delete"), "a", 1),
        (("a", "b", "home", "c", "end", "d"), "cabd", 4),
        (("a", "b", "left", "ctrl+u"), "b", 0),
        ((*"one two ", "ctrl+w"), "one ", 4),
        ((*"one two", "ctrl+w", "ctrl+w", "ctrl+w"), "", 0),
        (("left", "right", "backspace", "delete", "up", "down", "pageup", "f5"), "", 0),
    ],
)
def test_editing(keys: tuple[str, ...], text: str, caret: int) -> None:
    prompt = typed(Prompt("/"), *keys)
    assert (prompt.text, prompt.caret) == (text, caret)


def test_history_goes_up_and_down_to_what_was_being_typed() -> None:
    history: list[str] = []
    for text in ("first", "second", "first", ""):
        Prompt(":", text, history).remember()
    assert history == ["second", "first"]
    prompt = typed(Prompt(":", "", history), "n", "up")
    assert prompt.text == "first"
    assert typed(prompt, "up").text == "second"
    assert typed(prompt, "up").text == "second"
    assert typed(prompt, "down").text == "first"
    assert typed(prompt, "down").text == "n"
    for number in range(2 * MOST_HISTORY):
        Prompt(":", str(number), history).remember()
    assert len(history) == MOST_HISTORY


def test_what_comes_in_is_cleaned_and_bounded() -> None:
    prompt = Prompt("/")
    prompt.insert("a\x1b[2J\r\nb\u202e")
    assert prompt.text == "a�[2J b�"
    prompt.insert("x" * 10_000)
    assert len(prompt.text) == MOST_CHARACTERS


@given(
    st.lists(
        st.sampled_from([*"ab /日é", "left", "right", "home", "end", "backspace", "delete", "ctrl+w", "up", "down"])
    ),
    st.integers(20, 120),
    st.sampled_from(["", "a hint that is rather long"]),
    st.booleans(),
)
def test_the_line_fills_its_width_and_shows_the_caret(keys: list[str], width: int, hint: str, ascii: bool) -> None:
    prompt = typed(Prompt("/", "", ["an earlier line"], hint), *keys)
    glyphs = ASCII if ascii else UNICODE
    line = prompt.line(width, glyphs)
    assert sum(glyphs.width(span.text) for span in line) <= width
    [caret] = [span for span in line if span.role == "caret"]
    assert caret.text == (prompt.text[prompt.caret : prompt.caret + 1] or " ")
    assert prompt.text == clean(prompt.text)


def test_a_long_line_is_seen_where_the_caret_is() -> None:
    prompt = Prompt("/", "x" * 50 + "END")
    assert "END" in "".join(span.text for span in prompt.line(30, UNICODE))
    assert cell_width("".join(span.text for span in prompt.line(30, UNICODE))) <= 30
    typed(prompt, "home")
    assert "END" not in "".join(span.text for span in prompt.line(30, UNICODE))


def test_commands_have_names_that_can_be_typed() -> None:
    for name in DEFAULT:
        assert typed(Prompt(":"), *name).text == name
