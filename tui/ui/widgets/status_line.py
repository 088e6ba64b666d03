"""The first line: what this is, how fresh each source is, whether it is paused, and what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from tui.hub.protocol import Span, View, ViewRequest
from tui.model import Freshness, SourceStatus
from tui.ui.glyphs import Glyphs
from tui.ui.numbers import age
from tui.ui.widgets.lines import Line, Lines, justified, line_width

TICK_SECONDS = 1.0
_WORST_FIRST = (
    Freshness.ERROR,
    Freshness.STALE,
    Freshness.PARTIAL,
    Freshness.PAUSED,
    Freshness.REPLAY,
    Freshness.LIVE,
)


class StatusLine(Lines):
    """Ages grow between two views by the local clock, in steps, so that a quiet minute paints nothing."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; }
    """

    def __init__(self, glyphs: Glyphs, interval_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(glyphs, id="status")
        self._least_age_seconds = max(5, round(2 * interval_seconds))
        self._clock = clock
        self._view: View | None = None
        self._came_at = 0.0
        self._silent_seconds = 0
        self._asked = ViewRequest(serial=0)

    def on_mount(self) -> None:
        """Let the clock and the ages run."""
        self.set_interval(TICK_SECONDS, self.redraw)

    def show(self, view: View | None, asked: ViewRequest) -> None:
        """Draw the state of the view's sources and of what is asked for."""
        if view is not self._view:
            self._view, self._came_at = view, self._clock()
        self._asked = asked
        self.redraw()

    def show_silence(self, seconds: int) -> None:
        """The hub has said nothing for so long (0: it answers): nothing is fresh any more."""
        if seconds != self._silent_seconds:
            self._silent_seconds = seconds
            self.redraw()

    def lines(self, width: int, _height: int) -> list[Line]:
        """The one line; sources that do not fit are counted, the worst stand first."""
        since = self._clock() - self._came_at
        left = [Span(" "), Span("mailtop", "strong")]
        right = [Span(" ")]
        if self._asked.query.sender_id is not None:
            right += [Span(f"sender {self._asked.query.sender_id}  ")]
        if self._asked.paused:
            right += [Span(f"{self.glyphs.freshness[Freshness.PAUSED]} paused", "paused"), Span("  ")]
        if self._view is not None:
            now = datetime.fromtimestamp(self._view.time + since).astimezone()
            right += [Span(f"{now:%H:%M} ")]
        room = width - line_width(right)
        statuses = sorted(self._view.sources, key=lambda s: _WORST_FIRST.index(s.freshness)) if self._view else []
        for number, status in enumerate(statuses):
            rest = f"  +{len(statuses) - number} more"
            item = self._source(status, since)
            if line_width(left) + line_width(item) + len(rest) > room and (number or len(statuses) > 1):
                left.append(Span(rest, "muted"))
                break
            left += item
        return [justified(left, right, width)]

    def _source(self, status: SourceStatus, since_seconds: float) -> Line:
        if status.age_seconds is None and status.freshness is not Freshness.ERROR:
            return [Span(f"  {self.glyphs.wait} "), Span(self.glyphs.plain(status.name)), Span(" waiting", "muted")]
        freshness = status.freshness
        if self._silent_seconds and freshness is not Freshness.ERROR:
            freshness = Freshness.STALE
        glyph, role = self.glyphs.freshness[freshness], freshness.value
        line = [Span(f"  {glyph} ", role), Span(self.glyphs.plain(status.name)), Span(f" {role}", role)]
        if status.age_seconds is not None:
            # The hub says seldom that what is live did not change: such an age does not grow here.
            since = 0.0 if freshness is Freshness.LIVE else since_seconds
            line.append(Span(f" {age(status.age_seconds + since, self._least_age_seconds)}", "muted"))
        return line
