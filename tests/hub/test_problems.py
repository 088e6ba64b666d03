"""Which rows are a problem: what is held, what is mostly put off, what grows."""

from __future__ import annotations

import pytest

from tui.hub.part import Changes
from tui.hub.problems import problems


@pytest.mark.parametrize(
    ("retry", "hold", "total", "delta", "expected"),
    [
        (0, 0, 0, None, False),
        (0, 0, 1000, None, False),
        (0, 1, 1000, None, True),
        (1, 0, 3, None, False),
        (9, 0, 9, None, False),
        (10, 0, 20, None, True),
        (10, 0, 21, None, False),
        (499, 0, 1000, -50.0, False),
        (500, 0, 1000, -50.0, True),
        (0, 0, 10, 10.0, True),
        (0, 0, 9, 9.0, False),
        (0, 0, 109, 9.0, False),
        (0, 0, 110, 10.0, True),
        (0, 0, 111, 10.0, False),
        (0, 0, 11_000, 1000.0, True),
        (0, 0, 11_001, 1000.0, False),
    ],
)
def test_a_row_is_a_problem(retry: int, hold: int, total: int, delta: float | None, expected: bool) -> None:
    before = None if delta is None else [int(total - delta)]
    assert problems([retry], [hold], Changes([total], before, 1.0)) == bytes([expected])


def test_growth_counts_by_the_minute() -> None:
    assert problems([0, 0], [0, 0], Changes([105, 104], [100, 100], 2.0)) == bytes([1, 0])
    assert problems([0, 0], [0, 0], Changes([60, 59], [40, 40], 0.5)) == bytes([1, 0])


def test_every_row_is_looked_at() -> None:
    assert problems([0, 50, 0], [0, 0, 1], Changes([90, 90, 90])) == bytes([0, 1, 1])
    assert problems([], [], Changes([], [], 1.0)) == b""
