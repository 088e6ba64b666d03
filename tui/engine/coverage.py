"""Which minutes a ledger knows of, so that a gap is a gap. Every ledger may enter; nothing here does I/O."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Ranges = list[tuple[int, int]]
"""First and last minute (seconds since 1970 // 60) of each stretch, inclusive; sorted, apart from each other."""


def covered(ranges: Ranges, first: int, last: int) -> bool:
    """Whether any minute from ``first`` to ``last`` is known."""
    place = bisect_right(ranges, (last, last))
    return (place > 0 and ranges[place - 1][1] >= first) or (place < len(ranges) and ranges[place][0] <= last)


def cover(ranges: Ranges, first: int, last: int) -> Ranges:
    """The ranges with ``first`` to ``last`` added; stretches that touch become one."""
    apart = [(a, b) for a, b in ranges if b < first - 1 or a > last + 1]
    joined = [(a, b) for a, b in ranges if not (b < first - 1 or a > last + 1)]
    first = min((first, *(a for a, _ in joined)))
    last = max((last, *(b for _, b in joined)))
    return sorted([*apart, (first, last)])


def after_batch(
    ranges: Ranges, minutes: Iterable[int], known_until: int | None, run_until: int | None
) -> tuple[Ranges, int | None]:
    """The ranges after a batch with deltas at ``minutes``, whose log and queue were read up to the minute
    ``known_until``; and the new ``run_until``, up to which the running collector knows everything (``None`` before its
    first batch).

    A collector that runs reads its log without a break, so everything since its last batch is known. Its first batch
    goes on where the log was left only as far as mail tells: what nobody watched and no line tells of stays a gap.
    """
    minutes = sorted(minutes)
    ends = [*minutes[-1:], *([] if known_until is None else [known_until])]
    if not ends:
        return ranges, run_until
    until = max(ends)
    if run_until is None:
        left_at = ranges[-1][1] if ranges else 0
        since = next((minute for minute in minutes if minute >= left_at), until)
    else:
        since = min(run_until, until)
    ranges = cover(ranges, since, until)
    for minute in minutes:
        if not covered(ranges, minute, minute):
            ranges = cover(ranges, minute, minute)
    return ranges, until if run_until is None else max(run_until, until)
