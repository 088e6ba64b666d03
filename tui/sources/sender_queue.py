"""The sender-queue API as a source: several senders asked at once, joined to one table. Only the command line builds
one."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tui.config import SenderQueueSource
from tui.config.secrets import Secret
from tui.model import (
    Checkup,
    Freshness,
    QueueQuery,
    QueueTable,
    SourceStatus,
)
from tui.sources.http import HttpClient
from tui.sources.sender_queue_api import RefusedError, SenderQueueApi
from tui.sources.sender_queue_names import NameList
from tui.sources.sender_queue_wire import MAX_NAME, Rows
from tui.sources.source import Source, SourceError, Unreachable
from tui.text import REPLACEMENT

CONNECTIONS = 8
"""How many senders are asked at once."""

LIVE_SECONDS = 5.0
LIVE_INTERVALS = 3
KEPT_SECONDS = 600.0
"""How long a failing sender's last rows stand beside the other senders'."""

KEPT_QUERIES = 4
FIRST_NAMES_SECONDS = 1.0
"""How long the first numbers wait for names."""

MAX_SENTENCES = 5


class _Part(msgspec.Struct, frozen=True):
    """One sender's answer, or its last one with its ``age_seconds``, or none; and why not the one of now."""

    sender_id: int
    rows: Rows | None = None
    notes: tuple[str, ...] = ()
    error: SourceError | None = None
    age_seconds: float = 0.0


