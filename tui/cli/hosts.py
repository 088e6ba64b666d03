"""What `mailtop show queue --group host` prints beside each host: how far its numbers can be trusted, and how its mail
fares. Only `show` enters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.hub.account_sums import sum_of
from tui.hub.formats import Row
from tui.model import NO_ISP_NAME, Grouping, HostStatus, MailTotals, QueueQuery, QueueTable, SourceStatus
from tui.sources.source import Source


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the hosts of one source: of each by the number of its sender, where the source itself tells
    them; else which part of all attempts was put off, and by sender where most waits that was put off or held (``None``
    where nobody tells). ``by_sender``: each sender is a host."""

    told: dict[int, HostStatus] = {}
    defer_share: float | None = None
    worst_isps: dict[int, str] | None = None
    by_sender: bool = False

    def beside(self, row: Row, status: SourceStatus) -> Row:
        """What stands beside a host's ``row``, whose source is as ``status`` says."""
        sender = row["sender_id"] if isinstance(row["sender_id"], int) else 0
        host = self.told.get(sender)
        if host is None:
            by_sender = self.by_sender and sender
            return {
                "host": (row["sender"] or str(sender)) if by_sender else row["source"],
                "freshness": status.freshness.value,
                "age_seconds": _rounded(status.age_seconds, 1),
                "defer_share": _rounded(self.defer_share, 4),
                "worst_isp": None if self.worst_isps is None else self.worst_isps.get(sender, ""),
                "counted": True,
            }
        totals = MailTotals(
            account="", success_count=host.success_count, defer_count=host.defer_count, fail_count=host.fail_count
        )
        return {
            "host": host.name,
            "freshness": host.freshness.value,
            "age_seconds": _rounded(host.age_seconds, 1),
            "defer_share": _rounded(totals.defer_share, 4),
            "worst_isp": host.worst_isp,
            "counted": host.counted,
        }


async def facts_of(sender: int | None, source: Source, hosts: Sequence[HostStatus] | None) -> Facts:
    """The facts of ``hosts``, or of a source that has one or tells its senders apart. Raises ``SourceError``."""
    if hosts is not None:
        return Facts(told={host.sender_id: host for host in hosts}, by_sender=True)
    table = await source.queue(QueueQuery(Grouping.ISP, sender_id=sender))
    several = table is not None and len(set(table.sender_id)) > 1
    totals = None if several or sender is not None else await source.totals()
    return Facts(
        defer_share=sum_of(totals).defer_share if totals else None,
        worst_isps=None if table is None else worst_isps(table),
        by_sender=several,
    )


def worst_isps(table: QueueTable) -> dict[int, str]:
    """By sender the mailbox provider where most waits that was put off or held, if anything does."""
    worst: dict[int, tuple[int, str]] = {}
    for row in table.rows():
        waiting, name = row.retry + row.hold, row.isp or NO_ISP_NAME
        if waiting and waiting > worst.get(row.sender_id, (0, ""))[0]:
            worst[row.sender_id] = waiting, name
    return {sender: name for sender, (_, name) in worst.items()}


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
