"""Every command once: its name, keys, label, help, action, scope and where it matters. Bindings, footer, help screen,
palette, the user's keymap and the documentation's tables are made from this and nothing else. No Textual in here."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec


class Scope(enum.StrEnum):
    """Where a command belongs on the help screen."""

    MOVE = "Move"
    WALK = "Walk through the queue"
    FIND = "Find"
    LOOK = "Look"
    PROGRAM = "Program"


class Part(enum.StrEnum):
    """The part of the screen that has the keys, for which the footer shows what matters."""

    ACCOUNTS = "accounts"
    QUEUE = "queue"
    DETAIL = "detail"
    TREND = "trend"


class Command(msgspec.Struct, frozen=True):
    """One command. ``name`` is what the configuration and the palette call it, ``keys`` are as Textual names them,
    ``label`` is for the footer ("" keeps it out), ``help`` a full phrase, ``parts`` where the footer shows it;
    ``of_hosts`` only where there are several hosts."""

    name: str
    action: str
    keys: tuple[str, ...]
    label: str
    help: str
    scope: Scope
    parts: tuple[Part, ...] = tuple(Part)
    of_hosts: bool = False

    @property
    def shown_keys(self) -> str:
        """The keys as people write them: ``Up k``."""
        return " ".join(map(shown_key, self.keys))

    @property
    def shown_key(self) -> str:
        """The first of them; "" where there is none."""
        return shown_key(self.keys[0]) if self.keys else ""


def shown_key(key: str) -> str:
    """A key, named as Textual does, as people write it."""
    *modifiers, name = key.split("+") if "+" in key else (key,)
    shown = SHOWN.get(name, name.upper() if modifiers or name[1:].isdigit() else name)
    return "+".join([*(modifier.capitalize() for modifier in modifiers), shown])


SHOWN = {
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "insert": "Ins",
    "delete": "Del",
    "enter": "Enter",
    "escape": "Esc",
    "backspace": "Backspace",
    "space": "Space",
    "tab": "Tab",
    "exclamation_mark": "!",
    "quotation_mark": '"',
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "apostrophe": "'",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "asterisk": "*",
    "plus": "+",
    "comma": ",",
    "minus": "-",
    "full_stop": ".",
    "slash": "/",
    "colon": ":",
    "semicolon": ";",
    "less_than_sign": "<",
    "equals_sign": "=",
    "greater_than_sign": ">",
    "question_mark": "?",
    "at": "@",
    "left_square_bracket": "[",
    "backslash": "\\",
    "right_square_bracket": "]",
    "circumflex_accent": "^",
    "underscore": "_",
    "grave_accent": "`",
    "left_curly_bracket": "{",
    "vertical_line": "|",
    "right_curly_bracket": "}",
    "tilde": "~",
}
"""Textual's names of keys as people write them; every other key is written as it is."""

_QUEUE, _ROWS, _ANY = (Part.QUEUE,), (Part.QUEUE, Part.ACCOUNTS), tuple(Part)
_CHARTED = (Part.QUEUE, Part.TREND, Part.DETAIL)

