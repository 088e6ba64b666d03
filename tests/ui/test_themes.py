"""Themes from files: the shipped ones are good, a bad one is a sentence."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from tests.ui.colours import contrast, distance, in_256
from tests.ui.screens import UTF8, running
from tui.ui.abilities import abilities
from tui.ui.themes import (
    COLOUR_VARIABLES,
    DEFAULT_THEME,
    STYLE_VARIABLES,
    Changes,
    ThemeError,
    ThemeShelf,
    find_theme,
    read_theme,
    shipped_folder,
    theme_for,
)

GOOD = 'primary = "#112233"\n'
COLOURED = (DEFAULT_THEME, "mailtop-paper", "mailtop-contrast", "mailtop-deutan", "mailtop-tritan")


def test_the_shipped_themes_are_good_and_name_every_colour() -> None:
    shelf = ThemeShelf([shipped_folder()])
    assert shelf.watch().problems == []
    assert set(shelf.themes) == {*COLOURED, "mailtop-ansi", "mailtop-mono"}
    for path in shipped_folder().glob("*.toml"):
        text = path.read_text()
        assert [name for name in COLOUR_VARIABLES if f"\n{name} = " not in text] == []


TEXTS = ("new", "proc", "retry", "hold", "sent", "delivered", "failed", "stale", "paused", "focus")
GROUNDS = ("background", "surface", "panel")

APART = (
    *combinations(("new", "proc", "retry", "hold"), 2),
    *combinations(("delivered", "failed", "retry"), 2),
    *combinations(("delivered", "failed", "stale"), 2),
)
"""What must be told apart: the states of a row, what becomes of mail, how fresh a source is."""

EYES = [
    *[(name, "all") for name in COLOURED],
    ("mailtop-deutan", "deutan"),
    ("mailtop-deutan", "protan"),
    ("mailtop-tritan", "tritan"),
]


def colours_of(name: str) -> dict[str, Color]:
    """The theme's colours by the name of their variable or field."""
    theme = shipped()[name]
    told = {ground: getattr(theme, ground) for ground in (*GROUNDS, "foreground")} | theme.variables
    return {one: Color.parse(color) for one, color in told.items() if not one.endswith("-style")}


def shipped() -> dict[str, Theme]:
    shelf = ThemeShelf([shipped_folder()])
    shelf.watch()
    return shelf.themes


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("shown", [lambda color: color, in_256], ids=["true", "256"])
def test_every_text_can_be_read_on_every_ground(name: str, shown: Callable[[Color], Color]) -> None:
    colours = colours_of(name)
    grounds = [*GROUNDS, "marked", *(["cursor"] if shipped()[name].variables["cursor-text"] == "transparent" else [])]
    least = 7.0 if name == "mailtop-contrast" else 4.5 if shown is not in_256 else 4.0
    pairs = [(text, ground) for text in (*TEXTS, "foreground") for ground in grounds]
    pairs += [("tab-text", "tab"), *([("cursor-text", "cursor")] if "cursor" not in grounds else [])]
    found = {pair: contrast(shown(colours[pair[0]]), shown(colours[pair[1]])) for pair in pairs}
    assert {pair: value for pair, value in found.items() if value < least} == {}
    muted = {ground: contrast(shown(colours["muted"]), shown(colours[ground])) for ground in grounds}
    assert {ground: value for ground, value in muted.items() if value < (7.0 if least == 7.0 else 3.0)} == {}


@pytest.mark.parametrize(("name", "eyes"), EYES)
def test_what_must_be_told_apart_can_be_at_a_glance(name: str, eyes: str) -> None:
    colours = colours_of(name)
    found = {pair: distance(colours[pair[0]], colours[pair[1]], eyes) for pair in APART}
    assert {pair: value for pair, value in found.items() if value < 25} == {}


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("shown", [lambda color: color, in_256], ids=["true", "256"])
def test_the_cursor_and_the_tab_stand_out(name: str, shown: Callable[[Color], Color]) -> None:
    colours = {one: shown(color) for one, color in colours_of(name).items()}
    assert distance(colours["cursor"], colours["background"]) >= 10
    assert distance(colours["tab"], colours["background"]) >= 20


