"""`mailtop _hub`: the hub as a child of the screen, which talks to it through a socket that it inherits."""

from __future__ import annotations

import argparse
import asyncio

from tui.cli import compose
from tui.cli.arguments import Exit
from tui.cli.output import say
from tui.cli.sources import collect_commands, configuration, sources_of
from tui.hub.collectors import Collectors
from tui.hub.hub import Hub
from tui.hub.process import inherited_socket, serve


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code."""
    config = configuration(options.config)
    try:
        sock = inherited_socket()
    except OSError as error:
        say(str(error))
        return Exit.USAGE
    sources = sources_of(config)
    collectors = Collectors(collect_commands(sources, options.debug))
    hub = Hub([compose.make_source(source, config.interval) for source in sources], collectors)
    asyncio.run(serve(hub, sock))
    return Exit.OK
