"""Questions and answers over httpx, one kept connection for each that is under way. Only `http` enters, and late: this
room loads httpx."""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from tui.config import HttpSource
from tui.sources import certificates, http_failures, tls
from tui.sources.http import HttpAnswer
from tui.sources.http_failures import Place
from tui.sources.source import SourceError

KEPT_SECONDS = 60.0
"""How long a connection is kept that nobody uses. Routers forget idle connections without a word, after minutes."""

MIB = 1024 * 1024
REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
LEAVE_ALONE = frozenset({429, 503})


class Closable(Protocol):
    """What httpcore calls a network stream."""

    async def aclose(self) -> None:
        """Close it, or do nothing where it is closed."""


class Progress:
    """How far one question came, to tell what a failure or a silence means."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.begin()

    def begin(self) -> None:
        """A connection is about to be tried."""
        self.step = ""
        self.is_new = False
        self.in_tunnel = False
        self.is_answering = False
        self.received = 0
        self._stream: Closable | None = None

    async def abandon(self) -> None:
        """Close the connection that was begun: httpcore forgets it, open, when it is cancelled in a handshake."""
        if self._stream is not None:
            await self._stream.aclose()

    async def note(self, event: str, about: Mapping[str, Any]) -> None:
        """httpcore's trace: ``connection.connect_tcp.started`` and so on. ``about`` holds the question too."""
        if "close" in event:
            return  # what follows a failure is not where it was
        self.step = event
        if event == "connection.connect_tcp.started":
            self.is_new = True
        elif event == "connection.connect_tcp.complete":
            self._stream = about["return_value"]
        elif event == "proxy.start_tls.complete":
            self.in_tunnel = True

    @property
    def peer(self) -> str:
        """Who is spoken to in this step."""
        place = self.place
        if place.proxy is None or self.in_tunnel or self.step.startswith("proxy.") or self.is_answering:
            return place.server
        return f"The proxy {place.proxy}"

    def late(self, limit_seconds: float) -> SourceError:
        """The failure of a question that took longer than ``limit_seconds``."""
        return http_failures.late(self.peer, self.step, self.received if self.is_answering else None, limit_seconds)


class Wire:
    """The kept connections to one server. Reads the files of certificates; raises ``SourceError``.

    Each connection is a transport of its own with a pool of one: httpcore's pool looks at every connection and every
    waiting request for each that comes or goes, which took ten times as long as all the rest of a question.
    """

    def __init__(self, options: HttpSource) -> None:
        # httpcore logs the headers of answers, httpx the addresses of questions: both hold tokens.
        for name in ("httpcore", "httpx"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._place = http_failures.place(options)
        self._base = (options.url or "").rstrip("/")
        self._limit_bytes = options.max_answer_mib * MIB
        self._trust = tls.trust(options) if self._place.scheme == "https" else tls.only_looking()
        self._proxy = options.proxy
        self._proxy_trust = tls.system_trust() if options.proxy and options.proxy.startswith("https:") else None
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._open: set[httpx.AsyncHTTPTransport] = set()

    def progress(self) -> Progress:
        """The progress of a question that has not begun."""
        return Progress(self._place)

    async def exchange(
        self, progress: Progress, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        """Ask once, and once more when a kept connection turns out to be dead before any answer. Raises
        ``SourceError`` and whatever httpx raises."""
        extensions = {"trace": progress.note}
        request = httpx.Request(method, self._base + target, headers=headers, content=body, extensions=extensions)
        if self._idle:
            try:
                return await self._on(self._idle.pop(), request, progress)
            except (httpx.HTTPError, OSError):
                if progress.is_new or progress.is_answering:
                    raise
        return await self._on(self._transport(self._trust), request, progress)

    async def explain(self, error: Exception, progress: Progress, limit_seconds: float) -> SourceError:
        """The failure for what ``exchange`` raised; looks at the server's certificate where that is the matter, for
        at most ``limit_seconds``."""
        refused = http_failures.refused_certificate(error)
        shown = None
        if refused is not None:
            der = refused or await self._look(limit_seconds)
            shown = certificates.read(der) if der else None
        return http_failures.failure(error, progress.peer, progress.step, progress.received, self._place, shown)

    async def close(self) -> None:
        """Close all connections, those in use too."""
        self._idle.clear()
        for transport in tuple(self._open):
            await self._forget(transport)

    def _transport(self, trust: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
        proxy = None if self._proxy is None else httpx.Proxy(self._proxy, ssl_context=self._proxy_trust)
        transport = httpx.AsyncHTTPTransport(
            verify=trust,
            trust_env=False,
            proxy=proxy,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_SECONDS),
        )
        self._open.add(transport)
        return transport

    async def _forget(self, transport: httpx.AsyncHTTPTransport) -> None:
        self._open.discard(transport)
        await transport.aclose()

    async def _on(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request, progress: Progress) -> HttpAnswer:
        progress.begin()
        is_whole = False
        try:
            response = await transport.handle_async_request(request)
            progress.is_answering = True
            try:
                answer = await self._read(response, progress)
            finally:
                await response.aclose()
            is_whole = True
        finally:
            if is_whole and transport in self._open:
                self._idle.append(transport)
            else:
                await progress.abandon()
                await self._forget(transport)
        return answer

    async def _read(self, response: httpx.Response, progress: Progress) -> HttpAnswer:
        headers: dict[str, str] = {}
        for name, value in (
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers.raw
        ):
            border = "\n" if name == "set-cookie" else ", "
            headers[name] = f"{headers[name]}{border}{value}" if name in headers else value
        status = response.status_code
        if status in REDIRECTS:
            raise SourceError(http_failures.redirect(self._place, headers.get("location")))
        if status in LEAVE_ALONE:
            raise http_failures.leave_alone(self._place, status, headers.get("retry-after"))
        return HttpAnswer(status, headers, await self._body(response, headers, progress), 0.0)

    async def _body(self, response: httpx.Response, headers: Mapping[str, str], progress: Progress) -> bytes:
        """The body, unpacked; never more of it in memory than is allowed, so that no few packed bytes become many."""
        limit = self._limit_bytes
        unpacker = _unpacker(self._place, headers.get("content-encoding", ""))
        if int(headers.get("content-length", "0")) > limit:
            raise SourceError(http_failures.too_long(self._place, limit // MIB))
        pieces, size = [], 0
        async for piece in response.aiter_raw():
            progress.received += len(piece)
            if unpacker is not None:
                try:
                    piece = unpacker.decompress(piece, limit - size + 1)
                except zlib.error:
                    raise SourceError(http_failures.not_gzip(self._place)) from None
            size += len(piece)
            if max(size, progress.received) > limit:
                raise SourceError(http_failures.too_long(self._place, limit // MIB))
            pieces.append(piece)
        if unpacker is not None and progress.received and (not unpacker.eof or unpacker.unused_data):
            raise SourceError(http_failures.not_gzip(self._place))
        return b"".join(pieces)

    async def _look(self, limit_seconds: float) -> bytes | None:
        """The server's certificate (DER) by a handshake of its own, in which nothing is asked."""
        progress = self.progress()
        request = httpx.Request("HEAD", self._base, extensions={"trace": progress.note})
        try:
            async with asyncio.timeout(limit_seconds):
                await self._on(self._transport(tls.only_looking()), request, progress)
        except Exception as error:
            return http_failures.refused_certificate(error)
        return None


def _unpacker(place: Place, coding: str) -> zlib._Decompress | None:
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "x-gzip"):
        raise SourceError(http_failures.unknown_coding(place, coding))
    return zlib.decompressobj(wbits=31)
