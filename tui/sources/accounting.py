"""Whether all mail that a host accepted is accounted for, added up and in a sentence. Pure; whoever shows balances
enters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tui.model import Balance

LAST_DAY = 253_402_128_000
"""9999-12-30 (seconds since 1970), the last day but one of the calendar: Python 3.13 and later look at the day after a
time, too, to know what the clocks showed."""


def on_calendar(time: int | None) -> int | None:
    """A time (seconds since 1970) that has a date; ``None`` for others, which only a damaged ledger or a hostile host
    tells."""
    return time if time is not None and 0 <= time <= LAST_DAY else None


def unaccounted(balances: Sequence[Balance]) -> tuple[int, int | None]:
    """By how many recipients a host is off, and since when (seconds since 1970; ``None``: it is not, or nobody knows).
    ``balances`` are its own, then those of accounts, among them all that are off: what is too much in one account does
    not make up for what lacks in another."""
    off = [each for each in balances if each.difference]
    times = [time for each in off if (time := on_calendar(each.since)) is not None]
    differences = [abs(each.difference) for each in balances[1:]]
    return max(abs(balances[0].difference), sum(differences)), min(times, default=None)


def accounted(balances: Sequence[Balance] | None) -> list[str]:
    """A sentence on the balance of a host; none where nobody knows."""
    if not balances:
        return []
    off, since = unaccounted(balances)
    if not off:
        return [f"It is balanced: all {balances[0].accepted:,} recipients that were accepted are accounted for."]
    when = "" if since is None else f" since {datetime.fromtimestamp(since).astimezone():%Y-%m-%d %H:%M}"
    return [f"It is off by {off:,}{when}: recipients that are not accounted for; `mailtop show balance` says whose."]
