"""`mailtop show`: asks every source once, prints what they answer, and says on standard error what they do not."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import msgspec

from tui.cli import picking
from tui.cli.arguments import Exit
from tui.cli.output import say, write
from tui.cli.sources import collected, configuration, sources_of, with_demo_ledgers
from tui.config import ConfigError, CpanelSource, DemoSource, LocalSource, SenderQueueSource, SourceConfig
from tui.hub import formats
from tui.hub.formats import Report, Row
from tui.model import Freshness, Grouping, QueueQuery, QueueRow, SourceStatus
from tui.sources.source import Source, SourceError

ANSWER_SECONDS = 30.0
SERVER_SECONDS = 300.0
"""How long a ledger may take, and a server, which may be asked once for each account."""

CLOSE_SECONDS = 0.5

_OFFERING: dict[str, tuple[type[SourceConfig], ...]] = {
    "totals": (LocalSource, DemoSource, CpanelSource),
    "queue": (LocalSource, DemoSource, SenderQueueSource),
}
"""The sources that know any of what is asked for; the others are not asked."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for: the words as given, ``None`` for no filter and for the usual order."""

    what: str
    grouping: Grouping = Grouping.TOTAL
    sender: int | None = None
    account: str | None = None
    campaign: str | None = None
    isp: str | None = None
    filter: str | None = None
    problems: bool = False
    sort: str | None = None
    reverse: bool = False


class Answer(msgspec.Struct, kw_only=True):
    """What one source answered: its rows, how it is, and what a person should be told of it. ``alone``: no other source
    is asked, so a word may be an id; ``named``: for ``account`` and ``campaign``, whether the word is a name there
    (true) or could only be an id (false). ``knows``: it had any of what was asked for; the note on that it had not is
    left out where another has; ``lacking``: the source says that it has no such ``--sender``."""

    status: SourceStatus
    alone: bool = True
    knows: bool = True
    lacking: str | None = None
    named: dict[str, bool] = {}
    rows: list[Row] = []
    notes: list[str] = []
    files: int | None = None
    failed: bool = False


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code."""
    asked = _asked(options)
    answers = _answers(asked, options.config)
    for note in notes(answers):
        say(note)
    report = make_report(asked, answers, datetime.now(UTC))
    _print(report, options.format)
    return Exit.OK if report.complete else Exit.SOURCE


def _answers(asked: Asked, config_file: str | None) -> list[Answer]:
    from tui.cli import compose

    with ExitStack() as running:
        config = with_demo_ledgers(configuration(config_file), running)
        wanted = wanted_of(asked, sources_of(config))
        troubles = {
            source.name: trouble for source in collected(wanted) if (trouble := compose.catch_up(source, running))
        }
        sources = [compose.make_source(source, config.interval) for source in wanted]
        return asyncio.run(ask_all(asked, sources, troubles))


def wanted_of(asked: Asked, sources: Sequence[SourceConfig]) -> list[SourceConfig]:
    """Those of ``sources`` that can know what is asked for; raises ``ConfigError`` when none can."""
    offering = [source for source in sources if isinstance(source, _OFFERING[asked.what])]
    if not offering:
        other = "queue" if asked.what == "totals" else "totals"
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
}


def _senders(source: SourceConfig) -> Collection[int] | None:
    """The numbers of a source's sending systems; ``None`` where only its server knows them."""
    if isinstance(source, SenderQueueSource):
        return None if isinstance(source.senders, str) else source.senders
    return () if isinstance(source, CpanelSource) else (source.sender_id,)


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
            raise ConfigError(f"--{what}: ids differ between sources: name the {what}, or add --sender")
    if not any(answer.knows for answer in answers):
        for answer in answers:
            answer.notes.append(f'the source "{answer.status.name}" knows no {_NUMBERS[asked.what]}')
    return answers


_NUMBERS = {"totals": "mail totals", "queue": "queue"}


def make_report(asked: Asked, answers: Sequence[Answer], now: datetime) -> Report:
    """All answers as one, the largest rows first unless asked for otherwise. Raises ``ConfigError`` for a filter that
    takes too long."""
    rows = [row for answer in answers for row in answer.rows]
    senders = {(row["source"], row.get("sender_id")) for row in rows}
    told_apart = ["sender_id", "sender"] if len(senders) > len({source for source, _ in senders}) else []
    optional = [key for key in (*told_apart, "quotas") if key == "sender_id" or any(row.get(key) for row in rows)]
    keys, texts, counts, sort = _columns(asked, len(answers) > 1, optional)
    if asked.filter is not None or asked.sort is not None or asked.problems:
        rows = picking.picked(
            [(answer.status.name, answer.rows) for answer in answers],
            asked.grouping,
            asked.filter,
            asked.sort,
            problems=asked.problems,
            reverse=asked.reverse,
            nameless=[answer.status.name for answer in answers if answer.status.type == _TELLS_IDS],
        )
    if asked.sort is None:
        rows.sort(key=picking.largest_first(sort, keys), reverse=asked.reverse)
    return Report(
        time=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        query=_as_query(asked),
        sources=[formats.shown_source(answer.status, answer.files) for answer in answers],
        keys=keys,
        texts=texts,
        counts=counts,
        rows=rows,
        complete=not any(answer.failed for answer in answers),
    )


def _asked(options: argparse.Namespace) -> Asked:
    if options.what == "totals":
        return Asked(what="totals")
    if options.filter is not None:
        picking.check_filter(options.filter)
    return Asked(
        what="queue",
        grouping=Grouping(options.group),
        sender=options.sender,
        account=options.account,
        campaign=options.campaign,
        isp=options.isp,
        filter=options.filter,
        problems=options.problems,
        sort=_sort(options.sort),
        reverse=options.reverse,
    )


