"""The ledger's numbers in Prometheus' text format. Pure; the app enters.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tui.model import STATES, Balance, Freshness, HostStatus, MailTotals, QueueTable, SourceStatus
from tui.serve.pieces import PIECE_ROWS, Pieces
from tui.sources.accounting import unaccounted

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled

MAX_ISPS = 200
OTHER_ISPS = "(other)"
"""A domain that is no known provider's is an ISP of its own, and senders choose domains: the shortest queues count as
one."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS = {
    "send_count": ("mailtop_sent_messages_total", "Messages that the account sent."),
    "success_count": ("mailtop_deliveries_total", "Deliveries, one a recipient."),
    "defer_count": ("mailtop_deferrals_total", "Attempts that were put off."),
    "fail_count": ("mailtop_failures_total", "Failures, one a recipient."),
    "total_size": ("mailtop_sent_bytes_total", "Bytes of the messages that the account sent."),
}
_WAITING = "mailtop_account_waiting_recipients"
_UNBALANCED = "mailtop_unbalanced_recipients"
_UNBALANCED_SINCE = "mailtop_unbalanced_since_timestamp_seconds"
_OF_BALANCE = {  # gauges: aliases that lead to one address, and mail found to be another account's, take away from them
    "accepted": ("mailtop_accepted_recipients", "Recipients that the mail system took on."),
    "removed": ("mailtop_removed_recipients", "Recipients taken out of the queue, which the log tells."),
    "difference": (
        "mailtop_account_unbalanced_recipients",
        "Recipients of the account that are not accounted for; below zero: outcomes of recipients nobody accepted.",
    ),
}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def metrics(
    status: SourceStatus,
    totals: Mapping[str, MailTotals] | None,
    isps: QueueTable | None,
    campaigns: QueueTable | None = None,
    hosts: Sequence[HostStatus] | None = None,
    unsent: Spooled | None = None,
    balances: Sequence[Balance] | None = None,
) -> Pieces:
    """The whole text. ``None``: not known, or not for who asks; what is unknown has no line. ``isps`` and ``campaigns``
    are tables of these groupings, ``unsent`` is what this host has not sent to ClickHouse yet. ``balances`` are those
    of the host, where who asks may see it, and of accounts."""
    lines = [*_about(status, isps), *_of_hosts(hosts or ()), *_of_sending(unsent), *_of_accounts(totals or {})]
    lines += _of_balances(balances or ())
    text = iter([*lines, *_of_queue(isps), *(_of_campaigns(campaigns) if campaigns is not None else ())])
    pieces = []
    while some := list(islice(text, PIECE_ROWS)):
        pieces.append("".join(some).encode())
    return pieces


def _about(status: SourceStatus, isps: QueueTable | None) -> Iterator[str]:
    is_up = status.freshness is not Freshness.ERROR or status.age_seconds is not None
    yield from _family("mailtop_up", "gauge", "Whether the ledger could be read.")
    yield _line("mailtop_up", {}, int(is_up))
    yield from _family("mailtop_freshness", "gauge", "How far the numbers can be trusted: 1 for the state they are in.")
    for freshness in Freshness:
        yield _line("mailtop_freshness", {"state": freshness.value}, int(freshness is status.freshness))
    if status.age_seconds is not None:
        yield from _family("mailtop_age_seconds", "gauge", "How long ago the ledger was written.")
        yield _line("mailtop_age_seconds", {}, round(status.age_seconds, 3))
    if isps is not None and isps.files is not None:
        yield from _family("mailtop_queue_files", "gauge", "Messages in the queue as the mail system counts them.")
        yield _line("mailtop_queue_files", {}, isps.files)


def _of_hosts(hosts: Sequence[HostStatus]) -> Iterator[str]:
    if not hosts:
        return
    yield from _family("mailtop_host_counted", "gauge", "Whether sums hold what waits on the host.")
    yield from (_line("mailtop_host_counted", {"host": host.name}, int(host.counted)) for host in hosts)
    yield from _family("mailtop_host_age_seconds", "gauge", "How long ago the host wrote.")
    for host in hosts:
        if host.age_seconds is not None:
            yield _line("mailtop_host_age_seconds", {"host": host.name}, round(host.age_seconds, 3))


