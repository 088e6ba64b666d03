"""What the keys of the main screen do, as seen on the screen and by the hub."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.screens import Looker, running
from tests.ui.scripted import APART, CELLS, FIRST, LIVE, ScriptedLink, World, cell, panes
from tui.hub.protocol import Refresh, ViewRequest
from tui.model import Freshness, Grouping, QueueQuery, SourceStatus

ERROR = SourceStatus(
    name="cp-eu",
    type="cpanel",
    freshness=Freshness.ERROR,
    age_seconds=190.0,
    error="the token is refused; give it the ACL track-email.",
)


async def test_numbers_of_all_kinds_stand_on_the_screen() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        assert look.cursor_line().split() == ["news@globex.test", "4,300", "82", "285", "0", "4,667", "+12", "growing"]
        assert look.line("all 5 accounts").split()[3:] == ["4,470", "102", "2,511", "49", "7,132", "+12", "growing"]
        assert "7,132 recipients in 4,321 queue files" in look.text()
        assert "● mx1 live <5s" in look.lines()[0]
        assert "12,345 sent 412 MB" in look.text()


async def test_keys_walk_in_and_out_and_the_cursor_comes_back() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ by campaign")
        await look.wait_for("2,368 recipients")
        assert "queue files" not in look.text()
        await look.wait_for(lambda: look.cursor_line().startswith("spring-2024"))
        await look.press("j", "enter")
        await look.wait_for("queue ▸ alice@acme.test ▸ receipts ▸ by isp")
        await look.wait_for(lambda: look.cursor_line().startswith("Gmail"))
        await look.press("enter")
        assert "queue ▸ alice@acme.test ▸ receipts ▸ by isp" in look.text()
        assert look.app._main.detail_open
        await look.press("escape")
        await look.wait_for(lambda: look.cursor_line().startswith("Gmail"))
        await look.press("escape")
        await look.wait_for(lambda: look.cursor_line().startswith("receipts"))
        await look.press("left")
        await look.wait_for(lambda: look.cursor_line().startswith("alice@acme.test"))
        await look.press("backspace")
        await look.wait_for("queue ▸ in total")
        assert look.cursor_line().startswith("all mail")


async def test_out_leads_to_the_very_place_that_one_went_in_from() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("c")
        await look.wait_for("all 6 campaigns")
        await look.press("down", "I")
        await look.wait_for(lambda: "▲total" in look.text() and look.cursor_line().startswith("alice@"))
        await look.press("up", "enter")
        await look.wait_for("queue ▸ bob@initech.test ▸ (no campaign) ▸ by isp")
        await look.press("I", "c")
        await look.wait_for("queue ▸ bob@initech.test ▸ (no campaign) ▸ by campaign")
        await look.press("escape")
        await look.wait_for("queue ▸ by campaign")
        await look.wait_for(lambda: "▲total" in look.text() and look.cursor_line().startswith("bob@"))
        await look.press("escape")
        await look.wait_for("queue ▸ in total")


async def test_going_in_keeps_to_the_rows_source_until_one_comes_out() -> None:
    world = World(sources=[LIVE, replace(LIVE, name="mx2")])
    world.cells = [*CELLS, replace(CELLS[0], source="mx2", retry=9000)]
    async with running(ScriptedLink(world), start=APART) as look:
        await look.wait_for("all 6 rows")
        await look.press("enter")
        await look.wait_for("queue of mx2 ▸ alice@acme.test ▸ by campaign")
        await look.wait_for(lambda: "9,134" in look.line("all 1 campaign"))
        await look.press("escape")
        await look.wait_for("all 6 rows")
        assert look.link.request.source is None


async def test_rows_of_several_sources_say_whose_they_are() -> None:
    world = World(sources=[LIVE, replace(LIVE, name="mx2")])
    world.cells = [*CELLS, replace(CELLS[7], source="mx2", new=9000)]
    async with running(ScriptedLink(world), start=APART) as look:
        await look.wait_for("all 6 rows")
        assert look.cursor_line().split()[:2] == ["mx2", "carol"]
        assert look.line("mx1     carol")
        await look.press("enter")
        await look.wait_for("queue of mx2 ▸ carol ▸ by campaign")
        await look.wait_for(lambda: look.cursor_line().startswith("(no campaign)"))
        assert not look.line("source")


async def test_at_start_the_cursor_stays_on_the_first_row_whichever_source_answers_first() -> None:
    world = World(sources=[LIVE, replace(LIVE, name="mx2", freshness=Freshness.STALE, age_seconds=None)])
    async with running(ScriptedLink(world), start=APART) as look:
        await look.wait_for("all 5 accounts")
        world.cells = [*CELLS, replace(CELLS[0], source="mx2", retry=9000)]
        look.link.push()
        await look.wait_for("all 6 rows")
        assert "row 1 of 6" in look.text()
        assert look.cursor_line().split()[:2] == ["mx2", "alice@acme.test"]
        await look.wait_for(lambda: getattr(look.link.request.selected, "source", "") == "mx2")


async def test_groupings_by_letter_and_number_keep_the_filters() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "enter")
        await look.wait_for("all 2 campaigns")
        for key, words in (("i", "by isp"), ("1", "in total"), ("a", "by account"), ("3", "by campaign")):
            await look.press(key)
            await look.wait_for(f"queue ▸ alice@acme.test ▸ {words}")
            await look.wait_for(lambda: "2,368" in look.line("all "))
        assert look.link.request.query.account_id == CELLS[0].account_id


async def test_the_chart_follows_the_cursor() -> None:
    async with running() as look:
        await look.wait_for(f"chart of {CELLS[5].account_id}")
        await look.press("down")
        await look.wait_for(f"chart of {CELLS[0].account_id}")


async def test_sort_by_another_column_and_reverse() -> None:
    async with running() as look:
        await look.wait_for("▼total")
        await look.press("down", "less_than_sign")
        await look.wait_for("▼hold")
        await look.wait_for(lambda: look.lines()[9].strip(" ▌✖").startswith("bob@initech.test"))
        assert look.cursor_line().startswith("alice@acme.test")
        await look.press("I")
        await look.wait_for("▲hold")
        assert look.cursor_line().startswith("alice@acme.test")
        for _ in range(4):
            await look.press("less_than_sign")
        await look.wait_for("account ▲")
        await look.wait_for(lambda: look.lines()[9].strip(" ▌✖").startswith("<>"))
        assert (look.link.request.sort, look.link.request.descending) == ("account", False)


async def test_whoever_stands_on_the_first_row_sees_what_is_first_in_another_order() -> None:
    async with running() as look:
        await look.wait_for("▼total")
        await look.press("less_than_sign")
        await look.wait_for("▼hold")
        await look.wait_for(lambda: look.cursor_line().startswith("bob@initech.test"))
        await look.press("F", "greater_than_sign")
        await look.wait_for("▼total")
        await look.wait_for(lambda: "row 3 of 5" in look.text())
        assert "bob@initech.test" in next(line for line in look.lines() if line.startswith("»"))


async def test_pause_refresh_and_span_reach_the_hub() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        for paused in (True, False):
            await look.press("p")
            assert look.link.request.paused is paused
            assert ("■ paused" in look.lines()[0]) is paused
        await look.press("r")
        assert look.link.sent[-1] == Refresh()
        spans = []
        for key in ("right_square_bracket",) * 3 + ("left_square_bracket",) * 4:
            await look.press(key)
            spans.append(look.link.request.span_seconds)
        assert spans == [21600, 86400, 86400, 21600, 3600, 300, 300]


async def test_before_the_first_answer_nothing_is_zero() -> None:
    world = World(sources=[FIRST], queue_known=False, totals_known=False)
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("waiting for the first numbers from mx1")
        assert "waiting for the first totals of accounts" in look.text()
        assert "mx1 waiting" in look.lines()[0]
        assert not [line for line in look.lines()[1:] if " 0" in line.replace("  0 ▄", "")]
        assert "recipients" not in look.text()
        world.queue_known = world.totals_known = True
        world.sources = [LIVE]
        look.link.push()
        await look.wait_for("all 5 accounts")


async def test_unknown_totals_are_dashes() -> None:
    async with running(size=(140, 45)) as look:
        await look.wait_for("carol")
        column = look.lines()[1].index("carol")
        block = [line[column : column + 30].strip("▄ ") for line in look.lines()[2:7]]
        assert [text.split() for text in block] == [
            ["sent", "–", "–/min"],
            ["delivered", "–", "–"],
            ["deferred", "–", "–"],
            ["failed", "–"],
            ["waiting", "–"],
        ]


async def test_a_sources_error_is_told_and_its_numbers_stay() -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        world.sources = [LIVE, ERROR]
        look.link.push()
        await look.wait_for("cp-eu: the token is refused; give it the ACL track-email.")
        assert "✖ cp-eu error 3m  ● mx1 live" in look.lines()[0]
        assert look.cursor_line().split()[0] == "news@globex.test"
        world.sources = [LIVE]
        look.link.push()
        await look.wait_for(lambda: "refused" not in look.text())


@pytest.mark.parametrize(
    ("count", "starts"),
    [
        (1, [" ✖ cp0: one word", "   ", "   "]),
        (2, [" ✖ cp0: one word", "   ", " ✖ cp1: one word"]),
        (3, [" ✖ cp0: one word", " ✖ cp1: one word", " ✖ cp2: one word"]),
        (5, [" ✖ cp0: one word", " ✖ cp1: one word", " ✖ 3 more, which mailtop check explains: cp2, cp3, cp4"]),
    ],
)
async def test_a_long_error_is_broken_into_lines_that_several_share(count: int, starts: list[str]) -> None:
    errors = [replace(ERROR, name=f"cp{number}", error="one word after another " * 12) for number in range(count)]
    async with running(ScriptedLink(World(sources=errors))) as look:
        await look.wait_for("cp0: one word")
        assert all(map(str.startswith, look.lines()[1:4], starts))
        assert all(line.endswith("…") for line in look.lines()[2:4] if line.startswith(" ✖ cp"))
        assert look.lines()[4].startswith("▎alice")


async def test_an_empty_queue_says_so() -> None:
    async with running(ScriptedLink(World(cells=[], files=0))) as look:
        await look.wait_for("nothing waits")
        assert "0 recipients in 0 queue files" in look.text()
        assert "Esc" not in look.text().split("nothing waits")[1].split("\n")[1]


async def test_no_accounts_says_so() -> None:
    async with running(ScriptedLink(World(panes=lambda request: []))) as look:
        await look.wait_for("no account has sent mail yet")


async def test_hostile_names_are_shown_as_they_are() -> None:
    names = ["[/x]", "[@click=app.quit]x", "[bold red]b[/]", "$primary", ":smile:"]
    world = World(cells=[cell(name, name, name, 5, 0, 0, 0) for name in names])
    world.sources = [replace(LIVE, name="[/s]")]
    world.problems = ["[/oops] [@click=app.quit]y"]
    async with running(ScriptedLink(world), size=(140, 45)) as look:
        for key, noun in (("a", "accounts"), ("c", "campaigns"), ("i", "isps")):
            await look.press(key)
            await look.wait_for(f"all 5 {noun}")
            for name in names:
                assert f" {name} " in look.text()
        assert "[/s]" in look.lines()[0]
        await look.press("home", "enter", "enter")
        look.link.push()
        await look.wait_for("[/oops] [@click=app.quit]y")


async def test_an_ascii_terminal_gets_nothing_but_ascii() -> None:
    names = ["zoë@exämple.test", "日本語", "emoji \N{ROCKET}", "plain"]
    world = World(cells=[cell(name, name, name, 5, 0, 0, 0) for name in names])
    world.panes = lambda request: panes(replace(request, ascii=False))
    world.sources = [replace(LIVE, name="mx-köln"), replace(ERROR, error="„nein“ – sagt der Server.")]
    async with running(ScriptedLink(world), environ={"LC_ALL": "POSIX"}) as look:
        for key in "acit":
            await look.press(key)
            await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.link.request))
            assert look.text().isascii()
        assert look.link.request.ascii
        await look.press("a", "down", "enter")
        await look.wait_for("queue of mx1 > plain > by campaign")


async def test_a_restarted_hub_is_told_until_the_next_key() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.restart("The hub has ended (killed by signal 9).")
        await look.wait_for("The hub has ended (killed by signal 9). It is started again.")
        assert look.cursor_line().startswith("news@globex.test")
        await look.press("down")
        assert "killed" not in look.text()


async def test_a_long_table_is_walked_with_a_margin_of_rows_on_either_side() -> None:
    cells = [cell(f"user{number:06}@x.test", "", "Gmail", 1, 0, 0, 0) for number in range(5_000)]
    async with running(ScriptedLink(World(cells=cells))) as look:
        await look.wait_for("row 1 of 5,000")
        height = look.app._main.table.state.height
        assert look.link.request.rows == 5 * height
        await look.press("end")
        await look.wait_for(lambda: look.cursor_line().startswith("user004999"))
        await look.press("pageup")
        assert look.cursor_line().startswith(f"user{4_999 - height:06}")
        await look.press("g")
        await look.wait_for(lambda: look.cursor_line().startswith("user000000"))


async def test_rows_that_have_not_come_are_drawn_as_such() -> None:
    cells = [cell(f"user{number:04}@x.test", "", "Gmail", 1, 0, 0, 0) for number in range(500)]
    link = ScriptedLink(World(cells=cells))
    async with running(link) as look:
        await look.wait_for("row 1 of 500")
        link.answering = False
        await look.press("end")
        assert look.cursor_line() == "…"
        link.answering = True
        link.push()
        await look.wait_for(lambda: look.cursor_line().startswith("user0499"))


async def test_an_unanswered_question_clears_the_old_rows_after_a_moment() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.answering = False
        await look.press("i")
        assert "▸ by isp" in look.text()
        await look.wait_for(lambda: "news@globex.test" not in "\n".join(look.lines()[8:]))
        look.link.push()
        await look.wait_for("all 6 isps")


async def test_sizes_decide_what_is_shown_and_asked() -> None:
    async with running(size=(140, 45)) as look:
        await look.wait_for("all 5 accounts")
        assert look.link.request.panes == 4
        assert look.link.request.chart_width == 138
        for size, panes, chart in (((80, 24), 2, True), ((60, 15), 0, False), ((80, 24), 2, True)):
            await look.pilot.resize_terminal(*size)
            await look.wait_for(partial(_panes_asked, look, panes))
            assert bool(look.link.request.chart_height) is chart
        await look.pilot.resize_terminal(38, 9)
        await look.wait_for("mailtop needs a terminal of 60x15")
        await look.pilot.resize_terminal(80, 24)
        await look.wait_for("all 5 accounts")


async def test_starts_where_it_is_told() -> None:
    query = QueueQuery(grouping=Grouping.ISP, isp="Gmail")
    async with running(start=ViewRequest(serial=0, query=query)) as look:
        await look.wait_for("queue ▸ Gmail ▸ by isp")
        await look.wait_for("all 1 isp")


async def test_a_sender_is_named_when_it_is_asked_for() -> None:
    async with running(start=ViewRequest(serial=0, query=QueueQuery(grouping=Grouping.ACCOUNT, sender_id=3))) as look:
        await look.wait_for("queue of sender 3 ▸ by account")
        assert "sender 3" in look.lines()[0]


def _panes_asked(look: Looker, panes: int) -> bool:
    return look.link.request.panes == panes


KEYS = ["up", "down", "pageup", "pagedown", "home", "end", "enter", "escape", "I", "less_than_sign", "t", "a", "c", "i"]


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(KEYS), min_size=15, max_size=25), st.randoms(use_true_random=False))
async def test_any_keys_and_views_leave_the_cursor_on_its_row(keys: list[str], random: Random) -> None:
    world = World()
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        for key in keys:
            world.cells = [replace(one, retry=random.randrange(3000)) for one in CELLS]
            look.link.push()
            await look.press(key)
        await _settle(look)
        screen = look.app._main
        rows = world.rows(screen.asked)
        assert screen.table.state.row == rows[screen.table.state.cursor]
        assert screen.asked.selected == screen.table.state.key
        assert f"row {screen.table.state.cursor + 1} of {len(rows)}" in look.text()


async def _settle(look: Looker) -> None:
    """Push one view of the world as it is, and wait until the hub has been asked for nothing more."""
    before: ViewRequest | None = None
    while before != look.link.request:
        before = look.link.request
        look.link.push()
        await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.link.request))
