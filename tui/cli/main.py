"""Parses, runs one command, and makes one sentence and an exit code of whatever went wrong. Imports a command when it
is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tui.cli.arguments import HUB, SCREEN, SOURCES, Exit, child_parser, parser
from tui.cli.output import OutputError, PipeClosed, flush, say
from tui.cli.shortage import be_quiet, shortage


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line ``arguments`` (``sys.argv`` without the program for ``None``); returns the exit code."""
    try:
        code = _parsed_and_run(arguments)
        flush()
    except PipeClosed:
        return Exit.PIPE_CLOSED
    except OutputError as error:
        say(str(error))
        return Exit.OUTPUT
    return code


def _parsed_and_run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
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
        return Exit.INTERRUPTED
    except Exception as error:
        if (sentence := shortage(error)) is None:
            raise
        be_quiet()
        say(sentence)
        return Exit.SYSTEM


def _run(options: argparse.Namespace) -> int:
    from tui.config import ConfigError
    from tui.engine.ledger import LedgerBusy, LedgerError
    from tui.sources.source import SourceError

    try:
        if options.debug is not None:
            from tui.cli import debug

            debug.start(options)
        return _command(options)
    except ConfigError as error:
        say(str(error))
        return Exit.USAGE
    except LedgerBusy as error:
        say(str(error))
        return Exit.BUSY
    except (LedgerError, SourceError) as error:
        say(str(error))
        return Exit.SOURCE


def _command(options: argparse.Namespace) -> int:
    if options.command == "show":
        from tui.cli import show

        return show.run(options)
    if options.command == "collect":
        from tui.cli import collect

        return collect.run(options)
    if options.command == "hub":
        from tui.cli import hub

        return hub.run(options)
    if options.command == "config":
        from tui.cli import config

        return config.run(options)
    if options.command == "check":
        from tui.cli import check

        return check.run(options)
    if options.command == "serve":
        from tui.cli import serve

        return serve.run(options)
    if options.command in ("web", "screen"):
        from tui.cli import web

        return web.run(options) if options.command == "web" else web.screen(options)
    if options.command in ("completion", "sources"):
        from tui.cli import completion

        return completion.run(options) if options.command == "completion" else completion.names(options)
    if options.command == "ledger":
        from tui.cli import ledger

        return ledger.run(options)
    if options.command == "token":
        from tui.cli import token

        return token.run(options)
    from tui.cli import monitor

    return monitor.run(options)
