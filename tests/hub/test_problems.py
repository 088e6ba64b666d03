"""Which rows are a problem: what is held, what is mostly put off, what grows."""

from __future__ import annotations

import pytest

from tui.hub.problems import problems


@pytest.mark.parametrize(
    ("retry", "hold", "total", "delta", "expected"),
    [
        (0, 0, 0, None, False),
        (0, 0, 1000, None, False),
        (0, 1, 1000, None, True),
        (1, 0, 3, None, False),
        (1, 0, 2, None, True),
        (499, 0, 1000, -50.0, False),
        (500, 0, 1000, -50.0, True),
        (0, 0, 10, 10.0, True),
        (0, 0, 9, 9.0, False),
        (0, 0, 109, 9.9, False),
        (0, 0, 110, 10.0, True),
        (0, 0, 111, 10.0, False),
        (0, 0, 11_000, 1000.0, True),
        (0, 0, 11_001, 1000.0, False),
    ],
)
def test_a_row_is_a_problem(retry: int, hold: int, total: int, delta: float | None, expected: bool) -> None:
    assert problems([retry], [hold], [total], [delta]) == bytes([expected])


def test_every_row_is_looked_at() -> None:
    assert problems([0, 5, 0], [0, 0, 1], [9, 9, 9], [None, 0.0, -3.0]) == bytes([0, 1, 1])
    assert problems([], [], [], []) == b""
