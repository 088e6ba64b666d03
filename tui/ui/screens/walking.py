"""Keys that move: among the rows, the parts of the screen, and the places of the queue."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec.structs import replace

from tui.hub.protocol import AccountKey, AccountPane, AccountsRequest, Jump, Refresh, ViewRequest
from tui.model import UNKNOWN_ACCOUNT, Grouping, QueueQuery
from tui.ui.commands import Part
from tui.ui.messages import Ask, LiteWished
from tui.ui.painted import painted_by
from tui.ui.screens import main_actions as actions
from tui.ui.screens.ground import Ground

Dimension = Literal["sender", "host", "account", "campaign", "isp"]


ONE_HOST = "there is but one host here"

_AMONG_ROWS = frozenset({"move", "page", "top", "bottom"})
_ON_A_ROW = frozenset({"into", "aside", "details", "mark", "follow"})


class Walking(Ground):
    """Moves go to the part that has the keys."""

    jump_serial = 0
    _jumps = False

    @property
    def waiting(self) -> Collection[str]:
        """The actions on rows that were asked for and have not come yet, or from where the hub moves the cursor."""
        state = self.accounts.state if self._plan.accounts else self.table.state
        if not self._jumps and self.focused_part is not Part.QUEUE and not self._plan.accounts:
            return ()
        if self._jumps or state.awaiting or self.asked.seek is not None:
            return _AMONG_ROWS | _ON_A_ROW
        return _ON_A_ROW if state.count and state.row_at(state.cursor) is None else ()

    def action_move(self, rows: int) -> None:
        """Move the cursor by ``rows``; among panes by one."""
        if self.focused_part is Part.DETAIL:
            self.detail.move(rows)
        elif self.focused_part is Part.ACCOUNTS and not self._plan.accounts:
            self._choose_pane(rows)
        else:
            table = self.accounts if self._plan.accounts else self.table
            self._move_to(table.state.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move by whole pages."""
        if self.focused_part is Part.DETAIL:
            self.detail.move(pages * max(self.detail.size.height - 2, 1))
        else:
            table = self.accounts if self._plan.accounts else self.table
            self._move_to(table.state.cursor + pages * max(table.state.height, 1))

    def action_top(self) -> None:
        """To the first row."""
        if self.focused_part is Part.DETAIL:
            self.detail.move(-(10**6))
        else:
            self._move_to(0)

    def action_bottom(self) -> None:
        """To the last row."""
        if self.focused_part is Part.DETAIL:
            self.detail.move(10**6)
        else:
            self._move_to((self.accounts if self._plan.accounts else self.table).state.count - 1)

    def action_turn(self, step: int) -> None:
        """Give the keys to the next part; one that there is no room for beside the others gets the whole screen."""
        shown = self._planned(None).parts
        parts = [part for part in Part if part in (shown if len(shown) > 1 else self._parts())]
        if not parts:
            return
        place = parts.index(self.focused_part) if self.focused_part in parts else 0
        part = self.focused_part = parts[(place + step) % len(parts)]
        if len(shown) == 1:
            self._zoom(None if part in shown else part)
        elif self.zoomed is not None:
            self._zoom(part)
        if part is Part.ACCOUNTS and self._pane() is None:
            self._choose_pane(0)
        self._show_place()

    def _parts(self) -> list[Part]:
        """The parts that there are, shown or not."""
        totals = self.view is None or self.view.totals_offered
        own = [Part.DETAIL] if self.detail_open else [Part.ACCOUNTS, Part.QUEUE] if totals else [Part.QUEUE]
        return own if self.lite else [*own, Part.TREND]

    def action_zoom(self) -> None:
        """Give the part that has the keys the whole screen, or take it back."""
        self._zoom(None if self.zoomed is not None else self.focused_part)

    def action_details(self) -> None:
        """Open all that is known of the row under the cursor, or close it."""
        if self._plan.accounts:
            return
        if not self.detail_open and self.table.state.row is None:
            self.tell("there is no row here to tell more of")
            return
        self._open_detail(not self.detail_open)

    def action_aside(self, step: int) -> None:
        """Left or right: out of or into a row, among the panes, or a shorter or longer time in the chart."""
        if self.focused_part is Part.TREND:
            self.action_span(step)
        elif self.focused_part is Part.ACCOUNTS and not self._plan.accounts:
            self._choose_pane(step)
        elif step > 0:
            self.action_into()
        else:
            self.action_out()

    def action_into(self) -> None:
        """Go in on the row under the cursor, or on the account; at the last level to all that is known of it."""
        if self._plan.accounts:
            pane = self.accounts.state.row
            if pane is not None:
                self._into_account(pane)
        elif self.focused_part is Part.ACCOUNTS:
            self._pane_in_or_out()
        elif self.focused_part is Part.QUEUE:
            row = self.table.state.row
            if row is None:
                return
            query = self.asked.query.into(row, by_sender=self.table.by_sender)
            if query is None:
                self._open_detail(True)
            else:
                self._go_in(query, row.source or self.asked.source)

    def action_out(self) -> None:
        """Go back: from the detail, the whole screen, the filter, then out, to the very place one went in from."""
        if self.go_back():
            return
        if self.focused_part is not Part.QUEUE and Part.QUEUE in self._plan.parts:
            self.focused_part = Part.QUEUE
            self._show_place()
        else:
            self._go_to(self.asked.query.out(), None)

    def go_back(self) -> bool:
        """One step back of all that was opened, zoomed, filtered and gone in to; whether there was one."""
        if self.detail_open:
            self._open_detail(False)
        elif self._plan.accounts and self._accounts_asked.filter:
            self._reorder_accounts(replace(self._accounts_asked, filter=""))
        elif self.zoomed is not None:
            self._zoom(None)
        elif self.asked.filter or self.asked.problems:
            self._reorder(actions.unfiltered(self.asked))
        elif self._places.is_inside:
            self._come_out()
        elif self._is_filtered(self.asked.query):
            self._go_to(self.asked.query.out(), None)
        else:
            return False
        return True

    def action_last(self) -> None:
        """Back to the place before this one, and again to this."""
        place = self._places.last
        if place is None:
            self.tell("there is no place before this one yet")
            return
        self._leave_for(actions.back_to(self.asked, place))

    def action_group(self, grouping: str) -> None:
        """Add up another way; by host always those of all."""
        if Grouping(grouping) is not Grouping.HOST:
            self._show_queue()
            self._go_to(self.asked.query.grouped(Grouping(grouping)), self.asked.source)
        elif self._host_count > 1:
            self._show_queue()
            self._go_to(actions.by_host(self.asked.query), None)
        else:
            self.tell(ONE_HOST)

    def action_together(self) -> None:
        """Add up the rows of all hosts, or tell them apart."""
        asked = self.asked
        if self._host_count < 2:
            self.tell(ONE_HOST)
        elif self.view is not None and self.view.host_count < 2:
            self.tell("this is one host's own; Esc goes back to all")
        elif asked.query.grouping is Grouping.HOST and not self._plan.accounts:
            self.tell("each row is a host here; a, c, i and t add them up")
        else:
            self._places.leave(asked, self.table.state.key)
            place = actions.together_or_apart(asked)
            row = actions.added_up(self.table.state.key) if place.together else self._places.row(place)
            self._reorder(actions.standing_on(place, row))
            if self._plan.accounts:
                self._reorder_accounts(actions.accounts_together(self._accounts_asked, together=place.together))
            self.tell("the rows of all hosts are added up" if place.together else "each host has rows of its own")

    def action_sort(self, step: int) -> None:
        """Sort by the next column to the right or left."""
        if self._plan.accounts:
            names = self.accounts.sorts
            self._sort_accounts(actions.accounts_sorted_by_next(self._accounts_asked, step, names))
        else:
            self._sort(actions.sorted_by_next(self.asked, step, self.table.sorts))

    def action_reverse(self) -> None:
        """Turn the order around."""
        if self._plan.accounts:
            asked = self._accounts_asked
            self._sort_accounts(replace(asked, descending=not asked.descending, anchor=asked.selected))
        else:
            self._sort(actions.reversed_order(self.asked))

    def sort_by(self, name: str) -> None:
        """Sort what is shown by this column, or turn its order around."""
        if self._plan.accounts:
            self._sort_accounts(actions.accounts_sorted_by(self._accounts_asked, name))
        else:
            number = dict(self.table.sorts).get(name, True)
            self._sort(actions.sorted_by(self.asked, name, descending=number))

    def action_span(self, step: int) -> None:
        """Show a longer or shorter time in the chart."""
        self._ask(actions.spanned(self.asked, step))

    def action_pause(self) -> None:
        """Hold the numbers still, or let them run again."""
        self._ask(replace(self.asked, paused=not self.asked.paused))
        self._show_place()

    def action_refresh(self) -> None:
        """Ask every source now, and draw all anew: something else may have written on the terminal."""
        self.post_message(Ask(Refresh()))
        painted_by(self.app).forget()
        self.refresh()

    def action_lite(self) -> None:
        """Send less, or all again."""
        self.post_message(LiteWished(less=not self.lite))

    def set_lite(self, lite: bool) -> None:
        """Ask for no charts and fewer views, or for all again."""
        self.lite = self.table.short_bars = self.accounts.short_bars = lite
        self._changed_parts()

    def _sort(self, request: ViewRequest) -> None:
        """Another order: the cursor stays on its row, but on the first line when it was there, to see what is first."""
        state = self.table.state
        at_top = not state.cursor and state.followed is None
        self._reorder(replace(request, selected=None, anchor=None) if at_top else request)

    def _sort_accounts(self, request: AccountsRequest) -> None:
        at_top = not self.accounts.state.cursor
        self._reorder_accounts(replace(request, selected=None, anchor=None) if at_top else request)

    def _move_to(self, index: int) -> None:
        table = self.accounts if self._plan.accounts else self.table
        table.move_to(index)
        self._show_place()
        self._ask_for_window()

    def _zoom(self, part: Part | None) -> None:
        self.zoomed = part
        if part is Part.ACCOUNTS and self.accounts.state.awaiting:
            self._accounts_asked = self.accounts.begin(self._accounts_asked)
        self._changed_parts()

    def _open_detail(self, opened: bool) -> None:
        if opened == self.detail_open:
            return
        self.detail_open = opened
        self.focused_part = Part.DETAIL if opened else Part.QUEUE
        if opened:
            self._zoomed_before = self.zoomed
            self.zoomed = Part.DETAIL if self.zoomed is Part.QUEUE else None
        else:
            self.zoomed = self._zoomed_before
        self._changed_parts()

    def _show_queue(self) -> None:
        """The queue has the keys, whatever had them."""
        if self.detail_open or self.zoomed in (Part.ACCOUNTS, Part.TREND):
            self.detail_open, self.zoomed, self.focused_part = False, None, Part.QUEUE
            self._changed_parts()
        self.focused_part = Part.QUEUE

    def _keys_to_rows(self) -> None:
        """The rows that are shown have the keys."""
        self.focused_part = Part.ACCOUNTS if self._plan.accounts else Part.QUEUE

    def _changed_parts(self) -> None:
        self._lay_out()
        self._ask_for_window()

    def _go_in(self, query: QueueQuery, source: str | None) -> None:
        self._places.go_in(self.asked)
        if self._plan.accounts:
            self._show_queue()
        request = replace(self.asked, filter="", problems=False)
        self._leave_for(actions.go_to(request, query, source))

    def _come_out(self) -> None:
        place = self._places.come_out()
        if place is not None:
            self._leave_for(actions.back_to(self.asked, place))
            if place.accounts is not None:
                self.focused_part = Part.ACCOUNTS
                self._zoom(Part.ACCOUNTS)

    def _pane(self) -> AccountPane | None:
        """The chosen pane, if it is shown."""
        panes = self.view.panes if self.view is not None else []
        return next((pane for pane in panes if pane.key == self._chosen_pane), None)

    def _choose_pane(self, step: int) -> None:
        panes = self.view.panes if self.view is not None else []
        if not panes:
            return
        keys = [pane.key for pane in panes]
        place = keys.index(self._chosen_pane) + step if self._chosen_pane in keys else 0
        self._chosen_pane = keys[min(max(place, 0), len(keys) - 1)]
        self._show_place()

    def _choose(self, key: AccountKey, *, into: bool) -> None:
        """A pane was clicked."""
        self.focused_part, self._chosen_pane = Part.ACCOUNTS, key
        self._show_place()
        if into:
            self._pane_in_or_out()

    def _pane_in_or_out(self) -> None:
        """Show only the queue of the chosen pane's account; where that is shown already, come back out."""
        pane = self._pane()
        if pane is None:
            return
        if self.asked.query.account_id is not None and self.asked.query.account == pane.totals.account:
            self.action_out()
        else:
            self._into_account(pane)

    def _into_account(self, pane: AccountPane) -> None:
        """The queue of this account: at once where its id is known, else where the hub finds its name."""
        sources = self.view.queue_sources if self.view is not None else []
        query = actions.into_account(self.asked.query, pane, sources)
        if query is not None:
            self._go_in(query, (pane.source if len(sources) > 1 else "") or self.asked.source)
        else:
            self._jump_to("account", pane.totals.account or UNKNOWN_ACCOUNT)

    def _jump_to(self, dimension: Dimension, text: str) -> None:
        """Ask the hub where this is."""
        self.jump_serial += 1
        self._jumps = True
        asked = self.asked
        jump = Jump(
            serial=self.jump_serial,
            dimension=dimension,
            text=text,
            query=asked.query,
            source=asked.source,
            together=asked.together,
        )
        self.post_message(Ask(jump))

    @staticmethod
    def _is_filtered(query: QueueQuery) -> bool:
        return (query.sender_id, query.account_id, query.campaign_id, query.isp) != (None, None, None, None)
