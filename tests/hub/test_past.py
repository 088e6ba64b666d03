"""What waited since the screen began: bounded, in steps, and a gap where nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.hub import past as pasts
from tui.hub.past import PACES, Past, Trail
from tui.model import Counts, History, QueueQuery, QueueRow

NOON = 1_763_726_400
ALL = QueueQuery()


def news(history: History | None) -> list[int | None]:
    assert history is not None
    return [None if point is None else point.new for point in history.points]


def watched(*samples: tuple[float, int]) -> Past:
    past = Past()
    for seconds, new in samples:
        past.add("queue", NOON + seconds, [(ALL, QueueRow(new=new))])
    return past


def test_what_nobody_looked_at_is_not_known() -> None:
    assert Past().history("queue", ALL, NOON, 300, 2.0) is None


def test_samples_hold_until_the_next_and_before_the_first_is_a_gap() -> None:
    past = watched((0, 1), (12, 2), (20, 3))
    history = past.history("queue", ALL, NOON + 24, 300, 4.0)
    assert history is not None and (history.step_seconds, len(history.points)) == (5, 60)
    assert news(history)[-5:] == [1, 1, 2, 2, 3]
    assert set(news(history)[:-5]) == {None}


def test_a_failure_is_a_gap_until_the_next_answer() -> None:
    past = watched((0, 1), (5, 1))
    past.break_off("other", NOON + 6)
    past.break_off("queue", NOON + 10)
    past.break_off("queue", NOON + 15)
    past.add("queue", NOON + 25, [(ALL, QueueRow(new=7))])
    assert news(past.history("queue", ALL, NOON + 29, 300, 60.0))[-6:] == [1, 1, None, None, None, 7]


def test_where_nobody_looked_for_long_is_a_gap() -> None:
    past = watched((0, 1), (60, 2))
    assert news(past.history("queue", ALL, NOON + 64, 300, 2.0))[-13:] == [1, *[None] * 11, 2]


def test_longer_spans_have_longer_steps_and_reach_back_further() -> None:
    past = watched(*[(float(second), second) for second in range(0, 7200, 10)])
    for span, step in ((300, 5), (3600, 30), (21600, 300), (86400, 300)):
        history = past.history("queue", ALL, NOON + 7199, span, 10.0)
        assert history is not None and history.step_seconds == step
        assert len(history.points) == span // step
        assert news(history)[-1] == 7190
    assert None not in news(past.history("queue", ALL, NOON + 7199, 3600, 10.0))[1:]


def test_rows_that_were_not_shown_for_longest_lose_their_past() -> None:
    past = Past()
    for account in range(pasts.MAX_TRENDS + 1):
        past.add("queue", NOON, [(QueueQuery(account_id=account), QueueRow(new=1))])
    assert past.history("queue", QueueQuery(account_id=0), NOON, 300, 2.0) is None
    assert past.history("queue", QueueQuery(account_id=1), NOON, 300, 2.0) is not None


@given(
    st.lists(st.tuples(st.integers(0, 100_000), st.none() | st.integers(0, 9)), max_size=50), st.integers(0, 100_000)
)
def test_any_clock_gives_the_newest_sample_of_each_step_or_a_gap(
    samples: list[tuple[int, int | None]], end: int
) -> None:
    trail = Trail()
    kept: list[tuple[int, int | None]] = []
    for time, new in samples:
        kept = [(before, value) for before, value in kept if before < time] + [(time, new)]
        trail.add(NOON + time, None if new is None else Counts(new=new))
    history = trail.history(NOON + end, 300, 1e9)
    assert len(history.points) == PACES[0][1]
    for place, point in enumerate(history.points):
        upto = history.start + (place + 1) * history.step_seconds - NOON
        known = [value for time, value in kept if time < upto]
        assert (None if point is None else point.new) == (known[-1] if known else None)
