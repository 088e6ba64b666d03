"""Sources that answer `show` by script, and what it makes of their answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from tests.balances import balance
from tui.cli import asking, show
from tui.cli.asking import Answer, Asked
from tui.hub.formats import Report
from tui.model import (
    Balance,
    Checkup,
    Freshness,
    Grouping,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
)
from tui.sources.source import Source, SourceError

# account, campaign, isp, new, proc, retry, hold; ids are the place in the sorted names, from 1
CELLS = [
    ("bob", "spring", "Gmail", 5, 1, 0, 0),
    ("bob", "spring", "Yahoo", 2, 0, 0, 0),
    ("bob", "", "Gmail", 0, 0, 3, 0),
    ("eve", "spring", "Gmail", 0, 0, 0, 4),
    ("2", "news", "corp.test", 1, 0, 0, 0),
]
ACCOUNT_IDS = {"bob": 1, "eve": 2, "2": 3}
CAMPAIGN_IDS = {("bob", "spring"): 1, ("bob", ""): 2, ("eve", "spring"): 3, ("2", "news"): 4}


class ScriptedSource(Source):
    """Answers from `CELLS`, or with `error`."""

    interval_seconds = 2.0
    type = "local"

    def __init__(
        self,
        name: str = "web",
        freshness: Freshness = Freshness.LIVE,
        error: str | None = None,
        note: str | None = None,
    ) -> None:
        self.name = name
        self.error = error
        self.closed = False
        self.quotas: tuple[str, ...] = ()
        self.accounted: list[Balance] | None = [balance(accepted=20), balance("bob", 1), balance("eve", 2, lost=3)]
        self._status = SourceStatus(
            name=name, type=self.type, freshness=freshness, age_seconds=1.26, notes=(note,) if note else ()
        )

    async def status(self) -> SourceStatus:
        return self._status

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        if self.error:
            raise SourceError(self.error)
        return [
            MailTotals(account="bob", send_count=1),
            MailTotals(account="eve", send_count=9, quotas=self.quotas),
            MailTotals(account="x"),
        ]

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        if self.error:
            raise SourceError(self.error)
        sums: dict[tuple[str, str, str], list[int]] = {}
        for account, campaign, isp, *counts in CELLS:
            if query.account_id not in (None, ACCOUNT_IDS[account]) or query.isp not in (None, isp):
                continue
            if query.campaign_id not in (None, CAMPAIGN_IDS[account, campaign]):
                continue
            key = {
                Grouping.TOTAL: ("", "", ""),
                Grouping.HOST: ("", "", ""),
                Grouping.ACCOUNT: (account, "", ""),
                Grouping.ACCOUNT_CAMPAIGN: (account, campaign, ""),
                Grouping.ISP: ("", "", isp),
            }[query.grouping]
            sums[key] = [a + b for a, b in zip(sums.get(key, [0] * 4), counts, strict=True)]
        table = QueueTable(query=query, files=6)
        for (account, campaign, isp), counts in sums.items():
            for column, value in zip((table.new, table.proc, table.retry, table.hold), counts, strict=True):
                column.append(value)
            table.sender_id.append(1)
            table.account.append(account)
            table.account_id.append(ACCOUNT_IDS.get(account, 0))
            table.campaign.append(campaign)
            table.campaign_id.append(
                CAMPAIGN_IDS[account, campaign] if query.grouping is Grouping.ACCOUNT_CAMPAIGN else 0
            )
            table.isp.append(isp)
        return table

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        if self.error:
            raise SourceError(self.error)
        if self.accounted is None or accounts is None:
            return self.accounted
        return [self.accounted[0], *(each for each in self.accounted[1:] if each.difference)]

    async def check(self) -> Checkup:
        return Checkup(reached="a script")

    async def close(self) -> None:
        self.closed = True


class WithoutNumbers(ScriptedSource):
    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        return None

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        return None

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        return None


class WithoutDigits(ScriptedSource):
    async def queue(self, query: QueueQuery) -> QueueTable | None:
        table = await super().queue(query)
        if table is not None:
            table.account = ["two" if name == "2" else name for name in table.account]
        return table


async def asked(
    question: Asked, *sources: ScriptedSource, troubles: dict[str, str] | None = None
) -> tuple[Report, list[str]]:
    answers: Sequence[Answer] = await asking.ask_all(question, sources or [ScriptedSource()], troubles or {})
    return show.make_report(question, answers, datetime(2026, 11, 21, 9, tzinfo=UTC)), list(show.notes(answers))


async def counts(question: Asked) -> dict[str, int]:
    """Row totals by what tells the rows apart; nothing may be said about them."""
    report, notes = await asked(question)
    assert notes == []
    return {f"{row['account']}/{row['campaign']}/{row['isp']}": int(str(row["total"])) for row in report.rows}


def queue(grouping: str, **filters: str) -> Asked:
    return msgspec.convert({"what": "queue", "grouping": grouping, **filters}, Asked)


class Platform(ScriptedSource):
    """Sender queues by id: two senders, which have the same accounts; names of accounts and campaigns are unknown."""

    type = "sender_queue"
    senders = (119, 7)
    names: Mapping[int, str] = {}

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        return None

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        if query.sender_id not in (None, *self.senders):
            raise SourceError(f'"{self.name}" has no sender {query.sender_id}; it has 119, 7.')
        asked = [sender for sender in self.senders if query.sender_id in (None, sender)]
        tables = [await super(Platform, self).queue(query) for _ in asked]
        joined = QueueTable(query=query)
        for sender, table in zip(asked, tables, strict=True):
            if table is None:
                return None
            for column in ("account_id", "campaign_id", "isp", "new", "proc", "retry", "hold"):
                getattr(joined, column).extend(getattr(table, column))
            joined.sender_id += [sender] * len(table)
            joined.sender += [self.names.get(sender, "")] * len(table)
            joined.account += [""] * len(table)
            joined.campaign += [""] * len(table)
        return joined
