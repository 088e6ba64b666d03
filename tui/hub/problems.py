"""Which rows of a queue are a problem: what `!`, `e` and `E` show. Pure; the hub enters.

A row is a problem when mail in it is held; when half of what waits in it, or more, was tried and put off; or when it
grows by 10 % a minute or more, and by ten recipients or more.
"""

from __future__ import annotations

from collections.abc import Sequence

GROWTH_PERCENT = 10
GROWTH_RECIPIENTS = 10

CHUNK_ROWS = 8192


def is_problem(retry: int, hold: int, total: int, delta: float | None) -> bool:
    """Whether a row of these counts, whose total changes by ``delta`` a minute (``None`` unknown), is a problem."""
    if hold or (retry and 2 * retry >= total):
        return True
    # It grows by a share of what waited a minute ago.
    return delta is not None and delta >= GROWTH_RECIPIENTS and 100 * delta >= GROWTH_PERCENT * (total - delta)


def problems(retry: Sequence[int], hold: Sequence[int], totals: Sequence[int], deltas: Sequence[float | None]) -> bytes:
    """1 for each row that is a problem, 0 for each other; the columns have an entry a row."""
    return bytes(map(is_problem, retry, hold, totals, deltas))
