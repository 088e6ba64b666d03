"""One language of ids for several sources: equal names have equal numbers, each source hears its own. Wraps a source;
the hub enters, and whoever adds sources up."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from tui.model import (
    Balance,
    Cause,
    Checkup,
    Grouping,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
    WaitingMessage,
)
from tui.sources.source import Source
from tui.sources.worker import Worker

NAMELESS_CAMPAIGNS = ("sender_queue",)
"""The types of source that tell campaigns by their ids alone: elsewhere a campaign without a name is mail without a
campaign."""

NUMBER_BITS = 52
"""JSON carries no more than 53 everywhere; of a million names two meet once in ten thousand fleets."""

AGAIN_SECONDS = 30.0
"""How long a source that did not know a name is not asked for it again."""

MAX_KEPT = 200_000
"""So many names are kept at hand; beyond that all are forgotten, since numbers come out the same again."""

QUICK_ROWS = 2000
"""So many rows are translated fast enough for the hub's loop to do it."""

Answer = TypeVar("Answer")
Key = TypeVar("Key")


def nameless(sources: Sequence[Source]) -> set[str]:
    """Those of ``sources`` whose rows tell campaigns by id alone; also ``""``, whose rows are those of all together,
    where there is no other source: several have names of their own for them."""
    found = {source.name for source in sources if source.type in NAMELESS_CAMPAIGNS}
    return found | {""} if found and len(sources) == 1 else found


