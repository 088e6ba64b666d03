"""The filter while it is typed, the next match and problem, marks, the followed row: as seen and as asked."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tests.ui.screens import Looker, running
from tests.ui.scripted import CELLS, ScriptedLink, World
from tui.hub.protocol import Seek, ViewRequest


async def test_rows_get_fewer_while_one_types() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "slash", *"acme")
        await look.wait_for(lambda: look.link.request.filter == "acme")
        await look.wait_for(lambda: look.app._main.table.state.count == 1)
        assert look.lines()[-1].startswith(" /acme")
        assert look.line("queue ▸ by account  /acme").endswith("row 1 of 1 (of 5)")
        assert look.cursor_line().startswith("alice")
        await look.press("enter")
        assert "Enter in" in look.lines()[-1]
        assert "7,132 recipients" in look.text(), "what waits in all does not get less"
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        assert look.cursor_line().startswith("alice")
        assert "/acme" not in look.text()


async def test_each_letter_is_asked_for_and_esc_gives_back_what_was() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("slash", *"bob", "enter")
        await look.wait_for(lambda: look.app._main.table.state.count == 1)
        await look.press("slash", "ctrl+u", *"news")
        await look.wait_for(lambda: look.cursor_line().startswith("news"))
        await look.press("escape")
        await look.wait_for(lambda: look.cursor_line().startswith("bob"))
        assert look.link.request.filter == "bob"
        asked = [one.filter for one in look.link.sent if isinstance(one, ViewRequest)]
        assert [text for text in ("b", "bo", "bob", "n", "ne", "new", "news") if text not in asked] == []


async def test_a_filter_that_cannot_be_used_is_told_beside_it() -> None:
    world = World(filter_problem="this is no pattern: it never ends")
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("slash", *"/(")
        await look.wait_for(lambda: "this is no pattern" in look.lines()[-1])
        await look.wait_for("all 5 accounts")
        await look.press("enter")
        await look.wait_for("queue ▸ by account  //( is not used")


async def test_going_in_leaves_the_filter_behind_and_coming_out_finds_it() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("slash", *"acme", "enter", "enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        await look.wait_for("all 2 campaigns")
        assert look.link.request.filter == ""
        await look.press("escape")
        await look.wait_for("queue ▸ by account  /acme")
        await look.press("i")
        await look.wait_for("queue ▸ by isp  /acme")


async def test_keys_are_letters_while_one_types() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("slash", "q", "z", "question_mark", "T", "space", "x")
        assert look.lines()[-1].startswith(" /qz?T x")
        assert not look.app._exit and look.app.screen is look.app._main


async def test_what_is_pasted_is_cleaned_and_goes_nowhere_else() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.app._main.paste("q")
        await look.press("slash")
        look.app._main.paste("a\x1b[2J\nb")
        await look.pilot.pause()
        assert look.link.request.filter == "a�[2J b"


async def test_problems_only_and_all_again() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("exclamation_mark")
        await look.wait_for("✖ problems only")
        await look.wait_for(lambda: look.app._main.table.state.count == 3)
        await look.press("exclamation_mark")
        await look.wait_for(lambda: look.app._main.table.state.count == 5)
        await look.press("exclamation_mark", "escape")
        await look.wait_for(lambda: look.app._main.table.state.count == 5)


async def test_the_next_problem_and_the_one_before() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        for key, name in (("e", "alice"), ("e", "bob"), ("e", "<>"), ("e", "alice"), ("E", "<>"), ("E", "bob")):
            await look.press(key)
            await look.wait_for(at(look, name))
        assert look.link.request.seek is None


async def test_no_key_is_lost_while_the_hub_is_slow() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.answering = False
        await look.press("e", "e", "e")
        look.link.answering = True
        look.link.push()
        await look.wait_for(at(look, "<>"))
        kinds = [one.seek for one in look.link.sent if isinstance(one, ViewRequest) and one.seek]
        assert kinds == [Seek("problem", 1)] * 3


async def test_a_search_survives_another_order() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.answering = False
        await look.press("e", "I")
        look.link.answering = True
        look.link.push()
        await look.wait_for(lambda: look.link.request.seek is None)
        await look.wait_for(lambda: any(map(look.cursor_line().startswith, ("alice", "bob", "<>"))))


async def test_the_next_match_of_the_last_filter() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("n")
        assert "nothing was looked for yet" in look.lines()[-1]
        await look.press("slash", *".test", "enter", "escape")
        await look.wait_for("all 5 accounts")
        for key, name in (("n", "alice"), ("n", "bob"), ("n", "news"), ("N", "bob")):
            await look.press(key)
            await look.wait_for(at(look, name))


async def test_what_is_nowhere_is_told() -> None:
    world = World(cells=[replace(one, hold=0) for one in CELLS])
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("e")
        await look.wait_for("no row is a problem")
        await look.press("slash", *"nobody", "enter", "escape", "n")
        await look.wait_for("no row has nobody")
        await look.press("down")
        assert "no row has" not in look.text()


async def test_marks_are_summed_and_taken_away() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("space", "space")
        await look.wait_for(lambda: len(look.link.request.marked) == 2)
        await look.wait_for("7,035")
        assert look.cursor_line().startswith("bob")
        await look.press("U")
        await look.wait_for(lambda: not look.link.request.marked)
        await look.wait_for(lambda: "7,035" not in look.text())


async def test_a_followed_row_keeps_the_cursor() -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "F")
        assert "the cursor stays on this row" in look.lines()[-1]
        world.cells = [replace(one, retry=one.retry * 100) for one in CELLS]
        look.link.push()
        await look.wait_for("row 1 of 5")
        assert look.line("» ✖ alice@acme.test")
        await look.press("F")
        assert look.app._main.table.state.followed is None


def at(look: Looker, name: str) -> Callable[[], bool]:
    """Whether the cursor is on the row of this name."""
    return lambda: look.cursor_line().startswith(name)
