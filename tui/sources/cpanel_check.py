"""One try of every call of a cPanel server, for ``mailtop check``. The cPanel source enters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tui.model import Checkup
from tui.sources.cpanel_calls import Calls, Unanswered, together
from tui.sources.cpanel_place import Place, Way
from tui.sources.cpanel_wire import Call, Totals
from tui.sources.cpanel_words import PRIVILEGES
from tui.sources.source import SourceError

Answer = TypeVar("Answer")

ALL, LIST, STATS = "all accounts at once", "list of accounts", "in-progress counts"


async def look_over(
    calls: Calls, place: Place, configured: Sequence[str] | None, clock: Callable[[], float]
) -> Checkup:
    """What ``calls`` can do. ``configured`` are the accounts that the configuration names."""
    tries = _Tries(clock)
    if Way.ALL in place.ways:
        await _look_at_whm(tries, calls, configured, place)
    if Way.OWN in place.ways and not tries.works:
        answer = await tries.note(Call.STATS, calls.own(place.user))
        if answer is not None:
            tries.works = True
            tries.rights = [f"the account {place.user} alone", STATS]
        tries.problems += _not_reached(configured, [place.user], place) if answer else []
    problems = tries.problems if tries.works else [str(_failure(place, tries.failures))]
    return Checkup(
        reached=str(place),
        identity=place.identity,
        seconds=tries.seconds,
        rights=tuple(tries.rights),
        problems=tuple(problems),
    )


class _Tries:
    """What the tries so far found."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.works = False
        self.seconds: float | None = None
        self.rights: list[str] = []
        self.problems: list[str] = []
        self.failures: dict[Call, SourceError] = {}
        self._clock = clock

    async def note(self, call: Call, answer: Awaitable[Answer]) -> Answer | None:
        """The answer, or ``None`` where it failed."""
        began = self._clock()
        try:
            result = await answer
        except SourceError as error:
            self.failures[call] = error
            return None
        if self.seconds is None:
            self.seconds = self._clock() - began
        return result

    def lacks(self, call: Call, right: str) -> None:
        """Say of a call that another one makes up for why it is not to be had."""
        failure = self.failures.get(call)
        if isinstance(failure, Unanswered):
            self.rights.append(f'no {right} ("{failure.reason}"; needs {PRIVILEGES[call]})')
        elif failure is not None:
            self.problems.append(str(failure))


async def _look_at_whm(tries: _Tries, calls: Calls, configured: Sequence[str] | None, place: Place) -> None:
    """All accounts at once, their list, and one of them."""
    at_once: Totals | None = await tries.note(Call.ALL, calls.all())
    if at_once is None and not isinstance(tries.failures[Call.ALL], Unanswered):
        return
    listed = await tries.note(Call.LIST, calls.list())
    recorded = [totals.account for totals in at_once.accounts if totals.account[:1] != "-"] if at_once else []
    one = next(iter([*(configured or ()), *(listed or ()), *recorded]), None)
    stats = await tries.note(Call.STATS, calls.stats(one)) if one is not None else None
    tries.works = at_once is not None or stats is not None or listed == []
    if not tries.works:
        return
    if at_once is not None:
        tries.rights.append(ALL)
    tries.lacks(Call.ALL, ALL)
    if listed is not None:
        tries.rights.append(f"{LIST} ({len(listed):,})")
        tries.problems += _not_reached(configured, listed, place)
    tries.lacks(Call.LIST, LIST)
    if stats is not None:
        tries.rights.append(STATS)
    tries.lacks(Call.STATS, STATS)


def _not_reached(configured: Sequence[str] | None, there: Sequence[str], place: Place) -> list[str]:
    """That accounts of the configuration are not among those that are there."""
    missing = [name for name in configured or () if name not in {each.lower() for each in there}]
    if not missing:
        return []
    names = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
    return [f"{place} has no account {names} for {place.user}: check `accounts`."]


def _failure(place: Place, failures: dict[Call, SourceError]) -> SourceError:
    """The one sentence when no way leads to the totals: what no answer came to, else what the answers said."""
    unanswered = [failure for failure in failures.values() if isinstance(failure, Unanswered)]
    others = [failure for failure in failures.values() if not isinstance(failure, Unanswered)]
    return others[0] if others else together(place, unanswered)
