"""Parses, runs one command, and makes one sentence and an exit code of whatever went wrong. Imports a command when it
is asked for."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from tui.cli.arguments import HUB, SCREEN, SOURCES, Exit, child_parser, parser
from tui.cli.ending import obey_signals, told
from tui.cli.output import OutputError, PipeClosed, flush, say
from tui.cli.shortage import be_quiet, shortage

ELSEWHERE = {"demo": ("monitor", "run"), "screen": ("web", "screen"), "sources": ("completion", "names")}
"""The module and the function of commands that are not ``run`` in the module of their own name."""

SCREENS = ("monitor", "demo", "screen")
SERVICES = ("collect", "serve", "web")
"""The commands that run until they are told to end: that they are is no failure."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line ``arguments`` (``sys.argv`` without the program for ``None``); returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _parsed_and_run(words)
        flush()
    except PipeClosed:
        return Exit.PIPE_CLOSED
    except OutputError as error:
        say(str(error))
        return Exit.OUTPUT
    except KeyboardInterrupt:
        return _interrupted("")
    return code


def _parsed_and_run(words: Sequence[str]) -> int:
    try:
        if words and words[0] in (HUB, SCREEN, SOURCES):
            options = child_parser(words[0]).parse_args(words[1:])
        else:
            options = parser(words).parse_args(words)
    except SystemExit as end:  # after help, the version or a usage error
        return int(end.code or 0)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return _interrupted(options.command)
    except Exception as error:
        if (sentence := shortage(error)) is None:
            raise
        be_quiet()
        say(sentence)
        return Exit.SYSTEM


def _interrupted(command: str) -> int:
    number = told() or signal.SIGINT
    return Exit.OK if number != signal.SIGINT and command in SERVICES else 128 + number


def _run(options: argparse.Namespace) -> int:
    from tui.config import ConfigError
    from tui.engine.ledger import LedgerBusy, LedgerError
    from tui.sources.source import SourceError

    try:
        if options.debug is not None:
            from tui.cli import debug

            debug.start(options)
        command = _command(options.command)
        if options.command not in (*SCREENS, HUB):  # these settle when all is there
            gc.enable()
        if options.command not in SCREENS:
            obey_signals()
        return command(options)
    except ConfigError as error:
        say(str(error))
        return Exit.USAGE
    except LedgerBusy as error:
        say(str(error))
        return Exit.BUSY
    except (LedgerError, SourceError) as error:
        say(str(error))
        return Exit.SOURCE


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """What runs the command of this name."""
    module, function = ELSEWHERE.get(name, (name, "run"))
    run: Callable[[argparse.Namespace], int] = getattr(import_module(f"tui.cli.{module}"), function)
    return run
