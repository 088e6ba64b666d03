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
from tests.ui.scripted import ScriptedLink, World, cell
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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys wait for rows as long as it takes."""
    monkeypatch.setattr("tui.ui.typed.HELD_SECONDS", 3600.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        ("\r\r", "queue ▸ news@globex.test ▸ weekly ▸ by isp"),
        ("t\r\r\r", "queue ▸ news@globex.test ▸ weekly ▸ by isp"),
        ("t\rj\r", "queue ▸ alice@acme.test ▸ by campaign"),
        ("t\r\r" + ESC + "j\r", "queue ▸ alice@acme.test ▸ by campaign"),
        ("\r\rc", "queue ▸ news@globex.test ▸ weekly ▸ by campaign"),
        ("e\r", "queue ▸ alice@acme.test ▸ by campaign"),
        (":account bob@initech.test\r\rc", "queue ▸ bob@initech.test ▸ (no campaign) ▸ by campaign"),
        ("/bob\r\r", "queue ▸ bob@initech.test ▸ by campaign"),
        ("<\r", "queue ▸ bob@initech.test ▸ by campaign"),
        ("c G\r", "queue ▸ carol ▸ "),
        ("i\r?", "Walk through the queue"),
        ("t\r\rd", "452 4.2.2 Mailbox full"),
    ],
)
async def test_a_key_waits_for_the_rows_it_acts_on(pieces: str, seen: str) -> None:
    link = ScriptedLink()
    async with running(link) as look:
        await look.wait_for("all 5 accounts")
        link.answering = False
        await typed(look, pieces)
        link.resume()
        await look.wait_for(seen)


@pytest.mark.usefixtures("patient")
async def test_what_is_typed_before_the_first_rows_is_obeyed() -> None:
    link = ScriptedLink()
    link.answering = False
    async with running(link) as look:
        await typed(look, "j\r")
        link.resume()
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")


@pytest.mark.usefixtures("patient")
async def test_enter_waits_for_a_row_that_is_far_away() -> None:
    cells = [cell(f"user{number:04}@x.test", "", "Gmail", 1, 0, 0, 0) for number in range(500)]
    link = ScriptedLink(World(cells=cells))
    async with running(link) as look:
        await look.wait_for("row 1 of 500")
        link.answering = False
        await typed(look, "G\r")
        assert look.cursor_line() == "…"
        link.resume()
        await look.wait_for("queue ▸ user0499@x.test ▸ by campaign")


async def test_a_hub_that_does_not_answer_holds_no_key_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.ui.typed.HELD_SECONDS", 0.05)
    link = ScriptedLink()
    async with running(link) as look:
        await look.wait_for("all 5 accounts")
        link.answering = False
        await typed(look, "t\rjc:account carol\r\r?")
        await look.wait_for("Walk through the queue")
        await typed(look, "qa")
        link.answering = True
        link.push()
        await look.wait_for("queue ▸ by account")
        await look.wait_for("all 5 accounts")


@pytest.mark.usefixtures("patient")
async def test_the_key_that_always_leaves_waits_for_nothing() -> None:
    link = ScriptedLink()
    async with running(link) as look:
        await look.wait_for("all 5 accounts")
        link.answering = False
        await typed(look, "t\r")
        look.app.post_message(events.Key("ctrl+c", None))
        await look.wait_for(lambda: look.app._exit)


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
