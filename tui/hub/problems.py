"""Which rows of a queue are a problem: what `!`, `e` and `E` show. Pure; the hub enters.

A row is a problem when mail in it is held; when ten recipients or more were tried and put off, and these are half of
what waits in it or more (a few put off are every queue's daily life); or when it grows by a tenth of what waited or
more a minute, and by ten recipients or more.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.hub.part import Changes

LEAST_RETRY = LEAST_GROWTH = 10
GROWN = 11
"""What has grown by a tenth or more is no more than eleven times as large as its growth."""


def problems(retry: Sequence[int], hold: Sequence[int], changes: Changes) -> bytes:
    """1 for each row that is a problem, 0 for each other; the columns have an entry a row, in recipients."""
    totals, before = changes.totals, changes.before
    if before is None:
        waiting = zip(retry, hold, totals, strict=True)
        return bytes([held > 0 or (late >= LEAST_RETRY and late * 2 >= total) for late, held, total in waiting])
    least, grown = LEAST_GROWTH / changes.per_minute, GROWN * changes.per_minute
    rows = zip(retry, hold, totals, before, strict=True)
    return bytes(
        [
            held > 0
            or (late >= LEAST_RETRY and late * 2 >= total)
            or (total - old >= least and (total - old) * grown >= total)
            for late, held, total, old in rows
        ]
    )
