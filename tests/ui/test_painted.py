"""A terminal shows what was to be painted on it, whatever stood there, and is sent little for it."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from tui.ui.painted import Painted
from tui.ui.pen import PLAIN, Cell, Pen, cells_of, change

WIDTH, HEIGHT = 12, 8
STYLES = [
    Style.parse(words)
    for words in (
        "none",
        "bold red",
        "dim",
        "underline",
        "reverse",
        "on blue",
        "bold white on blue",
        "#010203 on #a0b0c0",
    )
]


class Terminal:
    """An emulated terminal, and what is known of it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.screen)
        self.painted = Painted()
        self.painted.resize(WIDTH, HEIGHT)

    def paint(self, lines: dict[int, list[Segment]]) -> str:
        """Paint whole lines; what was sent for it."""
        pen = Pen(ColorSystem.TRUECOLOR, WIDTH)
        self.painted.paint(pen, {y: [(0, cells_of(line))] for y, line in lines.items()})
        sent = pen.finished()
        self._stream.feed(sent)
        return sent

    def cells(self) -> list[list[tuple[object, ...]]]:
        """What is seen: of a blank its ground alone."""
        return [[_seen(self.screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def _seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not cell.reverse:
        return (" ", cell.bg, cell.underscore)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.underscore, cell.reverse)


def shown_anew(lines: dict[int, list[Segment]]) -> list[list[tuple[object, ...]]]:
    terminal = Terminal()
    terminal.paint(lines)
    return terminal.cells()


def line(words: list[tuple[str, Style]]) -> list[Segment]:
    """Words in styles, cut or filled to the width."""
    segments: list[Segment] = []
    left = WIDTH
    for text, style in words:
        for character in text:
            width = len(cells_of([Segment(character)]))
            if width <= left:
                segments.append(Segment(character, style))
                left -= width
    return [*segments, Segment(" " * left, STYLES[0])]


words = st.lists(st.tuples(st.text("ab 界é▁ ", max_size=6), st.sampled_from(STYLES)), max_size=5)
screens = st.lists(words.map(line), min_size=HEIGHT, max_size=HEIGHT).map(lambda lines: dict(enumerate(lines)))


@settings(max_examples=80, deadline=None)
@given(st.lists(screens, min_size=1, max_size=4))
def test_whatever_stood_there_the_new_picture_is_seen(pictures: list[dict[int, list[Segment]]]) -> None:
    terminal = Terminal()
    for picture in pictures:
        terminal.paint(picture)
        assert terminal.cells() == shown_anew(picture)
        assert terminal.paint(picture) == "", "what is there is not sent again"


@settings(max_examples=50, deadline=None)
@given(screens, st.integers(1 - HEIGHT, HEIGHT - 1), words)
def test_lines_that_move_are_seen_where_they_went(
    picture: dict[int, list[Segment]], step: int, new: list[tuple[str, Style]]
) -> None:
    terminal = Terminal()
    terminal.paint(picture)
    moved = {y: picture.get(y + step, line(new)) for y in range(HEIGHT)}
    terminal.paint(moved)
    assert terminal.cells() == shown_anew(moved)


def row(number: int) -> list[Segment]:
    return [Segment(f"row {number:>8}", STYLES[1])]


@pytest.mark.parametrize("step", [1, -1, 3])
def test_a_list_that_scrolls_costs_its_new_rows_alone(step: int) -> None:
    terminal = Terminal()
    terminal.paint({y: row(10 + y) for y in range(HEIGHT)})
    sent = terminal.paint({y: row(10 + y + step) for y in range(HEIGHT)})
    assert sent.count("row") == abs(step)


def test_a_changed_number_costs_that_number() -> None:
    terminal = Terminal()
    terminal.paint({y: row(10 + y) for y in range(HEIGHT)})
    assert terminal.paint({3: row(14)}) == "\x1b[4;12H\x1b[1;31m4\x1b[m"


def test_after_another_hand_has_painted_everything_is_sent() -> None:
    terminal = Terminal()
    picture = {y: row(y) for y in range(HEIGHT)}
    pen = Pen(ColorSystem.TRUECOLOR, WIDTH)
    terminal.painted.paint(pen, {y: [(0, cells_of(line))] for y, line in picture.items()})
    terminal.painted.frame = pen.finished()
    terminal.painted.written(terminal.painted.frame + "\x1b[1;1H")
    terminal.painted.written("\x1b[?25l")
    assert terminal.paint(picture) == "", "its own frame and a mode leave everything in place"
    terminal.painted.written("x" * 100)
    assert terminal.paint(picture).count("row") == HEIGHT
    terminal.painted.resize(WIDTH + 1, HEIGHT)
    assert terminal.paint(picture).count("row") == HEIGHT


def test_a_piece_of_an_unknown_line_is_sent_as_often_as_it_comes() -> None:
    painted = Painted()
    painted.resize(WIDTH, HEIGHT)
    for _ in range(2):
        pen = Pen(ColorSystem.TRUECOLOR, WIDTH)
        painted.paint(pen, {2: [(4, cells_of([Segment("abc")]))], 99: [(0, cells_of([Segment("none")]))]})
        assert pen.finished() == "\x1b[3;5Habc"


def test_a_style_is_left_as_it_was_entered() -> None:
    looks = [cells_of([Segment("x", style)])[0].look for style in STYLES]
    assert change(looks[1], PLAIN, ColorSystem.TRUECOLOR) == "\x1b[m"
    assert change(looks[5], looks[6], ColorSystem.TRUECOLOR) == "\x1b[1;37m"
    assert change(looks[6], looks[5], ColorSystem.TRUECOLOR) == "\x1b[0;44m"
    assert change(looks[2], looks[1], ColorSystem.TRUECOLOR) == "\x1b[0;1;31m"
    assert change(looks[3], looks[3], ColorSystem.TRUECOLOR) == ""


def test_what_has_no_width_stays_with_its_character() -> None:
    assert [cell.text for cell in cells_of([Segment("e\u0301a界")])] == ["e\u0301", "a", "界", ""]
    assert cells_of([Segment("\u0301x")]) == [Cell("x", PLAIN)]
