"""What the ledger answers, read and written out in threads; identical questions within a tick share one answer. The app
enters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tui.model import Balance, Grouping, HostStatus, MailTotals, QueueQuery, QueueTable, SourceStatus
from tui.serve.pieces import PIECE_ROWS, Pieces
from tui.serve.queue_stats import NO_RIGHT, Refused, added_up, narrowed
from tui.sources.source import Source, SourceError
from tui.sources.worker import Worker

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled

LOG = logging.getLogger("mailtop.serve")

TICK_SECONDS = 1.0
"""How long an answer is good for: the collector writes once a second."""

MAX_KEPT = 512
"""How many answers are kept at once, of those that nobody waits for."""

NO_TOTALS = "The mail log has not been read yet; ask again in a moment."
NO_QUEUE = "The queue has not been listed yet; ask again in a moment."
NO_LEDGER = "The ledger cannot be read; the server's log says why."

Result = TypeVar("Result")


class NotKnown(Exception):
    """The ledger has no answer, or cannot be read; one sentence, without anything that only the operator may know."""


class Answers:
    """Reads one ledger through ``quick`` and ``long``, two sources of it with a thread each, so that a long table
    delays no sum. Closes them in the end. ``unsent`` tells what waits to be sent to ClickHouse, where it is."""

    def __init__(
        self,
        quick: Source,
        long: Source,
        *,
        tick_seconds: float = TICK_SECONDS,
        unsent: Callable[[], Awaitable[Spooled | None]] | None = None,
    ) -> None:
        self._quick = quick
        self._long = long
        self._unsent = unsent
        self._tick_seconds = tick_seconds
        self._writer = Worker("answers")
        self._kept: dict[Hashable, asyncio.Task[Any]] = {}
        self._trouble = ""

    async def status(self) -> SourceStatus:
        """How far the ledger's numbers can be trusted; never raises."""
        return await self.shared("status", self._quick.status)

    async def hosts(self) -> list[HostStatus] | None:
        """How each host of the ledger is; ``None`` where it is the ledger of one. Raises ``NotKnown``."""
        return await self.shared("hosts", lambda: self._read(self._quick.hosts()))

    async def unsent(self) -> Spooled | None:
        """What waits to be sent to ClickHouse; ``None`` where nothing is sent there. Raises ``NotKnown``."""
        unsent = self._unsent
        return None if unsent is None else await self.shared("unsent", lambda: self._read(unsent()))

    async def balances(self) -> list[Balance] | None:
        """Whether all mail is accounted for, of the host and then of each account; ``None`` where the ledger does not
        tell. Raises ``NotKnown``."""
        return await self.shared("balances", lambda: self._read(self._quick.balances()))

    async def totals(self) -> Mapping[str, MailTotals]:
        """Mail totals by account. Raises ``NotKnown``."""
        return await self.shared("totals", self._totals)

    async def queue(self, query: QueueQuery, accounts: tuple[str, ...] | None = None) -> QueueTable:
        """What waits, of ``accounts`` only where these are given. Raises ``NotKnown``, and ``Refused`` for another
        account's."""
        if accounts is None:
            return await self.shared(query, lambda: self._queue(query))
        totals = await self.totals()
        ids = sorted(totals[name].account_id for name in set(accounts) if name in totals)
        if query.account_id is not None and query.account_id not in ids:
            raise Refused(NO_RIGHT, 'The token has no right to this "account_id".')
        return added_up(query, [await self.queue(each) for each in narrowed(query, ids)])

    async def written(self, key: Hashable, rows: int, write: Callable[[], Pieces]) -> Pieces:
        """The body that ``write`` makes of so many rows; of many it is made in a thread. ``key`` tells it from all
        others."""

        async def make() -> Pieces:
            return await self._writer.run(write)

        return write() if rows <= PIECE_ROWS else await self.shared(key, make)

    async def shared(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What ``make`` returns or raises, or did of late for the same ``key``."""
        task = self._kept.get(key)
        if task is None:
            while len(self._kept) >= MAX_KEPT and self._drop_oldest():
                pass
            task = self._kept[key] = asyncio.create_task(make())
            loop = asyncio.get_running_loop()
            ends = loop.time() + self._tick_seconds

            def keep(done: asyncio.Task[Any]) -> None:
                done.cancelled() or done.exception()  # whoever waited may have gone
                loop.call_at(ends, self._drop, key, done)

            task.add_done_callback(keep)
        result: Result = task.result() if task.done() else await asyncio.shield(task)
        return result

    async def close(self) -> None:
        """Give back the files, after what is under way."""
        self._writer.stop()
        await asyncio.gather(self._quick.close(), self._long.close())

    async def _totals(self) -> Mapping[str, MailTotals]:
        totals = await self._read(self._quick.totals())
        if totals is None:
            raise NotKnown(NO_TOTALS)
        return {each.account: each for each in totals}

    async def _queue(self, query: QueueQuery) -> QueueTable:
        source = self._long if _is_long(query) else self._quick
        table = await self._read(source.queue(query))
        if table is None:
            raise NotKnown(NO_QUEUE)
        return table

    async def _read(self, answer: Awaitable[Result]) -> Result:
        try:
            result = await answer
        except SourceError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                LOG.error("the ledger cannot be read: %s", error)
            raise NotKnown(NO_LEDGER) from error
        self._trouble = ""
        return result

    def _drop(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._kept.get(key) is task:
            del self._kept[key]

    def _drop_oldest(self) -> bool:
        oldest = next((key for key, task in self._kept.items() if task.done()), None)
        return oldest is not None and self._kept.pop(oldest) is not None


def _is_long(query: QueueQuery) -> bool:
    """Whether the answer, or the way to it, may have a row for every campaign."""
    return query.isp is not None or (query.grouping is Grouping.ACCOUNT_CAMPAIGN and query.account_id is None)
