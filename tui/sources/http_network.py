"""Opens connections: looks names up in a thread of its own, tries all addresses of one. `http_exchange` enters."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore

from tui.sources.worker import Worker

STAGGER_SECONDS = 0.25
"""How long one address is waited for before the next is tried beside it (RFC 8305, section 5)."""

FRESH_SECONDS = 1.0
"""How long addresses are good for: as long as it takes to open many connections at once."""


class Network(httpcore.AnyIOBackend):
    """Connects to hosts by name.

    asyncio looks names up in a few threads that all share and that the end of the process waits for: one resolver that
    hangs would hold up other sources, and the way out.
    """

    def __init__(self) -> None:
        self._worker = Worker("names")
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that takes it. Raises ``OSError`` and httpcore's errors."""
        if _is_address(host):
            return await super().connect_tcp(host, port)
        addresses = await self._worker.run(lambda: self._look_up(host, port))
        return await self._first(addresses, port)

    def stop(self) -> None:
        """Let the thread end."""
        self._worker.stop()

    def _look_up(self, host: str, port: int) -> list[str]:
        found_at, addresses = self._known.get((host, port), (float("-inf"), []))
        if time.monotonic() - found_at > FRESH_SECONDS:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
            self._known[host, port] = time.monotonic(), addresses
        return addresses

    async def _first(self, addresses: list[str], port: int) -> httpcore.AsyncNetworkStream:
        """The first connection of several tries, each begun when the one before fails or takes long."""
        untried = iter(addresses)
        trying: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
        failures: list[BaseException] = []
        try:
            while True:
                address = next(untried, None)
                if address is not None:
                    trying.add(asyncio.create_task(super().connect_tcp(address, port)))
                if not trying:
                    raise failures[0]
                patience = None if address is None else STAGGER_SECONDS
                await asyncio.wait(trying, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in trying if task.done()]:
                    trying.discard(task)
                    error = task.exception()
                    if error is None:
                        return task.result()
                    failures.append(error)
        finally:
            for task in trying:
                task.cancel()
            for late in await asyncio.gather(*trying, return_exceptions=True):
                if isinstance(late, httpcore.AsyncNetworkStream):
                    await late.aclose()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
