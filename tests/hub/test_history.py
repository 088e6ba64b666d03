"""Changes a minute: against what waited about a minute ago, unknown until that is known."""

from __future__ import annotations

import pytest

from tui.hub import history
from tui.hub.history import Recent
from tui.model import Grouping, QueueQuery, QueueTable

ISPS = QueueQuery(Grouping.ISP)


def answer(totals: dict[str, int]) -> QueueTable:
    rows = len(totals)
    return QueueTable(
        query=ISPS,
        sender_id=[1] * rows,
        account_id=[0] * rows,
        account=[""] * rows,
        campaign_id=[0] * rows,
        campaign=[""] * rows,
        isp=list(totals),
        new=list(totals.values()),
        proc=[0] * rows,
        retry=[0] * rows,
        hold=[0] * rows,
    )


class Poll:
    """Asks one place at given times."""

    def __init__(self, query: QueueQuery = ISPS, recent: Recent | None = None) -> None:
        self.query = query
        self.recent = recent or Recent()

    def at(self, time: float, *, complete: bool = True, **totals: int) -> dict[str, float | None]:
        table = answer(totals)
        part = self.recent.part("local", self.query, table, time, complete=complete)
        self.sum_delta = part.sum_delta
        return dict(zip(table.isp, part.changes.deltas(), strict=True))


def test_the_first_answer_has_no_change() -> None:
    poll = Poll()
    assert poll.at(0, Gmail=5) == {"Gmail": None}
    assert poll.sum_delta is None


def test_too_short_a_time_has_no_change_either() -> None:
    poll = Poll()
    poll.at(0, Gmail=5)
    assert poll.at(2, Gmail=50) == {"Gmail": None}


def test_a_change_is_a_minutes_and_new_rows_come_from_nothing() -> None:
    poll = Poll()
    poll.at(0, Gmail=10, Yahoo=4)
    assert poll.at(30, Gmail=5, Outlook=3) == {"Gmail": -10, "Outlook": 6}
    assert poll.sum_delta == -12


def test_it_is_measured_against_about_a_minute_ago() -> None:
    poll = Poll()
    for second in range(0, 301, 5):
        deltas = poll.at(second, Gmail=second)
    assert deltas["Gmail"] == pytest.approx(60)
    poll.at(305, Gmail=1000)
    for second in range(310, 400, 5):
        deltas = poll.at(second, Gmail=1000)
    assert deltas["Gmail"] == 0


def test_after_a_gap_the_change_is_unknown_again() -> None:
    poll = Poll()
    poll.at(0, Gmail=10)
    poll.at(30, Gmail=10)
    assert poll.at(1000, Gmail=500) == {"Gmail": None}


def test_nothing_is_measured_against_numbers_that_were_not_complete() -> None:
    poll = Poll()
    poll.at(0, Gmail=10)
    assert poll.at(30, complete=False, Gmail=1000) == {"Gmail": None}
    assert poll.at(60, Gmail=500) == {"Gmail": None}
    assert poll.at(90, Gmail=490) == {"Gmail": -20}


def test_each_place_of_the_drill_down_has_its_own_past() -> None:
    recent = Recent()
    all_mail, one_account = Poll(ISPS, recent), Poll(QueueQuery(Grouping.ISP, account_id=1), recent)
    all_mail.at(0, Gmail=100)
    one_account.at(0, Gmail=10)
    assert all_mail.at(60, Gmail=160) == {"Gmail": 60}
    assert one_account.at(60, Gmail=10) == {"Gmail": 0}


def test_places_left_long_ago_are_forgotten_when_there_are_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_ROWS", 5)
    recent = Recent()
    first, second = Poll(ISPS, recent), Poll(QueueQuery(Grouping.ISP, account_id=1), recent)
    first.at(0, a=1, b=1, c=1)
    second.at(1, a=1, b=1, c=1)
    assert set(first.at(31, a=1).values()) == {None}
    assert second.at(61, a=2)["a"] == pytest.approx(1)
