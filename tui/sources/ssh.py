"""Another host's `mailtop show` as a source, asked over SSH without a port opened. Only the command line builds one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

import msgspec

from tui.config import SshSource
from tui.model import (
    DOUBTFUL,
    Balance,
    Checkup,
    Freshness,
    Grouping,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
)
from tui.sources import ssh_failures, ssh_wire
from tui.sources.accounting import accounted
from tui.sources.source import Source, SourceError
from tui.sources.ssh_names import Names
from tui.sources.ssh_reach import SshReach
from tui.sources.ssh_wire import AnswerError, Question, QueueAnswer, Told
from tui.sources.worker import Worker
from tui.text import clean

LIVE_SECONDS = 5.0
LIVE_INTERVALS = 3

RECENT_SECONDS = 60.0
"""What was told so long before the newest answer says nothing of now: queue and totals are not always both asked."""

NOT_ITS_QUESTION = 2
"""The exit code of a mailtop that is too old for a question, or has nothing to answer it with."""

BALANCE_SECONDS = 60.0
"""So long a balance is good for: each question starts a process there."""

LONG_BYTES = 50_000
"""From this size on an answer is read in a thread."""

Result = TypeVar("Result")


class Ssh(Source):
    """Asks one source of another host. Its ids are that host's; its freshness is what that host says, and the age since
    then."""

    type = "ssh"

    def __init__(
        self, config: SshSource, *, reach: SshReach | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = config.name
        self.interval_seconds = config.interval_seconds
        self._config = config
        self._reach = reach or SshReach(config)
        self._clock = clock
        self._worker = Worker(f"ssh {config.name}")
        self._names = Names()
        self._told: dict[str, tuple[float, Told]] = {}
        self._error: str | None = None
        self._balances: dict[Question, tuple[float, list[Balance] | None]] = {}

    async def status(self) -> SourceStatus:
        """What the host said of itself last, and how long ago; never raises."""
        freshness, error, age_seconds = Freshness.STALE, self._error, None
        notes = self._reach.notes
        if self._told:
            told_at, newest = max(self._told.values(), key=lambda each: each[0])
            recent_seconds = max(RECENT_SECONDS, LIVE_INTERVALS * self.interval_seconds)
            recent = [told for at, told in self._told.values() if told_at - at <= recent_seconds]
            worst = min(recent, key=_doubt)
            since_seconds = max(0.0, self._clock() - told_at)
            if newest.age_seconds is not None:
                age_seconds = newest.age_seconds + since_seconds
            freshness, error = worst.freshness, error or worst.error
            late = since_seconds > max(LIVE_SECONDS, LIVE_INTERVALS * self.interval_seconds)
            if (late or self._error is not None) and freshness is not Freshness.ERROR:
                freshness = Freshness.STALE
        elif error is not None:
            freshness = Freshness.ERROR
        else:
            notes = ("It has not been asked yet.", *notes)
        return SourceStatus(
            name=self.name,
            type=self.type,
            freshness=freshness,
            age_seconds=age_seconds,
            error=error,
            notes=notes,
            color=self._config.color,
        )

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The mail totals of every account; ``None`` where no source there knows any."""
        question = Question(what="totals", source=self._config.source)
        answered = await self._answered(question, lambda body: ssh_wire.decode_totals(body, question))
        if answered is None:
            return None
        totals, told = answered
        self._refuse_nothing(told, bool(totals))
        return totals

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        """The queue cells that ``query`` selects; ``None`` where no source there knows a queue. A name that is not
        known yet is asked for first."""
        question = await self._question(query)
        if question is None:
            return QueueTable(query=query)
        answer = await self._queue_answer(question, query)
        if answer is None:
            return None
        self._refuse_nothing(answer.told, bool(answer.table))
        self._refuse_others(query, answer.table)
        return answer.table

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        """What the host says of itself and of the accounts that are off, a minute old at most, and of those of
        ``accounts`` whose names are known; ``None`` where it does not tell, as an older mailtop. Raises
        ``SourceError`` before anything else was told; later on other questions bring to light what is wrong."""
        asked = Question(what="balance", source=self._config.source, all=accounts is None)
        words = [word for each in accounts or () if (word := self._names.account(each)) is not None]
        questions = [asked, *(msgspec.structs.replace(asked, account=word) for word in words)]
        now, kept = self._clock(), self._balances
        self._balances = {}
        for each in questions:
            is_new = each not in kept or now >= kept[each][0] + BALANCE_SECONDS
            self._balances[each] = (now, await self._balances_of(each)) if is_new else kept[each]
        host, *others = (told for _, told in self._balances.values())
        if not host:
            return None
        known = {each.account for each in host}
        return [*host, *(each for told in others for each in told or () if each.account not in known)]

    async def check(self) -> Checkup:
        """Try the queue and the totals once; never raises."""
        user, where = await self._reach.whom()
        rights, problems, seconds = [], [], None
        try:
            began = self._clock()
            table = await self.queue(QueueQuery())
            seconds = self._clock() - began
            totals = await self.totals()
            rights = [what for what, answer in (("mail totals", totals), ("queue", table)) if answer is not None]
            if not rights:
                problems.append(f"{self._peer} was reached, but knows neither a queue nor mail totals.")
        except SourceError as error:
            problems.append(str(error))
        told = {told.name: told for _, told in self._told.values()}
        problems += [f"{self._peer} says: {each.error}" for each in told.values() if each.error is not None]
        notes = [
            f'{self._peer} says that "{each.name}" is {each.freshness.value}.'
            for each in told.values()
            if each.error is None and each.freshness is not Freshness.LIVE
        ]
        names = " and ".join(f'"{each.name}" ({each.type})' for each in told.values())
        host = f"{clean(self._config.host or '')} ({where})" if where else self._peer
        its_source = f", its source {names}" if names else ""
        return Checkup(
            reached=f"{host}{its_source}",
            identity=f"user {user}" if user else "",
            seconds=seconds,
            rights=tuple(rights),
            problems=tuple(dict.fromkeys(problems)),
            notes=(*notes, *accounted(await self.balances(()) if self._told else None), *self._reach.notes),
        )

    async def close(self) -> None:
        """Kill what runs, and give back the connection."""
        self._worker.stop()
        await self._reach.close()

    @property
    def _peer(self) -> str:
        return ssh_failures.peer_of(self._config)

    async def _question(self, query: QueueQuery) -> Question | None:
        """What to ask for a query; ``None`` where nothing waits that has its ids."""
        if query.isp is not None and (clean(query.isp) != query.isp or len(query.isp) >= ssh_wire.MAX_NAME):
            raise SourceError("This ISP cannot be asked for alone: its name is too long or not all shown. Go back out.")
        account = campaign = None
        if query.account_id is not None:
            account = await self._word(self._names.account, query.account_id, Grouping.ACCOUNT)
            if account is None:
                return None
        if query.campaign_id is not None:
            words = await self._word(self._names.campaign, query.campaign_id, Grouping.ACCOUNT_CAMPAIGN)
            if words is None:
                return None
            account, campaign = words[0] if account is None else account, words[1]
        return Question(
            what="queue",
            group=ssh_wire.group_of(query.grouping),
            source=self._config.source,
            sender=query.sender_id,
            account=account,
            campaign=campaign,
            isp=query.isp,
        )

    async def _word(self, known: Callable[[int], Result | None], id_: int, grouping: Grouping) -> Result | None:
        """What has this id is called so; all rows are asked for where that is not known yet."""
        word = known(id_)
        if word is None:
            question = Question(what="queue", group=grouping.value, source=self._config.source)
            await self._queue_answer(question, QueueQuery(grouping))
            word = known(id_)
        return word

    async def _queue_answer(self, question: Question, query: QueueQuery) -> QueueAnswer | None:
        def read(body: bytes) -> tuple[QueueAnswer, Told]:
            answer = ssh_wire.decode_queue(body, question, query)
            return answer, answer.told

        answered = await self._answered(question, read)
        if answered is None:
            return None
        self._names.learn(answered[0].words)
        return answered[0]

    async def _answered(
        self, question: Question, read: Callable[[bytes], tuple[Result, Told]]
    ) -> tuple[Result, Told] | None:
        """What ``read`` makes of the answer; ``None`` where no source there has what is asked for."""
        try:
            ended = await self._reach.run(question.arguments())
            if ssh_failures.is_without(ended):
                self._told.pop(question.what, None)
                return None
            if not ssh_failures.has_answered(ended):
                raise ssh_failures.failure(ended, self._config)
            if len(ended.printed) < LONG_BYTES:
                answered = read(ended.printed)
            else:
                answered = await self._worker.run(lambda: read(ended.printed))
        except AnswerError as error:
            self._error = f"The answer of {self._peer} {error}."
            raise SourceError(self._error) from None
        except SourceError as error:
            self._error = str(error)
            raise
        self._told[question.what] = self._clock(), answered[1]
        self._error = None
        return answered

    async def _balances_of(self, question: Question) -> list[Balance] | None:
        """``None`` where it does not tell. While nothing else was told that it cannot be asked is raised."""
        try:
            ended = await self._reach.run(question.arguments())
            if ended.status == NOT_ITS_QUESTION:
                return None
            if not ssh_failures.has_answered(ended):
                raise ssh_failures.failure(ended, self._config)
            return await self._worker.run(lambda: ssh_wire.decode_balances(ended.printed, question))
        except (AnswerError, SourceError) as error:
            if self._told:
                return None
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"The answer of {self._peer} {error}.") from None

    def _refuse_nothing(self, told: Told, has_rows: bool) -> None:
        """Raise ``SourceError`` where there is nothing but an error there: no rows are not no mail then."""
        if told.error is not None and not has_rows:
            raise SourceError(f"{self._peer} says: {told.error}")

    def _refuse_others(self, query: QueueQuery, table: QueueTable | None) -> None:
        """Raise ``SourceError`` for rows that the query excludes: the host has numbered its names anew."""
        by_campaign = query.grouping is Grouping.ACCOUNT_CAMPAIGN
        by_account = by_campaign or query.grouping is Grouping.ACCOUNT
        if table is not None and (
            (by_account and query.account_id is not None and set(table.account_id) - {query.account_id})
            or (by_campaign and query.campaign_id is not None and set(table.campaign_id) - {query.campaign_id})
        ):
            raise SourceError(f"{self._peer} has numbered its accounts and campaigns anew; go back out, and in again.")


def _doubt(told: Told) -> int:
    """The place of a freshness among them, the worst first."""
    return DOUBTFUL.index(told.freshness) if told.freshness in DOUBTFUL else len(DOUBTFUL)
