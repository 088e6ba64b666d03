"""Who needs attention first: the accounts of all sources, ranked, for the panes and the table. The hub's loop enters;
the work is done in its worker thread."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tui.hub.account_sums import AddedUp
from tui.hub.history import BASE_SECONDS, FORGET_SECONDS, LEAST_SECONDS, SPACING_SECONDS
from tui.hub.order import Order, SortKey
from tui.hub.poller import Poller
from tui.hub.protocol import AccountKey, AccountPane, AccountsPage, AccountsRequest, ViewRequest
from tui.hub.roll import Roll, Sample, Telling, Told
from tui.model import MailTotals, QueueQuery
from tui.sources.worker import Worker

RANK_SECONDS = 10.0
"""How long an order of accounts stands at least, unless accounts come or go."""

MAX_RANKED = 512
"""So many accounts can have panes."""

MAX_PANES = 64
"""So many panes have rates and sparklines, however many are asked for."""

MARGIN = 0.25
"""How far beyond the edge of its range a number may go before it counts as more or less than it did."""

MAX_LEVEL = 255
MAX_SENT_LEVEL = 1023
SENT_LEVELS = 8
"""Accounts count as having sent equally much when they do within an eighth of a power of two."""

Levels = tuple[int, int]


class Ranking(msgspec.Struct, frozen=True):
    """The accounts that a query selects, those that need attention first, each with the name of its source: the first
    ``MAX_RANKED`` of ``count``. ``parts`` are, for those that may be shown, what each source tells of an account
    without a source: of these it is added up."""

    accounts: Sequence[tuple[str, MailTotals]]
    count: int
    parts: Mapping[str, Mapping[str, MailTotals]] = {}

    def shown(self, panes: int) -> list[tuple[AccountKey, Mapping[str, MailTotals]]]:
        """The first accounts, each with what its sources tell of it."""
        return [
            (AccountKey(source, totals.account), {source: totals} if source else self.parts.get(totals.account, {}))
            for source, totals in self.accounts[: min(panes, MAX_PANES)]
        ]


class Answered(msgspec.Struct, frozen=True):
    """What ``source`` answered of its accounts, when that was last known to be so (loop time), whether it is complete,
    and whether the source has failed since."""

    source: str
    totals: Sequence[MailTotals]
    time: float
    complete: bool = True
    failing: bool = False


class Memory:
    """What each source told about a minute ago."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[Sample]] = {}

    def told(self, answer: Answered) -> Told:
        """The answer with what it is measured against; remembered for later. What is not complete is measured against
        nothing, nor is anything against it; while a source fails its rates are not known."""
        source, totals, time = answer.source, answer.totals, answer.time
        if not answer.complete:
            self._samples.pop(source, None)
        if not answer.complete or answer.failing:
            return Told(source, totals, time, measured=False)
        samples = self._samples.setdefault(source, deque())
        while samples and samples[0].time < time - FORGET_SECONDS:
            samples.popleft()
        while len(samples) > 1 and samples[1].time <= time - BASE_SECONDS:
            samples.popleft()
        known = [sample for sample in samples if sample.time <= time - LEAST_SECONDS]
        if not samples or samples[-1].time <= time - SPACING_SECONDS:
            samples.append(Sample(time, {each.account: each for each in totals}))
        return Told(source, totals, time, known)


class Attention:
    """Who needs attention more than who else.

    First the accounts that have reached a quota; then by deferrals and failures a minute, over about the last minute;
    then by what is in progress; then by messages sent; equals by name. Each number counts by its power of two (what is
    sent by an eighth of that), and one that is only just beyond its range still counts as before, so that two that are
    nearly the same do not change places again and again. What is not known counts as none.
    """

    def __init__(self) -> None:
        self._levels: dict[AccountKey, Levels] = {}

    def places(self, told: Sequence[Telling], keys: Sequence[AccountKey]) -> list[int]:
        """Where each account stands, in the order of ``told``; ``keys`` are their names."""
        accounts = [(each, totals) for each in told for totals in each.totals]
        before: Mapping[AccountKey, Levels | tuple[None, None]] = self._levels
        levels: dict[AccountKey, Levels] = {}
        scores: list[int] = []
        for key, (each, totals) in zip(keys, accounts, strict=True):
            trouble, progress = before.get(key, (None, None))
            now = (
                level(each.rate(totals, _troubles) or 0.0, trouble),
                level(totals.in_progress_count or 0, progress),
            )
            levels[key] = now
            scores.append((bool(totals.quotas) << 8 | now[0]) << 18 | now[1] << 10 | _sent_level(totals))
        self._levels = levels
        names = [totals.account for _, totals in accounts]
        order = Order(range(len(keys)), [SortKey(scores, True), SortKey(names), SortKey([key.source for key in keys])])
        places = [0] * len(keys)
        for place, row in enumerate(order):
            places[row] = place
        return places


