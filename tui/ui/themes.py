"""Themes from TOML files, one a file, checked before they can reach the screen: a bad one is a sentence, never a
crash."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

import tui
from tui.text import clean
from tui.ui.abilities import FEW_COLOURS, Abilities

OURS = "mailtop-"
"""What the names of our own themes begin with."""

DEFAULT_THEME = f"{OURS}dark"
ANSI_THEME = f"{OURS}ansi"

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

_Stamp = tuple[int, int, int] | None
"""When a file was written, its size and its number; ``None`` for one that cannot be looked at."""


def shipped_folder() -> Path:
    """Where the themes of this installation are: in the package, or beside it in a checkout."""
    package = Path(tui.__file__).parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


class Changes(msgspec.Struct, frozen=True):
    """What a look at the theme files found: names of themes that are new or not what they were, and a sentence for
    each file or folder that became no good."""

    themes: list[str]
    problems: list[str]


class ThemeShelf:
    """The themes of some folders, a later one over an earlier one of the same name. ``themes`` are all by name."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = list(folders)
        self._files: dict[Path, tuple[_Stamp, Theme | None]] = {}
        self._closed: dict[Path, str] = {}
        self.themes: dict[str, Theme] = {}

    def watch(self, only: Collection[str] | None = None) -> Changes:
        """Read what is new or was written since the last look; what cannot be used stays what it was when it could.
        The first look reads all, or of the files only those that are called so; one at unchanged files takes some
        50 µs."""
        before, files, problems = self.themes, self._files, list[str]()
        self._files = {}
        for path in self._paths(problems):
            if only is not None and path.stem not in only:
                continue
            stamp = _stamp(path)
            old_stamp, theme = files.get(path, (None, None))
            if stamp != old_stamp:
                try:
                    theme = read_theme(path)
                except ThemeError as error:
                    problems.append(str(error))
            self._files[path] = (stamp, theme)
        self.themes = {theme.name: theme for _, theme in self._files.values() if theme is not None}
        return Changes([name for name, theme in self.themes.items() if theme != before.get(name)], problems)

    def _paths(self, problems: list[str]) -> list[Path]:
        """The theme files that there are; says once of a folder that it cannot be read."""
        paths: list[Path] = []
        for folder in self._folders:
            try:
                found = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
            except FileNotFoundError:
                found = []
            except OSError as error:
                sentence = f"The themes in {folder} cannot be read: {error.strerror}."
                if self._closed.get(folder) != sentence:
                    problems.append(sentence)
                self._closed[folder] = sentence
                continue
            self._closed.pop(folder, None)
            paths += found
        return paths


def find_theme(text: str, names: Iterable[str]) -> str:
    """The name that ``text`` means: itself, itself after "mailtop-", the only one that begins so or has it in it.
    Raises ``ThemeError`` where there is none or more than one."""
    known, typed = list(names), text.strip()
    if typed in known:
        return typed
    wanted = typed.casefold().removeprefix(OURS)
    short = {name: name.casefold().removeprefix(OURS) for name in known}
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [name for name in known if wanted and fits(short[name], wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ThemeError(f"The theme '{clean(typed)}' may be {' or '.join(found)}.")
    raise ThemeError(f"There is no theme '{clean(typed)}'; there are {', '.join(known)}.")


def theme_for(name: str, themes: Mapping[str, Theme], able: Abilities, *, lite: bool = False) -> str:
    """The theme to show where ``name`` is wanted: a terminal of sixteen colours gets its own ones, since the nearest of
    these to the colours of another theme can be the same for text and ground; so does one that little is sent to."""
    few = lite or able.colours == FEW_COLOURS
    return name if not few or (name in themes and themes[name].ansi) else ANSI_THEME


class ThemeError(ValueError):
    """A theme file that cannot be used; the text says which, where and what was expected, whatever the file says."""

    def __init__(self, text: str) -> None:
        super().__init__(clean(text))


def read_theme(path: Path) -> Theme:
    """The theme in one file, complete with our own variables; raises ``ThemeError``."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
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


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:  # reading it says why
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
