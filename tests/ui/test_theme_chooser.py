"""The chooser of themes: shows each at once, keeps one or goes back, in any size, without colour and in ASCII."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.ui.screens import UTF8, running
from tui.hub.protocol import Span
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.screens.theme_chooser import ThemeChooser
from tui.ui.themes import COLOUR_VARIABLES, STYLE_VARIABLES, TEXTUALS_VARIABLES, read_theme, shipped_folder
from tui.ui.widgets.lines import Line, Lines

THEMES = {theme.name: theme for theme in map(read_theme, shipped_folder().glob("*.toml"))}
NAMES = sorted(THEMES)


class Ground(Lines):
    """What lies under the chooser."""

    def lines(self, width: int, height: int) -> list[Line]:
        return [[Span("x" * width, "retry")]] * height


class Shown(App[None]):
    """An app with our themes and nothing else."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.kept: list[str | None] = []
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = "mailtop-dark"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {**dict.fromkeys(COLOUR_VARIABLES, "ansi_default"), **STYLE_VARIABLES, **TEXTUALS_VARIABLES}

    def compose(self) -> ComposeResult:
        yield Ground(self.glyphs)

    def choose(self, names: list[str]) -> None:
        for name in names:
            self.register_theme(replace(THEMES.get(name, THEMES["mailtop-paper"]), name=name))
        self.push_screen(ThemeChooser(self.glyphs, names, self.theme), self.kept.append)

    def seen(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]


@asynccontextmanager
async def choosing(
    size: tuple[int, int] = (80, 24), glyphs: Glyphs = UNICODE, names: list[str] = NAMES
) -> AsyncIterator[tuple[Shown, Pilot[None]]]:
    app = Shown(glyphs)
    async with app.run_test(size=size) as pilot:
        app.choose(names)
        await pilot.pause()
        yield app, pilot


async def test_the_cursor_shows_each_theme_at_once_and_enter_keeps_it() -> None:
    async with choosing() as (app, pilot):
        seen = []
        await pilot.press("home")
        for _ in NAMES:
            seen.append(app.theme)
            await pilot.press("down")
        assert seen == NAMES
        assert app.theme == NAMES[-1], "the end is the end"
        await pilot.press("k", "enter")
        assert app.kept == [app.theme] == [NAMES[-2]]


@pytest.mark.parametrize("key", ["escape", "q", "left"])
async def test_esc_gives_back_the_theme_there_was(key: str) -> None:
    async with choosing() as (app, pilot):
        await pilot.press("down", "down")
        assert app.theme != "mailtop-dark"
        await pilot.press(key)
        await pilot.pause()
        assert (app.theme, app.kept) == ("mailtop-dark", [None])


async def test_what_lies_under_it_stays_in_sight_in_the_new_colours() -> None:
    async with choosing() as (app, pilot):
        before = app.query_one(Ground)._look("retry").style
        await pilot.press("end")
        await pilot.pause()
        assert app.seen()[0].startswith("xxxxxxxxxx")
        assert app.screen_stack[0].query_one(Ground)._look("retry").style != before


@pytest.mark.parametrize(
    ("size", "glyphs"), [((80, 24), UNICODE), ((60, 15), ASCII), ((30, 5), UNICODE)], ids=["large", "small", "tiny"]
)
async def test_the_chosen_one_is_in_sight_with_the_keys(size: tuple[int, int], glyphs: Glyphs) -> None:
    names = [*NAMES, *[f"mine-{number}" for number in range(20)]]
    async with choosing(size, glyphs, names) as (app, pilot):
        for key in ("home", "end", "up", "up"):
            await pilot.press(key)
            await pilot.pause()
            text = app.seen()
            (line,) = [line for line in text if f"{glyphs.focus}{glyphs.cursor}" in line]
            assert app.theme in line
            assert "Enter keep" in text[-1] or "Enter keep" in "\n".join(text)
            assert "".join(text).isascii() or glyphs is UNICODE


async def test_without_colour_the_cursor_is_a_sign_and_the_theme_there_was_a_bullet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with choosing((60, 15)) as (app, pilot):
        await pilot.press("down")
        await pilot.pause()
        text = "\n".join(app.seen())
        assert f"{UNICODE.cursor} {app.theme} " in text
        assert f" {UNICODE.bullet}mailtop-dark " in text


async def test_without_colour_what_lies_under_it_stays_in_sight() -> None:
    async with running(environ={**UTF8, "NO_COLOR": "1"}) as look:
        await look.wait_for("all 5 accounts")
        await look.press("T")
        await look.wait_for("Enter keep")
        assert "news@globex.test" in look.text()


async def test_a_click_chooses_and_another_keeps() -> None:
    async with choosing() as (app, pilot):
        line = next(y for y, text in enumerate(app.seen()) if "mailtop-paper" in text)
        await pilot.click(offset=(70, line))
        await pilot.pause()
        assert (app.theme, app.kept) == ("mailtop-paper", [])
        await pilot.click(offset=(70, line))
        await pilot.pause()
        assert app.kept == ["mailtop-paper"]
