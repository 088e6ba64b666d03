"""A source that is told its queue cells, and numbers their names in a way of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from tests.hub.scripted import ScriptedSource
from tui.model import Cause, Grouping, HostStatus, MailTotals, QueueQuery, QueueTable


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients that wait, by all that tells them apart."""

    account: str
    campaign: str = ""
    isp: str = "gmail"
    sender_id: int = 1
    new: int = 0
    retry: int = 0


class CellSource(ScriptedSource):
    """Answers from ``cells``; the first account has the number ``first_id``, the next one more, and so campaigns."""

    def __init__(self, name: str, cells: Sequence[Cell], first_id: int = 1, interval_seconds: float = 0.02) -> None:
        super().__init__(name, interval_seconds)
        self.cells = list(cells)
        self.first_id = first_id
        self.named = True
        self.files: int | None = 1
        self.told_hosts: list[HostStatus] | None = None
        self._ids: dict[object, int] = {}

    def account_id(self, cell: Cell) -> int:
        return self._ids.setdefault(cell.account, self.first_id + len(self._ids))

    def campaign_id(self, cell: Cell) -> int:
        return self._ids.setdefault((cell.account, cell.campaign), self.first_id + len(self._ids))

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        await super().totals(shown)
        if self.accounts is None:
            return None
        return [msgspec.structs.replace(each, account_id=self._ids.get(each.account, 0)) for each in self.accounts]

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        if await super().queue(query) is None:
            return None
        by_account = query.grouping in (Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN)
        by_campaign, by_isp = query.grouping is Grouping.ACCOUNT_CAMPAIGN, query.grouping is Grouping.ISP
        rows: dict[tuple[int, int, str, int, str, str], list[int]] = {}
        for cell in self.cells:
            account, campaign = self.account_id(cell), self.campaign_id(cell)
            filters = ((query.sender_id, cell.sender_id), (query.account_id, account), (query.campaign_id, campaign))
            if any(wanted not in (None, is_) for wanted, is_ in (*filters, (query.isp, cell.isp))):
                continue
            key = (
                cell.sender_id,
                account if by_account else 0,
                cell.account if by_account and self.named else "",
                campaign if by_campaign else 0,
                cell.campaign if by_campaign and self.named else "",
                cell.isp if by_isp else "",
            )
            counts = rows.setdefault(key, [0, 0])
            counts[0] += cell.new
            counts[1] += cell.retry
        table = QueueTable(query=query, files=self.files)
        for (sender, account, account_name, campaign, campaign_name, isp), (new, retry) in rows.items():
            table.sender_id.append(sender)
            table.account_id.append(account)
            table.account.append(account_name)
            table.campaign_id.append(campaign)
            table.campaign.append(campaign_name)
            table.isp.append(isp)
            table.new.append(new)
            table.retry.append(retry)
            table.proc.append(0)
            table.hold.append(0)
        return table

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        self._call("causes")
        self.queries.append(query)
        return [Cause(text="full", count=1, first_seen=1, last_seen=1, last_reply="full")]

    async def hosts(self) -> list[HostStatus] | None:
        self._call("hosts")
        return self.told_hosts
