"""What many hosts come to together: histories, causes, messages and rows added up, and the facts of each host. Pure;
only the hub enters."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

import msgspec

from tui.hub.part import Changes, Part, RowId, sum_known, totals_of
from tui.model import (
    STATES,
    Cause,
    Counts,
    Grouping,
    History,
    QueueQuery,
    QueueRow,
    QueueTable,
    RowKey,
    WaitingMessage,
)

LATE_STEPS = 2
"""Histories that end within so many steps of the newest are of now; one that ends before is of a host that has gone."""

_HAPPENED = ("send", "success", "defer", "fail", "size")
"""The counts of what happens in a bucket; the others are of what waits at its end."""

_KEYS = ("account_id", "campaign_id", "isp")
"""What makes rows of several hosts the same row, and where it stands in a ``RowId``."""

_NAMES = (*_KEYS, "account", "campaign")


class Layout(msgspec.Struct, frozen=True):
    """Which rows of several hosts are the same: what they are called at each host, by column, and so in the end; where
    each row of the hosts belongs, and how that is found by the columns that are ``telling``. ``places`` is ``None``
    where each row stands for itself."""

    told: dict[str, list[list[Any]]]
    columns: dict[str, list[Any]]
    places: Sequence[int] | None
    index: dict[Any, int]
    telling: Sequence[int]


class Together:
    """Adds up the rows of hosts, again and again: most often they are the same rows as before."""

    def __init__(self) -> None:
        self._layout: Layout | None = None

    def part(self, parts: Sequence[Part], query: QueueQuery) -> Part:
        """The rows of all ``parts``, those of the same account, campaign and ISP as one, without source and sender.

        A change is the sum of the hosts' changes, that of a row which is gone at one of them included; it is unknown
        while any host's is, since a host that comes or goes is no change of what waits.
        """
        told = {name: [getattr(part.table, name) for part in parts] for name in _NAMES}
        layout = self._layout
        if layout is None or layout.told != told:
            layout = self._layout = _layout(told)
        count = len(layout.columns["isp"])
        table = QueueTable(query=query, sender_id=[0] * count, files=sum_known([part.table.files for part in parts]))
        for name, column in layout.columns.items():
            setattr(table, name, column)
        for state in STATES:
            setattr(table, state, _added([getattr(part.table, state) for part in parts], layout.places, count))
        changes = _changes(parts, totals_of(table), layout)
        return Part("", table, changes, sum_known([part.sum_delta for part in parts]))


def rows_of(part: Part, wanted: Collection[RowKey]) -> dict[RowKey, QueueRow]:
    """What one host has of added-up rows: nothing waits in those that it has not."""
    found = {key: [0] * len(STATES) for key in wanted}
    accounts = {key.account_id for key in wanted}
    table = part.table
    columns = [getattr(table, name) for name in (*_KEYS, *STATES)]
    for account, campaign, isp, *counts in zip(*columns, strict=True):
        if account in accounts:
            sums = found.get(RowKey(account_id=account, campaign_id=campaign, isp=isp))
            if sums is not None:
                for at, count in enumerate(counts):
                    sums[at] += count
    return {
        key: QueueRow(new=new, proc=proc, retry=retry, hold=hold) for key, (new, proc, retry, hold) in found.items()
    }


def by_host(table: QueueTable) -> QueueTable:
    """The rows of a table added up by sender, as an answer to grouping ``HOST``."""
    index = {sender: place for place, sender in enumerate(dict.fromkeys(table.sender_id))}
    places, count = list(map(index.__getitem__, table.sender_id)), len(index)
    names = dict(zip(table.sender_id, table.sender, strict=True)) if table.sender else {}
    return QueueTable(
        query=table.query.grouped(Grouping.HOST),
        sender_id=list(index),
        sender=[names[sender] for sender in index] if names else [],
        account_id=[0] * count,
        account=[""] * count,
        campaign_id=[0] * count,
        campaign=[""] * count,
        isp=[""] * count,
        files=table.files,
        **{state: _added([getattr(table, state)], places, count) for state in STATES},
    )


def added_up(histories: Sequence[History]) -> History | None:
    """The sum of several hosts' histories, over the time that all know who are there now; ``None`` when there are none.

    A gap is only where nobody knows: of hundreds of hosts one is always away or new, and a chart of gaps would say
    nothing of the others. Histories in finer steps are brought to the coarsest; ``None`` where these do not match.
    """
    if len(histories) < 2:
        return histories[0] if histories else None
    step = max(history.step_seconds for history in histories)
    if any(step % history.step_seconds or history.start % history.step_seconds for history in histories):
        return None
    histories = [_in_steps(history, step) for history in histories]
    newest = max(map(_end, histories))
    present = [history for history in histories if _end(history) >= newest - LATE_STEPS * step]
    start = max(history.start for history in present)
    end = max(start, min(map(_end, present)))
    rows = [_between(history, start, end) for history in histories]
    return History(start, step, [_sum(buckets) for buckets in zip(*rows, strict=True)])


def causes_together(parts: Sequence[list[Cause]]) -> list[Cause] | None:
    """The causes that several hosts tell, the same text together, most frequent first; ``None`` when none tells any."""
    if len(parts) < 2:
        return parts[0] if parts else None
    merged: dict[str, Cause] = {}
    for cause in (cause for part in parts for cause in part):
        other = merged.get(cause.text)
        if other is None:
            merged[cause.text] = cause
            continue
        newest = max(cause, other, key=lambda each: each.last_seen)
        merged[cause.text] = Cause(
            text=cause.text,
            count=cause.count + other.count,
            first_seen=min(cause.first_seen, other.first_seen),
            last_seen=newest.last_seen,
            last_reply=newest.last_reply,
        )
    return sorted(merged.values(), key=lambda cause: (-cause.count, cause.text))


def messages_together(parts: Sequence[list[WaitingMessage]], limit: int) -> list[WaitingMessage] | None:
    """The ``limit`` oldest of the messages that several hosts tell; ``None`` when none tells any."""
    messages = [message for part in parts for message in part]
    if len(parts) > 1:
        messages.sort(key=lambda message: math.inf if message.arrived is None else message.arrived)
    return messages[:limit] if parts else None


def _end(history: History) -> int:
    return history.start + len(history.points) * history.step_seconds


def _in_steps(history: History, step: int) -> History:
    """The history in coarser steps, which begin at whole multiples of ``step``."""
    size, early = step // history.step_seconds, history.start % step // history.step_seconds
    if size == 1 and not early:
        return history
    points = [None] * early + history.points
    buckets = [points[at : at + size] for at in range(0, len(points), size)]
    return History(history.start - early * history.step_seconds, step, [_joined(bucket) for bucket in buckets])


def _joined(buckets: Sequence[Counts | None]) -> Counts | None:
    """Buckets one after the other as one: what happened in all of them, what waited at the end of the last."""
    known = [bucket for bucket in buckets if bucket is not None]
    if len(known) < 2:
        return known[0] if known else None
    happened = {name: sum(getattr(bucket, name) for bucket in known) for name in _HAPPENED}
    return msgspec.structs.replace(known[-1], **happened)


def _between(history: History, start: int, end: int) -> list[Counts | None]:
    """The buckets from ``start`` to ``end``, a gap where it has none."""
    first, last = (start - history.start) // history.step_seconds, (end - history.start) // history.step_seconds
    known = history.points[max(0, first) : max(0, last)]
    before = [None] * (min(0, last) - min(0, first))
    return before + known + [None] * (last - first - len(before) - len(known))


def _sum(buckets: Sequence[Counts | None]) -> Counts | None:
    known = [msgspec.structs.astuple(bucket) for bucket in buckets if bucket is not None]
    return Counts(*map(sum, zip(*known, strict=True))) if known else None


def _layout(told: dict[str, list[list[Any]]]) -> Layout:
    joined = {name: list(chain.from_iterable(columns)) for name, columns in told.items()}
    telling = [at for at, name in enumerate(_KEYS) if not _constant(joined[name])]
    if joined["campaign_id"] and max(joined["campaign_id"]) < 0:
        telling = [_KEYS.index("campaign_id")]  # the hub's own number of a campaign says whose it is
    keys: list[Any] = joined[_KEYS[telling[0] if telling else 0]]
    if len(telling) != 1:
        keys = list(zip(*(joined[_KEYS[at]] for at in telling), strict=True)) if telling else [()] * len(keys)
    index: dict[Any, int] = {}
    firsts: list[int] = []
    for row, key in enumerate(keys):
        if key not in index:
            index[key] = len(firsts)
            firsts.append(row)
    if len(firsts) == len(keys):
        return Layout(told, joined, None, index, telling)
    columns = {name: list(map(column.__getitem__, firsts)) for name, column in joined.items()}
    return Layout(told, columns, list(map(index.__getitem__, keys)), index, telling)


def _constant(column: Sequence[Any]) -> bool:
    return not column or column.count(column[0]) == len(column)


def _added(columns: Sequence[list[int]], places: Sequence[int] | None, count: int) -> list[int]:
    """The entries of columns that follow each other, added up at their places, of which there are ``count``."""
    if places is None:
        return list(chain.from_iterable(columns))
    sums = [0] * count
    if any(map(any, columns)):
        for place, value in zip(places, chain.from_iterable(columns), strict=True):
            sums[place] += value
    return sums


def _changes(parts: Sequence[Part], totals: list[int], layout: Layout) -> Changes:
    """The changes of rows that were added up."""
    if any(part.changes.before is None for part in parts):
        return Changes(totals)
    deltas, first = [0.0] * len(totals), 0
    for part in parts:
        changes, rows = part.changes, len(part)
        if changes.before is not None and changes.moving:
            per_minute = changes.per_minute
            places = layout.places[first : first + rows] if layout.places is not None else range(first, first + rows)
            for place, total, before in zip(places, changes.totals, changes.before, strict=True):
                if total != before:
                    deltas[place] += (total - before) * per_minute
        first += rows
        for row, total in part.gone:
            if (left := _place_of(row, layout)) is not None:
                deltas[left] -= total * changes.per_minute
    return Changes(totals, [total - delta for total, delta in zip(totals, deltas, strict=True)], 1.0)


def _place_of(row: RowId, layout: Layout) -> int | None:
    """Where a row that is gone at its host still stands."""
    keys, telling = row[1:], layout.telling
    place = layout.index.get(keys[telling[0]] if len(telling) == 1 else tuple(keys[at] for at in telling))
    if place is None or any(layout.columns[name][place] != key for name, key in zip(_KEYS, keys, strict=True)):
        return None
    return place
