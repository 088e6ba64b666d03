"""The main screen: hands views down to its widgets, turns keys into requests and sends those up to the app."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace
from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from tui.hub.protocol import Refresh, View, ViewRequest
from tui.model import Grouping, QueueQuery
from tui.ui.bindings import bindings
from tui.ui.commands import Scope
from tui.ui.glyphs import Glyphs
from tui.ui.messages import Ask, WindowMoved
from tui.ui.screens import main_actions as actions
from tui.ui.screens.narrow import NarrowCompositor
from tui.ui.screens.plan import LEAST_HEIGHT, LEAST_WIDTH, Plan, plan
from tui.ui.widgets.account_pane import AccountPanes, chart_size
from tui.ui.widgets.breadcrumb import Breadcrumb
from tui.ui.widgets.chart import MARGIN as CHART_MARGIN
from tui.ui.widgets.chart import Chart
from tui.ui.widgets.key_line import KeyLine
from tui.ui.widgets.notice import Notice
from tui.ui.widgets.queue_table import QueueTable
from tui.ui.widgets.sentence import Sentence
from tui.ui.widgets.status_line import StatusLine
from tui.ui.widgets.tabs import Tabs


class MainScreen(Screen[None]):
    """``asked`` is the request the hub answers now, ``view`` its last answer: all that is shown follows from these."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings((Scope.MOVE, Scope.WALK, Scope.FIND, Scope.LOOK))]

    DEFAULT_CSS = """
    MainScreen {
        background: $background;
        layout: vertical;
        & > Sentence { display: none; }
        &.-small > Lines { display: none; }
        &.-small > Sentence { display: block; }
    }
    """

    table = getters.query_one(QueueTable)
    panes = getters.query_one(AccountPanes)
    chart = getters.query_one(Chart)
    status = getters.query_one(StatusLine)
    notice = getters.query_one(Notice)
    tabs = getters.query_one(Tabs)
    breadcrumb = getters.query_one(Breadcrumb)

    def __init__(self, glyphs: Glyphs, query: QueueQuery, interval_seconds: float) -> None:
        super().__init__()
        self._compositor = NarrowCompositor()
        self.glyphs = glyphs
        self.asked = ViewRequest(serial=0, query=query, ascii=glyphs.ascii)
        self.view: View | None = None
        self._interval_seconds = interval_seconds
        self._places = actions.Places()
        self._plan = Plan(fits=True, places=0, panes_height=0, chart_height=0)

    def compose(self) -> ComposeResult:
        """The widgets from top to bottom."""
        yield StatusLine(self.glyphs, self._interval_seconds)
        yield Notice(self.glyphs)
        yield AccountPanes(self.glyphs)
        yield Tabs(self.glyphs)
        yield Breadcrumb(self.glyphs)
        yield QueueTable(self.glyphs)
        yield Chart(self.glyphs)
        yield KeyLine(self.glyphs)
        yield Sentence(self.glyphs, f"mailtop needs a terminal of {LEAST_WIDTH}x{LEAST_HEIGHT} cells or more.")

    def on_mount(self) -> None:
        """Show the place one starts at before anything is known."""
        self.table.begin(self.asked)
        self._show_place()

    def show(self, view: View) -> None:
        """A view came from the hub: everything that is shown is drawn from it."""
        self.view = view
        self.show_silence(0)
        if view.query == self.asked.query and (view.sort, view.descending) == (self.asked.sort, self.asked.descending):
            self.table.show(view, latest=view.serial == self.asked.serial)
            self.chart.show(view.chart_title, view.chart)
        panes, narrowed = view.panes if view.totals_known else None, view.query.account_id is not None
        self.panes.show(panes, narrowed=narrowed, freshness={source.name: source.freshness for source in view.sources})
        self.notice.show(view)
        self._show_place()
        self._lay_out()
        self._ask_for_window()

    def show_silence(self, seconds: int) -> None:
        """The hub has said nothing for so long (0: it answers): what is shown is that old, until its next view."""
        self.notice.show_silence(seconds)
        self.status.show_silence(seconds)

    def say(self, sentence: str) -> None:
        """Show a sentence until the next key."""
        self.notice.say(sentence)

    def on_resize(self, _event: events.Resize) -> None:
        """Share out the cells anew; the table asks for what it then needs."""
        self._lay_out()

    def on_key(self, _event: events.Key) -> None:
        """Whoever presses a key has read what was said."""
        self.notice.say("")

    @on(WindowMoved)
    def _window_moved(self) -> None:
        self._lay_out()
        self._ask_for_window()

    def action_move(self, rows: int) -> None:
        """Move the cursor by ``rows``."""
        self._move_to(self.table.state.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by whole pages."""
        self._move_to(self.table.state.cursor + pages * max(self.table.state.height, 1))

    def action_top(self) -> None:
        """To the first row."""
        self._move_to(0)

    def action_bottom(self) -> None:
        """To the last row."""
        self._move_to(self.table.state.count - 1)

    def action_into(self) -> None:
        """Go in on the row under the cursor."""
        row, by_sender = self.table.state.row, self.table.by_sender
        if row is not None and (query := self.asked.query.into(row, by_sender=by_sender)) is not None:
            self._places.go_in(self.asked)
            self._go_to(query, row.source)

    def action_out(self) -> None:
        """Go back out, to the very place one went in from; where one never went in, one filter out."""
        place = self._places.come_out()
        if place is None:
            self._go_to(self.asked.query.out(), None)
            return
        self._places.leave(self.asked, self.table.state.key)
        self._reorder(actions.back_to(self.asked, place, self._places.row(place.query, place.source)))
        self._show_place()

    def action_group(self, grouping: str) -> None:
        """Add up another way."""
        self._go_to(self.asked.query.grouped(Grouping(grouping)), self.asked.source)

    def action_sort(self, step: int) -> None:
        """Sort by the next column to the right or left."""
        self._reorder(actions.sorted_by_next(self.asked, step, self.table.size.width, self.glyphs))

    def action_reverse(self) -> None:
        """Turn the order around."""
        self._reorder(actions.reversed_order(self.asked))

    def action_span(self, step: int) -> None:
        """Show a longer or shorter time in the chart."""
        self._ask(actions.spanned(self.asked, step))

    def action_pause(self) -> None:
        """Hold the numbers still, or let them run again."""
        self._ask(replace(self.asked, paused=not self.asked.paused))
        self._show_place()

    def action_refresh(self) -> None:
        """Ask every source now."""
        self.post_message(Ask(Refresh()))

    def _move_to(self, index: int) -> None:
        self.table.move_to(index)
        self._show_place()
        self._ask_for_window()

    def _go_to(self, query: QueueQuery, source: str | None) -> None:
        if (query, source) == (self.asked.query, self.asked.source):
            return
        self._places.leave(self.asked, self.table.state.key)
        self._reorder(actions.go_to(self.asked, query, source, self._places.row(query, source)))
        self._show_place()

    def _reorder(self, request: ViewRequest) -> None:
        """Ask for rows in another order or of another query."""
        self.table.begin(request)
        self._ask(replace(request, anchor_offset=self.table.state.anchor_offset()))

    def _ask_for_window(self) -> None:
        """Ask for the rows around the cursor and the charts that fit, if they are not asked for already."""
        state, asked = self.table.state, replace(self.asked, **self._charts())
        first, rows = state.wanted(asked.first, asked.rows)
        if not state.height:
            return
        if state.awaiting:
            self._ask(replace(asked, rows=rows))
        else:
            selected = state.selected or asked.selected
            self._ask(replace(asked, first=first, rows=rows, selected=selected, anchor=None, anchor_offset=0))

    def _charts(self) -> dict[str, int]:
        """The sizes of the charts that fill the cells the plan gives them."""
        place, width = self._plan, self.size.width
        pane_width, pane_height = chart_size(width, max(place.places, 1), place.panes_height)
        return {
            "panes": place.places,
            "pane_width": pane_width if place.places else 0,
            "pane_height": pane_height if place.places else 0,
            "chart_width": width - 2 * CHART_MARGIN if place.chart_height else 0,
            "chart_height": max(place.chart_height - 1, 0),
        }

    def _ask(self, request: ViewRequest) -> None:
        """Send the request, unless it is the one that is being answered."""
        request = replace(request, serial=self.asked.serial)
        if request != self.asked or not request.serial:
            self.asked = replace(request, serial=request.serial + 1)
            self.post_message(Ask(self.asked))

    def _show_place(self) -> None:
        query, state = self.asked.query, self.table.state
        known = self.view if self.view is not None and self.view.query == query else None
        self.status.show(self.view, self.asked)
        self.tabs.show(known, query.grouping)
        several = self.view is not None and len(self.view.sources) > 1
        source = self.asked.source if several else None
        self.breadcrumb.show(query, source, state.cursor, 0 if state.awaiting or known is None else state.count)

    def _lay_out(self) -> None:
        """Give panes and chart their cells."""
        view = self.view
        place = plan(*self.size, view.pane_count, totals=view.totals_offered) if view else plan(*self.size, 0)
        if place == self._plan:
            return
        self._plan = place
        self.set_class(not place.fits, "-small")
        self._give(self.panes, place.panes_height)
        self._give(self.chart, place.chart_height)
        self.panes.places = max(place.places, 1)
        self.panes.redraw()

    def _give(self, widget: AccountPanes | Chart, height: int) -> None:
        widget.display = height > 0
        widget.styles.height = height
