"""All that is known of the selected row: why its mail waits and which, asked of its source while that is shown. The
hub's loop enters."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

from tui.hub.balance import together
from tui.hub.drawing import balances_of, is_of, trend_of
from tui.hub.fleet import causes_together, messages_together
from tui.hub.hosts import WITHOUT_QUEUE
from tui.hub.poller import Poller, sentence_of
from tui.hub.protocol import Balanced, Detail, ViewRequest
from tui.hub.sheet import Sheet
from tui.hub.views import trend_query
from tui.model import Cause, Counts, Grouping, QueueQuery, QueueRow, RowKey, WaitingMessage

AGAIN_SECONDS = 5.0
"""The least time between two answers of a source to the same question."""

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 30.0
"""How long a source may take to answer."""

MAX_PROBLEMS = 3
"""So many sources say why they could not be read; the others are counted."""

EVENTS = ("send", "success", "defer", "fail", "size")
"""The counts of what happens; the others are of what waits."""

Answer = TypeVar("Answer")


class Question(msgspec.Struct, frozen=True):
    """What is asked of a source: why the mail of ``query`` waits, its oldest ``messages``, and, unless the rows tell,
    what waits at its sender in all (``whole``)."""

    query: QueueQuery
    messages: int
    whole: QueueQuery | None


class Found(msgspec.Struct, frozen=True):
    """What a source answered to ``question``, as far as it did; ``problem`` says why it did not."""

    question: Question
    causes: list[Cause] | None = None
    messages: list[WaitingMessage] | None = None
    sender_total: int | None = None
    problem: str = ""


class Inquiry:
    """Asks one source, while there is a ``question``; ``told`` is called when it has answered."""

    def __init__(self, poller: Poller, told: Callable[[], None]) -> None:
        self.poller = poller
        self.question: Question | None = None
        self.found: Found | None = None
        self._told = told
        self._wake = asyncio.Event()
        self._asking: asyncio.Task[Found] | None = None
        self._total: tuple[QueueQuery, float, int | None] | None = None
        self._asked_about: tuple[Question, int] | None = None
        self._due = -math.inf

    def answer(self, question: Question | None) -> Found | None:
        """What is known of the question."""
        return self.found if self.found is not None and self.found.question == question else None

    def want(self, question: Question | None) -> None:
        """Ask this from now on. An answer to another question is waited for no longer."""
        if question != self.question:
            self.question = question
            self._due = -math.inf
            if self._asking is not None:
                self._asking.cancel()
            self._wake.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            while True:
                question = self.question
                if question is not None and self._is_due(question):
                    await self._ask(question)
                else:
                    await self._rest()
        finally:
            if self._asking is not None:
                self._asking.cancel()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS if self.question is not None else None):
                await self._wake.wait()
        self._wake.clear()

    def _is_due(self, question: Question) -> bool:
        """At once what was not asked yet; else what may have changed, or was not answered, after a while."""
        failed = self.found is not None and bool(self.found.problem)
        is_new = failed or (question, self.poller.generation) != self._asked_about
        return is_new and self.poller.may_be_asked and asyncio.get_running_loop().time() >= self._due

    async def _ask(self, question: Question) -> None:
        loop = asyncio.get_running_loop()
        self._asked_about = question, self.poller.generation
        self._due = loop.time() + max(AGAIN_SECONDS, self.poller.source.interval_seconds)
        self._asking = loop.create_task(self._answers(question))
        await asyncio.wait([self._asking])
        asking, self._asking = self._asking, None
        if not asking.cancelled() and question == self.question:
            self.found = asking.result()
            self._told()

    async def _answers(self, question: Question) -> Found:
        """What the source answers; of what fails now the last answer stands."""
        source, problems = self.poller.source, list[str]()
        query, last = question.query, self.answer(question) or Found(question)

        async def ask(answer: Awaitable[Answer], otherwise: Answer) -> Answer:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await answer
            except TimeoutError:
                problems.append(f"It has not answered for {ANSWER_SECONDS:.0f} seconds.")
            except Exception as error:  # a source's mistake must not end the others
                problems.append(sentence_of(error))
                wish = getattr(error, "retry_after_seconds", None) or 0.0
                self._due = max(self._due, asyncio.get_running_loop().time() + wish)
            return otherwise

        causes = await ask(source.causes(query), last.causes)
        messages = await ask(source.messages(query, question.messages), last.messages) if question.messages else None
        total = last.sender_total
        if (whole := question.whole) is not None:
            now = asyncio.get_running_loop().time()
            if self._total is None or self._total[0] != whole or now >= self._total[1] + AGAIN_SECONDS:
                table = await ask(source.queue(whole), None)
                self._total = whole, now, total if table is None else sum(row.total for row in table.rows())
            total = self._total[2]
        return Found(question, causes, messages, total, " ".join(dict.fromkeys(problems)))


class Details:
    """What is known of the selected row of a request, or of all its rows where none is."""

    def __init__(self, pollers: Sequence[Poller], told: Callable[[], None]) -> None:
        self.inquiries = [Inquiry(poller, told) for poller in pollers]
        self._row = QueueRow()

    def want(self, request: ViewRequest, sheet: Sheet | None) -> None:
        """Ask for the details of this request from now on, if it wants any."""
        meant, question = self._meant(request), _question(request, sheet)
        for inquiry in self.inquiries:
            inquiry.want(question if inquiry in meant else None)

    def detail(self, request: ViewRequest, sheet: Sheet | None) -> Detail | None:
        """The details, as far as they are known; ``None`` before the rows are, or when nobody asks. What a source tells
        that cannot be read, or whose numbers are old, is left out while others' are good, as it is of the sums."""
        if not request.detail or sheet is None:
            return None
        row, delta = self._found_row(request.selected, sheet)
        meant, question = self._meant(request), _question(request, sheet)
        counted = [inquiry for inquiry in meant if not inquiry.poller.is_doubtful] or meant
        answers = [inquiry.answer(question) for inquiry in counted]
        found = [answer for answer in answers if answer is not None]
        messages = [answer.messages for answer in found if answer.messages is not None]
        waiting = [inquiry for inquiry in meant if inquiry.answer(question) is None]
        return Detail(
            row=row,
            delta=delta,
            sender_total=_sender_total(request, sheet, row, answers),
            span_seconds=request.span_seconds,
            events=_events(request, [inquiry.poller for inquiry in meant]),
            causes=causes_together([answer.causes for answer in found if answer.causes is not None]),
            messages=messages_together(messages, request.messages),
            waiting=any(inquiry.poller.may_be_asked for inquiry in waiting),
            problem=" ".join(_problems(question, meant, counted)),
            balance=_balance(request, [inquiry.poller for inquiry in meant]),
        )

    def _meant(self, request: ViewRequest) -> list[Inquiry]:
        """The inquiries to the sources that the request asks; to the selected row's own, where it has one."""
        key = request.selected
        return [
            inquiry
            for inquiry in self.inquiries
            if request.detail
            and request.source in (None, inquiry.poller.source.name)
            and is_of(key, inquiry.poller.source.name)
        ]

    def _found_row(self, key: RowKey | None, sheet: Sheet) -> tuple[QueueRow, float | None]:
        """The row with its change a minute. Of one that is gone nothing waits; it is still called what it was."""
        if key is None:
            return sheet.sums.whole, sheet.sums.delta
        index = sheet.finder.find(key)
        if index is not None:
            self._row = sheet.row(index)
            return self._row, sheet.delta(index)
        if self._row.key != key:
            self._row = QueueRow(
                source=key.source,
                sender_id=key.sender_id,
                account_id=key.account_id,
                campaign_id=key.campaign_id,
                isp=key.isp,
            )
        return msgspec.structs.replace(self._row, new=0, proc=0, retry=0, hold=0), None


