"""Whether the mail that hosts accepted is all accounted for: what one host told of it, and many together. Only the hub
enters."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from tui.hub.protocol import Balanced
from tui.model import Balance
from tui.sources.accounting import on_calendar, unaccounted
from tui.sources.source import Source, SourceError

AGAIN_TIMES, SHOWN_TIMES, MOST_SECONDS = 500, 10, 30.0
"""A host is asked again so many times as long after the last time as it took then, since it reads the sums of all
accounts for it; sooner where the numbers stand beside others; and after so long at the most."""

MAX_OFF_HOSTS = 20
"""So many hosts that do not balance are named."""

COUNTS = ("accepted", "delivered", "failed", "removed", "waiting")


class Part(msgspec.Struct, frozen=True):
    """How one host balances, or an account there: by how many recipients it is ``off``, account by account, and since
    when; ``sums`` are ``None`` where that is not known. ``is_old``: that is how it was, and nobody knows how it is."""

    host: str
    sums: Balance | None = None
    off: int = 0
    since: int | None = None
    is_old: bool = False


class Balances:
    """What one source told last: the host's balance first, then those of the accounts that it was asked for and of all
    that are off. ``failure`` is why it did not tell when it was asked last."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._told: Sequence[Balance] | None = None
        self._accounts: frozenset[int] = frozenset()
        self._changes = 0
        self._asked = -math.inf
        self._took_seconds = 0.0

    def is_due(self, accounts: Collection[int] | None, changes: int, now: float) -> bool:
        """Whether to ask: at once for other accounts, else where anything has changed (``changes`` grows then) and it
        is time. ``accounts`` are those whose numbers are shown, ``None``: none are."""
        if self.failure is not None:
            return now >= self._asked + MOST_SECONDS
        if not self._accounts.issuperset(accounts or ()):
            return True
        times = AGAIN_TIMES if accounts is None else SHOWN_TIMES
        return changes != self._changes and now >= self._asked + min(times * self._took_seconds, MOST_SECONDS)

    def keep(
        self, told: Sequence[Balance] | None, accounts: Collection[int] | None, changes: int, began: float, ended: float
    ) -> bool:
        """Take over the answer to a question that ``began`` and ``ended`` then; returns whether it is another one than
        before."""
        before = self._told
        self._told, self._accounts, self._changes = told or None, frozenset(accounts or ()), changes
        self._asked, self._took_seconds, self.failure = began, ended - began, None
        return self._told != before

    def fail(self, failure: Exception, ended: float) -> None:
        """It did not tell; what it told before is old now."""
        self.failure, self._asked = failure, ended

    def part(self, host: str, account_id: int | None, *, is_old: bool) -> Part:
        """How an account balances on the host of this name, or (``None``) the host itself."""
        is_old = is_old or self.failure is not None
        return self._host(host, is_old) if account_id is None else self._account(host, account_id, is_old)

    def _host(self, host: str, is_old: bool) -> Part:
        if self._told is None:
            return Part(host)
        off, since = unaccounted(self._told)
        return Part(host, self._told[0], off, since, is_old)

    def _account(self, host: str, account_id: int, is_old: bool) -> Part:
        """A host has accepted nothing of an account that it does not know."""
        own = next((each for each in (self._told or ())[1:] if each.account_id == account_id), None)
        if own is None and self._told is not None and account_id in self._accounts:
            own = Balance(account_id=account_id, accepted=0, delivered=0, failed=0, removed=0, waiting=0)
        if own is None:
            return Part(host)
        return Part(host, own, abs(own.difference), on_calendar(own.since) if own.difference else None, is_old)


class AskedBalances(Balances):
    """Asks the source beside its polls, which that neither delays nor judges; one question at a time, for
    ``answer_seconds`` at the most. ``changed`` is called where something else was told."""

    def __init__(self, source: Source, changed: Callable[[], None], answer_seconds: float) -> None:
        super().__init__()
        self._source = source
        self._changed = changed
        self._answer_seconds = answer_seconds
        self._wanted: tuple[Collection[int] | None, int] = None, 0
        self._asking: asyncio.Task[None] | None = None

    def ask(self, accounts: Collection[int] | None, changes: int) -> None:
        """Ask, where that is due (``is_due``): now, or after the question under way."""
        self._wanted = accounts, changes
        if (self._asking is None or self._asking.done()) and self._is_due_now():
            self._asking = asyncio.create_task(self._ask())

    def stop(self) -> None:
        """Wait for no answer any longer."""
        if self._asking is not None:
            self._asking.cancel()

    def _is_due_now(self) -> bool:
        return self.is_due(*self._wanted, asyncio.get_running_loop().time())

    async def _ask(self) -> None:
        now = asyncio.get_running_loop().time
        while self._is_due_now():
            began, (accounts, changes) = now(), self._wanted
            try:
                async with asyncio.timeout(self._answer_seconds):
                    told = await self._source.balances(accounts or ())
            except TimeoutError:
                self.fail(SourceError(f"No answer came within {self._answer_seconds:.0f} seconds."), now())
            except Exception as error:  # a source's mistake must not end what tells of it
                self.fail(error, now())
            else:
                if not self.keep(told, accounts, changes, began, now()):
                    continue
            self._changed()


def together(parts: Sequence[Part], *, with_sums: bool = False) -> Balanced | None:
    """How all of them balance; ``None`` where none tells. What is old is no word on now; what was off there still
    is."""
    told = [(part, part.sums) for part in parts if part.sums is not None]
    if not told:
        return None
    off = sorted((part for part, _ in told if part.off), key=lambda part: (-part.off, part.host))
    since = _earliest(part.since for part in off)
    counts = {name: sum(getattr(each, name) for _, each in told) for name in COUNTS}
    return Balanced(
        asked=len(parts),
        told=sum(not part.is_old for part, _ in told),
        off=sum(part.off for part in off),
        since=since,
        off_count=len(off),
        off_hosts=[part.host for part in off[:MAX_OFF_HOSTS]],
        sums=msgspec.structs.replace(told[0][1], since=since, **counts) if with_sums else None,
    )


def _earliest(times: Iterable[int | None]) -> int | None:
    return min((time for time in times if time is not None), default=None)
