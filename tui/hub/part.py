"""One source's rows, and what waited in them a minute ago. Only the hub enters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from tui.model import QueueTable

Number = TypeVar("Number", int, float)

RowId = tuple[int, int, int, str]
"""Sender, account, campaign and ISP: what tells a row from the others of its source."""


def sum_known(values: Sequence[Number | None]) -> Number | None:
    """The sum, unknown when any part of it is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


class Changes(msgspec.Struct, frozen=True):
    """What waits in each row and what waited in it ``before`` (``None`` unknown); the difference times ``per_minute``
    is its change a minute."""

    totals: list[int]
    before: list[int] | list[float] | None = None
    per_minute: float = 0.0

    def delta(self, index: int) -> float | None:
        """The change of a row's total a minute; ``None`` unknown."""
        return None if self.before is None else (self.totals[index] - self.before[index]) * self.per_minute

    def deltas(self) -> list[float | None]:
        """Those of all rows."""
        if self.before is None:
            return [None] * len(self.totals)
        per_minute = self.per_minute
        return [(total - before) * per_minute for total, before in zip(self.totals, self.before, strict=True)]

    @property
    def moving(self) -> bool:
        """Whether any row is known to have changed."""
        return self.before is not None and self.totals != self.before


class Part(msgspec.Struct, frozen=True):
    """What a source answered, with the total of each row and its change; ``sum_delta`` is that of all rows, and of
    those that are ``gone``: these and what waited in them, where that was asked for."""

    source: str
    table: QueueTable
    changes: Changes
    sum_delta: float | None = None
    gone: Sequence[tuple[RowId, int]] = ()

    def __len__(self) -> int:
        return len(self.changes.totals)


def totals_of(table: QueueTable) -> list[int]:
    """The total of each row."""
    return [
        new + proc + retry + hold
        for new, proc, retry, hold in zip(table.new, table.proc, table.retry, table.hold, strict=True)
    ]


def constant(column: Sequence[Any]) -> bool:
    """Whether all rows have the same in this column."""
    return not column or (column[0] == column[-1] and column.count(column[0]) == len(column))
