"""What can be typed after ``:`` and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ui.commands import COMMANDS
from tui.ui.palette import Palette, Wish, span_seconds

PALETTE = Palette(COMMANDS, ["mailtop-dark", "mailtop-deutan", "mailtop-paper"], ["account", "new", "retry", "total"])


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        ("q", Wish("command", "leave")),
        ("isp gmail", Wish("isp", "gmail")),
        ("  account  bob smith ", Wish("account", "bob smith")),
        ("campaign spring", Wish("campaign", "spring")),
        ("sender 7", Wish("sender", "7")),
        ("theme paper", Wish("theme", "paper")),
        ("filter retry>100", Wish("filter", "retry>100")),
        ("sort re", Wish("sort", "retry")),
        ("span 6h", Wish("span", "21600")),
        ("span 24 hours", Wish("span", "86400")),
        ("span 5 min", Wish("span", "300")),
        ("export csv", Wish("export", "csv")),
        ("export svg a b.svg", Wish("export", "svg a b.svg")),
        ("zoom", Wish("command", "zoom")),
        ("isp", Wish("command", "group('isp')")),
        ("theme", Wish("command", "theme")),
        ("next-problem", Wish("command", "seek('problem', 1)")),
        ("ref", Wish("command", "refresh")),
        ("quit", Wish("command", "quit")),
    ],
)
def test_wishes(typed: str, wish: Wish) -> None:
    assert PALETTE.wish(typed) == wish


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("bogus", 'There is no command "bogus"; Tab completes, ? shows all.'),
        ("bogus 7", 'There is no command "bogus"; Tab completes, ? shows all.'),
        ("zoom in", '"zoom" takes nothing after it.'),
        ("pa", '"pa" could be page-up, page-down, pause.'),
        ("span 2h", "The chart can show 5 min, 1 h, 6 h or 24 h."),
        ("span", "span TIME: show this time in the chart, such as 6h."),
        ("sort", "sort COLUMN: sort by this column."),
        ("sort x", 'There is no column to sort by "x"; there is account, new, retry, total.'),
        ("export pdf", "It can be written as text, csv, json, svg."),
    ],
)
def test_what_cannot_be_done_is_a_sentence(typed: str, sentence: str) -> None:
    assert PALETTE.wish(typed) == sentence


def test_every_command_can_be_typed() -> None:
    for command in COMMANDS:
        assert PALETTE.wish(command.name) == Wish("command", command.action)
        assert command.name in [entry.word for entry in PALETTE.entries(command.name)]


def test_the_list_gets_shorter_with_what_is_typed() -> None:
    assert len(PALETTE.entries("")) > len(COMMANDS)
    assert [entry.word for entry in PALETTE.entries("theme ")] == [f"theme {name}" for name in PALETTE.themes]
    assert [entry.word for entry in PALETTE.entries("sort r")] == ["sort retry"]
    assert [entry.word for entry in PALETTE.entries("isp g")] == ["isp NAME"]
    assert PALETTE.entries("zoo")[0].keys == "z"
    assert "copy" in [entry.word for entry in PALETTE.entries("clipboard")]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("the", "theme"),
        ("theme mailtop-d", "theme mailtop-d"),
        ("theme mailtop-p", "theme mailtop-paper"),
        ("exp", "export"),
        ("export j", "export json "),
        ("nothing like it", "nothing like it"),
        ("unm", "unmark"),
        ("send", "sender "),
    ],
)
def test_tab_completes_what_is_common(typed: str, completed: str) -> None:
    assert PALETTE.completed(typed) == completed


@given(st.text(max_size=40))
def test_any_text_is_a_wish_or_a_sentence(text: str) -> None:
    assert isinstance(PALETTE.wish(text), Wish | str)
    assert PALETTE.completed(text).startswith(text.lstrip()[:0])
    PALETTE.entries(text)


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("1d", 86400), ("10 s", 10), ("", None), ("6x", None)])
def test_spans(text: str, seconds: int | None) -> None:
    assert span_seconds(text) == seconds
