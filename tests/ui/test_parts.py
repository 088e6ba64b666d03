"""Which part of the screen has the keys, which has all the room, and the detail of a row."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.ui.screens import Looker, running
from tests.ui.scripted import CELLS, TOTALS, ScriptedLink, World, panes
from tui.hub.protocol import AccountKey, AccountPane, Jump, ViewRequest
from tui.model import Grouping
from tui.ui.commands import Part
from tui.ui.screens.main import MainScreen


def state(look: Looker) -> MainScreen:
    """The main screen as it is now, whatever it was known to be."""
    return look.app._main


async def test_tab_gives_the_keys_to_the_next_part_and_back() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        screen, seen = look.app._main, []
        assert look.line("▍t total")
        for key in ("tab", "tab", "tab", "shift+tab", "shift+tab"):
            await look.press(key)
            seen.append(screen.focused_part)
        assert seen == [Part.TREND, Part.ACCOUNTS, Part.QUEUE, Part.ACCOUNTS, Part.TREND]
        assert look.line("▍chart of") and not look.line("▍t total")
        assert "span" in look.lines()[-1] and "mark" not in look.lines()[-1]


async def test_where_one_part_has_room_tab_shows_them_in_turn() -> None:
    async with running(size=(60, 15)) as look:
        await look.wait_for("all 5 accounts")
        assert look.line("t total")[0] != "▍"
        await look.press("tab")
        await look.wait_for("chart of")
        assert state(look).zoomed is Part.TREND and not look.line("all 5 accounts")
        await look.press("tab")
        await look.wait_for("accounts ▸ who needs attention first")
        await look.press("tab")
        await look.wait_for("all 5 accounts")
        assert state(look).zoomed is None


async def test_tab_on_a_whole_screen_gives_it_to_the_next_part() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("z", "tab")
        await look.wait_for(lambda: state(look).zoomed is Part.TREND)
        await look.press("tab")
        await look.wait_for("accounts ▸ who needs attention first")
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        assert state(look).zoomed is None


async def test_a_smaller_terminal_takes_the_keys_from_what_is_gone() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab")
        await look.pilot.resize_terminal(60, 15)
        await look.wait_for(lambda: look.app._main.focused_part is Part.QUEUE)


async def test_left_and_right_do_what_suits_the_part() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("right")
        await look.wait_for("queue ▸ news@globex.test ▸ by campaign")
        await look.press("left")
        await look.wait_for("all 5 accounts")
        await look.press("tab", "right")
        assert look.link.request.span_seconds == 21600
        await look.press("left", "left")
        assert look.link.request.span_seconds == 300


async def test_a_pane_is_chosen_and_filters_the_queue_and_back() -> None:
    world = World(panes=numbered)
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab")
        screen = look.app._main
        assert screen._chosen_pane == AccountKey("mx1", "alice@acme.test")
        await look.press("right", "right")
        assert screen._chosen_pane == AccountKey("mx1", "news@globex.test")
        await look.press("left", "enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        assert state(look).focused_part is Part.ACCOUNTS
        assert look.link.request.query.account_id == CELLS[0].account_id
        await look.press("enter")
        await look.wait_for("all 5 accounts")
        await look.press("enter", "escape")
        await look.wait_for("all 5 accounts")
        await look.press("escape")
        assert state(look).focused_part is Part.QUEUE


async def test_a_pane_of_another_source_is_found_by_its_name() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab", "enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        [jump] = [one for one in look.link.sent if isinstance(one, Jump)]
        assert (jump.dimension, jump.text) == ("account", "alice@acme.test")


async def test_an_account_that_has_no_queue_is_told() -> None:
    async with running(size=(140, 45)) as look:
        await look.wait_for("all 5 accounts")
        look.link.world.cells = [one for one in CELLS if not one.account.startswith("alice")]
        await look.press("shift+tab", "enter")
        await look.wait_for("there is no account 'alice@acme.test'")


def numbered(request: ViewRequest) -> list[AccountPane]:
    ids = {one.account: one.account_id for one in CELLS}
    return [
        replace(pane, totals=replace(pane.totals, account_id=ids.get(pane.totals.account, 0)))
        for pane in panes(request)
    ]


async def test_z_gives_the_accounts_the_whole_screen_as_a_table() -> None:
    async with running(ScriptedLink(World(panes=numbered))) as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab", "z")
        await look.wait_for("all 4")
        assert look.line("accounts ▸ who needs attention first")
        assert not look.line("t total") and not look.line("chart of")
        await look.press("down", "down")
        assert look.cursor_line().startswith("bob@initech.test")
        await look.press("greater_than_sign")
        await look.wait_for(
            lambda: look.link.request.accounts is not None and look.link.request.accounts.sort == "account"
        )
        await look.press("I")
        await look.wait_for("account ▼")
        await look.press("slash", *"alice", "enter")
        await look.wait_for("1 of 4 accounts")
        assert look.line("accounts ▸ by name  /alice")
        await look.press("enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        assert state(look).focused_part is Part.QUEUE
        await look.press("escape")
        await look.wait_for("1 of 4 accounts")
        assert look.cursor_line().startswith("alice@acme.test") and state(look).focused_part is Part.ACCOUNTS
        await look.press("escape", "escape")
        await look.wait_for("all 5 accounts")


async def test_accounts_are_sorted_by_name_too_and_one_on_the_first_line_sees_who_is_first() -> None:
    async with running(ScriptedLink(World(panes=numbered))) as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab", "z")
        await look.wait_for("all 4")
        await look.press("colon", *"sort sent", "enter")
        await look.wait_for("accounts ▸ by sent")
        await look.wait_for(lambda: look.cursor_line().startswith("news@globex.test"))
        assert look.link.request.sort == "total", "the queue keeps its order"
        await look.press("colon", *"sort share", "enter")
        assert 'There is no column to sort by "share"; there is account, sent' in look.lines()[-1]


async def test_an_account_without_a_queue_leaves_one_among_the_accounts() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.world.cells = [one for one in CELLS if not one.account.startswith("alice")]
        await look.press("shift+tab", "z")
        await look.wait_for("all 4")
        await look.press("enter")
        await look.wait_for("there is no account 'alice@acme.test'")
        assert look.line("accounts ▸ who needs attention first")


async def test_a_trend_on_the_whole_screen_grows_with_it() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("tab", "z")
        await look.wait_for(lambda: look.link.request.chart_height == 19)
        await look.pilot.resize_terminal(100, 30)
        await look.wait_for(lambda: (look.link.request.chart_width, look.link.request.chart_height) == (98, 25))
        await look.press("z")
        await look.wait_for("all 5 accounts")
        await look.wait_for(lambda: look.cursor_line().startswith("news@globex.test"))


async def test_the_accounts_filter_goes_before_the_zoom() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab", "z", "slash", *"bob", "enter")
        await look.wait_for("/bob")
        await look.press("escape")
        await look.wait_for(lambda: "/bob" not in look.text())
        assert state(look).zoomed is Part.ACCOUNTS
        await look.press("q")
        assert state(look).zoomed is None
        await look.wait_for("all 5 accounts")


@pytest.mark.parametrize("back", ["z", "escape", "q"])
async def test_z_gives_queue_and_trend_the_whole_height(back: str) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        height = look.app._main.table.state.height
        await look.press("z")
        await look.wait_for(lambda: look.app._main.table.state.height > height + 8)
        assert not look.line("chart of") and look.link.request.chart_height == 0 == look.link.request.panes
        await look.press(back)
        await look.wait_for("chart of")
        await look.press("tab", "z")
        await look.wait_for(lambda: look.link.request.chart_height > 15)
        assert not look.line("account")
        await look.press(back)
        await look.wait_for("all 5 accounts")


async def test_the_detail_is_opened_scrolled_and_closed_on_the_same_row() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "d")
        await look.wait_for("452 4.2.2 Mailbox full")
        assert look.link.request.detail and look.link.request.messages >= 20
        assert look.line("chart of") and not look.line("all 5 accounts")
        await look.press("down", "pagedown", "end", "home", "up", "pageup", "right_square_bracket")
        assert look.link.request.span_seconds == 21600
        await look.press("q")
        await look.wait_for("all 5 accounts")
        assert look.cursor_line().startswith("alice@acme.test")
        assert not look.link.request.detail


async def test_enter_at_the_last_level_opens_the_detail() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "enter")
        await look.wait_for("all 2 campaigns")
        await look.press("enter")
        await look.wait_for("all 2 isps")
        await look.press("enter")
        await look.wait_for("452 4.2.2 Mailbox full")
        await look.press("e")
        await look.wait_for(lambda: getattr(look.link.request.selected, "isp", "") == "Outlook")
        assert look.app._main.detail_open
        await look.press("t")
        await look.wait_for("▸ in total")
        assert not look.app._main.detail_open


async def test_there_is_no_detail_of_nothing() -> None:
    async with running(ScriptedLink(World(cells=[]))) as look:
        await look.wait_for("nothing waits")
        await look.press("d")
        assert "there is no row here" in look.lines()[-1]
        assert not look.app._main.detail_open


async def test_the_detail_can_have_the_whole_screen() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("d")
        await look.wait_for("452 4.2.2")
        await look.press("z")
        await look.wait_for(lambda: not look.line("chart of"))
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        assert state(look).zoomed is None


async def test_q_goes_back_step_by_step_and_then_leaves() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "enter")
        await look.wait_for("all 2 campaigns")
        await look.press("slash", *"rec", "enter", "z", "d")
        await look.wait_for("452 4.2.2")
        for still in ("/rec", "/rec", "all 2 campaigns", "all 5 accounts"):
            await look.press("q")
            await look.wait_for(still)
        assert not look.app._exit
        await look.press("q")
        assert look.app._exit


async def test_ctrl_c_leaves_at_once_from_anywhere() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("d", "colon", "x", "ctrl+c")
        assert look.app._exit and look.app.return_code == 0


async def test_minus_goes_between_the_last_two_places() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("minus")
        assert "no place before" in look.lines()[-1]
        await look.press("down", "i")
        await look.wait_for("all 6 isps")
        await look.press("down", "minus")
        await look.wait_for("all 5 accounts")
        assert look.cursor_line().startswith("alice")
        second = look.link.world.rows(replace(look.link.request, query=look.link.request.query.grouped(Grouping.ISP)))[
            1
        ]
        await look.press("minus")
        await look.wait_for("all 6 isps")
        assert look.cursor_line().startswith(second.isp)


async def test_lite_asks_for_no_charts_and_for_fewer_views() -> None:
    async with running(theme="mailtop-paper") as look:
        await look.wait_for("all 5 accounts")
        await look.press("L")
        await look.wait_for(lambda: look.link.request.push_seconds == 5.0)
        assert look.link.request.chart_height == 0 == look.link.request.pane_height
        assert "lite" in look.lines()[0] and look.app.theme == "mailtop-ansi"
        await look.press("L")
        await look.wait_for(lambda: look.link.request.push_seconds == 0)
        assert look.app.theme == "mailtop-paper" == look.app.wanted_theme
        assert look.link.request.chart_height


async def test_lite_can_be_how_one_starts() -> None:
    async with running(lite=True) as look:
        await look.wait_for("all 5 accounts")
        assert look.link.request.push_seconds == 5.0 and look.app.theme == "mailtop-ansi"
        assert look.app.wanted_theme == "mailtop-dark"


async def test_too_small_a_terminal_says_so_in_every_state() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        for keys in ((), ("z",), ("d",), ("colon",)):
            await look.press(*keys)
            await look.pilot.resize_terminal(59, 14)
            await look.wait_for("mailtop needs a terminal of 60x15")
            assert "alice" not in look.text()
            await look.pilot.resize_terminal(80, 24)
            await look.wait_for(lambda: "needs a terminal" not in look.text())


def test_there_are_accounts_to_choose_from() -> None:
    assert len(TOTALS) > 2
