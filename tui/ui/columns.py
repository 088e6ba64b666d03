"""What the queue table shows for a grouping and a width: head, cell text, sort name, width and role of each column, as
data. Any widget may draw it; nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from tui.hub.protocol import TREND_GAP, HostFacts, Span
from tui.model import NO_ACCOUNT_NAME, NO_CAMPAIGN_NAME, STATES, Grouping, QueueQuery, QueueRow
from tui.model import NO_ISP_NAME as NO_ISP_NAME
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import EMPTY, GROWING, STEADY, change, count, drain, share

NOUNS = {
    Grouping.TOTAL: ("queue", "queues"),
    Grouping.ACCOUNT: ("account", "accounts"),
    Grouping.ACCOUNT_CAMPAIGN: ("campaign", "campaigns"),
    Grouping.ISP: ("isp", "isps"),
    Grouping.HOST: ("host", "hosts"),
}
"""What one row of a grouping is, and many."""

ROWS = ("row", "rows")
"""The same where one account, campaign or provider can have several rows."""

GAP = 1
"""Cells between two columns."""

MARGIN = 4
"""Cells left of the first column: the cursor's sign, a mark's, that of a problem or of a source in doubt, a blank."""

EDGE = 1
"""Cells right of the last column."""

TREND = "trend"
MIX = " made up of"
"""The heads of the columns that draw a row's last hour, and a bar of its states."""

FULL_BLOCK, HIGH_BLOCK = "█", "▇"

_WIDE_FROM = 120
_NARROW_BELOW = 70
_TINY_BELOW = 54
_KEYS_AT_LEAST = {1: 16, 2: 26, 3: 34, 4: 40}
_KEYS_AT_EASE = {1: 34, 2: 44, 3: 52, 4: 60}
_TREND_WIDTHS = (10, 12, 15, 20)  # whole minutes of an hour a cell
_MIX_AT_LEAST, _MIX_AT_MOST = 14, 26
_WHOSE_AT_MOST, _WHOSE_AT_LEAST, _ALL_FOUR_AT_LEAST = 12, 3, 8

Facts = TypeVar("Facts")


class RowFacts(msgspec.Struct, frozen=True):
    """All that a cell is made from: the row, its change a minute (``None`` unknown), what waits in all, the levels of
    its trend (``None`` where a trend does not belong), and what is known of the host that it is."""

    row: QueueRow
    delta: float | None
    whole: int
    trend: str | None = None
    host: HostFacts | None = None


class Whose(msgspec.Struct, frozen=True):
    """Whose rows stand in a table: the names of their sources, whether one of these has several senders, and the
    colours that the user gave to sources, by name."""

    sources: Sequence[str] = ()
    several_senders: bool = False
    colors: Mapping[str, str] = msgspec.field(default_factory=dict)


ONE_SOURCE = Whose()
"""Rows that are all of one source and one sender."""


class Column(msgspec.Struct, Generic[Facts], frozen=True):
    """One column: ``cell`` gives the spans of exactly ``width`` cells; ``sort`` is the name the hub sorts by, ``None``
    where it cannot. ``number`` columns sort downwards and stand right, unless ``left`` is set. A ``key`` says which row
    it is. A cell of a ``counted`` column is marked when it changes; the others follow from these."""

    header: str
    sort: str | None
    width: int
    cell: Callable[[Facts, int, Glyphs], list[Span]]
    number: bool = True
    counted: bool = False
    left: bool = False

    @property
    def key(self) -> bool:
        """Whether the column names the row."""
        return not self.number and self.header != MIX


QueueColumn = Column[RowFacts]
Cell = Callable[[RowFacts, int, Glyphs], list[Span]]


def columns_for(query: QueueQuery, width: int, glyphs: Glyphs, whose: Whose = ONE_SOURCE) -> list[QueueColumn]:
    """The columns for the rows of ``query``, which are no hosts (``host_columns.py`` has theirs), in a table ``width``
    cells wide; of several sources or senders, each row says whose it is. Where it is narrow the counts stay longest,
    then what they do: change, drain, share, trend."""
    whose_columns = _whose_columns(query, glyphs, whose)
    own = 2 if _has_two_keys(query) else 1
    keys = min(len(whose_columns) + own, 4)
    numbers, keys_width = _number_columns(width, glyphs, keys)
    columns = _fitted(whose_columns, keys_width, keys=own)
    keys_left = keys_width - sum(column.width + GAP for column in columns)
    return [*columns, *_key_columns(query, keys_left, by_sender=whose.several_senders), *numbers]


def sort_names(columns: Sequence[Column[Facts]]) -> list[tuple[str, bool]]:
    """The sort names that one can walk through, left to right, each with whether it is a number."""
    return [(column.sort, column.number) for column in columns if column.sort]