def _of_sending(unsent: Spooled | None) -> Iterator[str]:
    if unsent is None:
        return
    yield from _family("mailtop_unsent_batches", "gauge", "Batches that wait to be sent to ClickHouse.")
    yield _line("mailtop_unsent_batches", {}, unsent.entries)
    yield from _family("mailtop_unsent_bytes", "gauge", "Bytes of the batches that wait to be sent to ClickHouse.")
    yield _line("mailtop_unsent_bytes", {}, unsent.size)
    if unsent.since is not None:
        name = "mailtop_unsent_oldest_timestamp_seconds"
        yield from _family(name, "gauge", "When the oldest batch that waits to be sent was written.")
        yield _line(name, {}, unsent.since)


def _of_accounts(totals: Mapping[str, MailTotals]) -> Iterator[str]:
    for field, (name, help_) in _COUNTERS.items():
        yield from _by_account(name, "counter", help_, field, totals)
    yield from _by_account(_WAITING, "gauge", "Recipients that wait.", "in_progress_count", totals)


def _by_account(name: str, kind: str, help_: str, field: str, totals: Mapping[str, MailTotals]) -> Iterator[str]:
    counts = [(account, count) for account, each in totals.items() if (count := getattr(each, field)) is not None]
    if counts:
        yield from _family(name, kind, help_)
        yield from (_line(name, {"account": account}, count) for account, count in counts)


def _of_balances(balances: Sequence[Balance]) -> Iterator[str]:
    """By how much it is off in all, account by account, so that too much of one does not make up for what lacks of
    another; and each account's own numbers."""
    whole = next((each for each in balances if not each.account_id and not each.account), None)
    accounts = [each for each in balances if each is not whole]
    if whole is not None:
        off, since = unaccounted([whole, *accounts])
        yield from _family(_UNBALANCED, "gauge", "Recipients that are not accounted for; 0: all mail is.")
        yield _line(_UNBALANCED, {}, off)
        if since is not None:
            yield from _family(_UNBALANCED_SINCE, "gauge", "Since when recipients are not accounted for.")
            yield _line(_UNBALANCED_SINCE, {}, since)
    for field, (name, help_) in _OF_BALANCE.items() if accounts else ():
        yield from _family(name, "gauge", help_)
        yield from (_line(name, {"account": each.account}, getattr(each, field)) for each in accounts)


def _of_queue(isps: QueueTable | None) -> Iterator[str]:
    if isps is None:
        return
    name = "mailtop_queue_recipients"
    yield from _family(name, "gauge", "Recipients that wait, by state and mailbox provider.")
    rows = list(isps.rows())
    for row in rows[:MAX_ISPS]:
        yield from (_line(name, {"isp": row.isp, "state": state}, getattr(row, state)) for state in STATES)
    if len(rows) > MAX_ISPS:
        for state in STATES:
            others = sum(getattr(row, state) for row in rows[MAX_ISPS:])
            yield _line(name, {"isp": OTHER_ISPS, "state": state}, others)


def _of_campaigns(campaigns: QueueTable) -> Iterator[str]:
    name = "mailtop_campaign_recipients"
    yield from _family(name, "gauge", "Recipients that wait, by state, account and campaign.")
    for row in campaigns.rows():
        labels = {"account": row.account, "campaign": row.campaign, "campaign_id": str(row.campaign_id)}
        yield from (_line(name, labels | {"state": state}, getattr(row, state)) for state in STATES)


def _family(name: str, kind: str, help_: str) -> Iterable[str]:
    return f"# HELP {name} {help_}\n", f"# TYPE {name} {kind}\n"


def _line(name: str, labels: Mapping[str, str], value: int | float) -> str:
    shown = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value}\n" if shown else f"{name} {value}\n"
