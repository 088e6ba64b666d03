"""Whether all mail is accounted for, in a few words and as an equation. Pure; the status line and the detail enter."""

from __future__ import annotations

from datetime import datetime

from tui.hub.protocol import Balanced, Span
from tui.model import Freshness
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line

WARNING = "stale"
"""The role of what somebody should look at, and need not at once."""


def balance_words(balance: Balanced | None, now: float, glyphs: Glyphs, *, brief: bool = False) -> Line:
    """That it is balanced, or by how much not and since when (``now``: in seconds since 1970); nothing where nobody
    tells. ``brief``: nothing as long as it is balanced, and little when it is not. Of what is old it says so."""
    if balance is None:
        return []
    old = "" if balance.told else "was "
    if balance.off:
        words = f"{glyphs.problem} {old}off by {balance.off:,}"
        if not brief:
            words += _where(balance) + since(balance.since, now)
        return [Span(words, WARNING)]
    if brief:
        return []
    if old:
        return [Span(f"{glyphs.freshness[Freshness.STALE]} {old}balanced", "muted")]
    share = f"{balance.told:,} of {balance.asked:,} " if balance.told < balance.asked else ""
    return [Span(glyphs.well, "success"), Span(f" {share}balanced", "muted")]


def equation(balance: Balanced | None) -> list[Line]:
    """The numbers that must come to the same, a piece each; none where nobody tells."""
    sums = balance.sums if balance is not None else None
    if sums is None:
        return []
    pieces = [("accepted", sums.accepted, ""), ("= delivered", sums.delivered, "success")]
    pieces += [("+ failed", sums.failed, "fail"), ("+ removed", sums.removed, ""), ("+ waiting", sums.waiting, "")]
    if sums.difference:
        sign = "+" if sums.difference > 0 else "-"
        pieces.append((f"{sign} unexplained", abs(sums.difference), WARNING))
    return [[Span(f"{word} ", "muted"), Span(f"{value:,}", role if value else "muted")] for word, value, role in pieces]


def since(time: int | None, now: float) -> str:
    """`` since 02:14``, or the day where that was another one; "" where nobody knows."""
    if time is None:
        return ""
    then, today = (datetime.fromtimestamp(each).astimezone() for each in (time, now))
    if then.date() == today.date():
        return f" since {then:%H:%M}"
    return f" since {then:%Y-%m-%d}"


def _where(balance: Balanced) -> str:
    """On which of several hosts."""
    if balance.asked < 2:
        return ""
    if balance.off_count == 1 and balance.off_hosts:
        return f" on {balance.off_hosts[0]}"
    return f" on {balance.off_count:,} hosts"
