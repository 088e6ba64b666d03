"""Answers on its sockets, with or without TLS, and lets no client hold a connection by being slow. Only the command
line enters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui.listening import BACKLOG, ServeError
from tui.serve.gate import App

HEAD_SECONDS = 10.0
"""How long the first line and the headers of a request may take, and a TLS handshake."""

KEEP_ALIVE_SECONDS = 30
MAX_CONNECTIONS = 500
END_SECONDS = 3
DATE_SECONDS = 1.0


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
