"""Which rows of a queue are a problem: what `!`, `e` and `E` show. Pure; the hub enters.

A row is a problem when mail in it is held; when half of what waits in it, or more, was tried and put off; or when it
grows by a tenth of what waited or more a minute, and by ten recipients or more.
"""

from __future__ import annotations

from collections.abc import Sequence

LEAST_GROWTH = 10
GROWN = 11
"""Who has grown by a tenth or more is no more than eleven times as large as the growth."""


def problems(retry: Sequence[int], hold: Sequence[int], totals: Sequence[int], deltas: Sequence[float | None]) -> bytes:
    """1 for each row that is a problem, 0 for each other. The columns have an entry a row: recipients that wait, and
    the change of the total a minute, ``None`` unknown."""
    rows = zip(retry, hold, totals, deltas, strict=True)
    return bytes(
        [
            held > 0
            or 0 < late * 2 >= total
            or (delta is not None and delta >= LEAST_GROWTH and delta * GROWN >= total)
            for late, held, total, delta in rows
        ]
    )