class Accounts:
    """The newest roll of what all pollers know, added up by name where a request asks so, and the ranking of what the
    request selects. ``update`` makes them in the worker's thread; only one task may call it."""

    def __init__(self, pollers: Sequence[Poller], worker: Worker) -> None:
        self.ranking: Ranking | None = None
        self._pollers = pollers
        self._worker = worker
        self._memory = Memory()
        self._attention = Attention()
        self._roll: Roll | None = None
        self._made = -math.inf
        self._keys: list[AccountKey] = []
        self._index: Mapping[AccountKey, int] = {}
        self._places: list[int] = []
        self._placed = -math.inf
        self._totals: list[list[MailTotals]] = []
        self._together = False
        self._selected: tuple[str | None, QueueQuery] | None = None
        self._page: AccountsPage | None = None

    @property
    def roll(self) -> Roll | None:
        """All accounts, once any source has told some."""
        return self._roll

    @property
    def totals_offered(self) -> bool:
        """Whether any source tells mail totals, or may do once it answers."""
        return any(poller.offers_totals for poller in self._pollers)

    def shows_totals(self, request: ViewRequest, poller: Poller) -> bool:
        """Whether accounts of this source may be shown: those of the source that the request asks for, and where it has
        none, those of the others."""
        if not request.panes and request.accounts is None:
            return False
        own = [poller for poller in self._pollers if request.source in (None, poller.source.name)]
        panes = self.ranking.accounts[: request.panes] if self.ranking is not None else []
        return (
            poller in own
            or not any(asked.offers_totals for asked in own)
            or any(source == poller.source.name for source, _ in panes)
        )

    def pane(self, source: str, totals: MailTotals) -> AccountPane:
        """The pane of an account without a chart, with the rates of about the last minute where they are known."""
        row = self._roll.find(AccountKey(source, totals.account)) if self._roll is not None else None
        return AccountPane(source=source, totals=totals) if self._roll is None or row is None else self._roll.pane(row)

    def page(self, request: ViewRequest) -> AccountsPage | None:
        """The table that the request asks for; one that takes long to make is the last one until ``update`` has made
        it."""
        roll, asked = self._roll, request.accounts
        if roll is None or asked is None:
            self._page = None
        elif roll.is_ready(asked, request.source):
            self._page = roll.page(asked, request.source)
        return self._page

    def listed(self) -> list[AccountKey]:
        """The accounts that the table showed last."""
        return [pane.key for pane in self._page.rows] if self._page is not None else []

    async def update(self, request: ViewRequest) -> None:
        """Bring roll and ranking up to what is known now, for this request."""
        told = self._telling(request)
        if not told:
            self.ranking = self._roll = None
            return
        totals = [poller.totals for poller in told if poller.totals is not None]
        now = asyncio.get_running_loop().time()
        old, asked = self._roll, (request.source, _filters(request.query))
        is_new = [id(each) for each in totals] != [id(each) for each in self._totals]
        is_new |= request.together != self._together
        if old is None or is_new or now - self._made >= RANK_SECONDS:
            answers = [
                Answered(poller.source.name, each, poller.totals_confirmed, poller.complete, poller.failing)
                for poller, each in zip(told, totals, strict=True)
            ]
            self._roll = await self._worker.run(lambda: self._enrol(answers, now, together=request.together))
            self._totals, self._together, self._made = totals, request.together, now
            if old is not None:
                await self._worker.run(old.release)
        roll = self._roll
        if roll is not None and (roll is not old or asked != self._selected):
            self.ranking = await self._worker.run(lambda: rank(roll, request.query, request.source))
            self._selected = asked
        if roll is not None and request.accounts is not None:
            await self._prepare(roll, request.accounts, request.source)

    async def _prepare(self, roll: Roll, asked: AccountsRequest, source: str | None) -> None:
        if not roll.is_ready(asked, source):
            await self._worker.run(lambda: roll.page(asked, source))

    def _telling(self, request: ViewRequest) -> list[Poller]:
        """The sources whose accounts are enrolled: together those of the request's own source alone are added up, where
        it tells any."""
        telling = [poller for poller in self._pollers if poller.totals is not None]
        own = [poller for poller in telling if request.source in (None, poller.source.name)]
        return own or telling if request.together else telling

    def _enrol(self, answers: Sequence[Answered], now: float, *, together: bool) -> Roll:
        apart = [self._memory.told(answer) for answer in answers]
        told: Sequence[Telling] = [AddedUp(apart)] if together else apart
        if not _are(self._keys, told):
            self._keys = [AccountKey(each.source, totals.account) for each in told for totals in each.totals]
            self._index = {key: row for row, key in enumerate(self._keys)}
            self._placed = -math.inf
        if now - self._placed >= RANK_SECONDS:
            self._places, self._placed = self._attention.places(told, self._keys), now
        return Roll(told, self._places, self._index)