class Numbers:
    """The hub's own numbers: each is negative and made of what it stands for, so that two sources need not know of each
    other, and a hub that was started anew still knows the places that a screen is in."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], int] = {}

    def account(self, name: str) -> int:
        """The account of this name."""
        return self._number("account", name)

    def nameless_account(self, source: str, id: int) -> int:
        """An account that ``source`` tells by its id alone."""
        return self._number("account of", source, id)

    def campaign(self, account: int, name: str) -> int:
        """The campaign of this name of the account with this number."""
        return self._number("campaign", account, name)

    def nameless_campaign(self, account: int, source: str, id: int) -> int:
        """A campaign that ``source`` tells by its id alone, of the account with this number."""
        return self._number("campaign of", account, source, id)

    def _number(self, *meant: object) -> int:
        number = self._kept.get(meant)
        if number is None:
            text = "\0".join(map(str, meant)).encode("utf-8", "surrogatepass")  # names are clean: no NUL in them
            digest = hashlib.blake2b(text, digest_size=8).digest()
            number = -1 - (int.from_bytes(digest, "big") >> (64 - NUMBER_BITS))
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[meant] = number
        return number


class SharedNames:
    """``source`` in the numbers of ``numbers``: account and campaign ids are translated there and back. What nobody
    named is the source's own. Many rows are translated by ``worker``."""

    def __init__(self, source: Source, numbers: Numbers, worker: Worker | None = None) -> None:
        self.name = source.name
        self.type = source.type
        self.interval_seconds = source.interval_seconds
        self._source = source
        self._worker = worker
        self._book = _Book(source.name, numbers, nameless_campaigns=source.type in NAMELESS_CAMPAIGNS)
        self._asking = asyncio.Lock()
        self._asked: dict[int | None, float] = {}
        self._offers_queue = True
        self._files: int | None = None
        self._totals: tuple[list[MailTotals], list[MailTotals]] = ([], [])

    async def status(self) -> SourceStatus:
        """The source's."""
        return await self._source.status()

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The source's, each account with its number."""
        told = await self._source.totals(shown)
        if told is None:
            return None
        if told is not self._totals[0]:
            self._totals = told, await self._run(len(told), partial(self._book.totals, told))
        return self._totals[1]

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        """The source's; nothing waits of a name that it has not."""
        own = await self._own(query)
        if own is None:
            return QueueTable(query=query, files=self._files) if self._offers_queue else None
        return await self._learnt(own, query)

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        """The source's; ``None`` for a name that it has not."""
        own = await self._own(query)
        return None if own is None else await self._source.history(own, end, span_seconds)

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        """The source's; ``None`` for a name that it has not."""
        own = await self._own(query)
        return None if own is None else await self._source.causes(own)

    async def messages(self, query: QueueQuery, limit: int) -> list[WaitingMessage] | None:
        """The source's; ``None`` for a name that it has not."""
        own = await self._own(query)
        return None if own is None else await self._source.messages(own, limit)

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        """The source's, each account with its number; of a name that it has not there is none."""
        own = None
        if accounts is not None:
            queries = [await self._own(QueueQuery(account_id=number)) for number in accounts]
            own = [query.account_id for query in queries if query is not None and query.account_id is not None]
        told = await self._source.balances(own)
        return None if told is None else await self._run(len(told), partial(self._book.balances, told))

    async def hosts(self) -> list[HostStatus] | None:
        """The source's."""
        return await self._source.hosts()

    async def changed(self) -> bool:
        """The source's."""
        return await self._source.changed()

    async def check(self) -> Checkup:
        """The source's."""
        return await self._source.check()

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()

    async def _learnt(self, own: QueueQuery, query: QueueQuery) -> QueueTable | None:
        """What the source answers to ``own`` as the answer to ``query``; its names are known from then on."""
        table = await self._source.queue(own)
        self._offers_queue = table is not None
        now = asyncio.get_running_loop().time()
        if own == QueueQuery(Grouping.ACCOUNT):
            self._asked[None] = now
        elif own.grouping is Grouping.ACCOUNT_CAMPAIGN and own.isp is None and own.sender_id is None:
            self._asked[own.account_id or 0] = now
        if table is None:
            return None
        self._files = table.files
        return await self._run(len(table), partial(self._book.table, table, query))

    async def _own(self, query: QueueQuery) -> QueueQuery | None:
        """The query in the source's ids; ``None`` where it has no such name. A name that is not known yet is asked
        for, and again after a while: mail of it may have come."""
        account, campaign, book = query.account_id, query.campaign_id, self._book
        if account is not None and account < 0:
            if account not in book.accounts:
                await self._learn(None, QueueQuery(Grouping.ACCOUNT), lambda: account in book.accounts)
            account = book.accounts.get(account)
            if account is None:
                return None
        if campaign is not None and campaign < 0:
            if campaign not in book.campaigns:
                place = QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=account)
                await self._learn(account or 0, place, lambda: campaign in book.campaigns)
            campaign = book.campaigns.get(campaign)
            if campaign is None:
                return None
        return msgspec.structs.replace(query, account_id=account, campaign_id=campaign)

    async def _learn(self, place: int | None, own: QueueQuery, is_known: Callable[[], bool]) -> None:
        """Ask for the names at a place, unless that was done just now. An account of which nothing waits may have
        totals."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            self._asked = {each: asked for each, asked in self._asked.items() if now < asked + AGAIN_SECONDS}
            if place in self._asked or is_known():
                return
            table = await self._learnt(own, own)
            if place is None and table is not None and not is_known():
                await self.totals()
            self._asked[place] = now

    async def _run(self, rows: int, call: Callable[[], Answer]) -> Answer:
        return call() if self._worker is None or rows <= QUICK_ROWS else await self._worker.run(call)


class _Book:
    """What one source calls names: its ids to numbers, and numbers to its ids."""

    def __init__(self, source: str, numbers: Numbers, *, nameless_campaigns: bool) -> None:
        self.accounts: dict[int, int] = {}
        self.campaigns: dict[int, int] = {}
        self._source = source
        self._numbers = numbers
        self._nameless_campaigns = nameless_campaigns
        self._account_numbers: dict[tuple[int, str], int] = {}
        self._campaign_numbers: dict[tuple[int, int, str], int] = {}
        self._names: dict[int, str] = {}
        self._last_accounts, self._last_campaigns = _Last(), _Last()

    def totals(self, told: Sequence[MailTotals]) -> list[MailTotals]:
        """Totals with numbers; an account without an id has one too."""
        numbers = self._accounts([each.account_id for each in told], [each.account for each in told])
        replace = msgspec.structs.replace
        return [replace(each, account_id=number) for each, number in zip(told, numbers, strict=True)]

    def balances(self, told: Sequence[Balance]) -> list[Balance]:
        """Balances with numbers; that of all accounts has none."""
        known, replace = self._account_numbers, msgspec.structs.replace
        keys = [(each.account_id, each.account) for each in told]
        return [
            replace(each, account_id=known.get(key) or self._account(*key))
            for each, key in zip(told, keys, strict=True)
        ]

    def table(self, table: QueueTable, query: QueueQuery) -> QueueTable:
        """The rows with numbers, as an answer to ``query``."""
        accounts = self._accounts(table.account_id, table.account)
        campaigns = self._campaigns(accounts, table.campaign_id, table.campaign)
        shown = (
            self._labels("campaign", table.campaign_id, table.campaign) if self._nameless_campaigns else table.campaign
        )
        return msgspec.structs.replace(
            table,
            query=query,
            account_id=accounts,
            account=self._labels("account", table.account_id, table.account),
            campaign_id=campaigns,
            campaign=shown,
        )

    def _labels(self, kind: str, ids: list[int], names: list[str]) -> list[str]:
        """The names, and what stands for one where there is an id alone: numbers of the hub's say nothing to anybody,
        and an id is its source's own."""
        if not any(ids) or "" not in names:
            return names
        known = self._names if kind == "account" else {}
        return [
            name or known.get(id) or (f"{kind} {id} ({self._source})" if id else "")
            for id, name in zip(ids, names, strict=True)
        ]

    def _accounts(self, ids: list[int], names: list[str]) -> list[int]:
        if not any(ids) and not any(names):
            return ids
        if (numbers := self._last_accounts.of(ids, names)) is not None:
            return numbers
        _make_room(len(ids), self._account_numbers, self.accounts, self._names)
        known = self._account_numbers
        numbers = [known.get(each) or self._account(*each) for each in zip(ids, names, strict=True)]
        return self._last_accounts.keep(numbers, ids, names)

    def _account(self, id: int, name: str) -> int:
        """A row may have an id whose name only others tell; one with neither is of no account."""
        name = name or self._names.get(id, "")
        if not id and not name:
            return 0
        number = self._numbers.account(name) if name else self._numbers.nameless_account(self._source, id)
        if name:
            self._account_numbers[id, name] = number
        if id:
            self.accounts[number] = id
            self._names[id] = name
        return number

    def _campaigns(self, accounts: list[int], ids: list[int], names: list[str]) -> list[int]:
        if not any(ids):
            return ids
        if (numbers := self._last_campaigns.of(accounts, ids, names)) is not None:
            return numbers
        _make_room(len(ids), self._campaign_numbers, self.campaigns)
        known = self._campaign_numbers
        rows = zip(accounts, ids, names, strict=True)
        numbers = [known.get(each) or self._campaign(*each) for each in rows]
        return self._last_campaigns.keep(numbers, accounts, ids, names)

    def _campaign(self, account: int, id: int, name: str) -> int:
        if not id:
            return 0
        if name or not self._nameless_campaigns:
            number = self._numbers.campaign(account, name)
        else:
            number = self._numbers.nameless_campaign(account, self._source, id)
        self.campaigns[number] = id
        self._campaign_numbers[account, id, name] = number
        return number


class _Last:
    """The numbers of the columns that came last: most often the same rows come again."""

    def __init__(self) -> None:
        self._columns: tuple[list[Any], ...] = ()
        self._numbers: list[int] = []

    def of(self, *columns: list[Any]) -> list[int] | None:
        """Their numbers, if these are the last columns."""
        return self._numbers if self._columns == columns else None

    def keep(self, numbers: list[int], *columns: list[Any]) -> list[int]:
        """Keep the numbers, and give them."""
        self._columns, self._numbers = columns, numbers
        return numbers


def _make_room(rows: int, numbers: dict[Key, int], *others: dict[int, Any]) -> None:
    if len(numbers) > max(MAX_KEPT, 2 * rows):
        numbers.clear()
        for other in others:
            other.clear()
