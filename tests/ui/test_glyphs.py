"""Signs for terminals that know Unicode and for those that do not."""

from __future__ import annotations

import pytest
from msgspec.structs import fields

from tui.hub.protocol import TREND_GAP, TREND_LEVELS
from tui.text import cell_width
from tui.ui.glyphs import ASCII, UNICODE, glyphs_for


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, False),
        ({"LANG": "C", "TERM": "xterm-256color"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_the_terminal_decides(environ: dict[str, str], ascii_only: bool) -> None:
    assert glyphs_for(environ, colour=True).ascii is ascii_only
    assert glyphs_for(environ, colour=True, ascii=True).ascii


def test_without_colour_the_states_of_a_bar_are_told_by_letters() -> None:
    assert len(set(UNICODE.states.values())) == 4, "a theme may have no colour either"
    assert "".join(glyphs_for({"LANG": "C.UTF-8"}, colour=False).states.values()) == "nprh"


def test_every_sign_takes_one_cell_and_ascii_is_ascii() -> None:
    for glyphs in (UNICODE, ASCII):
        for one in fields(glyphs):
            value = getattr(glyphs, one.name)
            signs = [value] if isinstance(value, str) else [] if isinstance(value, bool) else list(value.values())
            assert all(sign.isascii() for sign in signs) or glyphs is UNICODE
            wide = {"per_minute": cell_width(glyphs.per_minute), "levels": len(TREND_LEVELS)}
            cells = (wide | {"well": cell_width(glyphs.well)}).get(one.name, 1)
            assert all(cell_width(sign) == cells for sign in signs)
        assert len(set(glyphs.freshness.values())) == 6


def test_text_for_an_ascii_terminal_keeps_its_width() -> None:
    assert ASCII.fit("日本語@example", 10) == "???@examp~"
    assert UNICODE.fit("日本語@example", 10) == "日本語@ex…"
    assert ASCII.fit("ab", 4, right=True) == "  ab"


def test_a_trend_grows_from_its_base_and_leaves_gaps_open() -> None:
    assert UNICODE.trend(f"048{TREND_GAP}1") == "_▄█ ▁"
    assert ASCII.trend(f"048{TREND_GAP}1") == "_=@ ."
    for glyphs in (UNICODE, ASCII):
        assert len(set(glyphs.trend(TREND_LEVELS + TREND_GAP))) == len(TREND_LEVELS) + 1, "each level is told apart"
