"""The accounts of a cPanel server that are asked one by one: whose turn it is, what each said last, what failed. The
cPanel source enters."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from tui.model import MailTotals
from tui.sources.cpanel_calls import Calls, Unanswered
from tui.sources.cpanel_wire import Trouble
from tui.sources.source import SourceError

ROUND_SECONDS = 60.0
ROUND_INTERVALS = 10
"""Accounts that are not shown are asked once a round: a minute, or ten intervals where these take longer."""

LOOK_SECONDS = 15.0
"""One look asks no further account after so long: what is known by then is shown, the next look goes on."""

MIN_PATIENCE = 4
"""A server that could not be reached so often in a row (or once a connection, where there are more) is given up until
the next look."""

DENIED_SECONDS = 600.0
"""How long a denial is believed where the account's other numbers are known anyway."""

DENIALS = (Trouble.REFUSED, Trouble.FAILED, Trouble.NO_FUNCTION)


@dataclass
class _Account:
    asked: float | None = None
    answered: float | None = None
    totals: MailTotals | None = None
    oddities: tuple[str, ...] = ()
    failure: SourceError | None = None


class AccountPool:
    """Asks ``calls.stats`` of accounts, at most ``concurrency`` at once, and keeps what each answered last.
    ``cut_short`` is why the last look ended before its end, if it did."""

    def __init__(self, calls: Calls, *, concurrency: int, interval_seconds: float, clock: Callable[[], float]) -> None:
        self.cut_short: SourceError | None = None
        self.round_seconds = max(ROUND_SECONDS, ROUND_INTERVALS * interval_seconds)
        self._calls = calls
        self._concurrency = concurrency
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._paced: float | None = None
        self._rest_until = float("-inf")

    def keep(self, names: Iterable[str]) -> None:
        """From now on these are the accounts; what is known of others is forgotten."""
        self._accounts = {name: self._accounts.get(name) or _Account() for name in names}

    def due(self, names: Collection[str], shown: Collection[str]) -> list[str]:
        """Of ``names`` those to ask now: the shown ones, those never asked, and as many of the others, longest unasked
        first, as it takes to be through with all in a round; after a pause all whose turn has passed. A shown one that
        did not answer waits for its turn."""
        now = self._clock()
        elapsed = self._interval_seconds if self._paced is None else now - self._paced
        self._paced = now
        first = [name for name in shown if name in self._accounts and not self._rests(name)]
        now_shown = set(first)
        asked = [(self._accounts[name].asked, name) for name in names if name not in now_shown]
        never = [name for when, name in asked if when is None]
        others = sorted((when, name) for when, name in asked if when is not None)
        turns = math.ceil(len(others) * min(1.0, elapsed / self.round_seconds))
        overdue = sum(when <= now - self.round_seconds for when, _ in others)
        return [*first, *never, *(name for _, name in others[: max(turns, overdue)])]

    def permitted(self, names: Iterable[str]) -> list[str]:
        """Of ``names`` those whose numbers were not denied of late."""
        since = self._clock() - DENIED_SECONDS
        return [name for name in names if not (self.denial(name) and (self._accounts[name].asked or 0.0) > since)]

    def _rests(self, name: str) -> bool:
        """Whether the account's last question got no answer, this round: the wait for it would delay all others at
        every look."""
        kept = self._accounts[name]
        lost = kept.failure is not None and not isinstance(kept.failure, Unanswered)
        return lost and kept.asked is not None and self._clock() - kept.asked < self.round_seconds

    async def ask(self, names: Collection[str], *, is_up: bool = False) -> None:
        """Ask these accounts. Raises ``SourceError`` when none of them, nor one that answered before, gives numbers;
        never if the server is known to answer (``is_up``)."""
        self.cut_short = None
        if not names:
            return
        rest = self._rest_until - self._clock()
        if rest > 0:
            self.cut_short = SourceError(f"The server asks to be left alone for {rest:.0f} seconds more.", rest)
            if is_up:
                return
            raise self.cut_short
        look = _Look(self._clock() + LOOK_SECONDS, max(MIN_PATIENCE, self._concurrency), is_up)
        pending = iter(names)

        async def work() -> None:
            for name in pending:
                if look.is_over(self._clock()):
                    return
                await self._ask_one(name, look)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(names))):
                group.create_task(work())
        self.cut_short = look.failure if look.stopped else None
        if look.failure is not None and not look.good and not await self._has_witness(look):
            look.undo()
            raise look.failure
        if look.stopped:
            look.undo(but=Unanswered)

    async def _has_witness(self, look: _Look) -> bool:
        """Whether an account that answered when last asked still does, when all that were asked now failed: then these
        are to blame, and not the server."""
        good = (name for name, kept in self._accounts.items() if kept.totals is not None and kept.failure is None)
        witness = next(good, None)
        if witness is not None and not look.is_over(self._clock()):
            await self._ask_one(witness, look)
        return look.good

    async def _ask_one(self, name: str, look: _Look) -> None:
        kept = self._accounts.setdefault(name, _Account())
        before, kept.asked = kept.asked, self._clock()
        try:
            answer = await self._calls.stats(name)
        except SourceError as error:
            look.failed(kept, before, error)
            kept.failure = error
            if error.retry_after_seconds is not None:
                self._rest_until = self._clock() + error.retry_after_seconds
            return
        look.succeeded()
        kept.answered, kept.failure = self._clock(), None
        kept.totals, kept.oddities = answer.accounts[0], answer.oddities

    def last(self, name: str) -> MailTotals:
        """The account's last good numbers, however old; before any all are unknown."""
        return self._accounts[name].totals or MailTotals(account=name)

    def fresh(self, name: str) -> MailTotals:
        """The account's numbers if they are of this round, else unknown."""
        answered = self._accounts[name].answered
        young = answered is not None and self._clock() - answered <= self.round_seconds
        return self.last(name) if young else MailTotals(account=name)

    def denial(self, name: str) -> Unanswered | None:
        """That the server has no numbers of the account for whoever asks, if it said so when last asked."""
        failure = self._accounts[name].failure
        return failure if isinstance(failure, Unanswered) and failure.trouble in DENIALS else None

    def failures(self, names: Iterable[str]) -> list[tuple[str, SourceError]]:
        """Accounts whose last question failed, with how."""
        return [(name, failure) for name in names if (failure := self._accounts[name].failure) is not None]

    def unasked(self, names: Iterable[str]) -> list[str]:
        """Accounts that were never asked."""
        return [name for name in names if self._accounts[name].asked is None]

    def late(self, names: Iterable[str]) -> list[str]:
        """Accounts that were asked so long ago that the rounds cannot keep up."""
        since = self._clock() - 2 * self.round_seconds
        return [name for name in names if (self._accounts[name].asked or math.inf) < since]

    def oddities(self, names: Iterable[str]) -> list[str]:
        """What could not be understood of the accounts' last answers."""
        return [oddity for name in names for oddity in self._accounts[name].oddities]


