"""An ASGI app on loopback, behind what `mailtop serve` puts around it. Tests of the server enter."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tui.listening import addresses, listen
from tui.serve.gate import App
from tui.serve.server import serve


@asynccontextmanager
async def listening(app: App, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of ``app`` while the block runs; what it raises ends the test."""
    sockets = listen("127.0.0.1", 0)
    url = addresses(sockets, tls is not None)[0]
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, sockets, tls, stop))
    try:
        yield url
    finally:
        stop.set()
        await serving
