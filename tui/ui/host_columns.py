"""What the queue table shows of hosts: its columns as data, as ``columns.py`` has those of the other groupings. Any
widget may draw it; nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Mapping

from tui.hub.protocol import Span, View
from tui.model import STATES, Freshness
from tui.ui.columns import (
    EDGE,
    GAP,
    MARGIN,
    TREND,
    Cell,
    Column,
    QueueColumn,
    RowFacts,
    Whose,
    color_role,
    delta_cell,
    drain_cell,
    host_name,
    number_span,
    share_cell,
    state_cell,
    total_cell,
    trend_cell,
)
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import age, count, percent

MUCH_DEFERRED = 0.5
"""The share of attempts that were put off from which on a host needs a look."""

_NAME_AT_LEAST, _NAME_AT_MOST = 14, 32
_NAME_GROWS_FIRST = 10
_WORST_AT_MOST = 28
_TREND_GROWS = (0, 2, 5, 10)  # to whole minutes of an hour a cell
_WORST = "worst isp"
_LEAST_WIDTHS = dict.fromkeys((*STATES, "delta", "drain"), 7) | dict.fromkeys(("total", "deferral"), 8)
_LEAST_WIDTHS |= {"state": 9, "age": 5, "share": 6, _WORST: 16, TREND: 10}
_KEPT = (
    *("state", "total", "delta", "deferral", _WORST, "age", "retry", "hold", "drain", TREND),
    *("new", "proc", "share"),
)
"""The columns in the order in which they get room: whether a number can be trusted, how much waits, whether it gets
more, and who refuses it."""


def partial(view: View) -> str:
    """That the sums lack hosts, and of how many they are: ``partial 41/42``; "" where they lack none."""
    return f"partial {view.hosts_counted}/{view.host_count}" if view.hosts_counted < view.host_count else ""


def host_columns(width: int, glyphs: Glyphs, whose: Whose, least_age_seconds: int) -> list[QueueColumn]:
    """The columns of the table of hosts in ``width`` cells. Ages below ``least_age_seconds`` are not told apart."""
    widths = dict(_LEAST_WIDTHS)
    left = width - MARGIN - EDGE - _NAME_AT_LEAST
    kept = []
    for name in _KEPT:
        if widths[name] + GAP > left:
            break
        kept.append(name)
        left -= widths[name] + GAP
    if len(kept) == len(_KEPT):
        spare = max(left - _NAME_GROWS_FIRST, 0)
        widths[TREND] += max(more for more in _TREND_GROWS if more <= spare)
        left -= widths[TREND] - _LEAST_WIDTHS[TREND]
    name_width = min(_NAME_AT_LEAST + left, _NAME_AT_MOST)
    left -= name_width - _NAME_AT_LEAST
    if _WORST in kept:
        widths[_WORST] = min(widths[_WORST] + left, _WORST_AT_MOST)
    sort = "sender" if whose.several_senders and len(whose.sources) < 2 else "source"
    named = Column("host", sort, name_width, _dimmed(_name(whose)), number=False)
    return [named, *(column for name, column in _numbers(glyphs, least_age_seconds, widths).items() if name in kept)]


def _numbers(glyphs: Glyphs, least_age_seconds: int, widths: Mapping[str, int]) -> dict[str, QueueColumn]:
    """All columns but the name, from left to right."""
    return {
        "state": Column("state", None, widths["state"], _state, left=True),
        "age": Column("age", None, widths["age"], _dimmed(_age(least_age_seconds))),
        **{state: Column(state, state, widths[state], _told(state_cell(state)), counted=True) for state in STATES},
        "total": Column("total", "total", widths["total"], _told(total_cell), counted=True),
        "delta": Column(glyphs.per_minute, "delta", widths["delta"], _told(delta_cell)),
        "share": Column("share", "share", widths["share"], _dimmed(_share)),
        "deferral": Column("deferral", None, widths["deferral"], _dimmed(_deferral)),
        _WORST: Column(_WORST, None, widths[_WORST], _dimmed(_worst), left=True),
        TREND: Column(TREND, "trend", widths[TREND], trend_cell),
        "drain": Column("drain", "drain", widths["drain"], _told(drain_cell)),
    }


def _dimmed(cell: Cell) -> Cell:
    """Cells of a host that no sum holds, which is so seen; numbers of one that has never told any are unknown."""

    def dimmed(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        spans = cell(facts, width, glyphs)
        if facts.host is None or facts.host.counted:
            return spans
        return [Span(span.text, "muted") for span in spans]

    return dimmed


def _told(cell: Cell) -> Cell:
    """What waits at a host that has told so."""

    def told(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        if facts.host is None or facts.host.known:
            return cell(facts, width, glyphs)
        return [number_span(glyphs.unknown, width, "muted")]

    return _dimmed(told)


def _name(whose: Whose) -> Cell:
    def cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        color = color_role(whose.colors.get(facts.row.source))
        return [Span(glyphs.fit(host_name(facts.row, whose), width), f"name{color}")]

    return cell


def _state(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """How far the numbers can be trusted, as sign and word."""
    host = facts.host
    if host is None:
        return [Span(" " * width)]
    if host.age_seconds is None and host.freshness is not Freshness.ERROR:
        return [Span(glyphs.fit(f"{glyphs.wait} waiting", width), "muted")]
    role = host.freshness.value
    return [Span(glyphs.fit(f"{glyphs.freshness[host.freshness]} {role}", width), role)]


def _age(least_seconds: int) -> Cell:
    def cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        host = facts.host
        if host is None:
            return [Span(" " * width)]
        text = glyphs.unknown if host.age_seconds is None else age(host.age_seconds, least_seconds)
        return [number_span(text, width, "muted" if host.freshness is Freshness.LIVE else host.freshness.value)]

    return cell


def _share(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """What no sum holds is no share of it."""
    if facts.host is None or facts.host.counted:
        return share_cell(facts, width, glyphs)
    return [number_span(glyphs.unknown, width, "muted")]


def _deferral(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    if facts.host is None:
        return [Span(" " * width)]
    share = facts.host.defer_share
    role = "muted" if not share else "defer" if share >= MUCH_DEFERRED else ""
    return [number_span(percent(share, glyphs.unknown), width, role)]


def _worst(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """The provider where most waits that was put off or held, and how much."""
    host = facts.host
    if host is None or not host.worst_isp:
        return [Span(" " * width)]
    waiting = count(host.worst_waiting, 6, glyphs.unknown)
    return [Span(glyphs.fit(host.worst_isp, width - len(waiting) - 1), "name"), Span(f" {waiting}", "retry")]
