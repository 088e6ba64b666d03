"""`mailtop serve`: both documented APIs over one ledger, which a collector feeds meanwhile. Only `main` enters."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import math
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from tui.cli import compose
from tui.cli.arguments import SERVE_PORT, Exit
from tui.cli.output import say
from tui.cli.sources import collect_commands, configuration, hand_down, named, sources_of, with_demo_ledgers
from tui.cli.token import token_store
from tui.cli.until_stopped import until_stopped
from tui.config import Config, ConfigError, DemoSource, LocalSource, SharedLedgerSource
from tui.hub.collectors import Collectors
from tui.listening import AddressBusy, ServeError, addresses, are_near, listen, parse_address, tls_of
from tui.serve.tokens import TokenError, TokenStore
from tui.text import clean

if TYPE_CHECKING:
    from tui.serve.gate import App

Served = LocalSource | DemoSource | SharedLedgerSource
"""The sources with a ledger."""

LOG = logging.getLogger("mailtop.serve")

BURST_SECONDS = 10
"""How many seconds' worth of requests a token may send at once."""


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code. Raises ``ConfigError``, ``SourceError``."""
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"serve needs the package {missing[0]}, which is not installed; install it with: "
            "pip install 'mailtop[serve]'"
        )
    try:
        return _serve(options)
    except AddressBusy as error:
        say(str(error))
        return Exit.BUSY
    except ServeError as error:
        raise ConfigError(str(error)) from None


def _serve(options: argparse.Namespace) -> int:
    if not (math.isfinite(options.rate) and options.rate >= 0):
        raise ConfigError("--rate: expected a number of requests a second, or 0 for no limit")
    config = configuration(options.config)
    config = msgspec.structs.replace(config, source=tuple(sources_of(config)))
    with ExitStack() as leftovers:
        config = with_demo_ledgers(config, leftovers)
        source = _the_one(config, options.source)
        tls = tls_of(options.tls_cert, options.tls_key)
        store = token_store(options.tokens)
        sockets = listen(*parse_address(options.bind, SERVE_PORT))
        for each in sockets:
            leftovers.enter_context(each)
        hand_down(config)
        leftovers.enter_context(_talking(options.quiet))
        _tell(source, store, sockets, tls is not None, are_near(sockets))
        return asyncio.run(_until_stopped(options, config, source, store, sockets, tls))


def _the_one(config: Config, name: str | None) -> Served:
    """The one source that is served. Raises ``ConfigError`` when none or several are meant."""
    sources = named(config.source, name)
    found = [source for source in sources if isinstance(source, LocalSource | DemoSource | SharedLedgerSource)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(source.name for source in found or sources)
    if found:
        raise ConfigError(f"serve answers from one ledger; name its source with --source: {names}")
    raise ConfigError(
        f"there is no ledger to serve: {names} {'is a server' if len(sources) == 1 else 'are servers'} that answers "
        "by itself; serve is for a mail system of this host, a source of type local, or for one of type ledger"
    )


@contextmanager
def _talking(quiet: bool) -> Iterator[None]:
    """Standard error gets a line for each request, unless ``quiet``, and for what goes wrong."""
    from tui.serve.lines import Lines

    lines = Lines()
    loggers = {logging.getLogger(name): level for name, level in _LEVELS.items()}
    if quiet:
        loggers[logging.getLogger("mailtop.access")] = logging.WARNING
    for logger, level in loggers.items():
        logger.setLevel(level)
        logger.addHandler(lines)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(lines)
        lines.close()


_LEVELS = {"mailtop.access": logging.INFO, "mailtop.serve": logging.WARNING, "asyncio": logging.ERROR}


def _tell(source: Served, store: TokenStore, sockets: list[socket.socket], tls: bool, near: bool) -> None:
    """What is served, where, to whom and how safe that is."""
    whom = "which only this host can reach" if near else "which other hosts can reach"
    say(f'serving "{source.name}" (sender {source.sender_id}) at {" and ".join(addresses(sockets, tls))}, {whom}')
    if not tls and not near:
        say(
            "without TLS everybody on the way can read tokens and numbers; give --tls-cert and --tls-key, or keep to "
            "127.0.0.1 behind a proxy that has TLS"
        )
    try:
        count = len(store.list())
    except TokenError as error:
        say(f"no token is good until this is mended: {error}")
        return
    where = clean(str(store.path))
    if count:
        say(f"{count} token{'s' if count > 1 else ''} in {where}")
    else:
        say(f"there is no token in {where} yet, so nobody may ask; make one with: mailtop token new NAME")


async def _until_stopped(
    options: argparse.Namespace,
    config: Config,
    source: Served,
    store: TokenStore,
    sockets: list[socket.socket],
    tls: ssl.SSLContext | None,
) -> int:
    from tui.serve.server import serve

    collectors = Collectors(collect_commands([source], options.debug))
    app = _app(config, source, store, options.rate)
    return await until_stopped(lambda stop: serve(app, sockets, tls, stop), collectors, LOG)


def _app(config: Config, source: Served, store: TokenStore, rate: float) -> App:
    from tui.serve.answers import Answers
    from tui.serve.app import make_app
    from tui.serve.gate import Gate
    from tui.serve.guard import Guard, Limits
    from tui.serve.queue_stats import Sender

    quick, long = (compose.make_ledger_source(source, config.interval) for _ in range(2))
    answers = Answers(quick, long, unsent=quick.unsent)
    guard = Guard(store, Limits(per_second=rate, burst=max(1.0, rate * BURST_SECONDS)))
    sender = Sender(
        source.sender_id,
        source.name,
        source.mta if isinstance(source, LocalSource) else "demo" if isinstance(source, DemoSource) else "ledger",
    )
    return Gate(make_app(answers, guard, [sender]), guard)
