"""Names by id, as the sender-queue API lists senders and accounts: read now and then, and kept. The sender-queue source
enters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.sources.sender_queue_api import RefusedError, SenderQueueApi
from tui.sources.source import SourceError

REFRESH_SECONDS = 300.0
MAX_PAGES = 1000


class NameList:
    """One list of the API, ``senders`` or ``accounts``. That it may not be read is no error: there are no names
    then."""

    def __init__(self, api: SenderQueueApi, kind: str, clock: Callable[[], float]) -> None:
        self.names: dict[int, str] = {}
        self.total_count: int | None = None
        self.read_at: float | None = None
        self.error: SourceError | None = None
        self._api = api
        self._kind = kind
        self._clock = clock
        self._due = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Read the list in the background, unless it was read or refused not long ago."""
        if self._task is None and self._clock() >= self._due:
            self._begin()

    async def settle(self, timeout_seconds: float | None = None) -> None:
        """Wait until the reading that is under way has ended, at most so long."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout_seconds)

    async def needed(self) -> dict[int, str]:
        """The names, which there must be: read now where there are none. Raises ``SourceError``."""
        self.refresh()
        if not self.names:
            if self._task is None:
                self._begin()
            await self.settle()
        if not self.names and self.error is not None:
            if isinstance(self.error, RefusedError):
                self._api.forget_secret()
            raise self.error.anew()
        return self.names

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            names, total_count = await self._pages()
        except SourceError as error:
            self.error = error
            wait_seconds = error.retry_after_seconds or 0.0
        else:
            self.names, self.total_count, self.error = names, total_count, None
            self.read_at, wait_seconds = self._clock(), 0.0
        finally:
            self._task = None
        self._due = self._clock() + max(REFRESH_SECONDS, wait_seconds)

    async def _pages(self) -> tuple[dict[int, str], int | None]:
        """All pages. Whether ``from_id`` itself belongs to a page is not documented, so the last id is asked for again
        and nothing is left out either way."""
        names: dict[int, str] = {}
        from_id: int | None = None
        total_count: int | None = None
        for _ in range(MAX_PAGES):
            page = await self._api.page(self._kind, from_id)
            known = len(names)
            names.update(page.names)
            if page.total_count is not None:
                total_count = max(page.total_count, total_count or 0)
            if len(names) == known or (total_count is not None and len(names) >= total_count):
                break
            from_id = max(names)
        return names, total_count
