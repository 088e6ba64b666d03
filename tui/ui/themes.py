"""Themes from TOML files, one a file, checked before they can reach the screen: a bad one is a sentence, never a
crash."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import Theme

import tui

DEFAULT_THEME = "mailtop-dark"

COLOUR_VARIABLES = {
    "new": "primary",
    "proc": "secondary",
    "retry": "warning",
    "hold": "accent",
    "sent": "foreground",
    "delivered": "success",
    "failed": "error",
    "stale": "warning",
    "paused": "accent",
    "muted": "foreground",
    "focus": "foreground",
    "marked": "surface",
    "tab": "panel",
    "tab-text": "foreground",
    "cursor": "panel",
    "cursor-text": "transparent",
}
"""Our own colours, each with one meaning, and the theme's field that stands in where a theme does not name it;
``transparent`` leaves the text under the cursor in its own colours."""

STYLE_VARIABLES = {
    "cursor-style": "bold",
    "tab-style": "bold",
    "changed-style": "bold underline",
    "marked-style": "none",
    "muted-style": "none",
}
"""Our own text styles and what stands in for them."""

TEXTUALS_VARIABLES = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}
"""What Textual's own styles ask for under a theme with ``ansi = true`` and do not define themselves."""

_STYLES = {"none", "bold", "reverse", "underline", "dim", "italic"}
_FIELDS = {field.name: field.type for field in fields(Theme)}


def shipped_folder() -> Path:
    """Where the themes of this installation are: in the package, or beside it in a checkout."""
    package = Path(tui.__file__).parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def load_themes(folders: Iterable[Path]) -> tuple[dict[str, Theme], list[str]]:
    """All themes of ``folders`` by name, later folders over earlier ones, and a sentence for each that is no good."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        try:
            paths = sorted(folder.glob("*.toml"))
        except PermissionError as error:  # Python 3.11 and 3.12 raise it, later ones find nothing
            problems.append(f"cannot read the themes in {folder}: {error.strerror}")
            continue
        for path in paths:
            try:
                theme = read_theme(path)
            except ThemeError as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    return themes, problems


class ThemeError(ValueError):
    """A theme file that cannot be used; the text says which, where and what was expected."""


def read_theme(path: Path) -> Theme:
    """The theme in one file, complete with our own variables; raises ``ThemeError``."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(f"The theme {path} cannot be read: {error}.") from error
    variables = data.setdefault("variables", {})
    data.setdefault("name", path.stem)
    _check_keys(path, data)
    theme = Theme(**data)
    try:
        generated = theme.to_color_system().generate()
    except (ColorParseError, ValueError) as error:
        raise ThemeError(f"The theme {path} has a colour that cannot be used: {error}.") from error
    for name, stand_in in COLOUR_VARIABLES.items():
        _check_colour(path, name, variables.setdefault(name, generated.get(stand_in, stand_in)))
    for name, style in STYLE_VARIABLES.items():
        _check_style(path, name, variables.setdefault(name, style))
    return theme


def _check_keys(path: Path, data: dict[str, object]) -> None:
    for key, value in data.items():
        expected = _FIELDS.get(key)
        if expected is None:
            raise ThemeError(f"The theme {path} has the key '{key}', which no theme has; see the shipped ones.")
        if key == "variables":
            _check_variables(path, value)
        elif (expected == "bool") != isinstance(value, bool) or (expected == "float") != isinstance(value, float):
            raise ThemeError(f"The theme {path} has {value!r} for '{key}', where a {expected} is expected.")
        elif "str" in str(expected) and not isinstance(value, str):
            raise ThemeError(f"The theme {path} has {value!r} for '{key}', where a text is expected.")
    if "primary" not in data:
        raise ThemeError(f"The theme {path} lacks the key 'primary', the one colour that every theme needs.")


def _check_variables(path: Path, variables: object) -> None:
    if not isinstance(variables, dict):
        raise ThemeError(f"The theme {path} has {variables!r} for 'variables', where a table is expected.")
    for name in variables:
        if name not in COLOUR_VARIABLES and name not in STYLE_VARIABLES:
            known = ", ".join([*COLOUR_VARIABLES, *STYLE_VARIABLES])
            raise ThemeError(f"The theme {path} has the variable '{name}'; mailtop knows {known}.")


def _check_colour(path: Path, name: str, value: object) -> None:
    try:
        Color.parse(str(value))
    except ColorParseError as error:
        raise ThemeError(f"The theme {path} has {value!r} for 'variables.{name}', which is no colour.") from error


def _check_style(path: Path, name: str, value: object) -> None:
    if not set(str(value).split()) <= _STYLES:
        raise ThemeError(f"The theme {path} has {value!r} for 'variables.{name}'; use {', '.join(sorted(_STYLES))}.")
