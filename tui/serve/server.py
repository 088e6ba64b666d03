"""Listens, with or without TLS, and lets no client hold a connection by being slow. Only the command line enters."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import shlex
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui.serve.gate import App
from tui.text import clean

DEFAULT_PORT = 9587

HEAD_SECONDS = 10.0
"""How long the first line and the headers of a request may take, and a TLS handshake."""

UNREAD_SECONDS = 30
"""How long a client may read nothing of an answer before it is let go."""

KEEP_ALIVE_SECONDS = 30
MAX_CONNECTIONS = 500
END_SECONDS = 3
DATE_SECONDS = 1.0
BACKLOG = 512


class ServeError(Exception):
    """The server cannot be had so; one sentence that says why and what to do."""


class AddressBusy(ServeError):
    """Another program listens there."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[IPV6]:PORT``, ``HOST`` or ``[IPV6]``. Raises ``ServeError``."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    is_name = bool(name) and not set("[]") & set(name) and (":" in name) == bracketed
    if not is_name or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ServeError(
            f'--bind: "{clean(text)}" is no address to serve on; expected HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT} '
            f"or [::1]:{DEFAULT_PORT}"
        )
    return name, int(port)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of ``host``; ``port`` 0 takes one that is free. Raises ``ServeError``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ServeError(f'--bind: this host does not know the name "{clean(host)}"') from None
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            free = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_listening(family, (address[0], free, *address[2:])))
    except OSError as error:
        for each in sockets:
            each.close()
        where = f"{clean(host)}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise AddressBusy(f"another program listens on {where}; choose another port with --bind") from None
        advice = "; ports below 1024 are root's" if error.errno == errno.EACCES else ""
        raise ServeError(f"--bind: cannot listen on {where}: {error.strerror}{advice}") from None
    return sockets


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # without, asyncio leaves Nagle's delay on
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What was accepted inherits this: the kernel lets a client go that takes no more of an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        if family == socket.AF_INET6:  # [::] is every address of this host, IPv4 too
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def addresses(sockets: Sequence[socket.socket], tls: bool) -> list[str]:
    """Where the sockets can be asked, such as ``https://127.0.0.1:9587``."""
    scheme = "https" if tls else "http"
    found = []
    for each in sockets:
        host, port = each.getsockname()[:2]
        found.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    return found


def are_near(sockets: Sequence[socket.socket]) -> bool:
    """Whether only this host can reach them."""
    return all(ipaddress.ip_address(each.getsockname()[0].partition("%")[0]).is_loopback for each in sockets)


def certificate(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS from 1.2 on, with the certificate chain and the key in these PEM files. Raises ``ServeError``."""
    _readable(cert, "--tls-cert")
    _check_key(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    asked: list[bool] = []

    def no_password() -> str:
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key, no_password)
    except ssl.SSLError as error:
        raise ServeError(_tls_trouble(cert, key, error, encrypted=bool(asked))) from None
    except OSError as error:
        raise ServeError(f"--tls-cert or --tls-key cannot be read: {error.strerror}") from None
    return context


def _tls_trouble(cert: Path, key: Path, error: ssl.SSLError, *, encrypted: bool) -> str:
    if encrypted:
        return f"--tls-key: {clean(str(key))} is encrypted; mailtop needs a key without a password"
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"--tls-key: {clean(str(key))} is not the key of the certificate in {clean(str(cert))}"
    begins = "-----BEGIN CERTIFICATE-----"
    which, file, expected = ("--tls-key", key, "a private key, unencrypted")
    if begins not in cert.read_text("latin-1"):
        which, file, expected = ("--tls-cert", cert, f'the certificate and its chain, with lines such as "{begins}"')
    return (
        f"{which}: {clean(str(file))} cannot be used ({error.reason or 'no PEM'}); expected {expected}, in PEM format"
    )


def _readable(path: Path, option: str) -> os.stat_result:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno())
    except OSError as error:
        raise ServeError(f"{option}: {clean(str(path))} cannot be read: {error.strerror}") from None


def _check_key(key: Path) -> None:
    found = _readable(key, "--tls-key")
    # Debian gives root's keys to the group ssl-cert to read, which is made for nothing else.
    closed = 0o037 if found.st_uid == 0 else 0o077
    if found.st_mode & closed:
        close = f"chmod 600 {clean(shlex.quote(str(key)))}"
        mode = stat.S_IMODE(found.st_mode)
        raise ServeError(
            f"--tls-key: {clean(str(key))} is open to others than its owner (mode {mode:04o}); close it with: {close}"
        )


async def serve(app: App, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None, stop: asyncio.Event) -> None:
    """Answer on ``sockets``, which are closed in the end, until ``stop`` is set; what is under way then has
    ``END_SECONDS``. Raises ``ServeError`` when ``app`` does not start."""
    _silence(logging.getLogger("uvicorn"))
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    await _Server(config, tls, stop).serve(list(sockets))


def _silence(logger: logging.Logger) -> None:
    """What clients do wrong is no news of ours; what the app does wrong the gate has told."""
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


class _Server(uvicorn.Server):
    """uvicorn's server, with a limit on handshakes, and stopped by an event in place of its own signal handlers."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._tls = tls
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise ServeError("the server could not start; what it does stands in the file that --debug names")
        loop = asyncio.get_running_loop()
        seconds = None if self._tls is None else HEAD_SECONDS
        self.servers = [
            await loop.create_server(
                self._connection, sock=each, ssl=self._tls, backlog=BACKLOG, ssl_handshake_timeout=seconds
            )
            for each in sockets or ()
        ]
        self.started = True

    async def main_loop(self) -> None:
        while not self._stop.is_set():
            await self.on_tick(0)  # sets the date that answers bear
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_SECONDS):
                    await self._stop.wait()

    def _connection(self) -> asyncio.Protocol:
        return _Connection(self.config, self.server_state, self.lifespan.state)


class _Connection(H11Protocol):
    """One client, which is let go when the head of a request takes too long to come."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:  # nothing yet, or a part of the head
            self._expect_head()
        else:
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
