"""What was sent is told in coarse steps, and a link is slow when enough was seen of it."""

from __future__ import annotations

from tui.ui.traffic import SLOW_FOR_SECONDS, WINDOW_SECONDS, Traffic


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def slow(counted: Traffic) -> bool:
    return counted.is_slow


def traffic() -> tuple[Traffic, Clock]:
    clock = Clock()
    return Traffic(clock), clock


def test_nothing_sent_is_zero_and_the_clock_alone_counts_as_nothing() -> None:
    counted, _ = traffic()
    assert counted.bytes_per_second == 0
    counted.sent(60, 0.0)
    assert counted.bytes_per_second == 0


def test_what_is_sent_is_told_in_one_digit_and_forgotten() -> None:
    counted, clock = traffic()
    for _ in range(10):
        clock.now += 1
        counted.sent(1234, 0.0)
    assert counted.bytes_per_second == 1000
    clock.now += WINDOW_SECONDS + 1
    assert counted.bytes_per_second == 0


def test_a_rate_that_wavers_is_told_as_one() -> None:
    counted, clock = traffic()
    told = set()
    for second in range(100):
        clock.now += 1
        counted.sent(400 if second % 2 else 500, 0.0)
        if second >= WINDOW_SECONDS:
            told.add(counted.bytes_per_second)
    assert len(told) == 1


def test_writes_that_wait_tell_of_a_slow_link_until_none_has_for_long() -> None:
    counted, clock = traffic()
    assert not slow(counted)
    for _ in range(8):
        counted.sent(1024, 1024 / 16_000)
    assert slow(counted)
    clock.now += SLOW_FOR_SECONDS + 1
    assert not slow(counted)


def test_a_terminal_that_did_not_read_for_a_while_is_no_slow_link() -> None:
    counted, _ = traffic()
    for _ in range(8):
        counted.sent(1024, 60.0)
        counted.answered(10_000, 60.0)
    assert not slow(counted)


def test_a_far_terminal_is_no_slow_link() -> None:
    counted, _ = traffic()
    for size in (40, 12_000, 900, 8000):
        counted.answered(size, 0.3 + size / 1_000_000)
    assert not slow(counted)


def test_answers_tell_of_a_slow_link_and_of_one_that_became_fast() -> None:
    counted, _ = traffic()
    counted.answered(40, 0.2)
    counted.answered(12_000, 0.2 + 12_000 / 16_000)
    assert not slow(counted), "once may be chance"
    counted.answered(3000, 0.2 + 3000 / 16_000)
    assert slow(counted)
    counted.answered(3000, 0.21)
    counted.answered(60, 0.2)
    assert slow(counted)
    counted.answered(3000, 0.21)
    assert not slow(counted)


def test_a_machine_that_is_late_with_a_small_answer_is_no_slow_link() -> None:
    counted, _ = traffic()
    counted.answered(40, 0.001)
    for _ in range(3):
        counted.answered(600, 0.045)
    assert not slow(counted)
