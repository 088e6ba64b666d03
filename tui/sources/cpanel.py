"""A cPanel or WHM server as a source of mail totals. Only the command line builds one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import msgspec

from tui.config import CpanelSource
from tui.config.secrets import Secret
from tui.model import UNKNOWN_ACCOUNT, Checkup, Freshness, MailTotals, SourceStatus
from tui.sources.cpanel_accounts import AccountPool
from tui.sources.cpanel_calls import Calls, Reach, Unanswered, together
from tui.sources.cpanel_check import look_over
from tui.sources.cpanel_cli import CPAPI2, WHMAPI1, CommandReach
from tui.sources.cpanel_list import AccountList
from tui.sources.cpanel_login import HttpReach
from tui.sources.cpanel_place import Way, configured_accounts, doubt, place_of
from tui.sources.cpanel_wire import Trouble, filled
from tui.sources.http import HttpClient
from tui.sources.source import Source, SourceError

CLOSED_SECONDS = 600.0
"""How long a way that led nowhere is left out where another one leads to the totals."""

MAX_COMMANDS = 4
"""How many of cPanel's commands run at once: each is a Perl program on the very server that is watched."""

_ELSEWHERE = (Trouble.REFUSED, Trouble.NO_FUNCTION, Trouble.FAILED)
"""Troubles of one call that another one may not have."""

_NOBODY_GETS_IN = (Trouble.REFUSED, Trouble.LOGIN_PAGE, Trouble.TWO_FACTOR)


class Found(msgspec.Struct, frozen=True):
    """What one look found; ``partial`` says that some of it is missing or old, ``notes`` what."""

    totals: list[MailTotals]
    partial: bool
    notes: tuple[str, ...]