def trend_cells(columns: Sequence[QueueColumn]) -> int:
    """The steps of a trend that the columns have room for (0: none)."""
    return next((column.width for column in columns if column.header == TREND), 0)


def color_role(color: str | None) -> str:
    """What is added to a role so that it is drawn in a colour of the user's."""
    return f" color:{color}" if color else ""


def host_name(row: QueueRow, whose: Whose) -> str:
    """The sending system that a row is of: its source, the sender where a source has several, or both."""
    sender = row.sender or (f"sender {row.sender_id}" if row.sender_id else "")
    if not whose.several_senders or not sender:
        return row.source or sender
    return f"{row.source} {sender}" if len(whose.sources) > 1 and row.source != sender else sender


def row_name(grouping: Grouping, row: QueueRow, *, by_sender: bool) -> str:
    """A row in words."""
    if grouping is Grouping.HOST:
        return host_name(row, Whose(several_senders=by_sender))
    if grouping is Grouping.TOTAL:
        return _all_of_sender(row) if by_sender else _all_mail(row)
    if grouping is Grouping.ISP:
        return _isp(row)
    return _account(row) if grouping is Grouping.ACCOUNT else f"{_account(row)}, {_campaign(row)}"


def is_filtered(query: QueueQuery) -> bool:
    """Whether the rows of ``query`` are only a part of a queue."""
    return (query.account_id, query.campaign_id, query.isp) != (None, None, None)


def is_told_apart(query: QueueQuery, whose: Whose) -> bool:
    """Whether rows stand apart by their source or sender, so that what ``query`` groups by can have several."""
    own_row = query.grouping in (Grouping.TOTAL, Grouping.HOST)
    return not own_row and (len(whose.sources) > 1 or whose.several_senders)


def _has_two_keys(query: QueueQuery) -> bool:
    return query.grouping is Grouping.ACCOUNT_CAMPAIGN and query.account_id is None


def _whose_columns(query: QueueQuery, glyphs: Glyphs, whose: Whose) -> list[QueueColumn]:
    """The columns that say whose a row is, as wide as they need to be. A total's name says its source or sender."""
    columns = []
    in_total = query.grouping is Grouping.TOTAL
    if len(whose.sources) > 1 and (whose.several_senders or not in_total):
        longest = max(len("source "), *(glyphs.width(name) for name in whose.sources))
        width = min(longest, _WHOSE_AT_MOST)
        columns.append(Column("source", "source", width, _source_cell(whose.colors), number=False))
    if whose.several_senders and not in_total:
        columns.append(Column("sender", "sender", _WHOSE_AT_MOST, _text(_sender), number=False))
    return columns


def _fitted(columns: list[QueueColumn], width: int, keys: int) -> list[QueueColumn]:
    """The columns made to fit into ``width`` beside so many key columns; where there is no room, fewer: the chart's
    title says the rest of the row under the cursor."""
    while columns:
        places = max(len(columns) + keys, 3)
        each = (width - GAP * (places - 1)) // places
        if each >= (_WHOSE_AT_LEAST if places <= 3 else _ALL_FOUR_AT_LEAST):
            break
        columns = columns[1:]
    return [replace(column, width=min(column.width, each)) for column in columns]


def _key_columns(query: QueueQuery, width: int, *, by_sender: bool) -> list[QueueColumn]:
    """The columns that name a row; the account is left out where the breadcrumb already says it."""
    account = Column("account", "account", width, _text(_account), number=False)
    if query.grouping is Grouping.ACCOUNT:
        return [account]
    if query.grouping is Grouping.ISP:
        return [Column("isp", "isp", width, _text(_isp), number=False)]
    if query.grouping is Grouping.TOTAL:
        sort, name = ("sender", _all_of_sender) if by_sender else ("source", _all_mail)
        return [Column("queue", sort, width, _text(name), number=False)]
    if not _has_two_keys(query):
        return [Column("campaign", "campaign", width, _text(_campaign), number=False)]
    first = (width - GAP + 1) // 2
    return [
        Column("account", "account", first, _text(_account), number=False),
        Column("campaign", "campaign", width - GAP - first, _text(_campaign), number=False),
    ]


