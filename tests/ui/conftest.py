"""Has a Pilot wait until an app has nothing left to do, not until the processor has: that is quicker, and sure."""

from __future__ import annotations

import asyncio

import pytest
from textual._context import active_app
from textual.screen import Screen

ROUNDS = 10_000
"""After so many turns of its loop an app that still has something to do never rests."""

LOOKS = 5
"""A screen that so many looks at what is to be drawn change nothing of is one that is left, or not seen."""


@pytest.fixture(autouse=True)
def _pilots_wait_for_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.pilot.wait_for_idle", _settled)
    monkeypatch.setattr("textual.app.wait_for_idle", _settled)


async def _settled(_least_seconds: float = 0, _most_seconds: float = 0) -> None:
    """Wait until nothing of the app is ready to run; what Textual has timers for, its size and its drawing, is done at
    once. Other timers are left."""
    looks = 0
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
        if _something_is_ready(asyncio.get_running_loop()):
            looks = 0
            continue
        app = active_app.get()
        if app._resize_timer is not None:
            app._check_resize()
            continue
        screen = app.screen
        if not _is_to_be_drawn(screen) or looks == LOOKS:
            return
        screen._on_timer_update()
        looks += 1
    raise AssertionError("the app never rests")


def _something_is_ready(loop: asyncio.AbstractEventLoop) -> bool:
    assert isinstance(loop, asyncio.BaseEventLoop)
    return bool(loop._ready)  # type: ignore[attr-defined]


def _is_to_be_drawn(screen: Screen[object]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )
