"""Where a jump leads: the row of a dimension that a few typed letters mean, looked for in fresh answers. The hub's loop
enters; names are compared in its worker thread."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from tui.hub.hosts import WITHOUT_QUEUE
from tui.hub.poller import Poller, sentence_of
from tui.hub.protocol import Jump, Jumped
from tui.model import NO_CAMPAIGN_NAME, Grouping, QueueQuery, QueueTable
from tui.sources.worker import Worker
from tui.text import clean, fit

ANSWER_SECONDS = 5.0
"""How long the sources may take; who has not answered by then is left out."""

MAX_TEXT = 80
MOST_NAMED = 3
"""So many names stand in a sentence."""

MOST_COMPARED = 2000
"""So many names are looked through for one that is near, those of which most waits first."""

GROUPINGS = {
    "host": Grouping.HOST,
    "sender": Grouping.TOTAL,
    "account": Grouping.ACCOUNT,
    "campaign": Grouping.ACCOUNT_CAMPAIGN,
    "isp": Grouping.ISP,
}
"""How the rows of a dimension are asked for."""


class Candidate(msgspec.Struct, frozen=True):
    """A row that a jump may mean: its name and number (0: it has none), whose it is, and what waits in it. What is
    known by mail totals alone is not ``is_queued``; without a number nobody can filter by it. The number of a host is
    that of a sender; a host without one is a whole source."""

    source: str
    name: str
    number: int = 0
    account_id: int = 0
    account: str = ""
    waiting: int = 0
    is_queued: bool = True


class Found(msgspec.Struct, frozen=True):
    """What a text means among candidates: one of them, or none because ``several`` are meant."""

    one: Candidate | None = None
    several: Sequence[Candidate] = ()


class Asked(msgspec.Struct, frozen=True):
    """The candidates that sources gave, and a sentence for each that gave none."""

    candidates: list[Candidate]
    problems: list[str]


async def jump(asked: Jump, pollers: Sequence[Poller], worker: Worker) -> Jumped:
    """The answer to ``asked``: first within the place that its query is, then, when nothing there is meant, anywhere in
    its source. Other filters stay in the first case. A host is looked for in all sources, and by the name of one even
    when it does not answer."""
    text = clean(asked.text.strip())[:MAX_TEXT]
    if not text:
        return Jumped(serial=asked.serial, sentence=f"Say which {asked.dimension} to go to, by its name or number.")
    meant = [poller for poller in pollers if asked.dimension == "host" or asked.source in (None, poller.source.name)]
    wide = QueueQuery(GROUPINGS[asked.dimension])
    problems: list[str] = []
    candidates: list[Candidate] = []
    for place in dict.fromkeys((_place(asked), wide)):
        answer = await _candidates(asked.dimension, place, meant, is_wide=place == wide)
        found = await worker.run(partial(find, text, answer.candidates))
        if found.one is not None and not (found.one.is_queued or found.one.number):
            sentence = f'Nothing of {asked.dimension} "{_short(found.one.name)}" waits in a queue.'
            return Jumped(serial=asked.serial, sentence=" ".join([sentence, *answer.problems]))
        if found.one is not None:
            query = into(asked.dimension, found.one, place)
            return Jumped(serial=asked.serial, query=query, source=_source_of(asked, found.one))
        if found.several:
            return Jumped(serial=asked.serial, sentence=could_be(text, found.several))
        problems, candidates = answer.problems, answer.candidates
    sentence = await worker.run(partial(there_is_none, asked.dimension, text, candidates))
    return Jumped(serial=asked.serial, sentence=" ".join([sentence, *problems]))


def find(text: str, candidates: Sequence[Candidate]) -> Found:
    """What ``text`` means: all of a name, whatever its case; a number; the beginning of one name only; a part of one
    name only. Of rows of one name in several sources it is that in which most waits."""
    wanted = text.casefold()
    names = [candidate.name.casefold() for candidate in candidates]
    number = int(text) if text.isascii() and text.isdigit() else 0
    tests: list[Callable[[Candidate, str], bool]] = [
        lambda _, name: name == wanted,
        lambda candidate, _: number > 0 and candidate.number == number,
        lambda _, name: name.startswith(wanted),
        lambda _, name: wanted in name,
    ]
    for test in tests:
        matching = [each for each, name in zip(candidates, names, strict=True) if name and test(each, name)]
        matching.sort(key=lambda each: -each.waiting)
        if matching:
            same = {(each.name.casefold(), each.account.casefold()) for each in matching}
            return Found(matching[0]) if len(same) == 1 else Found(several=matching)
    return Found()


def into(dimension: str, candidate: Candidate, place: QueueQuery) -> QueueQuery:
    """The place of a candidate within ``place``, its rows told apart by what is told apart least by then."""
    query = place
    if dimension == "isp":
        query = msgspec.structs.replace(query, isp=candidate.name)
    elif dimension in ("host", "sender"):
        if candidate.number:
            name = "" if candidate.name == str(candidate.number) else candidate.name
            query = msgspec.structs.replace(query, sender_id=candidate.number, sender=name)
    elif dimension == "account":
        query = msgspec.structs.replace(query, account_id=candidate.number, account=candidate.name)
    else:
        query = msgspec.structs.replace(
            query,
            account_id=candidate.account_id,
            account=candidate.account,
            campaign_id=candidate.number,
            campaign="" if candidate.name == NO_CAMPAIGN_NAME else candidate.name,
        )
    walk = (
        (Grouping.ACCOUNT, query.account_id is None),
        (Grouping.ACCOUNT_CAMPAIGN, query.campaign_id is None),
        (Grouping.ISP, True),
    )
    return query.grouped(next(grouping for grouping, is_open in walk if is_open))


def could_be(text: str, several: Sequence[Candidate]) -> str:
    """A sentence that names what is meant, those in which most waits."""
    several_accounts = len({each.name for each in several}) < len({(each.name, each.account) for each in several})
    names = list(
        dict.fromkeys(
            f"{_short(each.name)} of {_short(each.account)}" if several_accounts else _short(each.name)
            for each in several
        )
    )
    shown = names[: MOST_NAMED if len(names) == MOST_NAMED else MOST_NAMED - 1]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return f'"{_short(text)}" could be {", ".join(shown[:-1])} or {shown[-1]}.'


def there_is_none(dimension: str, text: str, candidates: Sequence[Candidate]) -> str:
    """A sentence that says so, and names what is near."""
    import difflib  # only a mistake needs it

    likely = heapq.nlargest(MOST_COMPARED, candidates, key=lambda each: each.waiting)
    names = {each.name.casefold(): each.name for each in reversed(likely)}
    near = [names[name] for name in difflib.get_close_matches(text.casefold(), names, MOST_NAMED, 0.5)]
    sentence = f'There is no {dimension} "{_short(text)}"'
    return f"{sentence}; near: {', '.join(map(_short, near))}." if near else f"{sentence}."


async def _candidates(dimension: str, place: QueueQuery, pollers: Sequence[Poller], *, is_wide: bool) -> Asked:
    """What the sources have of the dimension at the place; where that ``is_wide`` an account that has no queue is known
    by its totals, and a source that does not answer by its name."""
    answers = await asyncio.gather(*(_ask(poller, place) for poller in pollers))
    candidates = [
        candidate
        for poller, answer in zip(pollers, answers, strict=True)
        if isinstance(answer, QueueTable)
        for candidate in _of_table(dimension, poller.source.name, answer)
    ]
    if dimension == "host" and is_wide:
        told = {each.source for each in candidates}
        hosts = [poller.source for poller in pollers if poller.source.type not in WITHOUT_QUEUE]
        candidates += [Candidate(source.name, source.name) for source in hosts if source.name not in told]
    if dimension == "account" and is_wide:
        known = {each.name.casefold() for each in candidates}
        candidates += [
            Candidate(poller.source.name, totals.account, totals.account_id, is_queued=False)
            for poller in pollers
            for totals in poller.totals or []
            if totals.account.casefold() not in known
        ]
    return Asked(candidates, [answer for answer in answers if isinstance(answer, str)])


async def _ask(poller: Poller, query: QueueQuery) -> QueueTable | str | None:
    """The table, or a sentence on why there is none."""
    name = poller.source.name
    if poller.wants_rest:
        return f"{name} wants to be left alone for a while."
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await poller.source.queue(query)
    except TimeoutError:
        return f"{name} has not answered within {ANSWER_SECONDS:.0f} seconds."
    except Exception as error:  # one source's mistake must not end the others
        return f"{name}: {sentence_of(error)}"


def _of_table(dimension: str, source: str, table: QueueTable) -> list[Candidate]:
    found: list[Candidate] = []
    if dimension == "host":
        return _hosts_of(source, table)
    for row in table.rows(source):
        if dimension == "isp":
            candidate = Candidate(source, row.isp, waiting=row.total)
        elif dimension == "sender":
            if not row.sender_id:
                continue  # its source does not tell senders apart
            candidate = Candidate(source, row.sender or str(row.sender_id), row.sender_id, waiting=row.total)
        elif dimension == "account":
            candidate = Candidate(source, row.account or str(row.account_id), row.account_id, waiting=row.total)
        else:
            name = row.campaign or (NO_CAMPAIGN_NAME if not row.campaign_id else f"campaign {row.campaign_id}")
            candidate = Candidate(source, name, row.campaign_id, row.account_id, row.account, row.total)
        found.append(candidate)
    return found


def _hosts_of(source: str, table: QueueTable) -> list[Candidate]:
    """The source itself, and its senders where it has several."""
    rows = list(table.rows(source))
    itself = [Candidate(source, source, waiting=sum(row.total for row in rows))] if rows else []
    if len({row.sender_id for row in rows}) < 2:
        return [*itself, *(Candidate(source, row.sender, waiting=row.total) for row in rows if row.sender != source)]
    senders = (Candidate(source, row.sender or str(row.sender_id), row.sender_id, waiting=row.total) for row in rows)
    return [*itself, *senders]


def _place(asked: Jump) -> QueueQuery:
    """Where the jump looks first: at its query without the dimension's own filter. A campaign belongs to an account, so
    that one without the other would find nothing else."""
    query = asked.query.grouped(GROUPINGS[asked.dimension])
    replace = msgspec.structs.replace
    if asked.dimension == "isp":
        return replace(query, isp=None)
    if asked.dimension in ("host", "sender"):
        return replace(query, sender_id=None, sender="")
    query = replace(query, campaign_id=None, campaign="")
    return replace(query, account_id=None, account="") if asked.dimension == "account" else query


def _source_of(asked: Jump, candidate: Candidate) -> str | None:
    """The source to show: numbers of senders belong to their source, others unless rows are ``together``, and names of
    providers to all."""
    is_of_all = asked.dimension == "isp" or (asked.together and asked.dimension in ("account", "campaign"))
    return asked.source if is_of_all else candidate.source


def _short(name: str) -> str:
    return fit(name, 40).rstrip()
