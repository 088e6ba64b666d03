"""What many hosts come to together: histories, causes, messages and rows added up, and the facts of each host. Pure;
only the hub enters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from tui.model import Cause, Counts, History, WaitingMessage

LATE_STEPS = 2
"""Histories that end within so many steps of the newest are of now; one that ends before is of a host that has gone."""

_HAPPENED = ("send", "success", "defer", "fail", "size")
"""The counts of what happens in a bucket; the others are of what waits at its end."""


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
