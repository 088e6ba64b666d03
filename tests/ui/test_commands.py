"""Every command is declared once and can be carried out."""

from __future__ import annotations

from textual.keys import KEY_DISPLAY_ALIASES, _character_to_key

from tui.model import Grouping
from tui.ui.app import MailtopApp
from tui.ui.bindings import bindings
from tui.ui.commands import (
    COMMANDS,
    SHOWN,
    Part,
    Scope,
    first_key,
    footer_items,
    footer_key,
    group_key,
    shown_key,
)
from tui.ui.screens.main import MainScreen


def test_no_key_has_two_commands() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


def test_every_command_has_its_action() -> None:
    for command in COMMANDS:
        owner = MailtopApp if command.scope is Scope.PROGRAM else MainScreen
        assert callable(getattr(owner, f"action_{command.action.split('(')[0]}"))


def test_every_command_is_bound_and_only_those_of_every_terminal_go_first() -> None:
    bound = bindings(Scope)
    assert {binding.key for binding in bound} == {",".join(command.keys) for command in COMMANDS}
    assert [binding.key for binding in bound if binding.priority] == ["ctrl+z", "ctrl+c"]


def test_nothing_needs_a_chord_or_a_function_key() -> None:
    for command in COMMANDS:
        plain = [key for key in command.keys if "ctrl" not in key and "alt" not in key and not key[1:].isdigit()]
        assert plain or command.name in ("leave", "suspend"), command.name  # there is quit, and ":suspend"
    chords = {key for command in COMMANDS for key in command.keys if "+" in key}
    assert chords == {"ctrl+c", "ctrl+z", "shift+tab"}  # tab alone goes around too


def test_keys_are_written_as_people_write_them() -> None:
    shown = {key for command in COMMANDS for key in command.shown_keys.split()}
    assert not [key for key in shown if "_" in key[1:] or key in KEY_DISPLAY_ALIASES]
    assert [shown_key(key) for key in ("ctrl+c", "shift+tab", "f1", "g", "G", "ctrl+f5", "alt+slash")] == [
        *("Ctrl+C", "Shift+Tab", "F1", "g", "G", "Ctrl+F5", "Alt+/")
    ]


def test_printable_keys_are_named_as_textual_names_them() -> None:
    printable = [character for character in map(chr, range(33, 127)) if not character.isalnum()]
    assert {SHOWN[_character_to_key(character)] for character in printable} == set(printable)


def test_the_footer_joins_neighbours_and_leaves_out_the_tabs() -> None:
    items = footer_items(Part.ACCOUNTS)
    assert ("< >", "sort") in [(item.shown_keys, item.label) for item in items]
    assert footer_key("span") == "[ ]"
    assert footer_items()[0].label == "in"
    assert [item.label for item in items[-2:]] == ["help", "quit"]
    assert "account" not in [item.label for item in footer_items()]
    assert [group_key(grouping) for grouping in Grouping] == list("taciH")
    assert first_key("nothing") == ""


def test_the_footer_shows_what_matters_for_a_part() -> None:
    of_trend = {item.label for item in footer_items(Part.TREND)}
    assert "span" in of_trend and "mark" not in of_trend
    assert {"mark", "filter"} <= {item.label for item in footer_items(Part.QUEUE)}


def test_what_is_of_several_hosts_has_no_room_where_there_is_one() -> None:
    assert "together" not in {item.label for item in footer_items(Part.QUEUE)}
    assert ("S", "together") in {(item.shown_keys, item.label) for item in footer_items(several_hosts=True)}
