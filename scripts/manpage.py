#!/usr/bin/env python3
"""Prints the man page, made from the parser of the command line: scripts/manpage.py > docs/mailtop.1"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tui import __version__
from tui.cli.arguments import EXIT_MEANINGS, parser

FILES = {
    "~/.config/mailtop/config.toml": "the configuration, unless --config or MAILTOP_CONFIG names another",
    "~/.config/mailtop/themes/*.toml": "your own themes",
    "~/.local/state/mailtop": "ledgers, tokens and the view to begin with, where the folder below is not there",
    "/var/lib/mailtop": "ledgers and tokens of the service, or as root",
}
ENVIRONMENT = {
    "MAILTOP_CONFIG": "the configuration file, unless --config names one",
    "NO_COLOR": "draw without colours when it is not empty",
    "TERM, COLORTERM, LC_ALL, LC_CTYPE, LANG": "what the terminal can show",
    "XDG_CONFIG_HOME, XDG_STATE_HOME": "the folders in place of ~/.config and ~/.local/state",
}


def page() -> Iterator[str]:
    """The lines of the page in roff with the macros of man(7)."""
    top = parser()
    yield f'.TH MAILTOP 1 "" "mailtop {__version__}" "User Commands"'
    yield from (".SH NAME", r"mailtop \- top for mail: who sends what, what waits in the queue, and why")
    yield from (".SH SYNOPSIS", r".B mailtop", r"[\fIOPTION\fR]... [\fICOMMAND\fR ...]")
    yield from (".SH DESCRIPTION", roff(str(top.description)))
    yield from (".SH OPTIONS", *options(top))
    yield ".SH COMMANDS"
    for name, command in leaves(top, "mailtop"):
        yield from (f'.SS "{roff(name + positionals(command))}"', roff(str(command.description)), *options(command))
    yield from (".SH EXIT STATUS", *listed({str(code.value): f"{text}." for code, text in EXIT_MEANINGS.items()}))
    yield from (".SH FILES", *listed(FILES))
    yield from (".SH ENVIRONMENT", *listed(ENVIRONMENT))
    yield from (".SH SEE ALSO", ".BR exim (8),", ".BR postqueue (1),", ".BR top (1)")


def leaves(each: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, with its words."""
    for action in each._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                if inner._subparsers is None:
                    yield f"{name} {word}", inner
                yield from leaves(inner, f"{name} {word}")


def positionals(command: argparse.ArgumentParser) -> str:
    """What follows the command's words, as in its help."""
    names = ""
    for action in command._actions:
        if not action.option_strings:
            name = action.metavar or "|".join(action.choices or ())
            names += f" [{name}]" if action.nargs == "?" else f" {name}"
    return names


def options(command: argparse.ArgumentParser) -> Iterator[str]:
    """The options of one command, and what follows its words."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        value = action.metavar or "|".join(action.choices or ())
        words = [rf"\fB{roff(word)}\fR" for word in action.option_strings]
        head = ", ".join(words) + (rf" \fI{roff(str(value))}\fR" if value else "")
        help_text = str(action.help).replace("%(prog)s", "mailtop")
        yield from (".TP", head.strip(), roff(help_text))


def listed(table: dict[str, str]) -> Iterator[str]:
    """A list of words, and what each is."""
    for word, text in table.items():
        yield from (".TP", rf"\fB{roff(word)}\fR", roff(text))


def roff(text: str) -> str:
    """Plain text as roff: what it reads as signs of its own is written out."""
    plain = text.replace("\\", r"\e").replace("-", r"\-").replace("`", "").replace("~", r"\(ti").replace("^", r"\(ha")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    print("\n".join(page()))