def rank(roll: Roll, query: QueueQuery, only_source: str | None = None) -> Ranking:
    """The accounts that ``query`` in ``only_source`` selects.

    One source may tell what waits and another the totals: where the query's source has none, those of the others
    stand. An account is known by its id in the query's source, and by its name in others, whose ids are their own.
    """
    rows: Sequence[int] = range(len(roll))
    own = rows if only_source is None else [row for row in rows if roll.source[row] == only_source]
    if query.account_id is None:
        rows = own or rows
    else:
        found = [row for row in own if query.account_id and roll.totals[row].account_id == query.account_id]
        if not query.account_id:
            found = _named(roll, query.account, own)
        rows = found or _named(roll, query.account, rows)
    order = Order(rows, [SortKey(roll.column("attention"))])
    parts = {roll.totals[row].account: roll.parts(row) for row in order[:MAX_PANES] if not roll.source[row]}
    return Ranking([(roll.source[row], roll.totals[row]) for row in order[:MAX_RANKED]], len(rows), parts)


def level(number: float, before: int | None = None) -> int:
    """The power of two below ``number``, plus one; 0 for less than one. ``before`` stands while the number is only just
    above or below that."""
    now = min(int(number).bit_length(), MAX_LEVEL)
    if before is None or abs(now - before) != 1:
        return now
    edge = 2.0 ** (max(now, before) - 1)
    return before if edge * (1 - MARGIN) <= number < edge * (1 + MARGIN) else now


def _named(roll: Roll, name: str, rows: Iterable[int]) -> list[int]:
    return [row for row in rows if name and roll.totals[row].account == name]


def _are(keys: Sequence[AccountKey], told: Sequence[Telling]) -> bool:
    """Whether these are the accounts' names, in their order."""
    names = ((each.source, totals.account) for each in told for totals in each.totals)
    return sum(len(each.totals) for each in told) == len(keys) and all(
        key.account == account and key.source == source for key, (source, account) in zip(keys, names, strict=True)
    )


def _troubles(totals: MailTotals) -> int | None:
    """Deferrals and failures, as far as they are known."""
    known = [count for count in (totals.defer_count, totals.fail_count) if count is not None]
    return sum(known) if known else None


def _sent_level(totals: MailTotals) -> int:
    if totals.send_count is None:
        return 0
    return 1 if totals.send_count < 1 else min(2 + int(math.log2(totals.send_count) * SENT_LEVELS), MAX_SENT_LEVEL)


def _filters(query: QueueQuery) -> QueueQuery:
    return QueueQuery(account_id=query.account_id, account=query.account)
