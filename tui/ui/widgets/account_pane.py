"""The account panes: what each account sends, side by side, the ones that need attention first (the hub orders
them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events

from tui.hub.protocol import AccountKey, AccountPane, Span
from tui.model import DOUBTFUL, UNKNOWN_ACCOUNT, Freshness
from tui.ui.glyphs import Glyphs
from tui.ui.messages import PaneChosen
from tui.ui.numbers import count, rate, size_bytes
from tui.ui.widgets.lines import Line, Lines, justified, line_width

LABEL_WIDTH = 9
COUNT_WIDTH = 6
SHARE_WIDTH = 5
LEFT_WIDTH = 1 + LABEL_WIDTH + 1 + COUNT_WIDTH + 1 + SHARE_WIDTH + 1
"""Cells of a pane left of its chart: edge, label, count, its share, and a blank after each."""

MUCH_FAILED = 0.1
"""The share of recipients that failed from which on an account's mail needs a look."""

GAP = 1
"""Cells between two panes."""


class AccountPanes(Lines):
    """All panes in one widget; ``places`` of them share the width."""

    DEFAULT_CSS = """
    AccountPanes { display: none; background: $surface; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="panes")
        self._panes: list[AccountPane] | None = None
        self._narrowed = False
        self._freshness: Mapping[str, Freshness] = {}
        self._selected: AccountKey | None = None
        self._focused = False
        self.places = 1

    def show(
        self,
        panes: list[AccountPane] | None,
        *,
        narrowed: bool = False,
        freshness: Mapping[str, Freshness] | None = None,
        selected: AccountKey | None = None,
        focused: bool = False,
    ) -> None:
        """Draw panes; ``None`` while the totals are not known. ``narrowed`` says that only one account is meant,
        ``freshness`` how each source is: where there are several, a pane says whose it is and whether it is old.
        ``selected`` is the chosen account, ``focused`` says that the panes have the keys."""
        now = (panes, narrowed, freshness or {}, selected, focused)
        if now != (self._panes, self._narrowed, self._freshness, self._selected, self._focused):
            self._panes, self._narrowed, self._freshness, self._selected, self._focused = now
            self.redraw()

    def pane_at(self, x: int) -> AccountKey | None:
        """The account whose pane is at cell ``x`` of the widget, if there is one."""
        place = x // (pane_width(self.size.width, self.places) + GAP)
        panes = (self._panes or [])[: self.places]
        return panes[place].key if 0 <= place < len(panes) else None

    def on_click(self, event: events.Click) -> None:
        """Choose the pane that was clicked."""
        key = self.pane_at(event.x)
        if key is not None:
            self.post_message(PaneChosen(key, into=key == self._selected))

    def lines(self, width: int, height: int) -> list[Line]:
        """The panes' lines, joined; a sentence where there is no pane."""
        if self._panes is None:
            return self._sentence("waiting for the first totals of accounts", width)
        if not self._panes:
            none = "no mail totals are known of this account" if self._narrowed else "no account has sent mail yet"
            return self._sentence(none, width)
        each = pane_width(width, self.places)
        shown = self._panes[: self.places]
        several = len(self._freshness) > 1
        blocks = []
        for pane in shown:
            freshness = self._freshness.get(pane.source, Freshness.LIVE) if several else None
            chosen = pane.key == self._selected
            blocks.append(pane_lines(pane, freshness, each, height, self.glyphs, chosen, chosen and self._focused))
        return [[span for block in blocks for span in (*block[y], Span(" " * GAP))] for y in range(height)]

    def _sentence(self, text: str, width: int) -> list[Line]:
        return [[], [Span("  "), Span(self.glyphs.fit(text, max(width - 2, 0)), "muted")]]


def pane_width(width: int, places: int) -> int:
    """The cells of each of ``places`` panes in ``width``."""
    return (width - GAP * (places - 1)) // places


def chart_size(width: int, places: int, height: int) -> tuple[int, int]:
    """The cells (width, height) of the sparkline in each pane of a row of panes ``height`` lines high."""
    return max(pane_width(width, places) - LEFT_WIDTH - 1, 0), max(height - 2, 0)


