"""What is painted again is all that differs, and little more."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tests.ui.hostile import HOSTILE
from tui.hub.protocol import Span
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.themes import COLOUR_VARIABLES, STYLE_VARIABLES
from tui.ui.widgets.lines import Line, Lines, changed_cells, justified, line_width, wrapped

spans = st.builds(Span, st.text("ab日é", max_size=4), st.sampled_from(["", "new", "retry"]))
lines = st.lists(spans, max_size=8)


def cells(line: list[Span], width: int) -> list[tuple[str, str]]:
    """The line cell by cell; a wide character's second cell repeats it."""
    full = [(char, span.role) for span in line for char in span.text for _ in range(2 if char == "日" else 1)]
    return (full + [(" ", "")] * width)[:width]


@given(lines, lines)
def test_painting_what_changed_gives_the_new_line(old: list[Span], new: list[Span]) -> None:
    width = 70
    painted, wanted = cells(old, width), cells(new, width)
    for start, count in changed_cells(old, new, width):
        painted[start : start + count] = wanted[start : start + count]
    assert painted == wanted


@given(lines)
def test_an_unchanged_line_is_not_painted(line: list[Span]) -> None:
    assert changed_cells(line, list(line), 70) == []


def test_only_the_cell_that_changed_is_painted() -> None:
    old = [Span("name  "), Span("   1", "new"), Span("   2", "retry"), Span("   3")]
    new = [Span("name  "), Span("   1", "new"), Span("   5", "retry"), Span("   3")]
    assert changed_cells(old, new, 80) == [(10, 4)]


def test_two_ends_of_a_line() -> None:
    line = justified([Span("left")], [Span("right")], 12)
    assert "".join(span.text for span in line) == "left   right"
    assert justified([Span("left")], [Span("right")], 9) == [Span("left")]


def test_sentences_are_broken_at_blanks() -> None:
    assert wrapped("a sentence that is long", 10) == ["a sentence", "that is", "long"]
    assert wrapped("", 10) == []


class Drawn(Lines):
    """Draws the lines it is given."""

    def __init__(self, glyphs: Glyphs, lines: list[Line]) -> None:
        super().__init__(glyphs)
        self.given = lines

    def lines(self, width: int, height: int) -> list[Line]:
        return self.given


@asynccontextmanager
async def drawn(*lines: Line, glyphs: Glyphs = UNICODE) -> AsyncIterator[Drawn]:
    class Shown(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return {**dict.fromkeys(COLOUR_VARIABLES, "#123456"), **STYLE_VARIABLES}

        def compose(self) -> ComposeResult:
            yield Drawn(glyphs, list(lines))

    app = Shown()
    async with app.run_test(size=(40, max(len(lines), 5))) as pilot:
        await pilot.pause()
        yield app.query_one(Drawn)


async def test_words_are_underlined_and_not_the_blanks_that_align_them() -> None:
    line = [Span("name  ", "name"), Span("   12", "changed"), Span("  "), Span("  ", "changed"), Span("x", "changed")]
    async with drawn(line) as widget:
        segments = list(widget.render_line(0))
    assert "".join(segment.text for segment in segments) == "name     12    x".ljust(40)
    assert [segment.text for segment in segments if segment.style and segment.style.underline] == ["12", "x"]


async def test_blanks_cost_no_escape_sequences() -> None:
    line = [Span("a", "new"), Span("   ", "retry"), Span(" "), Span("b", "new"), Span("c", "strong")]
    async with drawn(line) as widget:
        assert [segment.text for segment in widget.render_line(0)][:2] == ["a    b", "c"]
        assert widget._look("live") is widget._look("success"), "one style is one look"


async def test_lines_are_there_before_the_widget_is_told_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lines, "on_resize", lambda *_: None)
    async with drawn([Span("here")]) as widget:
        strip = widget.render_lines(widget.size.region)[0]
    assert strip.text == "here".ljust(40)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
async def test_text_that_nobody_cleaned_cannot_harm_the_terminal(glyphs: Glyphs) -> None:
    lines = [[Span("<"), Span(text, "name"), Span(">")] for text in HOSTILE]
    async with drawn(*lines, glyphs=glyphs) as widget:
        for before, line in zip(lines, widget._drawn, strict=True):
            text = "".join(span.text for span in line)
            assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
            assert wcwidth.wcswidth(text) == line_width(line)
            assert line_width(line) == line_width(before) or glyphs is ASCII
        assert [widget.render_line(y).cell_length for y in range(len(lines))] == [40] * len(lines)
