"""The cursor stays on its row whatever keys and views come in whatever order, and what is seen is what the hub has."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.scripted import World, cell
from tui.hub.protocol import View, ViewRequest
from tui.model import Grouping, QueueQuery
from tui.ui.widgets.table_state import TableState

BY_ACCOUNT = QueueQuery(grouping=Grouping.ACCOUNT)


def world_of(totals: list[int]) -> World:
    return World(cells=[cell(f"a{number}@x.test", "", "Gmail", total, 0, 0, 0) for number, total in enumerate(totals)])


class Driver:
    """A table and a hub with a wire between them on which answers wait until they are delivered."""

    def __init__(self, totals: list[int], height: int = 5) -> None:
        self.world = world_of(totals)
        self.state = TableState()
        self.state.resize(height)
        self.asked = ViewRequest(serial=0, query=BY_ACCOUNT)
        self.wire: list[View] = []
        self.ask_for_window()

    def ask(self, request: ViewRequest) -> None:
        request = replace(request, serial=self.asked.serial)
        if request != self.asked or not request.serial:
            self.asked = replace(request, serial=request.serial + 1)
            self.wire.append(self.world.view(self.asked))

    def ask_for_window(self) -> None:
        first, rows = self.state.wanted(self.asked.first, self.asked.rows)
        if self.state.awaiting:
            self.ask(replace(self.asked, rows=rows))
        else:
            selected = self.state.selected or self.asked.selected
            self.ask(replace(self.asked, first=first, rows=rows, selected=selected, anchor=None, anchor_offset=0))

    def move(self, rows: int) -> None:
        self.state.move_to(self.state.cursor + rows)
        self.ask_for_window()

    def resize(self, height: int) -> None:
        self.state.resize(height)
        self.ask_for_window()

    def reverse(self) -> None:
        request = replace(self.asked, descending=not self.asked.descending, anchor=self.asked.selected)
        self.state.begin(request.selected)
        self.ask(replace(request, anchor_offset=self.state.anchor_offset()))

    def deliver(self) -> None:
        if not self.wire:
            return
        view = self.wire.pop(0)
        if (view.sort, view.descending) == (self.asked.sort, self.asked.descending):
            self.state.show(view, latest=view.serial == self.asked.serial)
            self.ask_for_window()

    def change(self, totals: list[int]) -> None:
        self.world.cells = world_of(totals).cells
        self.wire.append(self.world.view(self.asked))

    def settle(self) -> None:
        for _ in range(100):
            if not self.wire:
                return
            self.deliver()
        raise AssertionError("the table never stops asking")

    def check(self) -> None:
        state = self.state
        row = state.row
        if row is not None:
            assert row.key == state.key
        if not state.awaiting:
            assert 0 <= state.cursor <= max(state.count - 1, 0)
            assert state.scroll <= state.cursor < state.scroll + state.height or not state.count
            assert state.scroll == 0 or state.scroll + state.height <= state.count

    def check_settled(self) -> None:
        rows = self.world.rows(self.asked)
        assert not self.state.awaiting
        assert self.state.count == len(rows)
        seen = range(self.state.scroll, min(self.state.scroll + self.state.height, len(rows)))
        assert [self.state.row_at(index) for index in seen] == [rows[index] for index in seen]
        if rows:
            assert self.state.row == rows[self.state.cursor]
            assert self.asked.selected == self.state.key


totals_lists = st.lists(st.integers(0, 40), max_size=60)
steps: st.SearchStrategy[Callable[[Driver], None]] = st.one_of(
    st.sampled_from([-1, 1, -5, 5, -1000, 1000]).map(lambda rows: lambda driver: driver.move(rows)),
    st.integers(1, 12).map(lambda height: lambda driver: driver.resize(height)),
    totals_lists.map(lambda totals: lambda driver: driver.change(totals)),
    st.just(Driver.reverse),
    st.just(Driver.deliver),
    st.just(Driver.deliver),
)


@given(totals_lists, st.lists(steps, max_size=30))
def test_the_cursor_is_on_its_row_after_any_keys_and_views(
    totals: list[int], sequence: list[Callable[[Driver], None]]
) -> None:
    driver = Driver(totals)
    for step in sequence:
        step(driver)
        driver.check()
    driver.settle()
    driver.check_settled()


@given(st.lists(st.integers(0, 99), min_size=1, max_size=60), st.data())
def test_the_row_under_the_cursor_is_followed_when_the_order_changes(totals: list[int], data: st.DataObject) -> None:
    driver = Driver(totals)
    driver.settle()
    driver.move(data.draw(st.integers(0, len(totals) - 1)))
    driver.settle()
    key = driver.state.key
    driver.change(data.draw(st.permutations(totals)))
    driver.settle()
    assert driver.state.key == key
    driver.reverse()
    driver.settle()
    assert driver.state.key == key
    driver.check_settled()


def test_a_key_within_two_screens_needs_no_answer() -> None:
    driver = Driver(list(range(1000, 0, -1)), height=10)
    driver.settle()
    for _ in range(20):
        driver.move(1)
        assert driver.state.row is not None
    assert driver.state.cursor == 20


def test_nor_does_a_key_on_the_way_back() -> None:
    driver = Driver(list(range(1000, 0, -1)), height=10)
    driver.settle()
    driver.move(500)
    driver.settle()
    for _ in range(20):
        driver.move(-1)
        assert driver.state.row is not None
    assert driver.state.cursor == 480


def test_a_row_that_moved_far_stands_where_it_stood_on_the_screen_among_rows_that_are_there() -> None:
    driver = Driver(list(range(1000, 0, -1)), height=10)
    driver.settle()
    driver.move(104)
    driver.settle()
    driver.move(-5)
    driver.settle()
    state = driver.state
    above = state.cursor - state.scroll
    driver.reverse()
    while state.awaiting:
        driver.deliver()
    assert (state.cursor, state.cursor - state.scroll) == (900, above)
    assert all(state.row_at(index) is not None for index in range(state.scroll, state.scroll + 10))
    driver.settle()
    driver.check_settled()


def test_far_rows_are_asked_for_and_then_stand_under_the_cursor() -> None:
    driver = Driver(list(range(1000, 0, -1)), height=10)
    driver.settle()
    driver.move(999)
    assert (driver.state.cursor, driver.state.row, driver.state.key) == (999, None, None)
    driver.settle()
    driver.check_settled()
    assert driver.state.row is not None and driver.state.row.account == "a999@x.test"
    assert len(driver.state.rows) <= 50


def test_a_row_that_went_leaves_the_cursor_at_its_place() -> None:
    driver = Driver([50, 40, 30, 20, 10])
    driver.settle()
    driver.move(2)
    driver.settle()
    driver.world.cells = [one for one in driver.world.cells if one.account != "a2@x.test"]
    driver.wire.append(driver.world.view(driver.asked))
    driver.settle()
    assert driver.state.cursor == 2
    assert driver.state.row is not None and driver.state.row.account == "a3@x.test"


def test_an_overtaken_view_does_not_move_the_cursor() -> None:
    driver = Driver(list(range(100, 0, -1)), height=5)
    driver.settle()
    old = driver.world.view(driver.asked)
    driver.move(60)
    driver.settle()
    key = driver.state.key
    assert not driver.state.show(old, latest=False)
    assert driver.state.key == key


def test_a_cursor_that_nobody_moved_stays_on_the_first_row() -> None:
    driver = Driver([10, 20, 30])
    driver.settle()
    driver.change([40, 20, 30])
    driver.settle()
    assert (driver.state.cursor, driver.state.row) == (0, driver.world.rows(driver.asked)[0])
    driver.move(0)
    driver.change([10, 20, 30])
    driver.settle()
    assert driver.state.row is not None and (driver.state.cursor, driver.state.row.account) == (2, "a0@x.test")


def test_a_row_whose_source_answers_last_is_waited_for() -> None:
    driver = Driver([50, 40, 30])
    slow = [replace(one, source="slow") for one in world_of([45, 35]).cells]
    driver.world.cells += slow
    driver.settle()
    driver.move(1)
    driver.settle()
    key = driver.state.key
    assert key is not None and key.source == "slow"
    for unknown in ([], driver.world.cells[:3]):
        driver.world.cells = unknown
        driver.reverse()
        driver.settle()
        assert driver.state.cursor == 0
        driver.world.cells = [*world_of([50, 40, 30]).cells, *slow]
        driver.wire.append(driver.world.view(driver.asked))
        driver.settle()
        assert (driver.state.key, driver.state.sought) == (key, None)
        driver.check_settled()
    driver.world.cells = [*world_of([50, 40, 30]).cells, slow[1]]
    driver.reverse()
    driver.settle()
    driver.check_settled()
    assert driver.state.sought is None