def pane_lines(
    pane: AccountPane,
    freshness: Freshness | None,
    width: int,
    height: int,
    glyphs: Glyphs,
    chosen: bool = False,
    focused: bool = False,
) -> list[Line]:
    """One pane: name and volume above, counts with their shares to the left, rate and sparkline to the right; quotas
    that are reached stand over the sparkline's top. With ``freshness`` the source is named where there is room, and has
    its sign where its numbers are in doubt. A ``chosen`` pane has a sign at its name, a ``focused`` one at its edge."""
    totals = pane.totals
    counts = [
        ("delivered", totals.success_count, _percent(totals.success_share, glyphs), "success"),
        ("deferred", totals.defer_count, _percent(totals.defer_share, glyphs), "defer"),
        ("failed", totals.fail_count, "", "fail"),
        ("waiting", totals.in_progress_count, "", ""),
    ]
    volume = [Span(size_bytes(totals.total_size, glyphs.unknown), "muted")]
    if height > len(counts) + 1:
        counts.insert(0, ("sent", totals.send_count, "", ""))
    else:
        volume = [Span(f"{count(totals.send_count, COUNT_WIDTH, glyphs.unknown)} sent"), Span(" "), *volume]
    room = width - LEFT_WIDTH - 1
    charts = [_rates(pane, room, glyphs), *pane.chart]
    if totals.quotas:
        charts[1:2] = [_quotas(totals.quotas, room, glyphs)]
    edge = Span(glyphs.focus, "focus") if focused else Span(glyphs.edge, "axis")
    mark = Span(glyphs.cursor, "focus") if chosen and not focused else edge
    lines = [[mark, *_heading(pane, freshness, volume, width - 1, glyphs, chosen=chosen)]]
    for y in range(height - 1):
        line = [edge, *(_count(*counts[y], glyphs) if y < len(counts) else [Span(" " * (LEFT_WIDTH - 1))])]
        line += charts[y] if y < len(charts) else []
        lines.append([*line, Span(" " * (width - line_width(line)))])
    return lines


def reason(pane: AccountPane) -> str:
    """Why an account needs attention, in a word: it reached a quota, none of its mail was delivered, more is put off
    now than half of what it sends, or much failed; "" where nothing says that it does."""
    totals = pane.totals
    if totals.quotas:
        return "quota"
    if totals.success_share == 0:
        return "undelivered"
    if pane.defer_rate_per_minute and pane.defer_rate_per_minute > (pane.rate_per_minute or 0) / 2:
        return "deferrals"
    return "failures" if totals.success_share is not None and 1 - totals.success_share >= MUCH_FAILED else ""


def _heading(
    pane: AccountPane, freshness: Freshness | None, volume: Line, width: int, glyphs: Glyphs, *, chosen: bool
) -> Line:
    """The account's name, and what there is room for of why it needs attention, its source and its volume."""
    totals, why = pane.totals, reason(pane)
    name = totals.account or (f"account {totals.account_id}" if totals.account_id else UNKNOWN_ACCOUNT)
    left = [Span(f"{glyphs.freshness[freshness]} ", freshness.value)] if freshness in DOUBTFUL else []
    sign = [Span(f"{glyphs.problem} {why}", "problem")] if why else []
    rights = [[*sign, Span("  "), *volume], [*sign, Span("  "), *volume[:1]], sign] if why else [volume, volume[:1]]
    wanted = min(glyphs.width(name), width // 2)
    room = width - 1 - line_width(left) - 2
    right = next((right for right in rights if line_width(right) + wanted <= room), rights[-1])
    room -= line_width(right)
    left.append(Span(glyphs.fit(name, max(min(room, glyphs.width(name)), 0)), "tab" if chosen else "strong"))
    source = "" if freshness is None or not pane.source else f" {pane.source}"
    if source and glyphs.width(name) + glyphs.width(source) <= room:
        left.append(Span(source, "muted"))
    return justified(left, [*right, Span(" ")], width)


def _count(label: str, value: int | None, percent: str, role: str, glyphs: Glyphs) -> Line:
    text = count(value, COUNT_WIDTH, glyphs.unknown).rjust(COUNT_WIDTH)
    role = role if value else "muted"
    return [
        Span(f"{label:<{LABEL_WIDTH}} ", "muted"),
        Span(text, role),
        Span(f" {percent:>{SHARE_WIDTH}} ", role),
    ]


def _percent(share: float | None, glyphs: Glyphs) -> str:
    """A share in percent that says neither 0 nor 100 of what is only near."""
    if share is None:
        return glyphs.unknown
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{min(100 * share, 99.9):.1f}%" if share < 1 else "100%"


def _quotas(quotas: Sequence[str], width: int, glyphs: Glyphs) -> Line:
    """The limits that the account has reached; how many, where there is no room for all."""
    text = ", ".join(quotas)
    if len(quotas) > 1 and glyphs.width(text) > width:
        text = f"{len(quotas)} quotas"
    return [Span(glyphs.fit(text, width), "error")]


def _rates(pane: AccountPane, width: int, glyphs: Glyphs) -> Line:
    line = [Span(f"{rate(pane.rate_per_minute, glyphs.unknown)}/min", "strong")]
    if pane.defer_rate_per_minute:
        line.append(Span(f" {rate(pane.defer_rate_per_minute, glyphs.unknown)} deferred/min", "defer"))
    while line and line_width(line) > width:
        line.pop()
    return line
