"""`mailtop completion`: what shells need to complete mailtop's words, made from its own parser. Only `main` enters."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

import shtab

from tui.cli.arguments import SOURCES, Exit, parser
from tui.cli.output import write
from tui.cli.sources import configuration
from tui.config import ConfigError
from tui.ui.themes import shipped_folder

# names of sources are letters, digits, dots, dashes and underscores, so no shell reads more into them
_NAMES = f"mailtop {SOURCES} 2>/dev/null"
_SOURCE_NAMES: shtab.CompleteType = {
    "bash": "_mailtop_sources",
    "zsh": "_mailtop_sources",
    "fish": f"({_NAMES})",
    "preamble": {
        "bash": f'_mailtop_sources() {{ compgen -W "$({_NAMES})" -- "$1"; }}\n',
        "zsh": f'_mailtop_sources() {{ compadd -- ${{(f)"$({_NAMES})"}}; }}\n',
    },
}
_ASKED: Mapping[str, shtab.CompleteType] = {"FILE": shtab.FILE, "--source": _SOURCE_NAMES}


def run(options: argparse.Namespace) -> int:
    """Print the completions for ``options.shell``; returns the exit code. Raises ``OutputError``."""
    write([completions(options.shell), "\n"], utf8=True)
    return Exit.OK


def completions(shell: str) -> str:
    """The completions for ``shell`` (bash, zsh, fish): its own text, which asks mailtop only for names of sources."""
    top = parser()
    themes = sorted(path.stem for path in shipped_folder().glob("*.toml"))
    for action in _actions(top):
        asked = _ASKED.get(action.option_strings[-1] if action.option_strings else "") or _ASKED.get(
            str(action.metavar)
        )
        if asked is not None:
            vars(action)["complete"] = asked  # the attribute that shtab looks for
        elif "--theme" in action.option_strings:
            action.choices = themes
    return shtab.complete(top, shell=shell)


def names(options: argparse.Namespace) -> int:
    """Print the names of the configured sources, one a line; returns the exit code. A shell asks for them while a word
    is typed, so a configuration that is wrong says nothing. Raises ``OutputError``."""
    try:
        sources: Sequence[str] = [source.name for source in configuration(options.config).source]
    except ConfigError:
        return Exit.USAGE
    write([f"{name}\n" for name in sources], utf8=True)
    return Exit.OK


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # argparse has no public way to them
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
