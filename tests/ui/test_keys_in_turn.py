"""Keys act in the order in which they are typed, each on the screen that those before it opened, however they come."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key

from tests.pty_driver import Terminal
from tests.ui.screens import Looker, running
from tests.ui.scripted_app import STALL_SECONDS
from tests.ui.test_terminal import ENVIRON, scripted

ESC = "\x1b"


def key(character: str) -> events.Key:
    name = {ESC: "escape", "\r": "enter", "\x1b[B": "down"}.get(character)
    return events.Key(name, None) if name else events.Key(_character_to_key(character), character)


async def typed(look: Looker, *pieces: str, turns: int = 0) -> None:
    """Type pieces, with so many turns of the loop between them, and let all be done."""
    for piece in pieces:
        for character in piece:
            look.app.post_message(key(character))
        for _ in range(turns):
            await asyncio.sleep(0)
    await look.pilot.pause()


async def rests(look: Looker) -> None:
    """Only the main screen is there, and the app stays."""
    await look.wait_for(lambda: len(look.app.screen_stack) == 1)
    await look.pilot.pause()
    assert len(look.app.screen_stack) == 1 and not look.app._exit


@pytest.mark.parametrize("pieces", [("?q", "?q"), ("?", "q?", "q")])
async def test_help_opens_and_closes_as_often_as_it_is_typed(pieces: tuple[str, ...]) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        for turns in range(12):
            await typed(look, *pieces, turns=turns)
            await rests(look)


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        (("?", ESC, "c"), "queue ▸ by campaign"),
        (("?j", "Gq", "i"), "queue ▸ by isp"),
        (("T", "qc"), "queue ▸ by campaign"),
        (("Tj", ESC + "c"), "queue ▸ by campaign"),
        (("c/b", "q\r", "q"), "queue ▸ by campaign"),
        (("/bob", "\r"), "queue ▸ by account  /bob"),
        (("?q", "/qq" + ESC + "/bob\r"), "queue ▸ by account  /bob"),
        ((":c" + ESC, "?", "q:theme paper\r", "i"), "queue ▸ by isp"),
        (("E", ESC, "c"), "queue ▸ by campaign"),
        (("d", ESC, "c"), "queue ▸ by campaign"),
        (("\r", ESC), "queue ▸ by account"),
        (("\r", "?", "q", ESC, "c"), "queue ▸ by campaign"),
        ((":help\r", "q", "c"), "queue ▸ by campaign"),
    ],
)
async def test_each_key_is_for_what_those_before_it_opened(pieces: tuple[str, ...], seen: str, turns: int) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await typed(look, *pieces, turns=turns)
        await rests(look)
        await look.wait_for(seen)
        assert look.app._main.prompt is None


async def test_a_theme_that_is_chosen_and_kept_at_once_is_kept() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        names = look.app.theme_names()
        at = names.index(look.app.theme)
        await typed(look, "Tjj\rTjj" + ESC)
        await rests(look)
        assert look.app.theme == look.app.wanted_theme == names[at + 2]


async def test_what_is_pasted_stands_between_what_is_typed() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.app.post_message(key("/"))
        look.app.post_message(events.Paste("bo"))
        await typed(look, "b\r")
        await look.wait_for("queue ▸ by account  /bob")


@pytest.mark.parametrize("pieces", [("?q", "?q"), ("?", ESC + "?q"), ("\r", ESC)])
def test_keys_that_come_when_a_stall_ends_act_in_turn(tmp_path: Path, pieces: tuple[str, ...]) -> None:
    with Terminal(scripted(tmp_path / "told"), columns=80, rows=24, env=ENVIRON) as terminal:
        terminal.wait_for("all 5 accounts")
        for late in range(0, 20, 4):
            os.kill(terminal.pid, signal.SIGUSR1)
            ends = time.monotonic() + STALL_SECONDS
            terminal.type(pieces[0])
            time.sleep(ends + late / 1000 - time.monotonic())
            terminal.type(pieces[1])
            terminal.type("c")
            terminal.wait_for("queue ▸ by campaign")
            terminal.type("a")
            terminal.wait_for("all 5 accounts")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 0
