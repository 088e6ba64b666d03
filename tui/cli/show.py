"""`mailtop show`: asks every source once, prints what they answer, and says on standard error what they do not."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from msgspec.structs import replace

from tui.cli import picking
from tui.cli.arguments import Exit
from tui.cli.asking import TELLS_IDS, Answer, Asked, ask_all, wanted_of
from tui.cli.output import say, write
from tui.cli.sources import collected, configuration, named, sources_of, with_demo_ledgers
from tui.config import ConfigError
from tui.hub import formats
from tui.hub.formats import Partial, Report, Row
from tui.model import Freshness, Grouping
from tui.sorts import HOST_SORTS


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
    from tui.cli import collecting, compose

    with ExitStack() as running:
        config = with_demo_ledgers(configuration(config_file), running)
        wanted = wanted_of(asked, named(sources_of(config), asked.source))
        troubles = {
            source.name: trouble for source in collected(wanted) if (trouble := collecting.catch_up(source, running))
        }
        sources = [compose.make_source(source, config.interval) for source in wanted]
        return asyncio.run(ask_all(asked, sources, troubles))


def make_report(asked: Asked, answers: Sequence[Answer], now: datetime) -> Report:
    """All answers as one, the largest rows first unless asked for otherwise. Raises ``ConfigError`` for a filter that
    takes too long."""
    partial = None
    if asked.together or asked.grouping is Grouping.HOST:
        partial = Partial(sum(answer.counted for answer in answers), sum(answer.hosts for answer in answers))
    rows, keys, texts, counts = _ROWS_OF[asked.what](asked, answers)
    return Report(
        time=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        query=_as_query(asked),
        sources=[formats.shown_source(answer.status, answer.files) for answer in answers],
        keys=keys,
        texts=texts,
        counts=counts,
        facts=_facts(asked),
        summed=asked.what != "balance",
        rows=rows,
        complete=not any(answer.failed for answer in answers),
        partial=partial,
    )


_Names = tuple[str, ...]


def _facts(asked: Asked) -> _Names:
    if asked.what == "balance":
        return ("since",)
    return formats.HOST_FACTS if asked.grouping is Grouping.HOST else ()


def _of_totals(asked: Asked, answers: Sequence[Answer]) -> tuple[list[Row], _Names, _Names, _Names]:
    """The rows of accounts, all keys that they have, and the texts and counts that a table shows."""
    told = [(answer.status.name, answer.totals) for answer in answers]
    rows = picking.picked_accounts(told, asked.filter, asked.sort, reverse=asked.reverse, together=asked.together)
    quotas = ("quotas",) if any(row["quotas"] for row in rows) else ()
    sources = ("source",) if len(answers) > 1 and not asked.together else ()
    if asked.sort is None:
        rows.sort(key=picking.largest_first("send_count", formats.TOTALS_KEYS), reverse=asked.reverse)
    return rows, formats.TOTALS_KEYS, (*sources, "account", *quotas), formats.TOTALS_COUNTS


def _of_queue(asked: Asked, answers: Sequence[Answer]) -> tuple[list[Row], _Names, _Names, _Names]:
    """The rows of what waits, as those of accounts."""
    of_hosts, parts = asked.grouping is Grouping.HOST, [(answer.status.name, answer.rows) for answer in answers]
    if asked.together and not of_hosts:
        counted = [row for answer in answers if answer.counted for row in answer.rows]
        parts = picking.together(counted, one_source=len(answers) == 1)
    rows = [row for _, some in parts for row in some]
    senders = {(row["source"], row.get("sender_id")) for row in rows}
    told_apart = ["sender_id", "sender"] if len(senders) > len({source for source, _ in senders}) else []
    optional = [key for key in told_apart if key == "sender_id" or any(row.get(key) for row in rows)]
    if asked.filter is not None or asked.sort is not None or asked.problems:
        nameless = [answer.status.name for answer in answers if answer.status.type == TELLS_IDS]
        rows = picking.picked(
            parts,
            asked.grouping,
            asked.filter,
            asked.sort,
            problems=asked.problems,
            reverse=asked.reverse,
            nameless=nameless,
        )
    keys = formats.HOST_KEYS if of_hosts else formats.QUEUE_KEYS
    if asked.sort is None:
        rows.sort(key=picking.largest_first("total", keys), reverse=asked.reverse)
    many_sources = len(answers) > 1 if not asked.together else len({row["source"] for row in rows}) > 1
    texts = ("host",) if of_hosts else formats.queue_texts(asked.grouping, many_sources, optional)
    return rows, keys, texts, formats.QUEUE_COUNTS


def _of_balance(_asked: Asked, answers: Sequence[Answer]) -> tuple[list[Row], _Names, _Names, _Names]:
    """The rows of hosts, each with its accounts below it, the worst first; as those of what waits."""
    rows = []
    for answer in answers:
        balances = sorted(answer.balances, key=lambda each: (each.account != "", -abs(each.difference), each.account))
        rows += [formats.balance_row(answer.status.name, each) for each in balances]
    return rows, formats.BALANCE_KEYS, ("source", "account"), formats.BALANCE_COUNTS


_ROWS_OF = {"totals": _of_totals, "queue": _of_queue, "balance": _of_balance}


def _asked(options: argparse.Namespace) -> Asked:
    if options.what == "balance":
        return Asked(what="balance", source=options.source, account=options.account, all=options.all)
    of_queue = options.what == "queue"
    if options.filter is not None:
        picking.check_filter(options.filter, of_queue=of_queue)
    usual = Asked(
        what=options.what,
        source=options.source,
        filter=options.filter,
        sort=_sort(options.sort),
        reverse=options.reverse,
        together=options.together,
    )
    if not of_queue:
        return usual
    grouping = Grouping(options.group)
    if options.sort in HOST_SORTS and grouping is not Grouping.HOST:
        raise ConfigError(f"--sort {options.sort} is for hosts: add --group host")
    return replace(
        usual,
        grouping=grouping,
        sender=options.sender,
        account=options.account,
        campaign=options.campaign,
        isp=options.isp,
        problems=options.problems,
    )


def _sort(column: str | None) -> str | None:
    if column in picking.OF_CHANGE:
        say("how fast numbers change is not known from one look: they are sorted as they are without --sort")
        return None
    return column


def _as_query(asked: Asked) -> dict[str, formats.Cell]:
    everywhere: dict[str, formats.Cell] = {
        "filter": asked.filter,
        "source": asked.source,
        "together": asked.together,
    }
    if asked.what == "totals":
        return {"show": "totals", **everywhere}
    if asked.what == "balance":
        return {"show": "balance", "account": asked.account, "all": asked.all, "source": asked.source}
    return {
        "show": "queue",
        "group": asked.grouping.value,
        "sender": asked.sender,
        "account": asked.account,
        "campaign": asked.campaign,
        "isp": asked.isp,
        "problems": asked.problems,
        **everywhere,
    }


def notes(answers: Iterable[Answer]) -> Iterable[str]:
    """What a person should be told of the answers, a sentence each."""
    for answer in answers:
        status = answer.status
        yield from answer.notes
        if status.error is not None:
            in_full = " in full" if answer.rows or answer.totals or answer.balances else ""
            yield f'the source "{status.name}" could not be read{in_full}: {status.error}'
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
