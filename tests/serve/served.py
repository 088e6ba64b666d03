"""A ledger on disk and the whole server over it, on loopback. Tests of the served APIs enter."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.engine.ledger_model import BASE, batch, delta, nameless
from tests.serve.listening import listening
from tui.engine.batch import Batch, cell_key
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.serve.answers import Answers
from tui.serve.app import make_app
from tui.serve.gate import Gate
from tui.serve.guard import Guard, Limits
from tui.serve.queue_stats import Sender
from tui.serve.tokens import Scope, TokenStore
from tui.sources.ledger import LedgerSource

SENDER = Sender(119, "mx", "exim")
STATS = "/api/v1.1/admin/senders/queue/stats/"
API_2 = "/json-api/cpanel?cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=EmailTrack&cpanel_jsonapi_func=stats"

SMALL = batch(
    {
        BASE: {
            cell_key(1, 0): delta(send=3, size=900),
            cell_key(1, 1): delta(success=2, defer=1, new=4, retry=2),
            cell_key(2, 2): delta(success=1, fail=1, proc=1),
            cell_key(4, 1): delta(send=5, size=50, hold=7),
        }
    }
)
"""alice (1) waits with 7, bob (2) with 7; bob's are all of his campaign "spring" (4), and at Gmail."""


def write_ledger(path: Path, batches: Iterable[Batch] = (SMALL,), *, listed: bool = True, read: bool = True) -> None:
    """A ledger of these batches, whose queue was listed and whose log was read."""
    known = {"listed_at": listed, "log_time": read}
    gauges = {name: int(time.time()) for name, is_known in known.items() if is_known}
    with closing(SqliteWriter(path)) as writer:
        for each in batches:
            writer.write(each)
        writer.write(nameless({}, gauges=gauges | ({"queue_files": 3} if listed else {})))


def ledger_source(path: Path, name: str = "mx") -> LedgerSource:
    return LedgerSource(name, lambda: SqliteReader(path, SENDER.id))


@dataclass
class Served:
    """A server, and a client that shows a token which may see all."""

    url: str
    store: TokenStore
    guard: Guard
    token: str
    client: httpx.AsyncClient

    def new_token(
        self, name: str, accounts: Sequence[str] | None = None, scopes: Sequence[Scope] = tuple(Scope)
    ) -> str:
        return self.store.new(name, scopes, accounts)

    async def get(self, path: str, authorization: str | None = None) -> httpx.Response:
        return await self.client.get(path, headers=self._shown(authorization))

    async def post(
        self,
        path: str,
        body: bytes | dict[str, object],
        authorization: str | None = None,
        content_type: str = "application/json",
    ) -> httpx.Response:
        """A question in JSON, or in bytes of another kind."""
        headers = self._shown(authorization)
        if isinstance(body, dict):
            return await self.client.post(path, json=body, headers=headers)
        return await self.client.post(path, content=body, headers=headers | {"Content-Type": content_type})

    def _shown(self, authorization: str | None) -> dict[str, str]:
        """``None`` is the token that may see all; an empty text is no token."""
        shown = f"whm root:{self.token}" if authorization is None else authorization
        return {"Authorization": shown} if shown else {}


@asynccontextmanager
async def served(
    path: Path, *, tick_seconds: float = 0.0, limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """The ledger at ``path`` behind gate and guard."""
    store = TokenStore(path.with_name("tokens.json"))
    limits = limits or Limits(per_second=0, wrong_per_second=1e9, wrong_burst=1e9)
    guard = Guard(store, limits)
    answers = Answers(ledger_source(path), ledger_source(path), tick_seconds=tick_seconds)
    app = Gate(make_app(answers, guard, [SENDER]), guard)
    async with listening(app, tls) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield Served(url, store, guard, store.new("all"), client)
