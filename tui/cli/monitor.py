"""`mailtop` and `mailtop demo`: the screen, over a hub in a child process."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from tui.cli.arguments import HUB, Exit
from tui.cli.ending import obey, told
from tui.cli.output import say
from tui.cli.sources import child, configuration, found_sources, hand_down, unreadable, with_demo_ledgers
from tui.config import Config, DemoSource, demo_source, usual_path, with_options
from tui.config.remembered import Remembered, RememberedError, recall, remember, remembered_path
from tui.hub.protocol import ViewRequest, encode
from tui.hub.spawn import SpawnedHub, spawn_hub
from tui.model import QueueQuery
from tui.sources.source import SourceError
from tui.text import clean

NOTHING_FOUND = "No mail system was found on this host: this is the demo. The README says how to name a mail system."

ESCAPE_MILLISECONDS = "25"
FIRST_PANES = 4


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
        obey()
        given = () if options.config is None else ("--config", str(Path(options.config).absolute()))
        return show(config, notice, options.debug, ascii=options.ascii, last=_last(options, config), options=given)


def meant(options: argparse.Namespace) -> tuple[Config, str]:
    """The configuration with the sources to show, and a sentence to show first. Raises ``ConfigError``, and
    ``SourceError`` when this host's mail systems are closed to this user."""
    config = with_options(
        configuration(options.config),
        options.interval,
        options.theme,
        lite=getattr(options, "lite", None),
        mouse=getattr(options, "mouse", None),
    )
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
    if not all(map(_is_terminal, (sys.stdin, sys.stdout))):
        return "the screen needs a terminal, and this is none; for scripts and pipes there is: mailtop show queue"
    if not _is_terminal(sys.stderr):
        return "the screen is drawn on standard error, which is no terminal here; leave it to the terminal (without 2>)"
    if environ.get("TERM", "") in ("", "dumb", "unknown"):
        return "this terminal (TERM) cannot draw a screen; plain text comes from: mailtop show queue"
    return None


def _is_terminal(stream: object) -> bool:
    return stream is not None and bool(getattr(stream, "isatty", bool)())


def show(
    config: Config,
    notice: str,
    debug_file: str | None,
    *,
    read_only: bool = False,
    ascii: bool = False,
    last: Last | None = None,
    options: Sequence[str] = (),
) -> int:
    """The screen over a hub in a child process, to which ``config`` was handed down, beginning with what was seen
    ``last``; ``options`` say where numbers come from. Returns the exit code."""
    # An escape sequence comes in one piece, over SSH too; Textual waits 100 ms for the rest before Esc is Esc.
    os.environ.setdefault("ESCDELAY", ESCAPE_MILLISECONDS)
    last = last or Last()
    argv = child(HUB, debug_file=debug_file)
    spawned = begun(argv, last.request(), copied=debug_file is None)
    from tui.hub.process import ChildLink
    from tui.ui.app import MailtopApp
    from tui.ui.driver import TerminalDriver
    from tui.ui.keymap import with_keys

    commands, problems = with_keys(config.keys)
    app = MailtopApp(
        ChildLink(argv, spawned),
        last.theme(config),
        config.interval,
        start=last.request(),
        commands=commands,
        user_themes=usual_path().with_name("themes"),
        notices=[sentence for sentence in (notice, last.problem, *problems) if sentence],
        lite=config.lite,
        ascii=ascii,
        read_only=read_only,
        options=options,
        driver_class=None if read_only else TerminalDriver,
        ready=_settle,
        told=told,
    )
    app.run(mouse=config.mouse)
    if not read_only:
        last.keep(config, app.asked, app.chosen_theme or last.theme(config))
    return app.return_code or Exit.OK


def begun(argv: Sequence[str], request: ViewRequest, *, copied: bool) -> SpawnedHub | None:
    """A hub that is on its way to the first rows while the screen is still being imported, which takes as long; a copy
    of this process if ``copied``, which need not import what is here again. ``None`` when it cannot be started: the
    link then tries it again, and tells why."""
    import asyncio  # both need it

    del asyncio
    gc.freeze()  # or else looking for garbage would have pages copied
    with suppress(OSError):
        spawned = spawn_hub(argv, _hub if copied else None)
        spawned.socket.sendall(encode(msgspec.structs.replace(request, panes=FIRST_PANES)))
        return spawned
    return None


def _hub() -> int:
    from tui.cli.main import main

    return main([HUB])


def _settle() -> None:
    """What is there when the screen is up stays: it is no longer looked through for garbage, which takes as long as
    several frames."""
    gc.freeze()
    gc.enable()


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen last, ``problem`` why that is not known; ``theme_given`` says that the command line names one."""

    view: Remembered = Remembered()
    problem: str = ""
    theme_given: bool = False

    def theme(self, config: Config) -> str:
        """The theme to show: the newest of what the user chose on the screen, in the configuration, in the command."""
        chosen = self.view.theme if config.theme == self.view.configured_theme and not self.theme_given else ""
        return clean(chosen or config.theme)

    def request(self) -> ViewRequest:
        """What to ask for first."""
        view = self.view
        return ViewRequest(
            serial=0,
            query=QueueQuery(grouping=view.grouping),
            sort=view.sort,
            descending=view.descending,
            filter=clean(view.filter),
            problems=view.problems,
            span_seconds=view.span_seconds,
            together=view.together,
        )

    def keep(self, config: Config, asked: ViewRequest, theme: str) -> None:
        """Remember what is asked for at the end, and the theme."""
        view = Remembered(
            grouping=asked.query.grouping,
            sort=asked.sort,
            descending=asked.descending,
            filter=asked.filter,
            problems=asked.problems,
            span_seconds=asked.span_seconds,
            together=asked.together,
            theme=self.view.theme if self.theme_given and theme == config.theme else theme,
            configured_theme=self.view.configured_theme if self.theme_given else config.theme,
        )
        try:
            remember(remembered_path(), _names(config), view)
        except OSError as error:
            say(f"what you looked at is not remembered: {remembered_path()}: {error.strerror}")


def _last(options: argparse.Namespace, config: Config) -> Last:
    given = options.theme is not None
    if options.fresh:
        return Last(theme_given=given)
    try:
        view = recall(remembered_path(), _names(config))
    except RememberedError as error:
        return Last(problem=str(error), theme_given=given)
    return Last(view=view or Remembered(), theme_given=given)


def _names(config: Config) -> list[str]:
    return [source.name for source in config.source]