@pytest.mark.parametrize("name", ["mailtop-ansi", "mailtop-mono"])
def test_the_terminals_own_palette_is_followed(name: str) -> None:
    theme = shipped()[name]
    colours = {value for key, value in theme.variables.items() if not key.endswith("-style")}
    assert all(colour.startswith("ansi_") for colour in colours)
    assert colours == {"ansi_default"} or name == "mailtop-ansi"
    assert "ansi_bright_black" not in colours, "some palettes have it as their ground"
    assert theme.variables["cursor-style"] == theme.variables["tab-style"] == "reverse"


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


def test_what_was_written_since_the_last_look_is_read_again(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    shelf = ThemeShelf([shipped_folder(), tmp_path])
    assert set(shelf.watch().themes) == set(shipped())
    assert shelf.watch() == Changes([], [])
    mine.write_text(GOOD)
    assert shelf.watch() == Changes(["mine"], [])
    assert shelf.themes["mine"].primary == "#112233"
    mine.write_text('primary = "#445566"\n')
    assert shelf.watch() == Changes(["mine"], [])
    assert shelf.themes["mine"].primary == "#445566"
    mine.unlink()
    assert shelf.watch() == Changes([], [])
    assert set(shelf.themes) == set(shipped())


def test_a_theme_that_becomes_bad_is_one_sentence_and_stays_what_it_was(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(GOOD)
    shelf = ThemeShelf([tmp_path])
    shelf.watch()
    mine.write_text('primary = "no-such-colour"')
    (sentence,) = shelf.watch().problems
    assert str(mine) in sentence
    assert shelf.watch() == Changes([], []), "it is said once"
    assert shelf.themes["mine"].primary == "#112233"
    mine.write_text(GOOD + 'secondary = "#445566"\n')
    assert shelf.watch() == Changes(["mine"], [])


def test_a_users_theme_stands_before_ours_and_gives_way_when_it_goes(tmp_path: Path) -> None:
    shelf = ThemeShelf([shipped_folder(), tmp_path])
    shelf.watch()
    ours = shelf.themes[DEFAULT_THEME]
    (tmp_path / "other.toml").write_text(f'name = "{DEFAULT_THEME}"\n{GOOD}')
    assert shelf.watch().themes == [DEFAULT_THEME]
    assert shelf.themes[DEFAULT_THEME].primary == "#112233"
    (tmp_path / "other.toml").unlink()
    assert shelf.watch().themes == [DEFAULT_THEME]
    assert shelf.themes[DEFAULT_THEME] == ours


def test_a_folder_that_is_none_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "themes").write_text("")
    shelf = ThemeShelf([tmp_path / "missing", tmp_path / "themes"])
    assert shelf.watch() == Changes([], [f"The themes in {tmp_path / 'themes'} cannot be read: Not a directory."])
    assert shelf.watch() == Changes([], [])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("paper", "mailtop-paper"),
        ("mailtop-paper", "mailtop-paper"),
        (" Paper ", "mailtop-paper"),
        ("pap", "mailtop-paper"),
        ("ast", "mailtop-contrast"),
        ("dark", "mailtop-dark"),
        ("darker", "darker"),
        ("mine", "mine"),
    ],
)
def test_a_theme_is_found_by_what_people_type(text: str, name: str) -> None:
    assert find_theme(text, [*shipped(), "darker", "mine", "mine-too"]) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tan", "The theme 'tan' may be mailtop-deutan or mailtop-tritan."),
        ("m", "The theme 'm' may be mine or mailtop-mono"),
        ("\x1b[2J", "There is no theme '\ufffd[2J'; there are mine, mailtop-ansi"),
        ("", "There is no theme ''; there are mine"),
    ],
)
def test_a_text_that_is_no_one_theme_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ThemeError) as raised:
        find_theme(text, ["mine", *shipped()])
    assert str(raised.value).startswith(sentence.removesuffix("."))


@pytest.mark.parametrize(
    ("term", "wanted", "name"),
    [
        ("xterm", "mailtop-paper", "mailtop-ansi"),
        ("xterm", "mailtop-mono", "mailtop-mono"),
        ("xterm-256color", "mailtop-paper", "mailtop-paper"),
    ],
)
def test_sixteen_colours_are_the_terminals_own(term: str, wanted: str, name: str) -> None:
    assert theme_for(wanted, shipped(), abilities({"TERM": term})) == name


