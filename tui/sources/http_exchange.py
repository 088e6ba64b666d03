"""Questions and answers over httpx, one kept connection for each that is under way. Only `http` enters, and late: this
room loads httpx."""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpcore
import httpx

from tui.config import HttpSource
from tui.sources import certificates, http_failures, tls
from tui.sources.http import HttpAnswer
from tui.sources.http_failures import Place
from tui.sources.http_network import Network
from tui.sources.source import SourceError

KEPT_SECONDS = 60.0
"""How long a connection is kept that nobody uses. Routers forget idle connections without a word, after minutes."""

MIB = 1024 * 1024
PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
"""What stands in a path as it is, beside letters, digits and ``-._`` (RFC 3986, section 3.3)."""

REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
LEAVE_ALONE = frozenset({429, 503})
REASON_SECONDS = 0.5
MAX_REASON_BYTES = 4096


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
        if event == "connection.connect_tcp.complete":
            self._stream = about["return_value"]
        elif event == "proxy.start_tls.complete":
            self.in_tunnel = True

    @property
    def peer(self) -> str:
        """Who is spoken to in this step."""
        place = self.place
        if place.proxy is None or self.in_tunnel or self.step.startswith("proxy.") or self.is_answering:
            return str(place.server)
        return f"The proxy {place.proxy}"

    def late(self, limit_seconds: float) -> SourceError:
        """The failure of a question that took longer than ``limit_seconds``."""
        return http_failures.late(self.peer, self.step, self.received if self.is_answering else None, limit_seconds)


class Body(httpx.AsyncByteStream):
    """The body of one answer; when it was read to its end its connection is kept for the next question."""

    def __init__(self, wire: Wire, connection: httpcore.AsyncConnectionInterface, response: httpcore.Response) -> None:
        self._wire = wire
        self._connection = connection
        self._response = response
        self._is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._response.aiter_stream():
            yield piece
        self._is_whole = True

    async def aclose(self) -> None:
        """Let go of the connection."""
        try:
            await self._response.aclose()
        finally:
            await self._wire.give_back(self._connection, is_whole=self._is_whole)


class Wire(httpx.AsyncBaseTransport):
    """httpx's way to one server, with its kept connections. Reads the files of certificates; raises ``SourceError``.

    They are held here, and not by httpx's own transport: its pool looks at every connection and every waiting request
    for each that comes or goes, which took ten times as long as all the rest of a question.
    """

    def __init__(self, options: HttpSource) -> None:
        logging.getLogger("httpcore").setLevel(logging.WARNING)  # it logs the headers of answers, which hold tokens
        self._place = http_failures.place(options)
        self._limit_bytes = options.max_answer_mib * MIB
        server, proxy = self._place.server, self._place.proxy
        self._trust = tls.trust(options) if server.scheme == "https" else tls.only_looking()
        self._proxy_trust = tls.system_trust() if proxy is not None and proxy.scheme == "https" else None
        self._origin = httpcore.Origin(server.scheme.encode(), server.host.encode(), server.port)
        self._network = Network()
        self._idle: list[httpcore.AsyncConnectionInterface] = []
        self._open: set[httpcore.AsyncConnectionInterface] = set()

    @property
    def server(self) -> str:
        """Whom it asks: host and port."""
        return str(self._place.server)

    def progress(self) -> Progress:
        """The progress of a question that has not begun."""
        return Progress(self._place)

    async def exchange(
        self, progress: Progress, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        """Ask once, and once more when a kept connection turns out to be dead before any answer. Raises
        ``SourceError``, ``OSError`` and httpcore's errors."""
        request = self._request(progress, method, target, headers, body)
        try:
            response = await self.handle_async_request(request)
            progress.is_answering = True
            try:
                return await self._read(response, progress)
            finally:
                await response.aclose()
        except BaseException:
            await progress.abandon()
            raise

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The beginning of the answer, on a kept connection where one is good."""
        while self._idle:
            kept = self._idle.pop()
            if kept.has_expired():
                await self._forget(kept)
                continue
            try:
                return await self._on(kept, request)
            except (*http_failures.BROKEN, OSError):
                break
        return await self._on(self._connection(self._trust), request)

    async def give_back(self, connection: httpcore.AsyncConnectionInterface, *, is_whole: bool) -> None:
        """Keep a connection whose answer was read to its end; close any other."""
        if is_whole and connection in self._open and connection.is_available():
            self._idle.append(connection)
        else:
            await self._forget(connection)

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
        for connection in tuple(self._open):
            await self._forget(connection)
        self._network.stop()

    def _request(
        self, progress: Progress, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx.Request:
        server = self._place.server
        path, mark, query = target.partition("?")
        address = quote(server.path + path, safe=PATH_CHARACTERS) + mark + query
        url = httpx.URL(scheme=server.scheme, host=server.host, port=server.port, raw_path=address.encode())
        sent = {"host": server.header, **headers}
        return httpx.Request(method, url, headers=sent, content=body, extensions={"progress": progress})

    def _connection(self, trust: ssl.SSLContext) -> httpcore.AsyncConnectionInterface:
        proxy = self._place.proxy
        connection: httpcore.AsyncConnectionInterface
        if proxy is None:
            connection = httpcore.AsyncHTTPConnection(
                self._origin, ssl_context=trust, keepalive_expiry=KEPT_SECONDS, network_backend=self._network
            )
        else:
            connection = httpcore.AsyncHTTPProxy(
                httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
                ssl_context=trust,
                proxy_ssl_context=self._proxy_trust,
                keepalive_expiry=KEPT_SECONDS,
                network_backend=self._network,
            ).create_connection(self._origin)
        self._open.add(connection)
        return connection

    async def _forget(self, connection: httpcore.AsyncConnectionInterface) -> None:
        self._open.discard(connection)
        await connection.aclose()

    async def _on(self, connection: httpcore.AsyncConnectionInterface, request: httpx.Request) -> httpx.Response:
        progress: Progress = request.extensions["progress"]
        progress.begin()
        asked = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=self._origin.scheme,
                host=self._origin.host,
                port=self._origin.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"trace": progress.note},
        )
        try:
            answered = await connection.handle_async_request(asked)
        except BaseException:
            await progress.abandon()
            await self._forget(connection)
            raise
        body = Body(self, connection, answered)
        return httpx.Response(answered.status, headers=answered.headers, stream=body)

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
            body = await self._short_body(response, headers, progress)
            raise http_failures.leave_alone(self._place, status, headers.get("retry-after"), body)
        return HttpAnswer(status, headers, await self._body(response, headers, progress, self._limit_bytes), 0.0)

    async def _short_body(self, response: httpx.Response, headers: Mapping[str, str], progress: Progress) -> bytes:
        """The body of a refusal, if it is short and comes at once: the refusal stands without it."""
        try:
            async with asyncio.timeout(REASON_SECONDS):
                return await self._body(response, headers, progress, MAX_REASON_BYTES)
        except (SourceError, TimeoutError, *http_failures.BROKEN, OSError):
            return b""

    async def _body(
        self, response: httpx.Response, headers: Mapping[str, str], progress: Progress, limit: int
    ) -> bytes:
        """The body, unpacked; never more of it in memory than is allowed, so that no few packed bytes become many."""
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
        request = self._request(self.progress(), "HEAD", "/", {}, None)
        try:
            async with asyncio.timeout(limit_seconds):
                response = await self._on(self._connection(tls.only_looking()), request)
                await response.aclose()
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
