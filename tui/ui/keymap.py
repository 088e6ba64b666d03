"""The user's keys: which command has which, as the configuration says it and as Textual names them. No Textual in
here, so that commands without a screen can check it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tui.text import clean
from tui.ui.commands import COMMANDS, SHOWN, Command, shown_key

_NAMES = {
    **{name: name for name in SHOWN},
    **{shown.lower(): name for name, shown in SHOWN.items()},
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
    "return": "enter",
    "pgdown": "pagedown",
    "plus_sign": "plus",
    "hyphen_minus": "minus",
}
_MODIFIERS = ("ctrl", "shift")
"""Not Alt: a terminal sends Esc for it, which is a key of its own."""

FIXED = {"leave": "give keys to quit instead", "suspend": "it is every terminal's"}
"""The commands whose keys are not the user's to change, with what is said to whoever tries. There must be one that
always ends the screen."""


def key_name(written: str) -> str | None:
    """A key as Textual names it, from how people write it (``PgUp``, ``Ctrl+F``, ``?``, ``G``) or from that name
    itself; ``None`` where it is no key."""
    *modifiers, key = re.split(r"(?<=.)[+-](?=.)", written.strip()) if len(written) > 1 else [written]
    if len(key) == 1 and key.isalnum() and key.isascii():
        name: str | None = key.lower() if modifiers else key
    else:
        name = _NAMES.get(key.lower())
    held = [modifier.lower() for modifier in modifiers]
    if name is None or not set(held) <= set(_MODIFIERS) or len(set(held)) < len(held):
        return None
    return "+".join([*(each for each in _MODIFIERS if each in held), name])


def with_keys(assigned: Mapping[str, Sequence[str]]) -> tuple[tuple[Command, ...], list[str]]:
    """All commands with the user's keys (by the command's name; each list replaces all keys that it had), and a
    sentence for each name, key or clash that is wrong. A key of the user's goes before one that a command has by
    default, an earlier command before a later one; what is wrong is left out, and the rest works."""
    known = {command.name: command for command in COMMANDS}
    problems: list[str] = []
    wished: dict[str, list[str]] = {}
    for name, keys in assigned.items():
        if name not in known:
            problems.append(f"keys.{clean(name)}: there is no such command{_hint(name, known)}")
        elif name in FIXED:
            problems.append(f"keys.{name}: its key is always {known[name].shown_keys}; {FIXED[name]}.")
        else:
            wished[name] = _names(name, keys, problems)
    owner = {key: name for name in FIXED for key in known[name].keys}
    kept: dict[str, list[str]] = {name: [] for name in known}
    for name, keys in [*wished.items(), *((each.name, each.keys) for each in COMMANDS if each.name not in wished)]:
        for key in keys:
            if owner.setdefault(key, name) == name:
                kept[name].append(key)
            else:
                problems.append(_clash(key, owner[key], name))
    return tuple(replace(command, keys=tuple(kept[command.name])) for command in COMMANDS), problems


def _names(command: str, keys: Sequence[str], problems: list[str]) -> list[str]:
    names = []
    for key in keys:
        name = key_name(key)
        if name is None:
            problems.append(f'keys.{command}: "{clean(key)}" is no key; keys are written as in "Up", "PgDn", "?", "G".')
        elif name not in names:
            names.append(name)
    return names


def _clash(key: str, owner: str, other: str) -> str:
    shown = shown_key(key)
    return f'keys.{owner}: "{shown}" is a key of {other} too, which goes without it; give {other} another one.'


def _hint(name: str, known: Mapping[str, Command]) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else "; docs/keys.md has their names."
