"""Keys that find: the filter while it is typed, the next match or problem, marks, the row that is followed."""

from __future__ import annotations

from collections import deque

from msgspec.structs import replace

from tui.hub.protocol import MAX_MARKS, Seek, View
from tui.ui.commands import Part
from tui.ui.screens import main_actions as actions
from tui.ui.screens.walking import Walking
from tui.ui.settings import Settings
from tui.ui.widgets.prompt import Prompt

FILTER_LABEL = "/"
FILTER_HINT = "a text, /a pattern/, retry>100, !not"


class Finding(Walking):
    """What is sought stays asked for until a view has answered it, so that no key is lost."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._filters: list[str] = []
        self._last_filter = settings.start.filter
        self._filter_before = ""
        self._seeks: deque[Seek] = deque()

    def show(self, view: View) -> None:
        """A view came; it may say where the row is that was sought."""
        found = self.asked.seek is not None and view.serial == self.asked.serial
        if found:
            self.asked = replace(self.asked, seek=None)  # it is answered: what is asked next must not seek again
        super().show(view)
        if self.prompt is not None and self.prompt.label == FILTER_LABEL:
            page = view.accounts if self._plan.accounts else None
            problem = page.filter_problem if page is not None else "" if self._plan.accounts else view.filter_problem
            if problem != self.prompt.problem and view.serial == self.asked.serial:
                self.prompt.problem = problem
                self._show_place()
        if found:
            self._found(view)

    def action_filter(self) -> None:
        """Ask what rows should have; they get fewer while one types."""
        self._filter_before = self._filter_now()
        self.open_prompt(Prompt(FILTER_LABEL, self._filter_before, self._filters, FILTER_HINT))

    def action_problems(self) -> None:
        """Show only rows that are a problem, or all again."""
        self._show_queue()
        self._reorder(actions.anchored(replace(self.asked, problems=not self.asked.problems)))

    def action_seek(self, kind: str, step: int) -> None:
        """Go to the next row that matches the last filter, or that is a problem."""
        if self._plan.accounts:
            self._move_to(self.accounts.state.cursor + step)
        elif kind == "problem":
            self._seek(Seek("problem", step))
        elif self._last_filter:
            self._seek(Seek("match", step, self._last_filter))
        else:
            self.tell("nothing was looked for yet; / looks for something")

    def action_mark(self) -> None:
        """Mark the row under the cursor, or no more, and go to the next."""
        state = self.table.state
        if self._plan.accounts or state.row is None:
            return
        if self.table.toggle_mark():
            self._move_to(state.cursor + 1)
        else:
            self.tell(f"{MAX_MARKS:,} rows are marked, and more cannot be")

    def action_unmark(self) -> None:
        """Mark no row any more."""
        self.table.unmark()
        self._ask_for_window()

    def action_follow(self) -> None:
        """Keep the cursor on this row wherever it goes, or let go of it."""
        if self._plan.accounts:
            return
        followed = self.table.follow()
        self._show_place()
        self._ask_for_window()
        if followed:
            self.tell("the cursor stays on this row; F or any move lets go")

    def open_prompt(self, prompt: Prompt) -> None:
        """Have a line typed."""
        self.keys.tell("")
        self.prompt = prompt
        self._show_place()

    def close_prompt(self) -> None:
        """Back to the keys."""
        self.prompt = None
        self._show_place()

    def set_filter(self, text: str) -> None:
        """Show only what fits."""
        if self._plan.accounts:
            accounts = replace(self._accounts_asked, filter=text, anchor=self._accounts_asked.selected)
            self._reorder_accounts(accounts)
        elif text != self.asked.filter:
            if not self.table.state.awaiting:
                self.asked = replace(self.asked, selected=self.table.state.selected)
            self._reorder(actions.anchored(replace(self.asked, filter=text)))
        self._last_filter = text or self._last_filter

    def _filter_typed(self, prompt: Prompt) -> None:
        self.set_filter(prompt.text)

    def _filter_kept(self, prompt: Prompt) -> None:
        prompt.remember()
        self.close_prompt()

    def _filter_given_up(self) -> None:
        self.set_filter(self._filter_before)
        self.close_prompt()

    def _filter_now(self) -> str:
        return self._accounts_asked.filter if self._plan.accounts else self.asked.filter

    def _seek(self, seek: Seek) -> None:
        if self.focused_part is not Part.DETAIL:
            self._show_queue()
        self._seeks.append(seek)
        if self.asked.seek is None:
            self._ask(replace(self.asked, seek=self._seeks[0]))

    def _found(self, view: View) -> None:
        """The view answers the first of what is sought: go there, and ask for the next."""
        done = self._seeks.popleft()
        if view.sought is None:
            self.tell("no row is a problem" if done.kind == "problem" else f"no row has {done.filter}")
        asked = replace(self.asked, seek=self._seeks[0] if self._seeks else None)
        self._ask(replace(asked, selected=view.sought or asked.selected))
        self._show_place()
        self._ask_for_window()
