"""The first line: what this is, how fresh each source is, whether all mail is accounted for, whether it is paused, and
what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from tui.hub.protocol import Span, View, ViewRequest
from tui.model import Freshness, SourceStatus
from tui.ui.columns import color_role
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import age
from tui.ui.widgets.balance import balance_words
from tui.ui.widgets.crowd import WORST_FIRST as WORST_FIRST
from tui.ui.widgets.crowd import Crowd, crowd
from tui.ui.widgets.lines import Line, Lines, justified, line_width

TICK_SECONDS = 1.0

_BRIEFER = ((False, 0, False), (True, 0, False), (True, 1, False), (True, 1, True), (True, 2, True))
"""In which order less is told where there is no room: of what is asked for, of the balance (0: all, 1: only by how much
it is off, 2: nothing), of live sources."""

_BRIEFER_COUNTED = ((False, 0, 0), (True, 0, 0), (True, 1, 0), (True, 1, 1), (True, 1, 2))
"""The same where sources are counted, more or less briefly."""


class StatusLine(Lines):
    """Ages grow between two views by the local clock, in steps, so that a quiet minute paints nothing."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; }
    """

    def __init__(
        self,
        glyphs: Glyphs,
        interval_seconds: float,
        bytes_per_second: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(glyphs, id="status")
        self._least_age_seconds = max(5, round(2 * interval_seconds))
        self._clock = clock
        self._bytes_per_second = bytes_per_second
        self._view: View | None = None
        self._statuses: list[SourceStatus] = []
        self._crowd: Crowd | None = None
        self._came_at = 0.0
        self._silent_seconds = 0
        self._asked = ViewRequest(serial=0)
        self._interval_seconds = interval_seconds
        self._lite = False

    def on_mount(self) -> None:
        """Let the clock and the ages run."""
        self.set_interval(TICK_SECONDS, self.redraw)

    def show(self, view: View | None, asked: ViewRequest, *, lite: bool = False) -> None:
        """Draw the state of the view's sources and of what is asked for; ``lite``: less is sent."""
        self._lite = lite
        if view is not self._view:
            self._view, self._came_at = view, self._clock()
            self._tally()
        self._asked = asked
        self.redraw()

    def show_silence(self, seconds: int) -> None:
        """The hub has said nothing for so long (0: it answers): nothing is fresh any more."""
        if seconds != self._silent_seconds:
            self._silent_seconds = seconds
            self._tally()
            self.redraw()

    def _tally(self) -> None:
        """Find out once a view how its sources are."""
        view = self._view
        self._statuses = sorted(view.sources, key=lambda s: WORST_FIRST.index(s.freshness)) if view else []
        self._crowd = crowd(view, silent=self._silent_seconds > 0) if view else None

    def lines(self, width: int, _height: int) -> list[Line]:
        """The one line. Where not all sources fit, less of what is asked for is told, then of the balance, then live
        sources by sign and name alone; those that do not fit then are counted. The worst stand first. Many sources are
        counted from the beginning."""
        since = self._clock() - self._came_at
        left = [Span(" "), Span("mailtop", "strong")]
        if self._crowd is not None:
            return [self._counted(self._crowd, left, since, width)]
        for brief_right, balance_brevity, brief in _BRIEFER:
            right = self._right(since, brief=brief_right)
            balance = self._balance(balance_brevity)
            items = [self._source(status, since, brief=brief) for status in self._statuses]
            room = width - line_width(right) - line_width(balance)
            if line_width(left) + sum(map(line_width, items)) < room or (len(items) == 1 and balance_brevity):
                break
        for number, item in enumerate(items):
            rest = f"  +{len(items) - number} more"
            needed = line_width(left) + line_width(item) + (len(rest) if number < len(items) - 1 else 1)
            if needed > room and len(items) > 1:
                left.append(Span(rest, "muted"))
                break
            left += item
        return [justified([*left, *balance], right, width)]

    def _counted(self, many: Crowd, left: Line, since_seconds: float, width: int) -> Line:
        """How many sources are how, in as many words as fit, and the names of those in doubt where there is room."""
        names = many.names(self.glyphs, since_seconds, self._least_age_seconds)
        for brief_right, balance_brevity, brevity in _BRIEFER_COUNTED:
            right = self._right(since_seconds, brief=brief_right)
            balance = self._balance(balance_brevity)
            line = [*left, *many.summary(self.glyphs, since_seconds, self._least_age_seconds, brevity)]
            needed = line_width(line) + line_width(balance) + (0 if balance_brevity else sum(map(line_width, names)))
            if needed + line_width(right) < width:
                break
        unnamed = many.in_doubt()
        for item in names:
            rest = f"  +{unnamed - 1} more" if unnamed > 1 else ""
            if line_width(line) + line_width(item) + len(rest) + line_width(balance) + line_width(right) >= width:
                break
            line, unnamed = [*line, *item], unnamed - 1
        if 0 < unnamed < many.in_doubt():
            line.append(Span(f"  +{unnamed} more", "muted"))
        return justified([*line, *balance], right, width)

    def _balance(self, brevity: int) -> Line:
        """Whether all mail is accounted for, with what parts it from the sources."""
        balance = self._view.balance if self._view is not None else None
        if balance is None or self._view is None or brevity > 1:
            return []
        if self._silent_seconds:
            balance = replace(balance, told=0)
        words = balance_words(balance, self._view.time, self.glyphs, brief=brevity > 0)
        return [Span("  "), *words] if words else []

    def _right(self, since_seconds: float, *, brief: bool = False) -> Line:
        """What is asked for and how often, what is sent, and the time; ``brief`` with only what is out of the
        ordinary. The breadcrumb names the sender too."""
        right = [Span(" ")]
        query = self._asked.query
        if query.sender_id is not None and not brief:
            right += [Span(f"sender {query.sender or query.sender_id}  ")]
        if self._asked.paused:
            right += [Span(f"{self.glyphs.freshness[Freshness.PAUSED]} paused", "paused"), Span("  ")]
        if self._lite:
            right += [Span("lite", "paused"), Span("  ")]
        if not brief:
            seconds = max(self._interval_seconds, self._asked.push_seconds)
            right += [Span(f"every {seconds:g}s  ", "muted"), *self._traffic()]
        if self._view is not None:
            now = datetime.fromtimestamp(self._view.time + since_seconds).astimezone()
            right += [Span(f"{now:%H:%M} ")]
        return right

    def _traffic(self) -> Line:
        """What is sent to the terminal, in steps so coarse that to show it costs next to nothing."""
        rate = self._bytes_per_second()
        if rate is None:
            return []
        text = f"{rate} B/s" if rate < 1000 else f"{rate // 1000} kB/s"
        return [Span(f"{text:>8}", "muted"), Span("  ")]

    def _source(self, status: SourceStatus, since_seconds: float, *, brief: bool = False) -> Line:
        """One source: sign, name, freshness and age, and whether nobody checked whom the numbers come from."""
        name = [Span(self.glyphs.plain(status.name), color_role(status.color).strip())]
        unverified = [Span(" unverified", "error")] if status.unverified and not brief else []
        if status.unverified and brief:
            name.append(Span(self.glyphs.unverified, "error"))
        if status.age_seconds is None and status.freshness is not Freshness.ERROR:
            return [Span(f"  {self.glyphs.wait} "), *name, Span(" waiting", "muted"), *unverified]
        freshness = status.freshness
        if self._silent_seconds and freshness is not Freshness.ERROR:
            freshness = Freshness.STALE
        sign, role = Span(f"  {self.glyphs.freshness[freshness]} ", freshness.value), freshness.value
        if brief and freshness is Freshness.LIVE:
            return [sign, *name]
        line = [sign, *name, Span(f" {role}", role)]
        if status.age_seconds is not None:
            # The hub says seldom that what is live did not change: such an age does not grow here.
            since = 0.0 if freshness is Freshness.LIVE else since_seconds
            line.append(Span(f" {age(status.age_seconds + since, self._least_age_seconds)}", "muted"))
        return [*line, *unverified]
