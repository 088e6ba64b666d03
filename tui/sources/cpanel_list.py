"""The accounts that a cPanel server lists, as it listed them last. The cPanel source enters."""

from __future__ import annotations

from collections.abc import Callable

from tui.sources.cpanel_calls import Calls
from tui.sources.source import SourceError

LIST_SECONDS = 300.0
"""How long the list of accounts is good for."""


class AccountList:
    """Asks ``calls.list`` when what it answered last is too old. ``failure`` is why the list is old, if it is."""

    def __init__(self, calls: Calls, clock: Callable[[], float]) -> None:
        self.failure: SourceError | None = None
        self._calls = calls
        self._clock = clock
        self._names: tuple[str, ...] = ()
        self._listed_at: float | None = None

    async def names(self) -> tuple[str, ...]:
        """The names of all accounts; the old list stands while a new one is not to be had. Raises ``SourceError`` when
        there is none."""
        if self._listed_at is not None and self._clock() - self._listed_at < LIST_SECONDS:
            return self._names
        try:
            self._names = tuple(await self._calls.list())
        except SourceError as error:
            if self._listed_at is None:
                raise
            self.failure = error
        else:
            self._listed_at, self.failure = self._clock(), None
        return self._names
