"""Asks a server over HTTP: one connection pool, bounded answers, and one sentence for each way it can fail. The sources
that are asked over HTTP enter."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from tui import __version__
from tui.config import HttpSource
from tui.sources.masking import clean
from tui.sources.source import SourceError
from tui.sources.worker import Worker

if TYPE_CHECKING:  # the rooms behind this one load httpx, which nobody needs who asks no server
    from tui.sources.http_exchange import Progress, Wire

LOG = logging.getLogger("mailtop.http")
"""One line a question at level DEBUG: never a header, a body, the values of a query or a session's address."""

LOOK_SECONDS = 5.0
"""The longest that a second handshake may take, to see the certificate that the first one refused."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """One whole answer: ``headers`` by lower-case name (repeated ones joined by ``, ``, cookies by line breaks),
    ``seconds`` from the question to its last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} bytes)"  # headers and bodies hold tokens of sessions


class HttpClient:
    """The way to one server, as a source's configuration says: address, trust, proxy, limits.

    ``connections`` is how many questions are under way at once, each over a kept connection of its own; further ones
    wait, which does not count as time the server takes. The environment's proxies (``https_proxy``) are not used: a
    token goes only where the configuration sends it.
    """

    def __init__(self, options: HttpSource, *, connections: int = 16) -> None:
        self._options = options
        self._slots = asyncio.Semaphore(connections)
        self._opening = asyncio.Lock()
        self._wire: Wire | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """What the server answers to ``path`` (begins with ``/``) below the configured address, whatever its status.
        Redirects are never followed. Raises ``SourceError`` when there is no whole answer: the server is not the one
        that is trusted, or says too much; and for a redirect, 429 and 503, with ``Retry-After``. Raises
        ``Unreachable`` when it is not there or does not answer in time.

        Each question must be one that may reach the server twice: when a kept connection turns out to be closed it is
        asked again on a new one.
        """
        async with self._slots:
            wire = await self._opened()
            started = time.monotonic()  # opening is the work of this program, not of the server
            if isinstance(wire, SourceError):
                outcome: HttpAnswer | SourceError = wire
            else:
                outcome = await self._outcome(wire, method, path, query or {}, headers or {}, body)
            seconds = time.monotonic() - started
        if isinstance(outcome, SourceError):
            outcome = outcome.anew(clean(str(outcome)))
        _log(
            f"{method} {path}" if isinstance(wire, SourceError) else f"{wire.server} {method} {path}", outcome, seconds
        )
        del path, query, headers, body  # a traceback with local variables would show the secret in them
        if isinstance(outcome, SourceError):
            raise outcome
        return HttpAnswer(outcome.status, outcome.headers, outcome.body, seconds)

    async def close(self) -> None:
        """Close the connections."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _outcome(
        self,
        wire: Wire,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> HttpAnswer | SourceError:
        """The answer or the failure as a value: raised from here it would bring along the frames and causes that hold
        the question."""
        if not path.startswith("/"):  # "https://host" and "@elsewhere" would make an address of another host
            return SourceError("A question to the server has an address that does not begin with a slash.")
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                return SourceError(
                    f"The header {clean(name)} cannot be sent: the token or password has a line break or another "
                    "character in it that no header may hold."
                )
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        sent = {"user-agent": f"mailtop/{__version__}", "accept": "*/*", "accept-encoding": "gzip"}
        sent |= {name.lower(): value for name, value in headers.items()}
        return await self._bounded(wire, wire.progress(), method, target, sent, body)

    async def _bounded(
        self, wire: Wire, progress: Progress, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer | SourceError:
        limit = self._options.timeout_seconds
        try:
            async with asyncio.timeout(limit) as deadline:
                return await wire.exchange(progress, method, target, headers, body)
        except SourceError as error:
            return error.anew()
        except TimeoutError as error:
            if deadline.expired():
                return progress.late(limit)
            failure: Exception = error
        except Exception as error:
            failure = error
        return await wire.explain(failure, progress, min(limit, LOOK_SECONDS))

    async def _opened(self) -> Wire | SourceError:
        """What is needed to ask, made at the first question in a thread: it loads httpx and reads certificates. When
        that fails the next question tries again, as the file may have been mended."""
        async with self._opening:
            if self._wire is None:
                worker = Worker("http")
                try:
                    self._wire = await worker.run(self._open)
                except SourceError as error:
                    return error.anew()
                finally:
                    worker.stop()
            return self._wire

    def _open(self) -> Wire:
        from tui.sources.http_exchange import Wire

        return Wire(self._options)


def _log(question: str, outcome: HttpAnswer | SourceError, seconds: float) -> None:
    if not LOG.isEnabledFor(logging.DEBUG):
        return
    if isinstance(outcome, SourceError):
        LOG.debug("%s: %s (%.0f ms)", clean(question), outcome, seconds * 1000)
    else:
        LOG.debug("%s: %d, %d bytes, %.0f ms", clean(question), outcome.status, len(outcome.body), seconds * 1000)
