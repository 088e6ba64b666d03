"""Fleets: what many hosts come to together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.hub.fleet import added_up, causes_together, messages_together
from tui.model import Cause, Counts, History, WaitingMessage

some_points = st.lists(st.none() | st.builds(Counts, send=st.integers(0, 9), hold=st.integers(0, 9)), max_size=8)


def history(start: int, *waiting: int | None, step: int = 60) -> History:
    return History(start, step, [None if new is None else Counts(send=1, new=new) for new in waiting])


def waiting(history: History | None) -> list[int | None]:
    assert history is not None
    return [None if point is None else point.new for point in history.points]


def test_histories_add_up_and_a_gap_is_only_where_nobody_knows() -> None:
    total = added_up([history(60, 1, None, 3, None), history(60, 10, 20, None, None)])
    assert total is not None and (total.start, total.step_seconds) == (60, 60)
    assert waiting(total) == [11, 20, 3, None]


def test_one_history_stands_as_it_is_and_none_is_none() -> None:
    alone = history(7, 1, 2)
    assert added_up([alone]) is alone
    assert added_up([]) is None


def test_histories_asked_a_minute_apart_cover_what_both_know() -> None:
    total = added_up([history(60, 1, 2, 3), history(120, 10, 20, 30)])
    assert total is not None and total.start == 120
    assert waiting(total) == [12, 23]


def test_a_host_that_went_adds_to_what_it_knew_and_ends_nothing() -> None:
    total = added_up([history(0, 1, 1, 1, 1, 1, 1, 1, 1), history(0, 5, 5), history(600, 7)])
    assert total is not None and total.start == 600, "the newest ones say which time is meant"
    assert waiting(added_up([history(0, 1, 2, 3, 4, 5), history(0, 10, 20)])) == [11, 22, 3, 4, 5]


def test_finer_steps_are_brought_to_the_coarsest() -> None:
    fine = history(30, 1, 2, 3, 4, 5, step=30)
    total = added_up([history(0, 10, 20, 30), fine])
    assert total is not None and total.step_seconds == 60
    assert waiting(total) == [11, 23, 35]
    assert [point.send for point in total.points if point is not None] == [2, 3, 3]
    assert added_up([history(0, 1, step=60), history(0, 1, step=7)]) is None


@given(st.lists(some_points, min_size=2, max_size=4))
def test_nothing_that_anybody_knows_of_is_lost(parts: list[list[Counts | None]]) -> None:
    length = max(map(len, parts))
    padded = [part + [None] * (length - len(part)) for part in parts]
    total = added_up([History(0, 60, part) for part in padded])
    assert total is not None
    for event in ("send", "hold"):
        expected = sum(getattr(point, event) for part in parts for point in part if point is not None)
        assert sum(getattr(point, event) for point in total.points if point is not None) == expected


def cause(text: str, count: int, first: int, last: int) -> Cause:
    return Cause(text=text, count=count, first_seen=first, last_seen=last, last_reply=f"{text} at {last}")


def test_the_same_cause_on_several_hosts_is_one() -> None:
    merged = causes_together([[cause("full", 3, 10, 20), cause("slow", 2, 1, 2)], [cause("slow", 2, 5, 9)], []])
    assert merged == [
        Cause(text="slow", count=4, first_seen=1, last_seen=9, last_reply="slow at 9"),
        cause("full", 3, 10, 20),
    ]
    assert causes_together([]) is None and causes_together([[]]) == []


def test_the_oldest_messages_are_those_of_all_hosts() -> None:
    def message(id: str, arrived: int | None) -> WaitingMessage:
        return WaitingMessage(id=id, sender="", recipient="a@example.com", state="retry", arrived=arrived)

    found = messages_together([[message("b", 5), message("d", None)], [message("a", 1), message("c", 9)]], 3)
    assert found is not None and [each.id for each in found] == ["a", "b", "c"]
    assert messages_together([], 3) is None


def test_histories_of_different_times_have_nothing_in_common() -> None:
    assert waiting(added_up([history(0, 1), history(120, 1), history(60, 1)])) == []
