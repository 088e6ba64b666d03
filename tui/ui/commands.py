"""Every command once: its keys, label, help, action and scope. Bindings, footer, help screen and the README's table are
made from this and nothing else."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


class Scope(enum.StrEnum):
    """Where a command belongs on the help screen."""

    MOVE = "Move"
    WALK = "Walk through the queue"
    LOOK = "Look"
    PROGRAM = "Program"


@dataclass(frozen=True)
class Command:
    """One command: ``keys`` as Textual names them, ``label`` for the footer ("" keeps it out), ``help`` a full
    phrase."""

    action: str
    keys: tuple[str, ...]
    label: str
    help: str
    scope: Scope

    @property
    def shown_keys(self) -> str:
        """The keys as people write them: ``Up k``."""
        return " ".join(_SHOWN.get(key, key) for key in self.keys)


_SHOWN = {
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "enter": "Enter",
    "escape": "Esc",
    "backspace": "Backspace",
    "question_mark": "?",
    "f1": "F1",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "ctrl+c": "Ctrl+C",
}

COMMANDS = (
    Command("move(-1)", ("up", "k"), "", "one row up", Scope.MOVE),
    Command("move(1)", ("down", "j"), "", "one row down", Scope.MOVE),
    Command("page(-1)", ("pageup",), "", "one page up", Scope.MOVE),
    Command("page(1)", ("pagedown",), "", "one page down", Scope.MOVE),
    Command("top", ("home", "g"), "", "to the first row", Scope.MOVE),
    Command("bottom", ("end", "G"), "", "to the last row", Scope.MOVE),
    Command("into", ("enter", "right"), "in", "go in on the row under the cursor", Scope.WALK),
    Command("out", ("escape", "backspace", "left"), "out", "go back out, to the row you came from", Scope.WALK),
    Command("group('total')", ("t", "1"), "total", "add up all mail", Scope.WALK),
    Command("group('account')", ("a", "2"), "account", "add up by account", Scope.WALK),
    Command("group('account_campaign')", ("c", "3"), "campaign", "add up by account and campaign", Scope.WALK),
    Command("group('isp')", ("i", "4"), "isp", "add up by mailbox provider", Scope.WALK),
    Command("sort(-1)", ("less_than_sign",), "sort", "sort by the column to the left", Scope.LOOK),
    Command("sort(1)", ("greater_than_sign",), "sort", "sort by the column to the right", Scope.LOOK),
    Command("reverse", ("I",), "reverse", "turn the order around", Scope.LOOK),
    Command("span(-1)", ("left_square_bracket",), "span", "show a shorter time in the chart", Scope.LOOK),
    Command("span(1)", ("right_square_bracket",), "span", "show a longer time in the chart", Scope.LOOK),
    Command("pause", ("p",), "pause", "hold the numbers still; again to let them run", Scope.LOOK),
    Command("refresh", ("r",), "refresh", "ask every source now", Scope.LOOK),
    Command("theme", ("T",), "", "next theme", Scope.PROGRAM),
    Command("help", ("question_mark", "f1", "h"), "help", "help", Scope.PROGRAM),
    Command("quit", ("q", "ctrl+c"), "quit", "leave", Scope.PROGRAM),
)


def group_key(grouping: str) -> str:
    """The key that adds up by ``grouping``, as the tabs show it."""
    return next(command.shown_keys.split()[0] for command in COMMANDS if command.action == f"group('{grouping}')")


def bindings(scopes: Iterable[Scope]) -> list[Binding]:
    """Textual's bindings of the commands in ``scopes``."""
    wanted = set(scopes)
    return [
        Binding(",".join(command.keys), command.action, command.help, show=False, id=f"mailtop.{command.action}")
        for command in COMMANDS
        if command.scope in wanted
    ]


def footer_items() -> list[tuple[str, str]]:
    """First key and label of each command in the footer; neighbours with one label share it. The tabs stand
    elsewhere."""
    items: list[tuple[str, str]] = []
    for command in COMMANDS:
        if not command.label or command.action.startswith("group("):
            continue
        key = command.shown_keys.split()[0]
        if items and items[-1][1] == command.label:
            items[-1] = (f"{items[-1][0]} {key}", command.label)
        else:
            items.append((key, command.label))
    return items


def footer_key(label: str) -> str:
    """The keys that the footer shows for ``label``."""
    return next(key for key, known in footer_items() if known == label)


def key_table() -> str:
    """The README's table of keys, in Markdown."""
    lines = ["| keys | what they do |", "|---|---|"]
    for command in COMMANDS:
        keys = " ".join(f"`{key}`" for key in command.shown_keys.split())
        lines.append(f"| {keys} | {command.help} |")
    return "\n".join(lines)
