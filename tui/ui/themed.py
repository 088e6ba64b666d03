"""An app in themes from files, and in the colours and signs that its terminal can show. For the app built on it."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from textual.app import App
from textual.driver import Driver

from tui.ui.abilities import abilities, tell_textual
from tui.ui.glyphs import glyphs_for
from tui.ui.themes import (
    ANSI_THEME,
    COLOUR_VARIABLES,
    DEFAULT_THEME,
    STYLE_VARIABLES,
    TEXTUALS_VARIABLES,
    Changes,
    ThemeError,
    ThemeShelf,
    find_theme,
    shipped_folder,
    theme_for,
)
from tui.ui.typed import TypedApp


class ThemedApp(TypedApp):
    """Shows ``wanted_theme``, or the terminal's own colours where these are few or ``lite`` says that little is to be
    sent; whoever changes either calls ``show_theme``. What the terminal can show is read from the environment.

    ``theme`` names the one to begin with, as ``find_theme`` does, shipped or in the folder ``user_themes``;
    ``theme_problems`` says what is wrong with it.
    """

    def __init__(
        self, theme: str, user_themes: Path | None, *, lite: bool, ascii: bool, driver_class: type[Driver] | None
    ) -> None:
        able = abilities(os.environ, ascii=ascii, lite=lite)
        tell_textual(able, os.environ)
        # Without colours Textual would map them to greys; told that they are the terminal's own, it leaves them out.
        super().__init__(driver_class=driver_class, ansi_color=None if able.colour else True)
        self.animation_level = "none"
        self.glyphs = glyphs_for(os.environ, colour=able.colour, ascii=ascii)
        self.lite = able.lite
        self._able = able
        self._shelf = ThemeShelf([shipped_folder(), *([user_themes] if user_themes else [])])
        self.theme_problems: list[str] = []
        self._first_theme = self.wanted_theme = self._found_theme(theme)
        self.show_theme()

    @property
    def chosen_theme(self) -> str | None:
        """The theme that the user chose on the screen, if it was another."""
        return self.wanted_theme if self.wanted_theme != self._first_theme else None

    def theme_names(self) -> list[str]:
        """All themes."""
        return list(self._shelf.themes)

    def shown_themes(self) -> list[str]:
        """Those that can be shown here and now."""
        return [name for name in self._shelf.themes if self._theme_here(name) == name]

    def show_theme(self) -> None:
        """The wanted theme, or the terminal's own colours where it has few or little is to be sent."""
        self.theme = self._theme_here(self.wanted_theme)

    def take_over_themes(self) -> list[str]:
        """Read theme files that were written since the last look; gives a sentence for each bad one."""
        changes = self._read_themes()
        if self.theme in changes.themes:
            self.mutate_reactive(App.theme)  # a theme of the same name would not be seen as another
        return changes.problems

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our own variables are while a theme that lacks them is on."""
        return {**dict.fromkeys(COLOUR_VARIABLES, "ansi_default"), **STYLE_VARIABLES, **TEXTUALS_VARIABLES}

    def _found_theme(self, theme: str) -> str:
        """The theme to begin with, by its name; where there is none, a problem says so. The others are read when the
        first picture is there."""
        self.theme_problems += self._read_themes([theme, ANSI_THEME]).problems
        if theme not in self._shelf.themes:
            self.theme_problems += self._read_themes().problems
        try:
            return find_theme(theme, self._shelf.themes)
        except ThemeError as error:
            self.theme_problems.append(str(error))
            return DEFAULT_THEME

    def _read_themes(self, only: Collection[str] | None = None) -> Changes:
        changes = self._shelf.watch(only)
        for name in changes.themes:
            self.register_theme(self._shelf.themes[name])
        return changes

    def _theme_here(self, name: str) -> str:
        return theme_for(name, self._shelf.themes, self._able, lite=self.lite)