class _Look:
    """How one look goes: whether anything was good, what failed first, and when to stop."""

    def __init__(self, deadline: float, patience: int, good: bool) -> None:
        self.good = good
        self.stopped = False
        self.failure: SourceError | None = None
        self._failed: list[tuple[_Account, float | None, SourceError | None]] = []
        self._deadline = deadline
        self._patience = patience
        self._lost = 0

    def succeeded(self) -> None:
        self.good = True
        self._lost = 0

    def failed(self, account: _Account, asked_before: float | None, error: SourceError) -> None:
        """Note a failure. The server is given up for now when it is not reached so often in a row, lets nobody in, or
        asks to be left alone."""
        self._failed.append((account, asked_before, account.failure))
        if self.failure is None or error.retry_after_seconds is not None:
            self.failure = error
        if not isinstance(error, Unanswered):
            self._lost += 1
        elif error.trouble in (Trouble.LOGIN_PAGE, Trouble.TWO_FACTOR):
            self.stopped = True
        if error.retry_after_seconds is not None or self._lost >= self._patience:
            self.stopped = True

    def undo(self, but: type[SourceError] | None = None) -> None:
        """Blame failures, ``but`` those of a kind, on the server and not on the accounts: these stand as before and
        have their turn at once."""
        for account, asked, failure in self._failed:
            if but is None or not isinstance(account.failure, but):
                account.asked, account.failure = asked, failure

    def is_over(self, now: float) -> bool:
        """Whether no further account is asked."""
        return self.stopped or now >= self._deadline
