"""Hostile text: nothing that a terminal obeys may come through, and widths hold in cells."""

from __future__ import annotations

import re
import unicodedata

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text import REPLACEMENT, cell_width, clean, fit, shown

HOSTILE = [
    "\x1b[2J",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]0;title\x1b\\",
    "\x9b31m",
    "\x90q\x9c",
    "a\rb",
    "a\nb",
    "a\tb",
    "a\x08b",
    "a\x7fb",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u061cx",
    "\u200bx\u200d\u2060\ufeff",
    "a\u2028b\u2029c",
    "x\ufe0f\U000e0101",
    "\ud83d",
    "\U000e0041\U000e007f",
    "\xadx",
    "\u3164\u115f\uffa0",
    "\ufff9x\ufffb",
]
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_each_harmful_character_is_replaced_one_for_one(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert REPLACEMENT in cleaned
    assert not any(char in cleaned for char in text if not char.isprintable())


@pytest.mark.parametrize(
    "text", ["bob@example.test", "<>", "Ünïcode", "名前", "עברית", "عربي", "naïve café", "[/x]", "🙂"]
)
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text
    assert clean(text.encode()) == text


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert clean(b"caf\xe9") == f"caf{REPLACEMENT}"
    assert clean(b"\xc2\x9b31m") == f"{REPLACEMENT}31m", "C1 stays harmful when it comes as UTF-8"
    assert "/" not in clean(b"\xc0\xaf"), "an overlong slash"


@given(ANY_TEXT)
def test_cleaned_text_holds_nothing_a_terminal_obeys_and_can_be_written(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    cleaned.encode()
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in cleaned)
    assert not any(
        unicodedata.bidirectional(char) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "PDI") for char in cleaned
    )
    assert len(cleaned.splitlines()) <= 1


@given(st.binary(max_size=60))
def test_any_bytes_become_text_that_can_be_shown(raw: bytes) -> None:
    assert not re.search("[\x00-\x1f\x7f-\x9f]", clean(raw))


@given(ANY_TEXT, st.integers(0, 40), st.booleans())
def test_fitted_text_takes_exactly_its_cells(text: str, width: int, right: bool) -> None:
    fitted = fit(text, width, right=right)
    assert cell_width(fitted) == width
    assert shown(fitted) == fitted


def test_every_character_is_shown_in_as_many_cells_as_all_tables_say() -> None:
    chars = [
        chr(code) for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7A0, 0x20000), *range(0, 0x110000, 31))
    ]
    kept = [char for char in chars if shown(char) == char]
    assert [char for char in kept if not cell_width(char) == wcwidth.wcwidth(char) == cell_len(char)] == []
    assert [char for char in chars if cell_width(shown(char)) != cell_width(char)] == []
    assert set(map(unicodedata.category, kept)).isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@given(ANY_TEXT)
def test_shown_text_takes_the_cells_that_were_counted_for_it(text: str) -> None:
    assert shown(shown(text)) == shown(text)
    assert cell_width(shown(text)) == cell_width(text) == wcwidth.wcswidth(shown(text)) == cell_len(shown(text))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("🇩🇪", "DE"),
        ("👍🏽", "👍"),
        ("e" + "\u0301" * 40, "e\u0301\u0301\u0301"),
        ("की", f"क{REPLACEMENT}"),
        ("\u1112\u1161\u11ab", f"\u1112{REPLACEMENT}{REPLACEMENT}"),
        ("\x1b[2J", f"{REPLACEMENT}[2J"),
        ("Ünïcode 名前 עברית 한국어 ▁▂▃ ⣀⣿ ✖ ●", "Ünïcode 名前 עברית 한국어 ▁▂▃ ⣀⣿ ✖ ●"),
    ],
)
def test_what_terminals_do_not_agree_on_is_shown_another_way(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_a_long_name_costs_no_more_than_its_column() -> None:
    assert fit("日" * 1_000_000, 5) == "日日…"
    assert fit("a" + "\u0301" * 1_000_000, 3) == "a\u0301\u0301\u0301  "


def test_fit_cuts_with_an_ellipsis_and_pads_on_the_right_side() -> None:
    assert fit("campaign", 5) == "camp…"
    assert fit("名前です", 4) == "名… "
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 4, right=True) == "  ab"
    assert fit("ab", 2) == "ab"
    assert fit("ab", 0) == ""


@pytest.mark.parametrize(
    "text", ["abc", "名前", "ｱｲｳ", "ＡＢＣ", "e\u0301", "é", "한국어", "a\u20dd", "Ünï", "🙂", "…", REPLACEMENT]
)
def test_width_is_what_terminals_take(text: str) -> None:
    assert cell_width(text) == wcwidth.wcswidth(text)
