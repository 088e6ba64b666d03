"""The cursor stays on its row, followed or not, whatever keys and views come in whatever order, and what is seen is
what the hub has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.driving import BY_ACCOUNT, BY_ISP, Driver, world_of
from tui.model import Grouping
from tui.ui.widgets import table_state
from tui.ui.widgets.queue_table import window_of

totals_lists = st.lists(st.integers(0, 40), max_size=60)
steps: st.SearchStrategy[Callable[[Driver], object]] = st.one_of(
    st.sampled_from([-1, 1, -5, 5, -1000, 1000]).map(lambda rows: lambda driver: driver.move(rows)),
    st.integers(1, 12).map(lambda height: lambda driver: driver.resize(height)),
    totals_lists.map(lambda totals: lambda driver: driver.change(totals)),
    st.just(Driver.reverse),
    st.sampled_from(["", "1", "!1", "nobody"]).map(lambda text: lambda driver: driver.filter(text)),
    st.sampled_from([BY_ACCOUNT, BY_ISP]).map(lambda query: lambda driver: driver.group(query)),
    st.just(lambda driver: driver.follow()),
    st.just(lambda driver: driver.state.toggle_mark()),
    st.sampled_from([-1, 1]).map(lambda step: lambda driver: driver.seek(step)),
    st.just(Driver.deliver),
    st.just(Driver.deliver),
)


@given(totals_lists, st.lists(steps, max_size=30))
def test_the_cursor_is_on_its_row_after_any_keys_and_views(
    totals: list[int], sequence: list[Callable[[Driver], object]]
) -> None:
    driver = Driver(totals)
    for step in sequence:
        step(driver)
        driver.check()
    driver.settle()
    driver.check_settled()


@given(st.lists(st.integers(1, 99), min_size=1, max_size=60), st.data())
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
    assert len(driver.state.window.rows) <= 50


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
    assert not driver.state.show(window_of(old), latest=False)
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


def test_a_followed_row_is_found_again_through_order_filter_and_grouping() -> None:
    driver = Driver(list(range(100, 0, -1)), height=10)
    driver.settle()
    driver.move(41)
    driver.settle()
    key = driver.state.key
    assert driver.follow()
    for step in (Driver.reverse, lambda driver: driver.filter("a4"), lambda driver: driver.filter("")):
        step(driver)
        driver.settle()
        assert driver.state.key == key and driver.state.row is not None
    driver.group(BY_ISP)
    driver.settle()
    assert driver.state.followed is None and driver.state.row is not None and driver.state.row.isp == "Gmail"
    driver.move(1)
    driver.group(BY_ACCOUNT)
    driver.settle()
    assert driver.state.key == key
    driver.move(1)
    assert driver.state.followed is None, "a move lets go"


def test_a_followed_row_that_drained_is_gone_until_it_is_there_again_or_let_go() -> None:
    driver = Driver([50, 40, 30, 20])
    driver.settle()
    driver.move(2)
    driver.settle()
    driver.follow()
    key = driver.state.key
    for let_go in (lambda: driver.move(1), driver.follow):
        driver.change([50, 40, 0, 20])
        driver.settle()
        assert driver.gone_name() == "a2@x.test"
        assert (driver.state.row, driver.state.key, driver.asked.selected) == (None, None, key)
        driver.change([50, 40, 60, 20])
        driver.settle()
        assert (driver.gone_name(), driver.state.key, driver.state.cursor) == (None, key, 0)
        driver.change([50, 40, 0, 20])
        driver.settle()
        let_go()
        assert driver.gone_name() is None and driver.state.row is not None
        driver.settle()
        driver.check_settled()
        driver.change([50, 40, 30, 20])
        driver.settle()
        driver.move(2 - driver.state.cursor)
        driver.settle()
        driver.follow()


def test_an_answer_about_another_row_says_nothing_of_the_followed_one() -> None:
    driver = Driver([50, 40, 30, 20])
    driver.settle()
    old = driver.world.view(replace(driver.asked, serial=99))
    driver.move(2)
    driver.settle()
    driver.follow()
    key = driver.state.key
    driver.state.begin(None, Grouping.ACCOUNT)
    assert driver.state.show(window_of(old), latest=True)
    assert (driver.state.key, driver.state.cursor) == (key, 2)
    far = replace(old, rows=old.rows[:1])
    driver.state.begin(None, Grouping.ACCOUNT)
    assert driver.state.show(window_of(far), latest=True)
    assert (driver.state.row, driver.state.gone, driver.state.selected) == (None, None, key)


def test_what_was_sought_moves_the_cursor_once_a_request() -> None:
    driver = Driver(list(range(100, 0, -1)), height=10)
    driver.settle()
    driver.seek(1)
    answer = driver.world.view(driver.asked)
    driver.settle()
    assert driver.state.row is not None and driver.state.row.account == "a2@x.test"
    driver.move(5)
    assert driver.state.show(window_of(replace(answer, serial=answer.serial)), latest=True)
    assert driver.state.cursor == 7
    driver.settle()
    driver.check_settled()
    driver.seek(-1)
    driver.settle()
    assert driver.state.row is not None and driver.state.row.account == "a5@x.test"
    driver.move(-1000)
    driver.settle()
    driver.seek(-1)
    driver.settle()
    assert driver.state.row is not None and driver.state.row.account == "a98@x.test"
    driver.check_settled()


def test_a_row_out_of_sight_that_was_sought_comes_to_the_middle() -> None:
    driver = Driver([100 - number for number in range(100)], height=10)
    driver.settle()
    driver.world.cells = [
        replace(one, hold=one.hold if one.account == "a50@x.test" else 0) for one in driver.world.cells
    ]
    driver.seek(1)
    driver.settle()
    row = driver.state.row
    assert row is not None and row.account == "a50@x.test"
    assert driver.state.cursor - driver.state.scroll == 5


def test_marks_stay_with_their_grouping_and_have_an_order_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_state, "MAX_MARKS", 4)
    driver = Driver(list(range(20, 0, -1)), height=10)
    driver.settle()
    for rows in (3, -1, 5):
        driver.move(rows)
        assert driver.state.toggle_mark()
    assert [key.account_id for key in driver.state.marked] == [
        driver.world.rows(driver.asked)[index].account_id for index in (3, 2, 7)
    ]
    assert driver.state.toggle_mark() and len(driver.state.marked) == 2
    driver.group(BY_ISP)
    assert not driver.state.toggle_mark(), "nothing is there yet to be marked"
    driver.settle()
    assert not driver.state.marked
    driver.group(BY_ACCOUNT)
    driver.settle()
    assert len(driver.state.marked) == 2
    driver.state.unmark()
    assert not driver.state.marked
    for _ in range(4):
        driver.settle()
        assert driver.state.toggle_mark()
        driver.move(1)
    driver.settle()
    assert not driver.state.toggle_mark()
    assert len(driver.state.marked) == 4