COLOURFUL = {**UTF8, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


async def test_the_app_shows_a_bad_theme_as_one_sentence_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[/x]")
    (tmp_path / "good.toml").write_text(GOOD)
    async with running(theme="good", user_themes=tmp_path, size=(140, 45), environ=COLOURFUL) as look:
        await look.wait_for("bad.toml cannot be read")
        await look.wait_for("all 5 accounts")
        assert look.app.theme == "good"


async def test_an_unknown_theme_falls_back_with_a_sentence() -> None:
    async with running(theme="bold", environ=COLOURFUL) as look:
        await look.wait_for("There is no theme 'bold'; there are mailtop-ansi")
        assert look.app.theme == DEFAULT_THEME


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}, {"LC_ALL": "C"}], ids=["", "no-color", "ascii"])
async def test_a_theme_is_seen_before_it_is_chosen(size: tuple[int, int], more: dict[str, str]) -> None:
    async with running(environ={**COLOURFUL, **more}, size=size) as look:
        await look.wait_for("all 5 accounts")
        await look.press("T", "end")
        assert look.app.theme == "mailtop-tritan"
        assert "Theme" in look.text()
        assert "Enter keep" in look.text()
        await look.press("escape")
        assert look.app.theme == DEFAULT_THEME
        await look.press("T", "home", "enter")
        assert look.app.theme == "mailtop-ansi"
        assert "Enter keep" not in look.text()


async def test_a_theme_that_is_written_anew_is_shown_at_once(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(GOOD)
    async with running(theme="mine", user_themes=tmp_path, environ=COLOURFUL) as look:
        await look.wait_for("all 5 accounts")
        assert look.app.theme_variables["new"].lower() == "#112233"
        mine.write_text('primary = "#445566"\n')
        look.app.look_at_themes()
        await look.wait_for(lambda: look.app.theme_variables["new"].lower() == "#445566")
        assert look.app.theme == "mine"
        mine.write_text("primary = ")
        look.app.look_at_themes()
        await look.wait_for("cannot be read")
        assert look.app.theme_variables["new"].lower() == "#445566"


async def test_a_file_over_the_usual_theme_is_shown_as_it_is_written_and_taken_away(tmp_path: Path) -> None:
    mine = tmp_path / "mailtop-dark.toml"
    mine.write_text(GOOD.replace("mine", "mailtop-dark"))
    async with running(user_themes=tmp_path, environ=COLOURFUL) as look:
        await look.wait_for("all 5 accounts")
        assert look.app.theme_variables["new"].lower() == "#112233"
        mine.write_text('primary = "#445566"\n')
        look.app.look_at_themes()
        await look.wait_for(lambda: look.app.theme_variables["new"].lower() == "#445566")
        mine.unlink()
        look.app.look_at_themes()
        await look.wait_for(lambda: look.app.theme_variables["new"].lower() not in ("#112233", "#445566"))


async def test_a_theme_that_is_written_anew_does_not_end_the_look_at_another(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    async with running(theme="mine", user_themes=tmp_path, environ=COLOURFUL) as look:
        await look.wait_for("all 5 accounts")
        await look.press("T", "home")
        assert look.app.theme == "mailtop-ansi"
        (tmp_path / "mine.toml").write_text('primary = "#445566"\n')
        look.app.look_at_themes()
        await look.pilot.pause()
        assert look.app.theme == "mailtop-ansi"
        await look.press("escape")
        await look.wait_for(lambda: look.app.theme_variables["new"].lower() == "#445566")


async def test_a_theme_can_be_named_in_short_from_the_start() -> None:
    async with running(theme="paper", environ=COLOURFUL) as look:
        await look.wait_for("all 5 accounts")
        assert (look.app.theme, look.app.chosen_theme) == ("mailtop-paper", None)
        await look.press("T", "home", "enter")
        assert look.app.chosen_theme == "mailtop-ansi"


async def test_where_few_colours_are_sent_there_are_only_themes_of_few() -> None:
    async with running(environ={**UTF8, "TERM": "xterm"}) as look:
        await look.wait_for("all 5 accounts")
        await look.press("T")
        await look.wait_for("mailtop-mono")
        assert "mailtop-paper" not in look.text()
        await look.press("escape", "colon", *"theme paper", "enter")
        await look.wait_for("mailtop-paper is kept for where there are more colours")
        assert (look.app.theme, look.app.chosen_theme) == ("mailtop-ansi", "mailtop-paper")


def test_every_theme_and_variable_is_told() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "themes.md").read_text()
    for name in (*shipped(), *COLOUR_VARIABLES, *STYLE_VARIABLES):
        assert f"`{name}`" in page, name
