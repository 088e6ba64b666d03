"""Asks a server over HTTP: one connection pool, bounded answers, and one sentence for each way it can fail. The sources
that are asked over HTTP enter."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tui.config import HttpSource


class HttpAnswer(msgspec.Struct, frozen=True):
    """One whole answer: ``headers`` by lower-case name, ``seconds`` from the question to its last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class HttpClient:
    """The way to one server, as a source's configuration says: address, trust, proxy, limits."""

    def __init__(self, options: HttpSource, *, connections: int = 16) -> None:
        self._options = options
        self._connections = connections

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """What the server answers to ``path`` below the configured address, whatever its status. Redirects are never
        followed. Raises ``SourceError`` when there is no whole answer: the server is not there, is not the one that is
        trusted, hangs, or says too much; and for a redirect, 429 and 503, with ``Retry-After``."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connections."""