def _sort(column: str | None) -> str | None:
    if column in picking.OF_CHANGE:
        say("how fast rows change is not known from one look: they are sorted by their totals")
        return None
    return column


def _as_query(asked: Asked) -> dict[str, formats.Cell]:
    if asked.what == "totals":
        return {"show": "totals"}
    return {
        "show": "queue",
        "group": asked.grouping.value,
        "sender": asked.sender,
        "account": asked.account,
        "campaign": asked.campaign,
        "isp": asked.isp,
        "filter": asked.filter,
        "problems": asked.problems,
    }


_Names = tuple[str, ...]


def _columns(asked: Asked, many_sources: bool, optional: Sequence[str]) -> tuple[_Names, _Names, _Names, str]:
    """All keys of a row, the texts (the ``optional`` ones too) and counts that a table shows, and the count that rows
    are sorted by."""
    if asked.what == "totals":
        accounts = ("source", "account") if many_sources else ("account",)
        return formats.TOTALS_KEYS, (*accounts, *optional), formats.TOTALS_COUNTS, "send_count"
    texts = formats.queue_texts(asked.grouping, many_sources, optional)
    return formats.QUEUE_KEYS, texts, formats.QUEUE_COUNTS, "total"


async def _ask(asked: Asked, source: Source, trouble: str | None, alone: bool) -> Answer:
    unread = SourceStatus(name=source.name, type=source.type, freshness=Freshness.ERROR)
    answer = Answer(status=unread, alone=alone)
    seconds = ANSWER_SECONDS if source.type in ("local", "demo") else SERVER_SECONDS
    try:
        async with asyncio.timeout(seconds):
            try:
                await (_ask_totals(source, answer) if asked.what == "totals" else _ask_queue(asked, source, answer))
            except SourceError as error:
                if asked.sender is not None and await _lacks(source, asked.sender):
                    answer.lacking = str(error)
                trouble = trouble or str(error)
            answer.status = await source.status()  # a server's is that of its last answer
    except TimeoutError:
        trouble = trouble or f"it has not answered for {seconds:.2g} seconds"
    status = answer.status
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
    answer.rows = [formats.totals_row(source.name, each) for each in totals or ()]


async def _ask_queue(asked: Asked, source: Source, answer: Answer) -> None:
    queries = await _queries(asked, source, answer)
    tables = [table for query in queries if (table := await source.queue(query)) is not None]
    if queries and not tables:
        answer.knows = False
        return
    rows = _added_up([row for table in tables for row in table.rows(source.name)])
    if tables and not rows and asked.grouping is Grouping.TOTAL:
        rows = [QueueRow(source=source.name, sender_id=asked.sender or 0)]
    answer.rows = [formats.queue_row(row, _names_campaigns(source)) for row in rows]
    if (asked.account, asked.campaign, asked.isp, asked.filter) == (None,) * 4 and tables and not asked.problems:
        answer.files = tables[0].files


def _names_campaigns(source: Source) -> bool:
    """Whether a campaign without a name is no campaign: a ledger knows every name, a sending platform tells ids."""
    return source.type != _TELLS_IDS


_TELLS_IDS = "sender_queue"


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
        names = list(map(formats.known_name, table.account, table.account_id)) if table is not None else []
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
    names: Sequence[str | None] = table.campaign
    if not _names_campaigns(source):
        names = list(map(formats.known_name, table.campaign, table.campaign_id))
    found = _named("campaign", campaign, names, table.campaign_id, answer)
    if not found:
        answer.notes.append(_nothing_waits(source, "campaign", campaign, table.campaign))
    pairs = dict.fromkeys(
        (table.account_id[index], table.campaign_id[index]) for index in found
    )  # once for all senders
    return [msgspec.structs.replace(query, account_id=account, campaign_id=id_) for account, id_ in pairs]


def _named(what: str, word: str, names: Sequence[str | None], ids: Sequence[int], answer: Answer) -> list[int]:
    """The rows whose name is ``word``, else those whose id it is; ``answer`` is told which."""
    by_name = [index for index, name in enumerate(names) if name == word]
    by_id = [index for index, id_ in enumerate(ids) if str(id_) == word]
    if by_name or by_id:
        answer.named[what] = bool(by_name)
    return by_name or (by_id if answer.alone else [])


def _nothing_waits(source: Source, what: str, word: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches  # only a name that is not there needs it

    lower = {name.lower(): name for name in names if name}
    near = get_close_matches(word.lower(), lower, n=1)
    hint = f'; there is "{lower[near[0]]}"' if near else ""
    return f'in the source "{source.name}" no mail waits that has the {what} "{word}"{hint}'


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


def notes(answers: Iterable[Answer]) -> Iterable[str]:
    """What a person should be told of the answers, a sentence each."""
    for answer in answers:
        status = answer.status
        yield from answer.notes
        if status.error is not None:
            yield f'the source "{status.name}" could not be read in full: {status.error}'
        elif status.freshness is not Freshness.LIVE:
            why = f": {status.notes[0]}" if status.notes else ""
            yield f'the source "{status.name}" is {status.freshness.value}{why}'


def _print(report: Report, form: str) -> None:
    if form == "json":
        write(formats.as_json(report), utf8=True)
    elif form == "csv":
        write(formats.as_csv(report), utf8=True)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None
        write(formats.as_table(report, width), utf8=False)
