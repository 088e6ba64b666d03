"""The user's keys: written as people do, clashes told, the rest works."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ui.commands import COMMANDS
from tui.ui.keymap import key_name, with_keys

DEFAULT = {command.name: command.keys for command in COMMANDS}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *(("Up", "up"), ("PgUp", "pageup"), ("pgdown", "pagedown"), ("Esc", "escape"), ("ESCAPE", "escape")),
        *(("Enter", "enter"), ("return", "enter"), ("Space", "space"), ("Del", "delete"), ("F5", "f5"), ("f12", "f12")),
        *(("?", "question_mark"), ("question_mark", "question_mark"), ("/", "slash"), ("-", "minus"), ("+", "plus")),
        *(("g", "g"), ("G", "G"), ("7", "7"), ("Ctrl+F", "ctrl+f"), ("ctrl-f", "ctrl+f"), ("Shift+Tab", "shift+tab")),
        *(("Ctrl++", "ctrl+plus"), ("Ctrl+-", "ctrl+minus"), ("Ctrl+Shift+Up", "ctrl+shift+up"), (" Up ", "up")),
        *(("Shift+Ctrl+Up", "ctrl+shift+up"), ("_", "underscore"), ("\\", "backslash")),
        *((word, None) for word in ("", " ", "nonsense", "é", "\x1b", "ab", "Ctrl+", "Ctrl+Ctrl+a", "Alt+a", "f99")),
    ],
)
def test_names_of_keys(written: str, name: str | None) -> None:
    assert key_name(written) == name


def test_all_default_keys_can_be_written_as_they_are_shown() -> None:
    for command in COMMANDS:
        assert tuple(map(key_name, command.shown_keys.split())) == command.keys
        assert tuple(map(key_name, command.keys)) == command.keys


def test_without_wishes_all_stays() -> None:
    commands, problems = with_keys({})
    assert (commands, problems) == (COMMANDS, [])


def test_the_users_keys_replace_the_others() -> None:
    commands, problems = with_keys({"zoom": ["w", "F2"], "unmark": []})
    keys = {command.name: command.keys for command in commands}
    assert problems == []
    assert (keys["zoom"], keys["unmark"], keys["mark"]) == (("w", "f2"), (), ("space",))
    assert [command.shown_keys for command in commands if command.name == "zoom"] == ["w F2"]


def test_two_commands_can_change_places() -> None:
    commands, problems = with_keys({"next": ["e"], "next-problem": ["n"]})
    keys = {command.name: command.keys for command in commands}
    assert (keys["next"], keys["next-problem"], problems) == (("e",), ("n",), [])


def test_a_key_that_another_command_has_is_the_users_and_told() -> None:
    commands, problems = with_keys({"refresh": ["p"]})
    keys = {command.name: command.keys for command in commands}
    assert (keys["refresh"], keys["pause"]) == (("p",), ())
    assert problems == ['keys.refresh: "p" is a key of pause too, which goes without it; give pause another one.']


def test_what_is_wrong_is_told_and_the_rest_works() -> None:
    commands, problems = with_keys(
        {"zom": ["w"], "next": ["??", "w"], "leave": ["q"], "pause": ["w"], "\x1b[2J": ["v"], "follow": ["Ctrl+C"]}
        | {"suspend": ["s"], "mark": ["Ctrl+Z"]}
    )
    keys = {command.name: command.keys for command in commands}
    assert (keys["next"], keys["pause"], keys["leave"], keys["follow"]) == (("w",), (), ("ctrl+c",), ())
    assert problems == [
        "keys.zom: there is no such command; did you mean zoom?",
        'keys.next: "??" is no key; keys are written as in "Up", "PgDn", "?", "G".',
        "keys.leave: its key is always Ctrl+C; give keys to quit instead.",
        "keys.�[2J: there is no such command; docs/keys.md has their names.",
        "keys.suspend: its key is always Ctrl+Z; it is every terminal's.",
        'keys.next: "w" is a key of pause too, which goes without it; give pause another one.',
        'keys.leave: "Ctrl+C" is a key of follow too, which goes without it; give follow another one.',
        'keys.suspend: "Ctrl+Z" is a key of mark too, which goes without it; give mark another one.',
    ]


@given(
    st.dictionaries(st.sampled_from([*DEFAULT, "bogus"]), st.lists(st.sampled_from(["q", "Up", "x", "no", "Ctrl+C"])))
)
def test_no_key_ever_has_two_commands(assigned: dict[str, list[str]]) -> None:
    commands, _ = with_keys(assigned)
    keys = [key for command in commands for key in command.keys]
    assert len(keys) == len(set(keys))
    assert [command.keys for command in commands if command.name == "leave"] == [("ctrl+c",)]
