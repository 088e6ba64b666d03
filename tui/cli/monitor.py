"""`mailtop` and `mailtop demo`: the screen, over a hub in a child process."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack

import msgspec

from tui.cli.arguments import HUB, Exit
from tui.cli.output import say
from tui.cli.sources import child, configuration, found_sources, hand_down, unreadable, with_demo_ledgers
from tui.config import Config, DemoSource, demo_source, usual_path, with_options
from tui.sources.source import SourceError

NOTHING_FOUND = "No mail system was found on this host: this is the demo. The README says how to name a mail system."

ESCAPE_MILLISECONDS = "25"


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code."""
    config, notice = meant(options)
    refused = no_screen(os.environ)
    if refused is not None:
        say(refused)
        return Exit.USAGE
    with ExitStack() as leftovers:
        config = with_demo_ledgers(config, leftovers)
        hand_down(config)
        return show(config, notice, options.debug)


def meant(options: argparse.Namespace) -> tuple[Config, str]:
    """The configuration with the sources to show, and a sentence to show first. Raises ``ConfigError``, and
    ``SourceError`` when this host's mail systems are closed to this user."""
    config = with_options(configuration(options.config), options.interval, options.theme)
    if options.command == "demo":
        return msgspec.structs.replace(config, source=(demo_source(options.seed, options.accounts),)), ""
    if config.source:
        return config, ""
    found = found_sources()
    closed = [unreadable(source) for source in found]
    if closed and all(closed):
        raise SourceError("; ".join(sum(closed, ())))
    return msgspec.structs.replace(config, source=found or (DemoSource(),)), "" if found else NOTHING_FOUND


def no_screen(environ: Mapping[str, str]) -> str | None:
    """Why there can be no screen here, and what to do instead; ``None`` when there can be."""
    if not all(map(_is_terminal, (sys.stdin, sys.stdout, sys.stderr))):  # it is drawn on standard error
        return "the screen needs a terminal, and this is none; for scripts and pipes there is: mailtop show queue"
    if environ.get("TERM", "") in ("", "dumb", "unknown"):
        return "this terminal (TERM) cannot draw a screen; plain text comes from: mailtop show queue"
    return None


def _is_terminal(stream: object) -> bool:
    return stream is not None and bool(getattr(stream, "isatty", bool)())


def show(config: Config, notice: str, debug_file: str | None, *, read_only: bool = False) -> int:
    """The screen over a hub in a child process, to which ``config`` was handed down; returns the exit code."""
    # An escape sequence comes in one piece, over SSH too; Textual waits 100 ms for the rest before Esc is Esc.
    os.environ.setdefault("ESCDELAY", ESCAPE_MILLISECONDS)
    from tui.hub.process import ChildLink
    from tui.ui.app import MailtopApp
    from tui.ui.driver import TerminalDriver

    app = MailtopApp(
        ChildLink(child(HUB, debug_file=debug_file)),
        config.theme,
        config.interval,
        user_themes=usual_path().with_name("themes"),
        notices=[notice] if notice else [],
        read_only=read_only,
        driver_class=None if read_only else TerminalDriver,
    )
    app.run(mouse=True)
    return app.return_code or Exit.OK
