"""Only what changed is sent to the terminal, and nothing when nothing did."""

from __future__ import annotations

import re

import pyte
import pytest
from msgspec.structs import replace
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from tests.ui.fleet import fleet
from tests.ui.screens import UTF8, Looker, running
from tests.ui.scripted import CELLS, LIVE, ScriptedLink, World
from tui.model import Freshness
from tui.ui.app import MailtopApp


class Wire:
    """What the app writes to its terminal."""

    def __init__(self) -> None:
        self.text = ""
        self.pictures: list[str] = []

    def painted(self) -> str:
        """What was written since the last call, without cursor moves and colours."""
        text, self.text = self.text, ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", text)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()

    def display(app: MailtopApp, _screen: Screen[None], update: CompositorUpdate | None) -> None:
        if update is not None:
            wire.pictures.append(update.render_segments(app.console))
            wire.text += wire.pictures[-1]

    monkeypatch.setattr(MailtopApp, "_display", display)
    return wire


async def settled(look: Looker) -> None:
    """Wait until the hub's last view is shown and nothing more is asked or painted."""
    await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.link.request))
    await look.pilot.pause()


async def test_the_first_picture_has_its_rows(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.ui.screens.ground.UNSEEN_SECONDS", 3600.0)
    async with running() as look:
        await look.wait_for(lambda: bool(wire.pictures))
        assert "news@globex.test" in wire.pictures[0] and "all 5 accounts" in wire.pictures[0]


async def test_without_rows_there_is_a_picture_soon(wire: Wire) -> None:
    async with running(ScriptedLink(World(cells=[], sources=[]))) as look:
        await look.wait_for(lambda: bool(wire.pictures))
        assert "mailtop" in wire.pictures[0]


async def test_a_view_that_changes_nothing_paints_nothing(wire: Wire) -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        for second in range(1, 10):
            world.time += 1
            world.sources = [replace(LIVE, age_seconds=0.1 * second)]
            look.link.push()
            await settled(look)
        assert wire.text == ""


async def test_a_fleet_in_which_nothing_changes_paints_nothing(wire: Wire) -> None:
    world = fleet(200, away=1, stale=2)
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 200 hosts")
        await look.press("H")
        await settled(look)
        wire.painted()
        for second in range(1, 9):
            world.time += 1
            world.sources = [replace(each, age_seconds=(each.age_seconds or 0) + 0.1) for each in world.sources]
            world.hosts = {name: replace(facts, age_seconds=second) for name, facts in world.hosts.items()}
            world.hosts |= {"mx3": replace(world.hosts["mx3"], age_seconds=725.0 + second)}
            look.link.push()
            await settled(look)
        assert wire.text == ""


async def test_a_minute_in_which_nothing_changes_paints_the_clock(wire: Wire) -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        for _ in range(20):
            world.time += 3
            look.link.push()
            await settled(look)
        assert len(wire.text) < 40
        assert re.fullmatch(r"\d+", wire.painted().strip())


async def test_a_screen_that_something_else_wrote_on_is_drawn_anew(wire: Wire) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        wire.painted()
        await look.press("r")
        drawn = wire.painted()
        assert "news@globex.test" in drawn and "all 5 accounts" in drawn


async def test_a_terminal_shows_what_the_app_means(wire: Wire) -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        terminal = pyte.Screen(80, 24)
        stream = pyte.Stream(terminal)
        for keys in (
            "down",
            "down",
            "enter",
            "escape",
            "c",
            "j",
            "G",
            "k",
            ">",
            "I",
            "?",
            "escape",
            "t",
            "a",
            "T",
            "escape",
        ):
            await look.press(keys)
            world.cells = [replace(one, retry=one.retry + 1) for one in world.cells]
            look.link.push()
            await look.pilot.pause()
            await settled(look)
            stream.feed(wire.text)
            wire.painted()
            assert [line.rstrip() for line in terminal.display] == look.lines()


async def test_three_changed_cells_are_all_that_is_sent(wire: Wire) -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        world.cells = [replace(one, retry=one.retry + 1) if one.account == "<>" else one for one in CELLS]
        look.link.push()
        await settled(look)
        size = len(wire.text)
        assert all(re.fullmatch(r"[\d,]+", word) for word in wire.painted().split()), "numbers, and nothing else"
        assert size < 250


async def test_a_key_repaints_two_rows_and_the_place(wire: Wire) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        await look.press("down")
        await settled(look)
        assert "row 2 of 5" in look.text()
        size = len(wire.text)
        painted = wire.painted()
        assert "news@globex.test" in painted and "alice@acme.test" in painted
        assert "bob@initech.test" not in painted
        assert size < 800


async def test_a_letter_of_a_filter_costs_the_line_it_is_typed_on(wire: Wire) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        await look.press("slash")
        await settled(look)
        assert len(wire.text) < 400
        wire.painted()
        await look.press("a")
        await settled(look)
        painted = wire.painted()
        assert "/a" in painted and "delivered" not in painted and "total" not in painted


async def test_what_is_told_moves_nothing(wire: Wire) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        await look.press("y")
        await settled(look)
        assert "copied" in wire.text and len(wire.text) < 400


async def test_the_list_of_commands_paints_itself_alone(wire: Wire) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        wire.painted()
        await look.press("colon")
        await settled(look)
        opened = wire.painted()
        assert "go to this account" in opened and "news@globex.test" not in opened
        await look.press("escape")
        await settled(look)
        assert "news@globex.test" not in wire.painted()


async def test_the_age_of_what_is_stale_grows_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    world = World(sources=[replace(LIVE, freshness=Freshness.STALE, age_seconds=21.0)])
    async with running(ScriptedLink(world)) as look:
        monkeypatch.setattr(look.app._main.status, "_clock", lambda: now[0])
        await look.wait_for("all 5 accounts")
        world.time += 1
        look.link.push()
        await look.wait_for("◌ mx1 stale 20s")
        for passed, words in ((8.0, "stale 20s"), (10.0, "stale 30s"), (100.0, "stale 2m")):
            now[0] = 1000.0 + passed
            look.app._main.status.redraw()
            assert words in look.lines()[0]


async def test_the_age_of_what_is_live_does_not_grow_while_the_hub_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as look:
        await look.wait_for("mx1 live <5s")
        monkeypatch.setattr(look.app._main.status, "_clock", lambda: 1e9)
        look.app._main.status.redraw()
        assert "mx1 live <5s" in look.lines()[0]


async def test_without_colour_no_colour_is_sent_and_the_cursor_is_reverse(wire: Wire) -> None:
    async with running(environ={**UTF8, "NO_COLOR": "1"}) as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        styles = {code for codes in re.findall(r"\x1b\[([0-9;]+)m", wire.text) for code in codes.split(";")}
        assert styles <= {"0", "1", "2", "22", "27", "7", "39", "49"}
        wire.painted()
        await look.press("down")
        await settled(look)
        assert re.search(r"\x1b\[(0;)?7m▌", wire.text)


async def test_the_ansi_theme_leaves_the_colours_to_the_terminal(wire: Wire) -> None:
    async with running(theme="mailtop-ansi") as look:
        await look.wait_for("all 5 accounts")
        await settled(look)
        assert not re.search(r"[34]8;[25]", wire.text)
        assert re.search(r"\x1b\[(0;)?7m▌", wire.text)
