"""Whether all mail that a host accepted is accounted for, in a sentence. Pure; the sources that are told it enter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tui.model import Balance


def accounted(balances: Sequence[Balance] | None) -> list[str]:
    """A sentence on the balance of a host and of its accounts that are off; none where nobody knows. What is too much
    in one account and lacks in another is not accounted for."""
    if not balances:
        return []
    own, accounts = balances[0], [each for each in balances[1:] if each.difference]
    off = max(abs(own.difference), sum(abs(each.difference) for each in accounts))
    if not off:
        return [f"It is balanced: all {own.accepted:,} recipients that were accepted are accounted for."]
    times = [each.since for each in (own, *accounts) if each.difference and each.since is not None]
    since = f" since {datetime.fromtimestamp(min(times)).astimezone():%Y-%m-%d %H:%M}" if times else ""
    return [f"It is off by {off:,}{since}: recipients that are not accounted for; `mailtop show balance` says whose."]
