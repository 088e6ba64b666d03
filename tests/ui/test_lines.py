"""What is painted again is all that differs, and little more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.hub.protocol import Span
from tui.ui.widgets.lines import changed_cells, justified, wrapped

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
