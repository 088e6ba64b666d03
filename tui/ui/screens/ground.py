"""What the main screen stands on: its widgets, what is asked of the hub, and views handed down. No key is obeyed
here."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from textual import events, getters
from textual.app import ComposeResult
from textual.binding import BindingsMap

from tui.hub.protocol import AccountKey, AccountsRequest, View, ViewRequest
from tui.model import Freshness, QueueQuery
from tui.ui.bindings import bindings
from tui.ui.commands import Part, Scope
from tui.ui.messages import Ask
from tui.ui.screens import main_actions as actions
from tui.ui.screens.narrow import NarrowScreen
from tui.ui.screens.plan import FILLS, FRAME_LINES, LEAST_HEIGHT, LEAST_WIDTH, Plan, plan
from tui.ui.settings import Settings
from tui.ui.widgets.account_pane import AccountPanes, chart_size
from tui.ui.widgets.accounts_table import AccountsTable
from tui.ui.widgets.breadcrumb import Breadcrumb
from tui.ui.widgets.chart import MARGIN as CHART_MARGIN
from tui.ui.widgets.chart import Chart
from tui.ui.widgets.command_list import CommandList
from tui.ui.widgets.detail import DetailView
from tui.ui.widgets.key_line import KeyLine
from tui.ui.widgets.notice import Notice
from tui.ui.widgets.prompt import Prompt
from tui.ui.widgets.queue_table import QueueTable
from tui.ui.widgets.sentence import Sentence
from tui.ui.widgets.status_line import StatusLine
from tui.ui.widgets.tabs import Tabs

UNSEEN_SECONDS = 0.3
"""So long the first picture waits for rows."""

LITE_PUSH_SECONDS = 5.0
"""How far apart views come at least while little is to be sent."""

MESSAGES_AT_LEAST = 20
"""So many of the oldest messages are asked for, and more where more lines are there."""


class Ground(NarrowScreen[None]):
    """``asked`` is what the hub answers now, ``view`` its last answer: all that is shown follows from these, from the
    part that has the keys (``focused_part``), the one that has all the room (``zoomed``), and whether the detail of
    a row is open."""

    SCOPES = (Scope.MOVE, Scope.WALK, Scope.FIND, Scope.LOOK)
    AUTO_FOCUS = None

    DEFAULT_CSS = """
    Ground {
        background: $background;
        layout: vertical;
        layers: below above;
        & > Sentence { display: none; layer: above; dock: top; height: 100%; background: $background; }
        &.-small > Sentence { display: block; }
    }
    """

    table = getters.query_one(QueueTable)
    panes = getters.query_one(AccountPanes)
    accounts = getters.query_one(AccountsTable)
    detail = getters.query_one(DetailView)
    chart = getters.query_one(Chart)
    status = getters.query_one(StatusLine)
    notice = getters.query_one(Notice)
    tabs = getters.query_one(Tabs)
    breadcrumb = getters.query_one(Breadcrumb)
    keys = getters.query_one(KeyLine)
    commands = getters.query_one(CommandList)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._bindings = BindingsMap(bindings(self.SCOPES, settings.commands))
        self.settings = settings
        self.glyphs = settings.glyphs
        self.asked = replace(settings.start, serial=0, ascii=settings.glyphs.ascii)
        self.view: View | None = None
        self.focused_part = Part.QUEUE
        self.zoomed: Part | None = None
        self._zoomed_before: Part | None = None
        self.detail_open = False
        self.lite = False
        self.prompt: Prompt | None = None
        self._chosen_pane: AccountKey | None = None
        self._places = actions.Places()
        self._plan = Plan(fits=True)
        self._question_serial = 0
        self._host_count = 0
        self._freshness: dict[str, Freshness] = {}
        self._accounts_asked = AccountsRequest()
        self._accounts_serial = 0

    def compose(self) -> ComposeResult:
        """The widgets from top to bottom."""
        commands, interval_seconds = self.settings.commands, self.settings.interval_seconds
        yield StatusLine(self.glyphs, interval_seconds, self.settings.bytes_per_second)
        yield Notice(self.glyphs)
        yield AccountPanes(self.glyphs)
        yield Tabs(self.glyphs, commands)
        yield Breadcrumb(self.glyphs)
        yield AccountsTable(self.glyphs, interval_seconds=interval_seconds)
        yield QueueTable(self.glyphs, interval_seconds=interval_seconds)
        yield DetailView(self.glyphs)
        yield Chart(self.glyphs)
        yield KeyLine(self.glyphs, commands)
        yield CommandList(self.glyphs)
        yield Sentence(self.glyphs, f"mailtop needs a terminal of {LEAST_WIDTH}x{LEAST_HEIGHT} cells or more.")

    def on_mount(self) -> None:
        """Show the place one starts at, with rows if they come soon."""
        self.hide(UNSEEN_SECONDS)
        self.table.short_bars = self.accounts.short_bars = self.lite
        self.table.begin(self.asked)
        self._show_place()

    def on_resize(self, _event: events.Resize) -> None:
        """Share out the cells anew; the tables ask for what they then need."""
        self._lay_out()

    def show(self, view: View) -> None:
        """A view came from the hub: everything that is shown is drawn from it."""
        self.view = view
        self.unseen = self.unseen and not view.rows
        self.show_silence(0)
        latest = view.serial == self.asked.serial
        self._freshness = {source.name: source.freshness for source in view.sources}
        if latest and self.asked.source is None and view.query.sender_id is None:
            self._host_count = view.host_count  # of all; within a host there is but one
        if view.serial >= self._question_serial:
            self.table.show(view, latest=latest)
        if view.serial >= self._accounts_serial:
            self.accounts.show(view, latest=latest)
        self.notice.show(view)
        self._lay_out()
        self._ask_for_window()

    def show_silence(self, seconds: int) -> None:
        """The hub has said nothing for so long (0: it answers): what is shown is that old, until its next view."""
        self.notice.show_silence(seconds)
        self.status.show_silence(seconds)

    def say(self, sentence: str) -> None:
        """Show what went wrong until the next key."""
        self.notice.say(sentence)

    def tell(self, sentence: str) -> None:
        """Tell what was done, in place of the keys, until the next key."""
        self.keys.tell(sentence)

    def _show_place(self) -> None:
        """Draw all but the tables' rows: where one is, and what surrounds it."""
        view, asked, state = self.view, self.asked, self.table.state
        known = view if view is not None and view.query == asked.query else None
        part = self.focused_part if len(self._plan.parts) > 1 else None
        self.status.show(view, asked, lite=self.lite)
        several = self._host_count > 1
        self.tabs.show(known, asked.query.grouping, focused=part is Part.QUEUE, several_hosts=several)
        source = asked.source if view is not None and len(view.sources) > 1 else None
        count = 0 if state.awaiting or known is None else state.count
        if self._plan.accounts:
            self.breadcrumb.show_accounts(view.accounts if view is not None else None, self._accounts_asked)
        else:
            self.breadcrumb.show(asked, source, known, state.cursor, count, self._host_count)
        if view is not None:
            self._show_around(view, part)
        self.keys.show(self.focused_part, self.prompt, several_hosts=several)

    def _show_around(self, view: View, part: Part | None) -> None:
        self.panes.show(
            view.panes if view.totals_known else None,
            narrowed=view.query.account_id is not None,
            freshness=self._freshness,
            selected=self._chosen_pane if self.focused_part is Part.ACCOUNTS else None,
            focused=part is Part.ACCOUNTS,
        )
        if view.serial >= self._question_serial:
            self.chart.show(view.chart_title, view.chart, focused=part is Part.TREND)
        if self.detail_open:
            fits = view.detail is not None and view.detail.row.key == self.table.state.key
            self.detail.show(view.detail if fits else None, view, focused=part is Part.DETAIL)

    def _lay_out(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        place = self._planned(self.zoomed)
        if place != self._plan:
            self._plan = place
            self._share_out(place)
        if place.fits and self.focused_part not in place.parts:
            self.focused_part = Part.DETAIL if place.detail else place.parts[0] if self.zoomed else Part.QUEUE
        self._show_place()

    def _share_out(self, place: Plan) -> None:
        """Show the parts that the plan has, as high as it says."""
        self.set_class(not place.fits, "-small")
        self.panes.places = max(place.places, 1)
        self.panes.display, self.chart.display = place.panes_height > 0, place.chart_height != 0
        self.panes.styles.height = place.panes_height
        self.chart.styles.height = "1fr" if place.chart_height == FILLS else place.chart_height
        self.table.display, self.accounts.display, self.detail.display = place.queue, place.accounts, place.detail
        self.tabs.display = not place.accounts

    def _planned(self, zoomed: Part | None) -> Plan:
        """The plan where this part has all the room."""
        pane_count = self.view.pane_count if self.view is not None else 0
        totals = self.view is None or self.view.totals_offered
        sizes = (*self.size, pane_count)
        return plan(*sizes, totals=totals, zoomed=zoomed, detail=self.detail_open, charts=not self.lite)

    def _ask_for_window(self) -> None:
        """Ask for the rows around the cursor and the charts that fit, if they are not asked for already."""
        state = self.table.state
        asked = replace(self.asked, **self._surroundings())
        if not state.height and self._plan.queue:
            return  # it is not laid out yet, and says so when it is
        first, rows = state.wanted(asked.first, asked.rows) if state.height else (asked.first, asked.rows)
        if state.awaiting:
            self._ask(replace(asked, rows=rows))
        else:
            selected = state.selected or asked.selected
            self._ask(replace(asked, first=first, rows=rows, selected=selected, anchor=None, anchor_offset=0))

    def _surroundings(self) -> dict[str, Any]:
        """What is asked for beside the rows: charts that fill the cells the plan gives them, marks, the detail."""
        place, width = self._plan, self.size.width
        charts = place.places if not self.lite else 0
        pane_width, pane_height = chart_size(width, max(place.places, 1), place.panes_height)
        fills = self.size.height - FRAME_LINES - self.notice.line_count
        chart_height = fills if place.chart_height == FILLS else place.chart_height
        return {
            "panes": place.places,
            "pane_width": pane_width if charts else 0,
            "pane_height": pane_height if charts else 0,
            "chart_width": width - 2 * CHART_MARGIN if place.chart_height else 0,
            "chart_height": max(chart_height - 1, 0),
            "marked": list(self.table.state.marked),
            "trend_cells": self.table.trend_cells if place.queue else 0,
            "detail": place.detail,
            "messages": max(self.size.height, MESSAGES_AT_LEAST) if place.detail else 0,
            "accounts": self._accounts_window() if place.accounts else None,
            "push_seconds": LITE_PUSH_SECONDS if self.lite else 0.0,
        }

    def _accounts_window(self) -> AccountsRequest:
        state, asked = self.accounts.state, self._accounts_asked
        first, rows = state.wanted(asked.first, asked.rows)
        if state.awaiting:
            self._accounts_asked = replace(asked, rows=rows or asked.rows)
        else:
            selected = state.selected or asked.selected
            self._accounts_asked = replace(
                asked, first=first, rows=rows or asked.rows, selected=selected, anchor=None, anchor_offset=0
            )
        return self._accounts_asked

    def _reorder(self, request: ViewRequest) -> None:
        """Ask for rows in another order or of another query: another question."""
        self._ask(replace(self.table.begin(request), seek=self.asked.seek), anew=True)
        self._question_serial = self.asked.serial
        self._show_place()

    def _reorder_accounts(self, request: AccountsRequest) -> None:
        """Ask for accounts in another order or with another filter."""
        self._accounts_asked = self.accounts.begin(request)
        self._ask(replace(self.asked, accounts=self._accounts_window()), anew=True)
        self._accounts_serial = self.asked.serial
        self._show_place()

    def _ask(self, request: ViewRequest, *, anew: bool = False) -> None:
        """Send the request, unless it is the one that is being answered, or even then where it is asked ``anew``."""
        request = replace(request, serial=self.asked.serial)
        if anew or request != self.asked or not request.serial:
            self.asked = replace(request, serial=request.serial + 1)
            self.post_message(Ask(self.asked))

    def _go_to(self, query: QueueQuery, source: str | None) -> None:
        """Another place, without what was typed to see fewer rows."""
        if (query, source) == (self.asked.query, self.asked.source):
            return
        self._leave_for(actions.go_to(self.asked, query, source))

    def _leave_for(self, place: ViewRequest) -> None:
        """Another place, on the row where one left it."""
        self._places.leave(self.asked, self.table.state.key)
        self._reorder(actions.standing_on(place, self._places.row(place)))
