"""What waits in all rows together, hosts that are left out aside. Pure; the sheet and selections enter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import compress
from typing import Any

import msgspec

from tui.hub.part import Part, constant, sum_known
from tui.model import STATES, QueueRow

HostKey = tuple[str, int | None]
"""Source and sender; ``None`` is all of the source."""

LeftOut = Collection[HostKey]
"""The hosts whose rows no sum holds."""


class Sums(msgspec.Struct, frozen=True):
    """What waits in all, ``by_source`` in each source too, which then includes one that is ``left_out`` whole. The
    change a minute and the queue files are ``None`` where those of any source are unknown."""

    whole: QueueRow
    delta: float | None
    files: int | None
    by_source: dict[str, QueueRow]


def sums_of(parts: Sequence[Part], left_out: LeftOut) -> Sums:
    """The sums of what all sources answered."""
    summed = not_left_out(parts, left_out)
    by_source = {part.source: _sums(part, left_out) for part in parts}
    rows = [by_source[part.source] for part in summed]
    return Sums(
        whole=QueueRow(**{state: sum(getattr(row, state) for row in rows) for state in STATES}),
        delta=sum_known([_delta(part, left_out) for part in summed]),
        files=sum_known([part.table.files for part in summed]),
        by_source=by_source,
    )


def not_left_out(parts: Sequence[Part], left_out: LeftOut) -> list[Part]:
    """The parts of sources that are not left out whole."""
    return [part for part in parts if (part.source, None) not in left_out]


def counted_rows(parts: Sequence[Part], left_out: LeftOut) -> bytes:
    """1 for each row that sums hold, 0 for each other."""
    flags = []
    for part in parts:
        if (part.source, None) in left_out:
            flags.append(bytes(len(part)))
        else:
            flags.append(bytes([(part.source, sender) not in left_out for sender in part.table.sender_id]))
    return b"".join(flags)


def _sums(part: Part, left_out: LeftOut) -> QueueRow:
    """What waits in one source, without those of its hosts that are left out; of the sender whose rows these are, where
    there is only one."""
    senders, table = part.table.sender_id, part.table
    flags = counted_rows([part], left_out) if _leaves_out_some(part, left_out) else None
    columns: dict[str, Any] = {state: getattr(table, state) for state in STATES}
    if flags is not None:
        columns = {state: compress(column, flags) for state, column in columns.items()}
    return QueueRow(
        source=part.source,
        sender_id=senders[0] if senders and constant(senders) else 0,
        **{state: sum(column) for state, column in columns.items()},
    )


def _delta(part: Part, left_out: LeftOut) -> float | None:
    if not _leaves_out_some(part, left_out):
        return part.sum_delta
    return sum_known(list(compress(part.changes.deltas(), counted_rows([part], left_out))))


def _leaves_out_some(part: Part, left_out: LeftOut) -> bool:
    """Whether sums hold some of the source's hosts and others not."""
    return any(source == part.source and sender is not None for source, sender in left_out)
