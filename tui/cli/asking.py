"""What `mailtop show` asks: every source once and all at the same time, by the names that were typed. Only `show`
enters."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

import msgspec

from tui.cli.hosts import Facts, facts_of
from tui.config import ConfigError, CpanelSource, DemoSource, LocalSource, SenderQueueSource, SourceConfig
from tui.hub import formats
from tui.hub.formats import Row
from tui.model import Balance, Freshness, Grouping, MailTotals, QueueQuery, QueueRow, SourceStatus
from tui.sources.source import Source, SourceError

ANSWER_SECONDS = 30.0
SERVER_SECONDS = 300.0
"""How long a ledger may take, and a server, which may be asked once for each account."""

CLOSE_SECONDS = 0.5

TELLS_IDS = "sender_queue"
"""The type of source that tells campaigns, and some accounts, by their ids alone."""

_LACKING: dict[str, tuple[type[SourceConfig], ...]] = {
    "totals": (SenderQueueSource,),
    "queue": (CpanelSource,),
    "balance": (SenderQueueSource, CpanelSource),
}
"""The sources that know nothing of what is asked for: they are not asked."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for: the words as given, ``None`` for no filter and for the usual order. ``together``
    adds up what has the same name in all sources; ``all`` asks for accounts that balance, too."""

    what: str
    grouping: Grouping = Grouping.TOTAL
    source: str | None = None
    sender: int | None = None
    account: str | None = None
    campaign: str | None = None
    isp: str | None = None
    filter: str | None = None
    problems: bool = False
    sort: str | None = None
    reverse: bool = False
    together: bool = False
    all: bool = False


class Answer(msgspec.Struct, kw_only=True):
    """What one source answered: its rows or totals, how it is, and what a person should be told of it. ``alone``: no
    other source is asked, so a word may be an id; ``named``: for ``account`` and ``campaign``, whether the word is a
    name there (true) or could only be an id (false). ``knows``: it had any of what was asked for; the note on that it
    had not is left out where another has; ``lacking``: the source says that it has no such ``--sender``. Sums over
    hosts hold what ``counted`` of its ``hosts`` tell."""

    status: SourceStatus
    alone: bool = True
    knows: bool = True
    lacking: str | None = None
    named: dict[str, bool] = {}
    rows: list[Row] = []
    totals: list[MailTotals] = []
    balances: list[Balance] = []
    notes: list[str] = []
    files: int | None = None
    failed: bool = False
    hosts: int = 1
    counted: int = 0


def wanted_of(asked: Asked, sources: Sequence[SourceConfig]) -> list[SourceConfig]:
    """Those of ``sources`` that can know what is asked for; raises ``ConfigError`` when none can."""
    offering = [source for source in sources if not isinstance(source, _LACKING[asked.what])]
    if not offering:
        other = "totals" if asked.what == "queue" else "queue"
        raise ConfigError(f"{_NOTHING[asked.what]}; add a source that does, or ask for: mailtop show {other}")
    wanted = [source for source in offering if asked.sender is None or _may_have(source, asked.sender)]
    if wanted:
        return wanted
    numbers = sorted({number for source in offering for number in _senders(source) or ()})
    there = f"there {'is only' if len(numbers) == 1 else 'are'} {', '.join(map(str, numbers))}"
    raise ConfigError(f"--sender: no source has the number {asked.sender}; {there}")


_NOTHING = {
    "totals": "no source of the configuration knows mail totals",
    "queue": "no source of the configuration knows a queue",
    "balance": "no source of the configuration knows whether all mail is accounted for",
}


def _senders(source: SourceConfig) -> Collection[int] | None:
    """The numbers of a source's sending systems; ``None`` where only its server knows them."""
    if isinstance(source, SenderQueueSource):
        return None if isinstance(source.senders, str) else source.senders
    return (source.sender_id,) if isinstance(source, LocalSource | DemoSource) else None


def _may_have(source: SourceConfig, sender: int) -> bool:
    numbers = _senders(source)
    return numbers is None or sender in numbers


async def ask_all(asked: Asked, sources: Sequence[Source], troubles: dict[str, str]) -> list[Answer]:
    """Ask every source at the same time, and close it. ``troubles`` are sentences, by source, on why its numbers could
    not be brought up to date. Raises ``ConfigError`` for a sender that none has, and an id where several sources are
    asked."""
    alone = len(sources) == 1
    try:
        asking = (_ask(asked, source, troubles.get(source.name), alone) for source in sources)
        answers = list(await asyncio.gather(*asking))
    finally:
        with suppress(TimeoutError):  # a source that hangs is left
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(source.close() for source in sources))
    if answers and all(answer.lacking for answer in answers):
        raise ConfigError(f"--sender: {answers[0].lacking}")
    answers = [answer for answer in answers if not answer.lacking]
    for what in ("account", "campaign"):
        named = [answer.named[what] for answer in answers if what in answer.named]
        if not alone and named and not any(named):
            raise ConfigError(f"--{what}: ids differ between sources: name the {what}, or add --source")
    if not any(answer.knows for answer in answers):
        for answer in answers:
            answer.notes.append(f'the source "{answer.status.name}" knows no {_NUMBERS[asked.what]}')
    if asked.what == "queue" and (asked.together or asked.grouping is Grouping.HOST):
        _leave_out(answers)
    return answers


