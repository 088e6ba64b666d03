"""Accounts of the same name in several sources, added up to one. Pure; the hub enters, and `mailtop show`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tui.hub.part import sum_known
from tui.hub.roll import COUNTS, Told
from tui.model import MailTotals

Part = tuple[Told, MailTotals]


class AddedUp:
    """What several sources tell of their accounts, as if one source told it that has no name.

    A rate is the sum of those of the sources that have the account and can be measured now; it is not known while
    any of these is not, so that it never jumps because a host came. Of a source that fails, or whose numbers are old,
    the totals stay as they were told: what happened stays true.
    """

    source = ""

    def __init__(self, told: Sequence[Told]) -> None:
        self._parts: dict[str, list[Part]] = {}
        for each in told:
            for totals in each.totals:
                self._parts.setdefault(totals.account, []).append((each, totals))
        self.totals = [sum_of([totals for _, totals in parts]) for parts in self._parts.values()]

    def rate(self, totals: MailTotals, count: Callable[[MailTotals], int | None]) -> float | None:
        """How much ``count`` grows a minute in all sources together; ``None`` unknown."""
        parts = self._parts.get(totals.account, ())
        return sum_known([told.rate(own, count) for told, own in parts if told.measured])

    def parts(self, totals: MailTotals) -> Mapping[str, MailTotals]:
        """What each source tells of the account."""
        return {told.source: own for told, own in self._parts.get(totals.account, ())}


def sum_of(parts: Sequence[MailTotals]) -> MailTotals:
    """One account, whose totals several sources tell. A count is not known where any of these has the account and does
    not know it: what is unknown is not taken for zero. A source that has no such account adds nothing. It has an id
    where all that tell one tell the same, and the quotas that it has reached anywhere."""
    first = parts[0]
    if len(parts) == 1:
        return first
    ids = {part.account_id for part in parts if part.account_id}
    counts = {field: sum_known([getattr(part, field) for part in parts]) for field in COUNTS.values()}
    return msgspec.structs.replace(
        first,
        account_id=ids.pop() if len(ids) == 1 else 0,
        quotas=tuple(dict.fromkeys(quota for part in parts for quota in part.quotas)),
        **counts,
    )


def by_name(totals: Iterable[MailTotals]) -> list[MailTotals]:
    """Each account once, those of the same name added up."""
    same: dict[str, list[MailTotals]] = {}
    for each in totals:
        same.setdefault(each.account, []).append(each)
    return list(map(sum_of, same.values()))