def _question(request: ViewRequest, sheet: Sheet | None) -> Question:
    """What is asked about the selected row, or about all."""
    query = trend_query(request.query, request.selected)
    several = sheet is not None and sheet.several_senders and query.sender_id is not None
    is_asked = several or _is_filtered(request.query)
    whole = QueueQuery(Grouping.TOTAL, sender_id=query.sender_id) if is_asked else None
    return Question(query, request.messages, whole)


def _events(request: ViewRequest, pollers: Sequence[Poller]) -> Counts | None:
    """What happened over the span of the chart, as far as histories are known; what waits is no event."""
    histories = [history for poller in pollers if (history := poller.histories.get(trend_of(request))) is not None]
    points = [point for history in histories for point in history.points if point is not None]
    if not points:
        return None
    return Counts(**{name: sum(getattr(point, name) for point in points) for name in EVENTS})


def _balance(request: ViewRequest, pollers: Sequence[Poller]) -> Balanced | None:
    """Whether the mail of the row's account is accounted for, or of all where the row is of all that a host has."""
    query, accounts = trend_query(request.query, request.selected), balances_of(request)
    if accounts is None:
        return None
    parts = [
        poller.balance(*accounts)
        for poller in pollers
        if poller.source.type not in WITHOUT_QUEUE and not (query.sender_id is not None and len(poller.senders) > 1)
    ]
    return together(parts, with_sums=True)


def _sender_total(request: ViewRequest, sheet: Sheet, row: QueueRow, answers: Sequence[Found | None]) -> int | None:
    """What waits at the row's sender in all: by the sheet where that has all of it, else as its source was told."""
    sums = sheet.sums.by_source.get(row.source)
    if not _is_filtered(request.query):
        if request.selected is None or not request.selected.source:
            return sheet.sums.whole.total
        if sums is not None and sums.sender_id == row.sender_id:
            return sums.total
    totals = [answer.sender_total for answer in answers if answer is not None and answer.sender_total is not None]
    return sum(totals) if totals and len(totals) == len(answers) else None


def _is_filtered(query: QueueQuery) -> bool:
    return query.account_id is not None or query.campaign_id is not None or query.isp is not None


def _problems(question: Question, meant: Sequence[Inquiry], counted: Sequence[Inquiry]) -> list[str]:
    """Why something could not be read, a sentence for each source; named where there are several, and not all where
    there are many."""
    problems = []
    for inquiry in meant:
        poller, answer = inquiry.poller, inquiry.answer(question)
        if inquiry not in counted:
            problem = poller.why_not_asked or "Its numbers are old, and left out."
        else:
            problem = answer.problem if answer is not None else poller.why_not_asked
        if problem:
            problems.append(f"{poller.source.name}: {problem}" if len(meant) > 1 else problem)
    more = len(problems) - MAX_PROBLEMS
    return problems if more <= 0 else [*problems[:MAX_PROBLEMS], f"{more} more sources could not be read."]
