"""What `mailtop show queue --group host` prints beside each host: how far its numbers can be trusted, and how its mail
fares. Only `show` enters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.hub.account_sums import sum_of
from tui.hub.formats import Row, beside_host
from tui.hub.hosts import Beside, told_beside, worst_isps
from tui.hub.protocol import HostFacts
from tui.model import Grouping, HostStatus, QueueQuery, SourceStatus
from tui.sources.source import Source


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the hosts of one source: of each by the number of its sender, where the source itself tells
    them; else which part of all attempts was put off, and by sender where most waits that was put off or held, and how
    much. ``by_sender``: each sender is a host."""

    told: dict[int, HostStatus] = {}
    defer_share: float | None = None
    worst_isps: dict[int, tuple[str, int]] = {}
    by_sender: bool = False

    def beside(self, row: Row, status: SourceStatus) -> Row:
        """What stands beside a host's ``row``, whose source is as ``status`` says."""
        sender = row["sender_id"] if isinstance(row["sender_id"], int) else 0
        host = self.told.get(sender)
        told: HostStatus | SourceStatus = host or status
        beside = Beside(self.defer_share, *self.worst_isps.get(sender, ("", 0))) if host is None else told_beside(host)
        name = host.name if host is not None else str(row["sender"] or sender) if self.by_sender else row["source"]
        return beside_host(
            str(name),
            HostFacts(
                freshness=told.freshness,
                age_seconds=told.age_seconds,
                error=told.error,
                defer_share=beside.defer_share,
                worst_isp=beside.worst_isp,
                worst_waiting=beside.worst_waiting,
                counted=host is None or host.counted,
            ),
        )


async def facts_of(sender: int | None, source: Source, hosts: Sequence[HostStatus] | None) -> Facts:
    """The facts of ``hosts``, or of a source that has one or tells its senders apart. Raises ``SourceError``."""
    if hosts is not None:
        return Facts(told={host.sender_id: host for host in hosts}, by_sender=True)
    table = await source.queue(QueueQuery(Grouping.ISP, sender_id=sender))
    several = table is not None and len(set(table.sender_id)) > 1
    totals = None if several or sender is not None else await source.totals()
    return Facts(
        defer_share=sum_of(totals).defer_share if totals else None,
        worst_isps=worst_isps(table) if table is not None else {},
        by_sender=several,
    )
