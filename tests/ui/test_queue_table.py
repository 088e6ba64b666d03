"""What the queue table shows of a view, and what a click on it says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.ui.scripted import CELLS, LIVE, NOON, World, cell
from tests.ui.tables import changed, shown, wheel
from tui.hub.protocol import View, ViewRequest
from tui.model import Freshness, Grouping, QueueQuery, SourceStatus
from tui.ui.glyphs import ASCII, UNICODE
from tui.ui.widgets.queue_table import QueueTable

BY_ACCOUNT = QueueQuery(grouping=Grouping.ACCOUNT)
ASKED = ViewRequest(serial=1, query=BY_ACCOUNT, trend_cells=10)


class Shower:
    """Shows a table what a world answers."""

    def __init__(self, world: World | None = None, asked: ViewRequest = ASKED, ascii: bool = False) -> None:
        self.world = world or World()
        self.table = QueueTable(ASCII if ascii else UNICODE, interval_seconds=1000)
        self.asked = asked

    def begin(self, **changes: object) -> None:
        self.asked = replace(self.asked, **changes)
        self.asked = replace(self.table.begin(self.asked), serial=self.asked.serial + 1)

    def show(self, *, latest: bool = True) -> View:
        state = self.table.state
        if not state.awaiting:
            self.asked = replace(self.asked, selected=state.selected, marked=list(state.marked), anchor=None)
        view = self.world.view(self.asked)
        self.table.show(view, latest=latest)
        return view


async def test_signs_stand_in_the_margin_and_a_blank_before_the_name() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin()
        shower.show()
        shower.table.move_to(2)
        shower.table.toggle_mark()
        shower.show()
        assert [line[:9] for line in host.lines()[1:6]] == [
            "    news@",
            "  ✖ alice",
            "▌✓✖ bob@i",
            "  ✖ <>   ",
            "    carol",
        ]
        assert shower.table.follow()
        assert host.lines()[3].startswith("»✓✖ bob@i")


@pytest.mark.parametrize("short", [False, True])
async def test_the_bar_of_the_cursor_covers_its_row_or_little_of_it(short: bool) -> None:
    shower = Shower()
    shower.table.short_bars = short
    async with shown(shower.table):
        shower.begin()
        shower.show()
        line = shower.table._drawn[1]
        barred = [span for span in line if "cursor" in span.role.split()]
        assert line[: len(barred)] == barred
        text = "".join(span.text for span in barred)
        assert text.split()[-1].startswith("news@") if short else len(text) == 80


async def test_ascii_has_signs_of_its_own() -> None:
    shower = Shower(ascii=True)
    async with shown(shower.table, size=(140, 12)) as (host, _):
        shower.begin(ascii=True)
        shower.show()
        shower.table.move_to(2)
        shower.table.toggle_mark()
        shower.show()
        assert host.lines()[3].startswith(">x! bob@initech.test")
        assert all(line.isascii() for line in host.lines())
        shower.table.follow()
        assert host.lines()[3].startswith("&x! bob@initech.test")


async def test_marked_rows_are_added_up_above_all() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin()
        shower.show()
        assert host.lines()[-1].split()[:4] == ["all", "5", "accounts", "4,470"]
        height = shower.table.state.height
        for index in (1, 2):
            shower.table.move_to(index)
            assert shower.table.toggle_mark()
        assert host.lines()[-2].split() == ["2", "marked"], "their sums are not known yet"
        shower.show()
        assert host.lines()[-2].split() == ["2", "marked", "169", "20", "2,199", "46", "2,434", "+12", "growing"]
        assert shower.table.state.height == height - 1
        shower.world.cells = [one for one in CELLS if one.account != "bob@initech.test"]
        shower.show()
        assert host.lines()[-2].split()[:5] == ["1", "of", "2", "marked", "166"]
        shower.table.unmark()
        assert "marked" not in host.lines()[-2]
        assert shower.table.state.height == height


async def test_a_filter_says_how_many_of_how_many() -> None:
    shower = Shower()
    async with shown(shower.table, size=(110, 12)) as (host, _):
        shower.begin(filter="a")
        shower.show()
        assert host.lines()[-1].split()[:4] == ["2", "of", "5", "accounts"]
        assert "33.2%" in host.lines()[-1], "the share of what is shown, of all that waits"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"filter": "x y"}, "no account matches 'x y'; Esc clears the filter"),
        ({"filter": "carol", "problems": True}, "no account that is a problem matches 'carol'; Esc clears the filter"),
        ({"query": BY_ACCOUNT.grouped(Grouping.ISP), "filter": "zz"}, "no isp matches 'zz'; Esc clears the filter"),
    ],
)
async def test_an_empty_table_says_why(changes: dict[str, object], sentence: str) -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin(**changes)
        shower.show()
        assert host.lines()[2].strip() == sentence
        assert not any(host.lines()[3:])


async def test_without_problems_there_is_a_way_back_to_all() -> None:
    shower = Shower(World(cells=[one for one in CELLS if not one.hold]))
    async with shown(shower.table) as (host, _):
        shower.begin(problems=True)
        shower.show()
        assert host.lines()[2].strip() == "no account is a problem; ! shows them all"
        shower.world.cells = []
        shower.show()
        assert host.lines()[2].strip() == "nothing waits"


async def test_a_followed_row_that_drained_is_told_of_and_no_other_takes_its_place() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin()
        shower.show()
        shower.table.move_to(2)
        shower.table.follow()
        shower.world.cells = [one for one in CELLS if one.account != "bob@initech.test"]
        shower.show()
        assert "» bob@initech.test: nothing waits any more" in host.lines()
        assert shower.table.state.row is None
        assert not [line for line in host.lines()[:-2] if line[:1] in ("▌", "»")]
        shower.begin(filter="a")
        shower.world.cells = CELLS
        shower.show()
        assert "» bob@initech.test: not among these" in host.lines()
        shower.begin(filter="")
        shower.show()
        assert host.lines()[3].startswith("» ✖ bob@initech.test")
        shower.world.cells = [replace(one, source="mx2") for one in CELLS[:3]]
        shower.show()
        assert "» bob@initech.test: mx1 does not tell what waits" in host.lines()


async def test_only_counts_that_changed_are_marked_until_other_numbers_come() -> None:
    shower = Shower()
    async with shown(shower.table, size=(110, 12)) as (_, pilot):
        shower.begin()
        shower.show()
        assert changed(shower.table) == []
        shower.world.cells = [replace(one, retry=one.retry + 1) if one.account == "<>" else one for one in CELLS]
        shower.show()
        assert changed(shower.table) == ["28", "31"]
        shower.world.time = NOON + 1
        shower.show()
        shower.table.move_to(3)
        await pilot.pause()
        assert changed(shower.table) == ["28", "31"], "a view or a key without news lets them stand"
        shower.begin(descending=False)
        assert changed(shower.table) == ["28", "31"], "the old rows stand as they are"
        shower.show()
        assert changed(shower.table) == []
        shower.world.cells = [replace(one, new=one.new + 1) if one.account == "carol" else one for one in CELLS]
        shower.show()
        assert changed(shower.table) == ["2", "2", "27", "30"]
        shower.table._settle()
        assert changed(shower.table) == []


async def test_a_view_of_more_rows_of_which_some_have_changed_is_taken_over() -> None:
    cells = [cell(f"a{number:02}", "", "Gmail", 100 - number, 0, 0, 0) for number in range(10)]
    shower = Shower(World(cells=cells[:2]))
    async with shown(shower.table) as (_, __):
        shower.begin()
        shower.show()
        shower.world.cells = [replace(one, new=one.new + 10) for one in cells]
        shower.show()
        assert shower.table.state.count == 10
        assert changed(shower.table)[:2] == ["110", "110"]


async def test_rows_that_were_not_there_before_have_not_changed() -> None:
    cells = [cell(f"a{number:02}", "", "Gmail", 100 - number, 0, 0, 0) for number in range(60)]
    shower = Shower(World(cells=cells))
    async with shown(shower.table) as (_, __):
        shower.begin(rows=12)
        shower.show()
        shower.world.cells = [replace(one, new=one.new + 1) for one in cells[:2]] + cells[2:]
        shower.asked = replace(shower.asked, first=40)
        shower.table.move_to(41)
        shower.show()
        assert changed(shower.table) == []
        shower.begin(query=BY_ACCOUNT.grouped(Grouping.ISP), selected=None)
        shower.world.cells = cells
        shower.show()
        assert changed(shower.table) == []


async def test_when_all_changes_nothing_is_marked() -> None:
    cells = [cell(f"a{number:02}", "", "Gmail", 100 - number, 0, 0, 0) for number in range(30)]
    shower = Shower(World(cells=cells))
    async with shown(shower.table, size=(80, 32)) as (_, __):
        shower.begin()
        shower.show()
        for rows, marked in ((30, 0), (18, 36), (20, 0), (2, 4)):
            cells = [replace(one, new=one.new + 1) for one in cells[:rows]] + cells[rows:]
            shower.world.cells = cells
            shower.show()
            assert len(changed(shower.table)) == marked
        shower.table.marks_changes = False
        shower.world.cells = [replace(cells[0], new=7), *cells[1:]]
        shower.show()
        assert changed(shower.table) == []


async def test_a_mark_ends_by_itself() -> None:
    shower = Shower()
    shower.table._interval_seconds = 0.01
    async with shown(shower.table) as (_, pilot):
        shower.begin()
        shower.show()
        shower.world.cells = [replace(one, hold=one.hold + 1) if one.account == "<>" else one for one in CELLS]
        shower.show()
        for _ in range(100):
            if not changed(shower.table):
                return
            await pilot.pause(0.01)
        raise AssertionError("the mark never ends")


async def test_clicks_sort_choose_and_go_in() -> None:
    shower = Shower()
    async with shown(shower.table, size=(110, 12)) as (host, pilot):
        shower.begin()
        shower.show()
        header = host.lines()[0]
        for name in ("account", "new", "hold", "total", "Δ/min", "share", "trend", "drain"):
            await pilot.click(shower.table, offset=(header.index(name), 0))
        assert host.said == ["account", "new", "hold", "total", "delta", "share", "trend", "drain"]
        host.said.clear()
        await pilot.click(shower.table, offset=(0, 0))
        await pilot.click(shower.table, offset=(20, 11))
        await pilot.click(shower.table, offset=(20, 8))
        assert host.said == [], "margin, sums and empty lines are no rows"
        await pilot.click(shower.table, offset=(20, 3))
        assert (host.said, shower.table.state.cursor) == ([False], 2)
        await pilot.click(shower.table, offset=(20, 3))
        assert host.said == [False, True]


async def test_a_click_where_nothing_waits_does_nothing() -> None:
    shower = Shower(World(cells=[]))
    async with shown(shower.table) as (host, pilot):
        shower.begin()
        shower.show()
        await pilot.click(shower.table, offset=(20, 2))
        assert host.said == []


async def test_the_wheel_moves_the_cursor() -> None:
    cells = [cell(f"a{number:02}", "", "Gmail", 100 - number, 0, 0, 0) for number in range(60)]
    shower = Shower(World(cells=cells))
    async with shown(shower.table) as (host, pilot):
        shower.begin()
        shower.show()
        for down, cursor in ((True, 3), (True, 6), (False, 3), (False, 0), (False, 0)):
            shower.table.post_message(wheel(shower.table, down=down))
            await pilot.pause()
            assert shower.table.state.cursor == cursor
        assert host.said == [False] * 5


async def test_a_problem_goes_before_the_doubt_about_its_source() -> None:
    stale = SourceStatus(name="mx2", type="local", freshness=Freshness.STALE, age_seconds=60)
    more = [replace(one, source="mx2") for one in CELLS]
    shower = Shower(World(cells=[*CELLS, *more], sources=[LIVE, stale]))
    async with shown(shower.table, size=(100, 20)) as (host, _):
        shower.begin()
        shower.show()
        assert [line for line in host.lines() if line.startswith("  ◌ mx2     news@globex.test")]
        assert [line for line in host.lines() if line.startswith("  ✖ mx2     alice@acme.test")]