COMMANDS = (
    Command("up", "move(-1)", ("up", "k"), "", "one row up", Scope.MOVE),
    Command("down", "move(1)", ("down", "j"), "", "one row down", Scope.MOVE),
    Command("page-up", "page(-1)", ("pageup",), "", "one page up", Scope.MOVE),
    Command("page-down", "page(1)", ("pagedown",), "", "one page down", Scope.MOVE),
    Command("top", "top", ("home", "g"), "", "to the first row", Scope.MOVE),
    Command("bottom", "bottom", ("end", "G"), "", "to the last row", Scope.MOVE),
    Command("focus", "turn(1)", ("tab",), "", "to the next part of the screen", Scope.MOVE),
    Command("focus-back", "turn(-1)", ("shift+tab",), "", "to the part of the screen before", Scope.MOVE),
    Command("left", "aside(-1)", ("left",), "", "out; a pane to the left; a shorter time in the chart", Scope.MOVE),
    Command("right", "aside(1)", ("right",), "", "in; a pane to the right; a longer time in the chart", Scope.MOVE),
    Command("in", "into", ("enter",), "in", "go in on the row under the cursor", Scope.WALK, _ROWS),
    Command("out", "out", ("escape", "backspace"), "out", "go back out, to the row you came from", Scope.WALK),
    Command("total", "group('total')", ("t", "1"), "total", "add up all mail", Scope.WALK, _QUEUE),
    Command("account", "group('account')", ("a", "2"), "account", "add up by account", Scope.WALK, _QUEUE),
    Command(
        "campaign",
        "group('account_campaign')",
        ("c", "3"),
        "campaign",
        "add up by account and campaign",
        Scope.WALK,
        _QUEUE,
    ),
    Command("isp", "group('isp')", ("i", "4"), "isp", "add up by mailbox provider", Scope.WALK, _QUEUE),
    Command("host", "group('host')", ("H", "5"), "host", "a row for each sending system", Scope.WALK, _QUEUE),
    Command(
        "together",
        "together",
        ("S",),
        "together",
        "add up the rows of all hosts; again for those of each host",
        Scope.WALK,
        _ROWS,
        of_hosts=True,
    ),
    Command("last", "last", ("minus",), "", "back to the place before, and again to this one", Scope.WALK),
    Command(
        "details",
        "details",
        ("d",),
        "details",
        "all that is known of the row: why mail waits, and which",
        Scope.WALK,
        _QUEUE,
    ),
    Command(
        "filter",
        "filter",
        ("slash",),
        "filter",
        "show fewer rows: a text, /a pattern/, retry>100, ! for all others",
        Scope.FIND,
        _ROWS,
    ),
    Command("next", "seek('match', 1)", ("n",), "", "to the next row that matches the last filter", Scope.FIND, _ROWS),
    Command("previous", "seek('match', -1)", ("N",), "", "to the row before that matches it", Scope.FIND, _ROWS),
    Command(
        "problems",
        "problems",
        ("exclamation_mark",),
        "problems",
        "show only rows that are a problem; again for all",
        Scope.FIND,
        _QUEUE,
    ),
    Command("next-problem", "seek('problem', 1)", ("e",), "", "to the next row that is a problem", Scope.FIND, _QUEUE),
    Command("previous-problem", "seek('problem', -1)", ("E",), "", "to the problem before", Scope.FIND, _QUEUE),
    Command(
        "follow",
        "follow",
        ("F",),
        "",
        "keep the cursor on this row wherever it goes; again to let go",
        Scope.FIND,
        _QUEUE,
    ),
    Command(
        "mark", "mark", ("space",), "mark", "mark the row, to see the sums of all that are marked", Scope.FIND, _QUEUE
    ),
    Command("unmark", "unmark", ("U",), "", "mark no row any more", Scope.FIND, _QUEUE),
    Command(
        "jump", "jump", ("colon",), "jump", "jump anywhere: isp gmail, account bob, theme, any command", Scope.FIND
    ),
    Command("sort-left", "sort(-1)", ("less_than_sign",), "sort", "sort by the column to the left", Scope.LOOK, _ROWS),
    Command(
        "sort-right", "sort(1)", ("greater_than_sign",), "sort", "sort by the column to the right", Scope.LOOK, _ROWS
    ),
    Command("reverse", "reverse", ("I",), "reverse", "turn the order around", Scope.LOOK, _ROWS),
    Command("zoom", "zoom", ("z",), "zoom", "give this part the whole screen; again to give it back", Scope.LOOK),
    Command(
        "span-shorter",
        "span(-1)",
        ("left_square_bracket",),
        "span",
        "show a shorter time in the chart",
        Scope.LOOK,
        _CHARTED,
    ),
    Command(
        "span-longer",
        "span(1)",
        ("right_square_bracket",),
        "span",
        "show a longer time in the chart",
        Scope.LOOK,
        _CHARTED,
    ),
    Command("pause", "pause", ("p",), "pause", "hold the numbers still; again to let them run", Scope.LOOK),
    Command("refresh", "refresh", ("r",), "refresh", "ask every source now, and draw anew", Scope.LOOK),
    Command("lite", "lite", ("L",), "", "send less: few colours, no charts; again for all", Scope.LOOK),
    Command("copy", "copy", ("y",), "", "copy this place as a mailtop command to the clipboard", Scope.PROGRAM),
    Command(
        "export", "export", ("x",), "", "write what is shown to a file: text, CSV, JSON or a picture", Scope.PROGRAM
    ),
    Command("theme", "theme", ("T",), "", "choose a theme", Scope.PROGRAM),
    Command("help", "help", ("question_mark", "f1", "h"), "help", "help", Scope.PROGRAM),
    Command("quit", "quit", ("q",), "quit", "go back, and leave where there is nothing to go back from", Scope.PROGRAM),
    Command("suspend", "suspend", ("ctrl+z",), "", "go back to the shell for a while; fg goes on", Scope.PROGRAM),
    Command("leave", "leave", ("ctrl+c",), "", "leave at once", Scope.PROGRAM),
)


class FooterItem(msgspec.Struct, frozen=True):
    """A word in the footer, and before it each key that does something, with the action it does."""

    label: str
    keys: tuple[tuple[str, str], ...]

    @property
    def shown_keys(self) -> str:
        """The keys as the footer writes them: ``< >``."""
        return " ".join(key for key, _ in self.keys)


def group_key(grouping: str, commands: Sequence[Command] = COMMANDS) -> str:
    """The key that adds up by ``grouping``, as the tabs show it."""
    return first_key(f"group('{grouping}')", commands)


def first_key(action: str, commands: Sequence[Command] = COMMANDS) -> str:
    """The first key of the command that does ``action``, as people write it; "" where it has none."""
    return next((command.shown_key for command in commands if command.action == action), "")


def footer_items(
    part: Part = Part.QUEUE, commands: Sequence[Command] = COMMANDS, *, several_hosts: bool = False
) -> list[FooterItem]:
    """First key and label of each command that the footer shows for ``part``; neighbours with one label share it. The
    tabs stand elsewhere."""
    items: list[FooterItem] = []
    for command in commands:
        if command.of_hosts and not several_hosts:
            continue
        if not command.label or not command.keys or part not in command.parts or command.action.startswith("group("):
            continue
        key = (command.shown_key, command.action)
        if items and items[-1].label == command.label:
            items[-1] = FooterItem(command.label, (*items[-1].keys, key))
        else:
            items.append(FooterItem(command.label, (key,)))
    return items


def footer_key(label: str, commands: Sequence[Command] = COMMANDS) -> str:
    """The keys that the footer shows for ``label``."""
    return next(item.shown_keys for part in Part for item in footer_items(part, commands) if item.label == label)
