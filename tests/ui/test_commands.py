"""Every command is declared once and can be carried out."""

from __future__ import annotations

from textual.keys import KEY_DISPLAY_ALIASES

from tui.ui.app import MailtopApp
from tui.ui.commands import COMMANDS, Scope, bindings, footer_items, group_key, key_table
from tui.ui.screens.main import MainScreen


def test_no_key_has_two_commands() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))


def test_every_command_has_its_action() -> None:
    for command in COMMANDS:
        owner = MailtopApp if command.scope is Scope.PROGRAM else MainScreen
        assert callable(getattr(owner, f"action_{command.action.split('(')[0]}"))


def test_every_command_is_bound() -> None:
    bound = {binding.key for binding in bindings(Scope)}
    assert bound == {",".join(command.keys) for command in COMMANDS}


def test_keys_are_written_as_people_write_them() -> None:
    shown = {key for command in COMMANDS for key in command.shown_keys.split()}
    assert not [key for key in shown if "_" in key or key in KEY_DISPLAY_ALIASES]


def test_the_footer_joins_neighbours_and_leaves_out_the_tabs() -> None:
    items = footer_items()
    assert ("< >", "sort") in items and ("[ ]", "span") in items and items[0] == ("Enter", "in")
    assert items[-2:] == [("?", "help"), ("q", "quit")]
    assert "account" not in dict(items).values()
    assert [group_key(grouping) for grouping in ("total", "account", "account_campaign", "isp")] == list("taci")


def test_the_table_of_keys_has_every_command() -> None:
    lines = key_table().split("\n")
    assert len(lines) == len(COMMANDS) + 2
    assert "| `Enter` `Right` | go in on the row under the cursor |" in lines