_NUMBERS = {"totals": "mail totals", "queue": "queue", "balance": "balance"}


def _leave_out(answers: Sequence[Answer]) -> None:
    """Count what waits at hosts whose numbers are old only where there are no others: it may be gone or many more."""
    old = [answer for answer in answers if answer.status.freshness in (Freshness.STALE, Freshness.ERROR)]
    if any(answer.counted and answer not in old for answer in answers):
        for answer in old:
            answer.counted = 0
            answer.rows = [{**row, "counted": False} if "counted" in row else row for row in answer.rows]


async def _ask(asked: Asked, source: Source, trouble: str | None, alone: bool) -> Answer:
    unread = SourceStatus(name=source.name, type=source.type, freshness=Freshness.ERROR)
    answer = Answer(status=unread, alone=alone)
    facts = Facts()
    seconds = ANSWER_SECONDS if source.type in ("local", "demo") else SERVER_SECONDS
    try:
        async with asyncio.timeout(seconds):
            try:
                if asked.what == "totals":
                    await _ask_totals(source, answer)
                elif asked.what == "balance":
                    await _ask_balances(asked, source, answer)
                else:
                    await _ask_queue(asked, source, answer)
                    if asked.together or asked.grouping is Grouping.HOST:
                        facts = await _ask_hosts(asked, source, answer)
            except SourceError as error:
                if asked.sender is not None and await _lacks(source, asked.sender):
                    answer.lacking = str(error)
                trouble = trouble or str(error)
            answer.status = await source.status()  # a server's is that of its last answer
    except TimeoutError:
        trouble = trouble or f"it has not answered for {seconds:.2g} seconds"
    status = answer.status
    if asked.grouping is Grouping.HOST:
        answer.rows = [{**row, **facts.beside(row, status)} for row in answer.rows]
    if trouble is None and status.error is None and status.freshness in (Freshness.PARTIAL, Freshness.ERROR):
        trouble = status.notes[0] if status.notes else "its numbers are not complete"
    if trouble is not None:
        answer.status = msgspec.structs.replace(status, error=trouble)
    answer.failed = answer.status.error is not None
    return answer


async def _lacks(source: Source, sender: int) -> bool:
    """Whether a source that refused to answer can tell all its sending systems, and ``sender`` is none of them."""
    with suppress(SourceError):
        table = await source.queue(QueueQuery())
        is_whole = (await source.status()).freshness is Freshness.LIVE
        return table is not None and is_whole and sender not in table.sender_id
    return False


async def _ask_totals(source: Source, answer: Answer) -> None:
    totals = await source.totals()
    answer.knows = totals is not None
    answer.totals = totals or []
    answer.hosts = answer.counted = int(answer.knows)


async def _ask_balances(asked: Asked, source: Source, answer: Answer) -> None:
    told = await source.balances(None if asked.all or asked.account is not None else ())
    answer.knows = told is not None
    answer.balances = told or []
    if asked.account is not None and told is not None:
        names = [each.account for each in told[1:]]
        found = _named("account", asked.account, names, [each.account_id for each in told[1:]], answer)
        answer.balances = [told[1:][index] for index in found]
        if not found:
            answer.notes.append(_unknown_account(source, asked.account, names))


async def _ask_queue(asked: Asked, source: Source, answer: Answer) -> None:
    queries = await _queries(asked, source, answer)
    tables = [table for query in queries if (table := await source.queue(query)) is not None]
    if queries and not tables:
        answer.knows, answer.hosts = False, 0
        return
    rows = _added_up([row for table in tables for row in table.rows(source.name)])
    if tables and not rows and asked.grouping in (Grouping.TOTAL, Grouping.HOST):
        rows = [QueueRow(source=source.name, sender_id=asked.sender or 0)]
    answer.rows = [formats.queue_row(row, _names_campaigns(source)) for row in rows]
    answer.hosts = answer.counted = max(1, len({row.sender_id for row in rows}))
    if (asked.account, asked.campaign, asked.isp, asked.filter) == (None,) * 4 and tables and not asked.problems:
        answer.files = tables[0].files


