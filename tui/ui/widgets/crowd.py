"""Many sources in a few words: how many of them are how, as spans. Only the status line enters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.hub.protocol import Span, View
from tui.model import DOUBTFUL, Freshness, SourceStatus
from tui.ui.columns import color_role
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import age
from tui.ui.widgets.lines import Line

LISTED_AT_MOST = 6
"""More sources than these are counted, and only those in doubt have their names."""

NAMED_AT_MOST = 20
"""So many of these are looked at; there is room for fewer."""

WORST_FIRST = (*DOUBTFUL, Freshness.PAUSED, Freshness.REPLAY, Freshness.LIVE)

_LIVE_FIRST = (Freshness.LIVE, Freshness.REPLAY, Freshness.PAUSED, *reversed(DOUBTFUL))
_AGING = (Freshness.STALE, Freshness.PARTIAL)


class Kind(msgspec.Struct, frozen=True):
    """So many sources are like this (``None``: nothing is known of them yet); the age of the oldest that is in doubt,
    in seconds."""

    freshness: Freshness | None
    count: int
    age_seconds: float | None


class Crowd(msgspec.Struct, frozen=True):
    """``count`` sources, or hosts where each is one: of which kinds, how many of them ``unverified``, and the worst."""

    count: int
    are_hosts: bool
    kinds: Sequence[Kind]
    unverified: int
    worst: Sequence[SourceStatus]

    def summary(self, glyphs: Glyphs, since_seconds: float, least_age_seconds: int, brevity: int) -> Line:
        """The sources counted: in full (``brevity`` 0), without ages (1), by signs alone (2)."""
        noun = "" if brevity > 1 else " hosts" if self.are_hosts else " sources"
        line = [Span(f"  {self.count:,}{noun}:")]
        for number, kind in enumerate(self.kinds):
            line.append(Span(", " if number and brevity < 2 else " "))
            sign = glyphs.wait if kind.freshness is None else glyphs.freshness[kind.freshness]
            role = "muted" if kind.freshness is None else kind.freshness.value
            word = "" if brevity > 1 else f" {kind.freshness or 'waiting'}"
            line.append(Span(f"{sign} {kind.count:,}{word}", role))
            if kind.age_seconds is not None and not brevity:
                line.append(Span(f" {age(kind.age_seconds + since_seconds, least_age_seconds)}", "muted"))
        if self.unverified:
            line.append(Span(f", {self.unverified:,} unverified", "error"))
        return line

    def names(self, glyphs: Glyphs, since_seconds: float, least_age_seconds: int) -> list[Line]:
        """Those in doubt, the worst first, each with its age."""
        return [_named(status, glyphs, since_seconds, least_age_seconds) for status in self.worst]

    def in_doubt(self) -> int:
        """How many are not as they should be."""
        return sum(kind.count for kind in self.kinds if kind.freshness in DOUBTFUL)


def crowd(view: View, *, silent: bool) -> Crowd | None:
    """The sources of a view as a crowd, ``None`` where they are few. ``silent``: the hub has not answered for long, so
    that nothing is fresh any more."""
    if len(view.sources) <= LISTED_AT_MOST:
        return None
    by_freshness: dict[Freshness | None, list[SourceStatus]] = {}
    for status in view.sources:
        by_freshness.setdefault(_freshness(status, silent=silent), []).append(status)
    kinds = [
        Kind(freshness, len(some), _oldest(some) if freshness in _AGING else None)
        for freshness in (*_LIVE_FIRST, None)
        if (some := by_freshness.get(freshness))
    ]
    worst = [status for freshness in DOUBTFUL for status in by_freshness.get(freshness, ())][:NAMED_AT_MOST]
    unverified = sum(status.unverified for status in view.sources)
    return Crowd(len(view.sources), view.host_count in (0, 1, len(view.sources)), kinds, unverified, worst)


def _freshness(status: SourceStatus, *, silent: bool) -> Freshness | None:
    if status.age_seconds is None and status.freshness is not Freshness.ERROR:
        return None
    return Freshness.STALE if silent and status.freshness is not Freshness.ERROR else status.freshness


def _oldest(statuses: Sequence[SourceStatus]) -> float | None:
    return max((status.age_seconds for status in statuses if status.age_seconds is not None), default=None)


def _named(status: SourceStatus, glyphs: Glyphs, since_seconds: float, least_age_seconds: int) -> Line:
    sign = Span(f"  {glyphs.freshness[status.freshness]} ", status.freshness.value)
    line = [sign, Span(glyphs.plain(status.name), color_role(status.color).strip())]
    if status.age_seconds is not None:
        line.append(Span(f" {age(status.age_seconds + since_seconds, least_age_seconds)}", "muted"))
    return line