def _number_columns(width: int, glyphs: Glyphs, keys: int) -> tuple[list[QueueColumn], int]:
    """The columns right of so many ``keys``, and the cells left for these: of what is not a count, as much as leaves
    them room, and what they do not need to trend and bar."""
    narrow, wide = width < _NARROW_BELOW, width >= _WIDE_FROM
    state_width, total_width = (6, 7) if narrow else (9, 10) if wide else (7, 8)
    states = STATES[2:] if width < _TINY_BELOW else STATES  # what waits for long is looked for first
    columns: list[QueueColumn] = [
        Column(state, state, state_width, state_cell(state), counted=True) for state in states
    ]
    columns.append(Column("total", "total", total_width, total_cell, counted=True))
    left = width - MARGIN - EDGE - sum(column.width + GAP for column in columns)
    more: list[QueueColumn] = [
        Column(glyphs.per_minute, "delta", 8 if wide else 7, delta_cell),
        Column("share", "share", 7 if wide else 6, share_cell),
        Column(TREND, "trend", _TREND_WIDTHS[0], trend_cell),
        Column("drain", "drain", 7, drain_cell),
    ]
    kept = []
    for column in (more[0], more[3], more[1], more[2]):
        if left - column.width - GAP < _KEYS_AT_LEAST[keys] or narrow:
            break
        kept.append(column)
        left -= column.width + GAP
    columns += [column for column in more if column in kept]
    if len(kept) < len(more):
        return columns, left
    spare = max(left - _KEYS_AT_EASE[keys], 0)
    trend = max(width for width in _TREND_WIDTHS if width <= _TREND_WIDTHS[0] + spare)
    columns[-2], grown = replace(more[2], width=trend), trend - _TREND_WIDTHS[0]
    mix = min(spare - grown - GAP, _MIX_AT_MOST)
    if mix >= _MIX_AT_LEAST:
        columns.append(Column(MIX, None, mix, _mix_cell, number=False))
        grown += mix + GAP
    return columns, left - grown


def _account(row: QueueRow) -> str:
    return row.account or (f"account {row.account_id}" if row.account_id else NO_ACCOUNT_NAME)


def _campaign(row: QueueRow) -> str:
    return row.campaign or NO_CAMPAIGN_NAME


def _isp(row: QueueRow) -> str:
    return row.isp or NO_ISP_NAME


def _sender(row: QueueRow) -> str:
    return row.sender or str(row.sender_id)


def _all_of_sender(row: QueueRow) -> str:
    return f"all mail of {row.sender or f'sender {row.sender_id}'}"


def _all_mail(row: QueueRow) -> str:
    """One of several sources is told apart by its name: their senders may well have the same number."""
    return f"all mail of {row.source}" if row.source else "all mail"


def _text(name: Callable[[QueueRow], str]) -> Cell:
    def cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        text, row = name(facts.row), facts.row
        if glyphs.width(text) > width and text in (f"account {row.account_id}", f"campaign {row.campaign_id}"):
            text = text.split()[1]  # the head of the column says what it is the number of
        return [Span(glyphs.fit(text, width), "name")]

    return cell


def _source_cell(colors: Mapping[str, str]) -> Cell:
    def cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        return [Span(glyphs.fit(facts.row.source, width), f"name{color_role(colors.get(facts.row.source))}")]

    return cell


def state_cell(state: str) -> Cell:
    """How much waits in one of the four states."""

    def cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
        value: int = getattr(facts.row, state)
        return [number_span(count(value, width, glyphs.unknown), width, state if value else "muted")]

    return cell


def total_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """How much waits in all."""
    total = facts.row.total
    return [number_span(count(total, width, glyphs.unknown), width, "strong" if total else "muted")]


def delta_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """How much more or less waits than a minute ago."""
    text = change(facts.delta, width, glyphs.unknown)
    return [number_span(text, width, "" if text[0] in "+-" and len(text) > 1 else "muted")]


def share_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """Which part of all that waits the row has."""
    return [number_span(share(facts.row.total, facts.whole, glyphs.unknown), width, "muted")]


def trend_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """The last hour, newest to the right; of a row of which nothing is known, the sign for that. No block is so high
    that it touches the row above."""
    if facts.trend is None:
        return [Span(" " * width, "axis")]
    known = facts.trend.strip(TREND_GAP)
    text = glyphs.trend(facts.trend[-width:]).replace(FULL_BLOCK, HIGH_BLOCK) if known else glyphs.unknown
    return [number_span(text, width, "axis")]


def drain_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """How long until nothing waits."""
    text = drain(facts.row.total, facts.delta, glyphs.unknown)
    muted = text in (STEADY, EMPTY, glyphs.unknown)
    return [number_span(text, width, "strong" if text == GROWING else "muted" if muted else "")]


def _mix_cell(facts: RowFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """A bar made up of the row's four states, each as long as its part of the row."""
    row, room = facts.row, width - 1
    spans, drawn, upto = [Span(" ")], 0, 0
    for state in STATES:
        upto += getattr(row, state)
        end = round(room * upto / row.total) if row.total else 0
        if end > drawn:
            spans.append(Span(glyphs.states[state] * (end - drawn), state))
            drawn = end
    return [*spans, Span(" " * (room - drawn))] if drawn < room else spans


def number_span(text: str, width: int, role: str) -> Span:
    """A number at the right of its cell."""
    return Span(text.rjust(width), role)
