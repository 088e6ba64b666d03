"""Which hosts there are, how each of them is, and which of them the sums hold. The hub enters: sums are worked out in
its worker thread, all else in its loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from tui.hub.part import sum_known
from tui.hub.poller import Poller
from tui.hub.protocol import HostFacts, ViewRequest
from tui.hub.sums import HostKey
from tui.model import (
    DOUBTFUL,
    NO_ISP_NAME,
    Freshness,
    Grouping,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
)

WITHOUT_QUEUE = ("cpanel",)
"""The types of source that tell mail totals alone: nothing of a queue is missing while they do not answer."""

EVERY_HOST = QueueQuery(Grouping.HOST)


class Beside(msgspec.Struct, frozen=True):
    """What stands beside a host's row: the part of all attempts that was put off, and where most waits."""

    defer_share: float | None = None
    worst_isp: str = ""
    worst_waiting: int = 0


class Hosts:
    """The hosts of all ``pollers``. A host is a source, or one of its senders where it has several."""

    def __init__(self, pollers: Sequence[Poller]) -> None:
        self.pollers = pollers
        self._shares: dict[str, tuple[list[MailTotals] | None, float | None]] = {}
        self._worst: dict[str, tuple[QueueTable | None, Mapping[int, tuple[str, int]]]] = {}

    def shown(self, request: ViewRequest) -> list[Poller]:
        """The pollers whose queues the request asks for."""
        return [poller for poller in self.pollers if request.source in (None, poller.source.name)]

    def left_out(self, request: ViewRequest) -> frozenset[HostKey]:
        """The hosts that no sum holds: those whose numbers are old or cannot be had, while others' are good."""
        told = [poller for poller in self.shown(request) if poller.table is not None]
        doubtful = [poller for poller in told if poller.is_doubtful]
        found: set[HostKey] = set()
        if len(doubtful) < len(told):
            found |= {(poller.source.name, None) for poller in doubtful}
        if told and request.query == EVERY_HOST:
            found |= {(poller.source.name, None) for poller in self.shown(request) if never_told(poller)}
        if request.query.grouping is Grouping.HOST:  # elsewhere the source's own sums leave them out
            found |= {
                (poller.source.name, host.sender_id)
                for poller in told
                for host in poller.hosts or ()
                if not host.counted and (poller.source.name, None) not in found
            }
        return frozenset(found)

    def counted(self, request: ViewRequest, left_out: frozenset[HostKey], answered: Collection[str]) -> tuple[int, int]:
        """How many hosts with a queue the request asks for, and how many of them the sums hold, which are of the
        sources that have ``answered``."""
        host_count = counted = 0
        for poller in self.shown(request):
            name, senders = poller.source.name, 1 if request.query.sender_id is not None else len(poller.senders)
            if name not in answered and not self._lacks_answer(poller, request):
                continue
            host_count += max(1, senders) if poller.hosts is None else len(poller.hosts)
            if name in answered and (name, None) not in left_out:
                counted += max(1, senders) if poller.hosts is None else sum(host.counted for host in poller.hosts)
        return host_count, counted

    def freshness(self, request: ViewRequest, left_out: frozenset[HostKey], answered: Collection[str]) -> Freshness:
        """How far the sums of the rows can be trusted: as far as the worst source that they hold, and only in part
        where they leave out a host, or a source that has a queue is none of those that have ``answered``."""
        found = {Freshness.LIVE}
        for poller in self.shown(request):
            if (poller.source.name, None) in left_out:
                found.add(Freshness.PARTIAL)
            elif poller.source.name in answered:
                found.add(poller.status().freshness)
                if any(not host.counted for host in poller.hosts or ()):
                    found.add(Freshness.PARTIAL)
            elif self._lacks_answer(poller, request):
                found.add(Freshness.PARTIAL)
        return next((freshness for freshness in DOUBTFUL if freshness in found), Freshness.LIVE)

    @staticmethod
    def _lacks_answer(poller: Poller, request: ViewRequest) -> bool:
        """Whether it has a queue, as far as anybody knows, and has not told it."""
        return poller.query != request.query and poller.source.type not in WITHOUT_QUEUE

    def work_out(self, request: ViewRequest) -> None:
        """Add up what stands beside the hosts' rows. For the worker's thread."""
        for poller in self.shown(request):
            name, totals, isps = poller.source.name, poller.totals, poller.isps
            if name not in self._shares or self._shares[name][0] is not totals:
                self._shares[name] = totals, _share(totals or ())
            if name not in self._worst or self._worst[name][0] is not isps:
                self._worst[name] = isps, worst_isps(isps) if isps is not None else {}

    def facts(self, poller: Poller, status: SourceStatus, sender_id: int, left_out: frozenset[HostKey]) -> HostFacts:
        """What is known of a host, as far as it was worked out, with the ``status`` of its source now."""
        name = poller.source.name
        host = next((host for host in poller.hosts or () if host.sender_id == sender_id), None)
        beside = self._beside(poller, sender_id) if host is None else told_beside(host)
        freshness, age_seconds, error = status.freshness, status.age_seconds, status.error
        if host is not None and status.freshness not in (*DOUBTFUL[:2], Freshness.PAUSED):
            freshness, age_seconds, error = host.freshness, host.age_seconds, host.error
        return HostFacts(
            freshness=freshness,
            age_seconds=age_seconds,
            error=error,
            defer_share=beside.defer_share,
            worst_isp=beside.worst_isp,
            worst_waiting=beside.worst_waiting,
            counted=(name, None) not in left_out and (name, sender_id) not in left_out,
            known=not never_told(poller),
        )

    def _beside(self, poller: Poller, sender_id: int) -> Beside:
        name = poller.source.name
        share = self._shares[name][1] if name in self._shares and len(poller.senders) < 2 else None
        isp, waiting = self._worst[name][1].get(sender_id, ("", 0)) if name in self._worst else ("", 0)
        return Beside(share, isp, waiting)


def never_told(poller: Poller) -> bool:
    """Whether a source that has a queue, as far as anybody knows, was asked in vain and has never told of it."""
    return poller.table is None and poller.failing and poller.source.type not in WITHOUT_QUEUE


def told_beside(host: HostStatus) -> Beside:
    """What a source that has several hosts tells of one."""
    totals = MailTotals(
        account="", success_count=host.success_count, defer_count=host.defer_count, fail_count=host.fail_count
    )
    return Beside(totals.defer_share, host.worst_isp, host.worst_waiting)


def worst_isps(table: QueueTable) -> dict[int, tuple[str, int]]:
    """Where most waits that was put off or held, and how much, by sender; none where nothing was."""
    worst: dict[int, tuple[str, int]] = {}
    for sender, isp, retry, hold in zip(table.sender_id, table.isp, table.retry, table.hold, strict=True):
        if retry + hold > worst.get(sender, ("", 0))[1]:
            worst[sender] = isp or NO_ISP_NAME, retry + hold
    return worst


def _share(totals: Sequence[MailTotals]) -> float | None:
    """Which part of all attempts was put off, of all accounts; ``None`` where that is not known."""
    return MailTotals(
        account="",
        success_count=sum_known([each.success_count for each in totals]),
        defer_count=sum_known([each.defer_count for each in totals]),
        fail_count=sum_known([each.fail_count for each in totals]),
    ).defer_share
