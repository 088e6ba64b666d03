"""Themes from files: the shipped ones are good, a bad one is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from tests.ui.screens import running
from tui.ui.themes import COLOUR_VARIABLES, DEFAULT_THEME, ThemeError, load_themes, read_theme, shipped_folder

GOOD = 'primary = "#112233"\n'


def test_the_shipped_themes_are_good_and_name_every_colour() -> None:
    themes, problems = load_themes([shipped_folder()])
    assert problems == []
    assert set(themes) == {DEFAULT_THEME, "mailtop-paper", "mailtop-contrast", "mailtop-ansi"}
    for path in shipped_folder().glob("*.toml"):
        text = path.read_text()
        assert [name for name in COLOUR_VARIABLES if f"\n{name} = " not in text] == []


@pytest.mark.parametrize("name", [DEFAULT_THEME, "mailtop-paper", "mailtop-contrast"])
def test_the_shipped_themes_can_be_read(name: str) -> None:
    theme = load_themes([shipped_folder()])[0][name]
    ground, cursor = Color.parse(theme.background or ""), Color.parse(theme.variables["cursor"])
    for role in ("new", "proc", "retry", "hold", "sent", "delivered", "failed", "stale", "paused", "muted"):
        assert contrast(Color.parse(theme.variables[role]), ground) >= 4.5, role
        if theme.variables["cursor-text"] == "transparent":
            assert contrast(Color.parse(theme.variables[role]), cursor) >= 3, role


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colours as WCAG 2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    parts = [part / 255 for part in color.rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_short_theme_is_completed_and_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    theme = read_theme(tmp_path / "mine.toml")
    assert theme.name == "mine"
    assert set(COLOUR_VARIABLES) <= set(theme.variables)
    assert theme.variables["new"].lower().startswith("#112233")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks the key 'primary'"),
        ("primary = ", "cannot be read"),
        ('primary = "no-such-colour"', "has a colour that cannot be used"),
        (GOOD + "secondary = 3", "has 3 for 'secondary', where a text is expected"),
        (GOOD + 'dark = "yes"', "has 'yes' for 'dark', where a bool is expected"),
        (GOOD + 'luminosity_spread = "wide"', "where a float is expected"),
        (GOOD + 'glow = "#fff"', "has the key 'glow', which no theme has"),
        (GOOD + "variables = 3", "where a table is expected"),
        (GOOD + '[variables]\nnew = "blueish"', "has 'blueish' for 'variables.new', which is no colour"),
        (GOOD + '[variables]\nnewer = "#fff"', "has the variable 'newer'; mailtop knows new, proc"),
        (GOOD + '[variables]\ncursor-style = "blinking"', "has 'blinking' for 'variables.cursor-style'"),
    ],
)
def test_a_bad_theme_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ThemeError) as raised:
        read_theme(path)
    assert words in str(raised.value)
    assert str(path) in str(raised.value)
    assert str(raised.value).endswith(".")


async def test_the_app_shows_a_bad_theme_as_one_sentence_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[/x]")
    (tmp_path / "good.toml").write_text(GOOD)
    async with running(theme="good", user_themes=tmp_path, size=(140, 45)) as look:
        await look.wait_for("bad.toml cannot be read")
        await look.wait_for("all 5 accounts")
        assert look.app.theme == "good"


async def test_an_unknown_theme_falls_back_with_a_sentence() -> None:
    async with running(theme="bold") as look:
        await look.wait_for("There is no theme 'bold'; there are mailtop-ansi")
        assert look.app.theme == DEFAULT_THEME


async def test_the_next_theme_is_a_key_away() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        seen = []
        for _ in range(4):
            await look.press("T")
            seen.append(look.app.theme)
            assert "all 5 accounts" in look.text()
        assert sorted(seen) == ["mailtop-ansi", "mailtop-contrast", "mailtop-dark", "mailtop-paper"]
