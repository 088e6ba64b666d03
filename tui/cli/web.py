"""`mailtop web`: the screen in browsers, each in a process of its own, over collectors that they share. Only `main`
enters."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import secrets
import socket
import ssl
import sys
from contextlib import ExitStack

from tui.cli import monitor
from tui.cli.arguments import SCREEN, WEB_PORT, Exit
from tui.cli.output import say
from tui.cli.sources import child, collect_commands, configuration, hand_down, with_demo_ledgers
from tui.cli.until_stopped import until_stopped
from tui.config import Config, ConfigError
from tui.config.secrets import SecretError, secret_in_file
from tui.hub.collectors import Collectors
from tui.listening import AddressBusy, ServeError, addresses, are_near, listen, parse_address, tls_of
from tui.text import clean

LOG = logging.getLogger("mailtop.web")

LEAST_TOKEN_LETTERS = 16


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code. Raises ``ConfigError``, ``SourceError``."""
    if importlib.util.find_spec("textual_serve") is None:
        raise ConfigError(
            "web needs the package textual-serve, which is not installed; install it with: pip install 'mailtop[web]'"
        )
    try:
        return _web(options)
    except AddressBusy as error:
        say(str(error))
        return Exit.BUSY
    except ServeError as error:
        raise ConfigError(str(error)) from None


def screen(options: argparse.Namespace) -> int:
    """One browser's screen, which the server starts; returns the exit code."""
    return monitor.show(configuration(options.config), "", options.debug, read_only=True)


def _web(options: argparse.Namespace) -> int:
    from tui.web.server import is_url

    if options.public_url is not None and not is_url(options.public_url):
        raise ConfigError(f'--public-url: "{clean(options.public_url)}" is no address such as https://mail.example.org')
    config, notice = monitor.meant(options)
    token, is_new = _token(options.token_file)
    with ExitStack() as leftovers:
        config = with_demo_ledgers(config, leftovers)
        tls = tls_of(options.tls_cert, options.tls_key)
        sockets = listen(*parse_address(options.bind, WEB_PORT))
        for each in sockets:
            leftovers.enter_context(each)
        near, behind = are_near(sockets), (options.public_url or "").startswith("https:")
        if not (near or tls or behind):
            raise ConfigError(
                "--bind: other hosts can reach this address, and without TLS everybody on the way could read the "
                "token and the screen; give --tls-cert and --tls-key, or keep to 127.0.0.1 with a proxy that has TLS "
                "in front and --public-url https://HOST"
            )
        if notice:
            say(notice)
        hand_down(config)
        _tell(addresses(sockets, tls is not None), options.public_url, token if is_new else None)
        return asyncio.run(_until_stopped(options, config, token, sockets, tls))


def _token(file: str | None) -> tuple[str, bool]:
    """The token that lets in, and whether it is a new one. Raises ``ConfigError``."""
    if file is None:
        if not sys.stderr.isatty():
            raise ConfigError(
                "there is no terminal to print the link with the new token on, and a log is no place for it; put a "
                "token of your own into a private file and name it with --token-file"
            )
        return secrets.token_urlsafe(32), True
    try:
        token = secret_in_file(file).reveal()
    except SecretError as error:
        raise ConfigError(str(error)) from None
    if len(token) < LEAST_TOKEN_LETTERS:
        raise ConfigError(f"--token-file: {clean(file)} has a token of less than {LEAST_TOKEN_LETTERS} letters")
    return token, False


def _tell(where: list[str], public_url: str | None, token: str | None) -> None:
    url = public_url.rstrip("/") if public_url else where[0]
    say(f"the screen is at {' and '.join([public_url] if public_url else where)}, to look at only; Ctrl-C ends it")
    if token is not None:
        say(f"open it with this link, which lets in whoever has it until mailtop ends: {url}/#{token}")


async def _until_stopped(
    options: argparse.Namespace,
    config: Config,
    token: str,
    sockets: list[socket.socket],
    tls: ssl.SSLContext | None,
) -> int:
    from tui.web.door import Door, hosts_of
    from tui.web.server import ScreenServer, serve

    hosts = [
        host for each in sockets for host in hosts_of(each.getsockname()[0], each.getsockname()[1], options.public_url)
    ]
    secure = tls is not None or (options.public_url or "").startswith("https:")
    server = ScreenServer(child(SCREEN, debug_file=options.debug), Door(token, hosts, secure=secure))
    collectors = Collectors(collect_commands(config.source, options.debug))
    return await until_stopped(lambda stop: serve(server, sockets, tls, stop), collectors, LOG)
