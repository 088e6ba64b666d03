"""What is typed, obeyed one after another. For the app built on it; its screens ask only for keys to wait."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, cast

from textual import events
from textual.app import App
from textual.timer import Timer
from textual.widget import AwaitMount

from tui.ui.screens.narrow import NarrowScreen

HELD_SECONDS = 1.0
"""So long a key waits for the rows that it acts on: a hub that takes longer has nothing for it to act on."""


class TypedApp(App[None]):
    """What is typed or pasted is obeyed in its order, each by the screen that what came before it opened: by Textual's
    way it would queue up at whichever screen is there when it comes. A key that acts on rows which are still on their
    way waits for them, and what was typed after it waits, too; whoever shows rows calls ``obey_typed``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._held: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Something happened; the key that always leaves waits for nothing."""
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif not (isinstance(event, events.Key) and await self._check_bindings(event.key, priority=True)):
            self._typed.append(event)
            await self.obey_typed()

    async def obey_typed(self, *, patient: bool = True) -> None:
        """Obey what was typed, as far as it need not wait; unless ``patient`` nothing waits any more."""
        obeyed = False
        while self._typed:
            screen = cast(NarrowScreen[Any], self.screen)
            if not screen.is_mounted:
                await AwaitMount(screen, [screen])
            if screen.expects(self._typed[0]):
                if patient:
                    self._hold(anew=obeyed)
                    return
                screen.give_up()
            event = self._typed.popleft()
            obeyed = True
            if isinstance(event, events.Paste):
                screen.paste(event.text)
            else:
                await screen.obey(event)
        if self._held is not None:
            self._held.stop()
            self._held = None

    def _hold(self, *, anew: bool) -> None:
        """Obey all after a while, counted from the first key that waits."""
        if self._held is not None and anew:
            self._held.stop()
        if self._held is None or anew:
            self._held = self.set_timer(HELD_SECONDS, partial(self.obey_typed, patient=False))
