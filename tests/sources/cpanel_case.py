"""The cPanel source against a scripted server over real HTTP, with a clock of its own. Tests of the cPanel source
enter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from tests.http_server import Certificate, HttpServer
from tests.sources.cpanel_server import PASSWORD, TOKEN, CpanelServer
from tui.config import CpanelSource
from tui.config.secrets import Secret
from tui.model import MailTotals, SourceStatus
from tui.sources.cpanel import Cpanel
from tui.sources.source import SourceError

INTERVAL_SECONDS = 2.0


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Case:
    """A source, the server it asks, and how often its secret was read. ``secret`` is what is read next."""

    world: CpanelServer
    server: HttpServer
    config: CpanelSource
    clock: Clock = field(default_factory=Clock)
    secret: str = TOKEN
    secrets_read: int = 0

    def __post_init__(self) -> None:
        self.source = Cpanel(self.config, self._read, interval_seconds=INTERVAL_SECONDS, clock=self.clock)

    def _read(self) -> Secret:
        self.secrets_read += 1
        return Secret(self.secret)

    @property
    def host(self) -> str:
        return self.server.url.split("//")[1]

    async def totals(self, *shown: str) -> dict[str, MailTotals]:
        """The totals by account, in the source's order."""
        totals = await self.source.totals(shown)
        assert totals is not None
        return {each.account: each for each in totals}

    async def tick(self, *shown: str) -> dict[str, MailTotals]:
        """The totals an interval later."""
        self.clock.now += INTERVAL_SECONDS
        return await self.totals(*shown)

    async def failure(self) -> SourceError:
        """How asking fails."""
        try:
            found = await self.source.totals()
        except SourceError as error:
            return error
        raise AssertionError(f"it answers {found}")

    async def status(self) -> SourceStatus:
        return await self.source.status()


@asynccontextmanager
async def running(
    world: CpanelServer, *, certificate: Certificate | None = None, **options: object
) -> AsyncIterator[Case]:
    """A source that asks ``world``, configured with ``options`` beside what the server needs."""
    async with HttpServer(world, certificate.context() if certificate else None) as server:
        base = {"url": server.url, "login": world.kind, "user": world.user, "token_env": "UNUSED", "type": "cpanel"}
        config = msgspec.convert(base | options, CpanelSource)
        case = Case(world, server, config)
        if config.login in ("basic", "session"):
            case.secret = PASSWORD
        try:
            yield case
        finally:
            await case.source.close()