async def _ask_hosts(asked: Asked, source: Source, answer: Answer) -> Facts:
    """How its hosts are, and so how many of them the sums hold; more of each where they are what rows tell apart."""
    hosts = await source.hosts()
    if hosts is not None:
        answer.hosts, answer.counted = len(hosts), sum(host.counted for host in hosts)
    return await facts_of(asked.sender, source, hosts) if asked.grouping is Grouping.HOST else Facts()


def _names_campaigns(source: Source) -> bool:
    """Whether a campaign without a name is no campaign: a ledger knows every name, a sending platform tells ids."""
    return source.type != TELLS_IDS


async def _queries(asked: Asked, source: Source, answer: Answer) -> list[QueueQuery]:
    """The queries of ids for the words asked for: none when no waiting mail has the name, and several when accounts
    have campaigns of the same name."""
    query = QueueQuery(grouping=asked.grouping, sender_id=asked.sender, isp=asked.isp)
    if asked.isp is not None:
        table = await source.queue(QueueQuery(grouping=Grouping.ISP, sender_id=asked.sender))
        if table is not None and asked.isp not in table.isp:
            answer.notes.append(_nothing_waits(source, "isp", asked.isp, table.isp))
            return []
    if asked.account is not None:
        table = await source.queue(QueueQuery(grouping=Grouping.ACCOUNT, sender_id=asked.sender))
        names = _names("account", source, table.account, table.account_id) if table is not None else []
        found = _named("account", asked.account, names, table.account_id, answer) if table is not None else []
        if table is not None and not found:
            answer.notes.append(_nothing_waits(source, "account", asked.account, table.account))
            return []
        query = msgspec.structs.replace(query, account_id=table.account_id[found[0]] if table is not None else None)
    if asked.campaign is None:
        return [query]
    by_campaign = QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN, sender_id=asked.sender, account_id=query.account_id)
    return await _campaign_queries(asked.campaign, query, by_campaign, source, answer)


async def _campaign_queries(
    campaign: str, query: QueueQuery, by_campaign: QueueQuery, source: Source, answer: Answer
) -> list[QueueQuery]:
    table = await source.queue(by_campaign)
    if table is None:
        return [query]
    names: Sequence[str] = table.campaign
    if not _names_campaigns(source):
        names = _names("campaign", source, table.campaign, table.campaign_id)
    found = _named("campaign", campaign, names, table.campaign_id, answer)
    if not found:
        answer.notes.append(_nothing_waits(source, "campaign", campaign, table.campaign))
    pairs = dict.fromkeys(
        (table.account_id[index], table.campaign_id[index]) for index in found
    )  # once for all senders
    return [msgspec.structs.replace(query, account_id=account, campaign_id=id_) for account, id_ in pairs]


def _names(what: str, source: Source, names: Sequence[str], ids: Sequence[int]) -> list[str]:
    """What rows are called: those that have an id alone as a screen of several sources calls them."""
    return [name or (f"{what} {id_} ({source.name})" if id_ else "") for name, id_ in zip(names, ids, strict=True)]


def _named(what: str, word: str, names: Sequence[str], ids: Sequence[int], answer: Answer) -> list[int]:
    """The rows whose name is ``word``, else those whose id it is; ``answer`` is told which."""
    by_name = [index for index, name in enumerate(names) if name == word]
    by_id = [index for index, id_ in enumerate(ids) if str(id_) == word]
    if by_name or by_id:
        answer.named[what] = bool(by_name)
    return by_name or (by_id if answer.alone else [])


def _nothing_waits(source: Source, what: str, word: str, names: Sequence[str]) -> str:
    return f'in the source "{source.name}" no mail waits that has the {what} "{word}"{_near(word, names)}'


def _unknown_account(source: Source, word: str, names: Sequence[str]) -> str:
    return f'the source "{source.name}" knows no account "{word}"{_near(word, names)}'


def _near(word: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches  # only a name that is not there needs it

    lower = {name.lower(): name for name in names if name}
    near = get_close_matches(word.lower(), lower, n=1)
    return f'; there is "{lower[near[0]]}"' if near else ""


def _added_up(rows: Iterable[QueueRow]) -> list[QueueRow]:
    sums: dict[object, QueueRow] = {}
    for row in rows:
        known = sums.get(row.key)
        sums[row.key] = row if known is None else _sum(known, row)
    return list(sums.values())


def _sum(one: QueueRow, other: QueueRow) -> QueueRow:
    return msgspec.structs.replace(
        one,
        new=one.new + other.new,
        proc=one.proc + other.proc,
        retry=one.retry + other.retry,
        hold=one.hold + other.hold,
    )
