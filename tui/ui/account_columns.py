"""What the table of accounts shows in a width: its columns as data, as ``columns.py`` has those of the queue. Any
widget may draw it; nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from tui.hub.protocol import AccountPane, Span
from tui.model import UNKNOWN_ACCOUNT, MailTotals
from tui.ui.columns import EDGE, GAP, MARGIN, Column, color_role
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import count, percent, rate, size_bytes

_NAME_AT_LEAST, _NAME_AT_MOST = 16, 40
_SOURCE_AT_MOST = 12
_SOURCE_FROM = 70
_QUOTA_AT_LEAST, _QUOTA_AT_MOST = 13, 40


class AccountFacts(msgspec.Struct, frozen=True):
    """All that a cell is made from: an account, or the sums of all, of which rates and quotas are not told."""

    pane: AccountPane
    summed: bool = False

    @property
    def totals(self) -> MailTotals:
        """The account's totals."""
        return self.pane.totals


AccountColumn = Column[AccountFacts]
Cell = Callable[[AccountFacts, int, Glyphs], list[Span]]


def account_columns(width: int, glyphs: Glyphs, sources: Mapping[str, str | None]) -> list[AccountColumn]:
    """The columns in a table ``width`` cells wide; of several ``sources``, each with the colour that the user gave it,
    each row says whose it is. Where it is narrow what went wrong stays longest."""
    left = width - MARGIN - EDGE
    several = len(sources) > 1 and width >= _SOURCE_FROM
    source_width = min(max(map(glyphs.width, (*sources, "source "))), _SOURCE_AT_MOST) if several else 0
    if several:
        left -= source_width + GAP
    kept = []
    for column in sorted(_NUMBERS, key=lambda column: _KEPT.index(column.sort or "")):
        if left - column.width - GAP < _NAME_AT_LEAST - 2:
            break
        kept.append(column)
        left -= column.width + GAP
    numbers = [column for column in _NUMBERS if column in kept]
    name_width = min(left, _NAME_AT_MOST)
    if len(kept) == len(_NUMBERS):
        quota = replace(numbers[-1], width=min(numbers[-1].width + left - name_width, _QUOTA_AT_MOST))
        numbers[-1] = quota
    columns: list[AccountColumn] = [Column("account", "account", name_width, _name, number=False)]
    if several:
        columns.append(Column("source", None, source_width, _source(sources), number=False))
    return columns + numbers


def account_name(totals: MailTotals) -> str:
    """An account's name; what it is called where it has none."""
    return totals.account or (f"account {totals.account_id}" if totals.account_id else UNKNOWN_ACCOUNT)


def _name(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
    return [Span(glyphs.fit(account_name(facts.totals), width), "name")]


def _source(colors: Mapping[str, str | None]) -> Cell:
    def cell(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
        source = facts.pane.source
        return [Span(glyphs.fit(source, width), f"name{color_role(colors.get(source))}")]

    return cell


def _count(name: str, role: str) -> Cell:
    def cell(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
        value: int | None = getattr(facts.totals, name)
        return [Span(count(value, width, glyphs.unknown).rjust(width), role if value else "muted")]

    return cell


def _size(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
    value = facts.totals.total_size
    return [Span(size_bytes(value, glyphs.unknown).rjust(width), "" if value else "muted")]


def _share(name: str) -> Cell:
    def cell(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
        part: float | None = getattr(facts.totals, name)
        return [Span(percent(part, glyphs.unknown).rjust(width), "" if part is not None else "muted")]

    return cell


def _rate(name: str, role: str) -> Cell:
    def cell(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
        if facts.summed:
            return [Span(" " * width)]
        value: float | None = getattr(facts.pane, name)
        return [Span(rate(value, glyphs.unknown).rjust(width), role if value else "muted")]

    return cell


def _quota(facts: AccountFacts, width: int, glyphs: Glyphs) -> list[Span]:
    """The limits that the account has reached; how many, where there is no room for all."""
    quotas = facts.totals.quotas
    text = ", ".join(quotas)
    if len(quotas) > 1 and glyphs.width(text) > width - 1:
        text = f"{len(quotas)} quotas hit"
    return [Span(glyphs.fit(f" {text}", width), "problem" if quotas else "muted")]


_NUMBERS: tuple[AccountColumn, ...] = (
    Column("sent", "sent", 9, _count("send_count", "strong"), counted=True),
    Column("delivered", "delivered", 10, _count("success_count", "success"), counted=True),
    Column("deferred", "deferred", 9, _count("defer_count", "defer"), counted=True),
    Column("failed", "failed", 8, _count("fail_count", "fail"), counted=True),
    Column("waiting", "progress", 8, _count("in_progress_count", ""), counted=True),
    Column("bytes", "bytes", 8, _size),
    Column("success", "success", 8, _share("success_share")),
    Column("deferral", "deferral", 9, _share("defer_share")),
    Column("sent/min", "rate", 9, _rate("rate_per_minute", "")),
    Column("defer/min", "defer_rate", 10, _rate("defer_rate_per_minute", "defer")),
    Column(" quota", "attention", _QUOTA_AT_LEAST, _quota, left=True),
)

ACCOUNT_HEADERS = {column.sort: column.header.strip() for column in _NUMBERS}
"""What stands above the numbers that one can sort by."""

_KEPT = (
    *("sent", "failed", "deferred", "delivered", "success", "deferral", "rate", "progress", "attention"),
    *("bytes", "defer_rate"),
)
"""The columns in the order in which they get room."""