class SenderQueue(Source):
    """Asks the queues of the configured senders, which need not all answer. ``read_secret`` may block."""

    type = "sender_queue"

    def __init__(
        self,
        config: SenderQueueSource,
        read_secret: Callable[[], Secret],
        *,
        interval_seconds: float,
        client: HttpClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = config.name
        self.interval_seconds = interval_seconds
        self._config = config
        self._clock = clock
        self._api = SenderQueueApi(config, read_secret, client or HttpClient(config, connections=CONNECTIONS))
        self._senders = NameList(self._api, "senders", clock)
        self._accounts = NameList(self._api, "accounts", clock)
        self._waited_for_names = False
        self._resting: dict[int, tuple[float, SourceError]] = {}
        self._kept: OrderedDict[QueueQuery, dict[int, tuple[float, Rows]]] = OrderedDict()
        self._asked = 0
        self._told = 0
        self._good_at: float | None = None
        self._error: str | None = None
        self._is_partial = False
        self._notes: tuple[str, ...] = ()

    async def status(self) -> SourceStatus:
        """How far the numbers of the last answer can be trusted; never raises."""
        age_seconds = None if self._good_at is None else max(0.0, self._clock() - self._good_at)
        notes = self._notes
        if age_seconds is None:
            freshness = Freshness.STALE if self._error is None else Freshness.ERROR
            if self._error is None:
                notes = ("It has not been asked yet.",)
        elif self._error or age_seconds > max(LIVE_SECONDS, LIVE_INTERVALS * self.interval_seconds):
            freshness = Freshness.STALE
        else:
            freshness = Freshness.PARTIAL if self._is_partial else Freshness.LIVE
        return SourceStatus(
            name=self.name,
            type=self.type,
            freshness=freshness,
            age_seconds=age_seconds,
            error=self._error,
            notes=notes,
            unverified=self._is_unverified(),
            color=self._config.color,
        )

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        """The queue cells that ``query`` selects, of all senders that answer; ``SourceError`` when none does."""
        self._asked += 1
        turn = self._asked
        try:
            table, parts = await self._ask(query)
        except SourceError as error:
            if turn > self._told:
                self._told, self._error = turn, str(error)
            raise
        if turn > self._told:
            self._told, self._error, self._good_at = turn, None, self._clock()
            self._is_partial = any(part.error for part in parts) or self._lacks_senders()
            self._notes = self._said_of(parts)
        return table

    async def check(self) -> Checkup:
        """Try the queues and both lists of names once; never raises."""
        rights, problems = [], []
        try:
            await self._api.open()
            parts = await self._parts(QueueQuery(), await self._chosen(None))
            seconds = self._api.seconds
            good = [part for part in parts if part.error is None]
            problems = [str(part.error) for part in parts if part.error is not None]
            if good:
                rights.append(f"queue of {len(good)} sender{'s' if len(good) > 1 else ''}")
            for names, kind in ((self._senders, "senders"), (self._accounts, "accounts")):
                names.refresh()
                await names.settle()
                if names.read_at is not None:
                    rights.append(f"names of {kind}")
            problems += self._notes_on_senders()
        except SourceError as error:
            seconds = self._api.seconds
            problems = [str(error)]
        where = self._config.url or self.name
        return Checkup(
            reached=f"{where} (its certificate is not checked)" if self._is_unverified() else where,
            identity=f"token in the {self._config.token_in}",
            seconds=seconds,
            rights=tuple(rights),
            problems=tuple(_at_most(problems)),
        )

    async def close(self) -> None:
        """Give back connections and threads."""
        await self._senders.close()
        await self._accounts.close()
        await self._api.close()

    def _is_unverified(self) -> bool:
        return not self._config.verify and self._config.fingerprint is None

    async def _ask(self, query: QueueQuery) -> tuple[QueueTable, list[_Part]]:
        _refuse_unaskable(query)
        await self._api.open()
        senders = await self._chosen(query.sender_id)
        self._senders.refresh()
        self._accounts.refresh()
        parts = await self._parts(query, senders)
        errors = [part.error for part in parts if part.error is not None]
        if len(errors) == len(parts):
            if all(isinstance(error, RefusedError) for error in errors):
                self._api.forget_secret()
            raise _joint(errors)
        if not self._waited_for_names:
            self._waited_for_names = True
            await asyncio.gather(*(names.settle(FIRST_NAMES_SECONDS) for names in (self._senders, self._accounts)))
        senders_names, accounts_names = self._senders.names, self._accounts.names
        table = await self._api.worker.run(lambda: _joined(query, parts, senders_names, accounts_names))
        return table, parts

    async def _chosen(self, sender_id: int | None) -> Sequence[int]:
        """The senders to ask; raises ``SourceError`` for one that is none of this source's."""
        senders = self._config.senders
        if isinstance(senders, str):
            chosen = sorted(await self._senders.needed())
            if not chosen:
                raise SourceError(
                    f"{self._api.host} lists no sender for this token; ask the platform's administrator for the right, "
                    "or name `senders` in the configuration."
                )
        else:
            chosen = list(dict.fromkeys(senders))
        if sender_id is None:
            return chosen
        if sender_id not in chosen:
            known = ", ".join(map(str, chosen[:MAX_SENTENCES])) + (", …" if len(chosen) > MAX_SENTENCES else "")
            raise SourceError(f'"{self.name}" has no sender {sender_id}; it has {known}.')
        return [sender_id]

    async def _parts(self, query: QueueQuery, senders: Sequence[int]) -> list[_Part]:
        key = msgspec.structs.replace(query, sender_id=None, sender="", account="", campaign="")
        kept = self._kept.setdefault(key, {})
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_QUERIES:
            self._kept.popitem(last=False)
        return await asyncio.gather(*(self._part(sender_id, query, kept) for sender_id in senders))

    async def _part(self, sender_id: int, query: QueueQuery, kept: dict[int, tuple[float, Rows]]) -> _Part:
        """What one sender answers. While it wants to rest it is not asked."""
        try:
            until, error = self._resting.get(sender_id, (float("-inf"), None))
            if error is not None and self._clock() < until:
                raise SourceError(str(error), until - self._clock())
            rows, notes = await self._api.rows(sender_id, query)
        except SourceError as error:
            if error.retry_after_seconds:
                self._resting[sender_id] = (self._clock() + error.retry_after_seconds, error)
            last_at, last = kept.get(sender_id, (float("-inf"), None))
            age_seconds = self._clock() - last_at
            if age_seconds > KEPT_SECONDS:
                return _Part(sender_id, error=error)
            return _Part(sender_id, last, error=error, age_seconds=age_seconds)
        self._resting.pop(sender_id, None)
        kept[sender_id] = (self._clock(), rows)
        return _Part(sender_id, rows, notes)

    def _said_of(self, parts: Sequence[_Part]) -> tuple[str, ...]:
        failures = []
        for part in parts:
            if part.error is not None:
                rows = "its rows are missing" if part.rows is None else f"its rows are {_age(part.age_seconds)} old"
                failures.append(f"Sender {part.sender_id} did not answer and {rows}: {part.error}")
        said = list(dict.fromkeys(note for part in parts for note in part.notes))
        return (*_at_most(failures), *said, *self._notes_on_senders())

    def _notes_on_senders(self) -> list[str]:
        """What is to be said of the list of senders, where it chooses whom to ask."""
        senders = self._senders
        if not isinstance(self._config.senders, str) or senders.read_at is None:
            return []
        notes = []
        if self._lacks_senders():
            notes.append(
                f"{self._api.host} says that it has {senders.total_count:,} senders, but lists {len(senders.names):,}; "
                "the others' queues are missing."
            )
        if senders.error is not None:
            age = _age(self._clock() - senders.read_at)
            notes.append(f"The list of senders is {age} old; it cannot be read again: {senders.error}")
        return notes

    def _lacks_senders(self) -> bool:
        senders = self._senders
        return isinstance(self._config.senders, str) and (senders.total_count or 0) > len(senders.names)


def _refuse_unaskable(query: QueueQuery) -> None:
    """Raise ``SourceError`` for filters that the API cannot be told, or would take for none at all."""
    filters = (("an account", query.account_id), ("a campaign", query.campaign_id), ("an ISP", query.isp))
    for kind, value in filters:
        if value in (0, ""):
            raise SourceError(
                f"Mail without {kind} cannot be asked for alone: this API takes that for all. Go back out."
            )
    if query.isp is not None and (REPLACEMENT in query.isp or len(query.isp) >= MAX_NAME):
        raise SourceError(
            "This ISP cannot be asked for alone: its name has characters that are not shown, or is too long. "
            "Go back out."
        )


def _joined(
    query: QueueQuery, parts: Sequence[_Part], senders: Mapping[int, str], accounts: Mapping[int, str]
) -> QueueTable:
    table = QueueTable(query=query)
    for part in parts:
        rows = part.rows or Rows()
        count = len(rows.new)
        table.sender_id += [part.sender_id] * count
        if senders:
            table.sender += [senders.get(part.sender_id, "")] * count
        table.account_id += rows.account_id
        table.account += [accounts.get(number, "") for number in rows.account_id] if accounts else [""] * count
        table.campaign_id += rows.campaign_id
        table.campaign += [""] * count
        table.isp += rows.isp
        table.new += rows.new
        table.proc += rows.proc
        table.retry += rows.retry
        table.hold += rows.hold
    return table


def _joint(errors: Sequence[SourceError]) -> SourceError:
    """Why no sender answered: the first reason stands for all, one that somebody has to mend before that nobody is
    there."""
    rests = [error.retry_after_seconds for error in errors if error.retry_after_seconds is not None]
    first = next((error for error in errors if not isinstance(error, Unreachable)), errors[0])
    joint = first.anew(f"None of {len(errors):,} senders answered. {first}" if len(errors) > 1 else None)
    joint.retry_after_seconds = max(rests, default=None)
    return joint


def _at_most(sentences: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    more = len(sentences) - MAX_SENTENCES
    return [*sentences[:MAX_SENTENCES], *([f"So it is with {more:,} more."] if more > 0 else [])]


def _age(seconds: float) -> str:
    """An age in words, coarse, so that the sentence changes seldom."""
    if seconds < 60:
        return "less than a minute"
    count = int(seconds // 60)
    return f"{count} minute{'s' if count > 1 else ''}"