class Cpanel(Source):
    """The mail totals of a server's accounts. ``read_secret`` is called in a thread, at first use and after a refusal;
    ``clock`` is in seconds; ``cpapi2`` and ``whmapi1`` are the commands for ``login = "cli"``."""

    def __init__(
        self,
        config: CpanelSource,
        read_secret: Callable[[], Secret],
        *,
        interval_seconds: float,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        cpapi2: str = CPAPI2,
        whmapi1: str = WHMAPI1,
    ) -> None:
        self.name = config.name
        self.type = "cpanel"
        self.interval_seconds = interval_seconds
        self._config = config
        self._clock = clock
        self._place = place_of(config)
        concurrency = config.concurrency
        self._reach: Reach
        if config.login == "cli":
            concurrency = min(concurrency, MAX_COMMANDS)
            self._reach = CommandReach(
                cpapi2=cpapi2,
                whmapi1=whmapi1,
                timeout_seconds=config.timeout_seconds,
                max_bytes=config.max_answer_mib << 20,
            )
        else:
            client = client or HttpClient(config, connections=concurrency)
            self._reach = HttpReach(client, self._place, config.user or "", read_secret, clock)
        self._calls = Calls(self._reach, self._place)
        self._pool = AccountPool(self._calls, concurrency=concurrency, interval_seconds=interval_seconds, clock=clock)
        self._configured = configured_accounts(config)
        self._listed = AccountList(self._calls, clock)
        self._closed: dict[Way, tuple[float, str]] = {}
        self._way: Way | None = None
        self._answered: float | None = None
        self._error: str | None = None
        self._found = Found([], False, ())

    async def status(self) -> SourceStatus:
        """How far the numbers can be trusted; never raises."""
        age_seconds = None if self._answered is None else max(0.0, self._clock() - self._answered)
        if self._error is not None:
            freshness = Freshness.ERROR
        elif age_seconds is None or age_seconds > self._pool.round_seconds:
            freshness = Freshness.STALE
        else:
            freshness = Freshness.PARTIAL if self._found.partial else Freshness.LIVE
        notes = self._found.notes if self._answered is not None else ("It has not answered yet.",)
        unsure = doubt(self._config)
        return SourceStatus(
            name=self.name,
            type=self.type,
            freshness=freshness,
            age_seconds=age_seconds,
            error=self._error,
            notes=(*notes, unsure) if unsure else notes,
            unverified=unsure is not None,
            color=self._config.color,
        )

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The mail totals of every account; numbers that are not known are ``None``. In-progress counts, where the
        server gives them account by account only, are those of the accounts in ``shown``."""
        self._reach.begin()
        try:
            self._found = await self._look(frozenset(shown))
        except SourceError as error:
            self._error = str(error)
            raise
        self._error, self._answered = None, self._clock()
        return self._found.totals

    async def check(self) -> Checkup:
        """Try every call once; never raises."""
        self._reach.begin()
        checkup = await look_over(self._calls, self._place, self._configured, self._clock)
        if checkup.problems:
            self._reach.forget()
        if doubt(self._config):
            checkup = msgspec.structs.replace(checkup, reached=f"{checkup.reached} (certificate not checked)")
        return checkup

    async def close(self) -> None:
        """Close the connections."""
        await self._reach.close()

    async def _look(self, shown: frozenset[str]) -> Found:
        """The totals by the best way that is open. One that led there and now fails will do so again: a server that is
        in trouble is not asked for each account instead."""
        failures: dict[Way, Unanswered] = {}
        for way in self._open_ways():
            try:
                found = await self._by(way, shown, failures)
            except Unanswered as error:
                failures[way] = error
                if error.trouble not in _ELSEWHERE or (error.trouble is Trouble.FAILED and way is self._way):
                    break
            else:
                self._way = way
                until = self._clock() + CLOSED_SECONDS
                self._closed |= {other: (until, str(failure)) for other, failure in failures.items()}
                return found
        self._closed.clear()
        if any(failure.trouble in _NOBODY_GETS_IN for failure in failures.values()):
            self._reach.forget()
        raise together(self._place, list(failures.values()))

    def _open_ways(self) -> list[Way]:
        """The ways to try now, best first; one that did not lead anywhere is left out for a while."""
        now = self._clock()
        return [way for way in self._place.ways if way not in self._closed or now >= self._closed[way][0]]

    async def _by(self, way: Way, shown: frozenset[str], failures: dict[Way, Unanswered]) -> Found:
        match way:
            case Way.ALL:
                return await self._by_all(shown)
            case Way.EACH:
                why = str(failures[Way.ALL]) if Way.ALL in failures else self._closed.get(Way.ALL, (0.0, ""))[1]
                return await self._by_each(shown, why)
            case Way.OWN:
                answer = await self._calls.own(self._place.user)
                return Found(answer.accounts, False, (f"The account {self._place.user} alone.", *_odd(answer.oddities)))

    async def _by_all(self, shown: frozenset[str]) -> Found:
        """All accounts at once. What that leaves unknown of the shown ones, and accounts that are configured but have
        no record, are asked account by account."""
        answer, wanted, pool = await self._calls.all(), self._configured, self._pool
        records = {each.account: each for each in answer.accounts if wanted is None or each.account.lower() in wanted}
        recorded = {name.lower() for name in records}
        lacking = [name for name in wanted or () if name not in recorded]
        pool.keep([*records, *lacking])
        filled_in = [name for name in records if name in shown and _is_account(name)]
        await pool.ask(
            pool.due(lacking, [*pool.permitted(filled_in), *(name for name in lacking if name in shown)]), is_up=True
        )
        denied = [name for name in records if pool.denial(name)]
        asked = [*(name for name in filled_in if name not in denied), *lacking]
        missing = _failures(pool, asked) or _behind(pool, lacking)
        if answer.cut:
            missing.append(f"{self._place} left accounts out of its list; nothing is known of those.")
        notes = ["All accounts at once, by emailtrack_user_stats."]
        if denied:
            notes.append(f"What waits of {denied[0]} is unknown: {pool.denial(denied[0])}")
        odd = _odd([*answer.oddities, *pool.oddities(asked)])
        totals = [filled(known, pool.fresh(name)) for name, known in records.items()]
        totals += [pool.last(name) for name in lacking]
        return Found(totals, bool(missing), (*notes, *missing, *odd))

    async def _by_each(self, shown: frozenset[str], why: str) -> Found:
        """Account by account: the shown ones now, the others in their turn. ``why`` is what closes the better way."""
        missing = []
        names = self._configured
        if names is None:
            names = await self._listed.names()
            if self._listed.failure is not None:
                missing.append(f"New accounts are not seen: {self._listed.failure}")
        self._pool.keep(names)
        await self._pool.ask(self._pool.due(names, [name for name in names if name in shown]))
        missing += _failures(self._pool, names) + _behind(self._pool, names)
        notes = ["Account by account, by EmailTrack::stats.", *([why] if why else [])]
        totals = [self._pool.last(name) for name in names]
        return Found(totals, bool(missing), (*notes, *missing, *_odd(self._pool.oddities(names))))


def _is_account(name: str) -> bool:
    """Whether EmailTrack::stats can be asked of a user that WHM has mail of: not of root, nor of those that stand for
    mail of nobody's (``-remote-``, ``-system-``)."""
    return not name.startswith("-") and name not in ("root", UNKNOWN_ACCOUNT)


def _failures(pool: AccountPool, names: Sequence[str]) -> list[str]:
    """That some of the accounts gave nothing when last asked, with how one of them failed."""
    failures = pool.failures(names)
    if pool.cut_short is not None:
        return [f"The accounts were not all asked: {pool.cut_short}"]
    if not failures:
        return []
    name, failure = failures[0]
    example = f"{name} among them" if len(failures) > 1 else name
    return [f"{len(failures):,} of {len(names):,} accounts gave no new numbers, {example}: {failure}"]


def _behind(pool: AccountPool, names: Sequence[str]) -> list[str]:
    """That the server is too slow for so many accounts."""
    notes = []
    if unasked := len(pool.unasked(names)):
        notes.append(f"{unasked:,} of {len(names):,} accounts have not been asked yet.")
    if late := len(pool.late(names)):
        notes.append(
            f"The numbers of {late:,} of {len(names):,} accounts are old, since the server answers slowly; raise "
            "`concurrency` or lengthen `interval_seconds`."
        )
    return notes


def _odd(oddities: Sequence[str]) -> list[str]:
    """One note for all parts of an answer that could not be understood."""
    if not oddities:
        return []
    more = f"; {len(oddities) - 1:,} more such" if len(oddities) > 1 else ""
    return [f"{oddities[0]}{more}."]
