"""When a source is asked next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.hub.pace import MAX_RETRY_SECONDS, PATIENT_RETRIES, next_beat, retry_seconds

times = st.floats(0, 1e6)


@given(times, st.floats(0, 100), st.floats(0.1, 60), st.none() | st.floats(0, 1))
def test_the_next_beat_is_to_come_and_not_far(began: float, took: float, pace: float, phase: float | None) -> None:
    beat = next_beat(began, began + took, pace, phase)
    assert began + took - 1e-6 <= beat <= began + took + 1.5 * pace + 1e-6
    assert beat >= began + pace / 2 - 1e-6


@given(times, st.floats(0.1, 60), st.floats(0, 1))
def test_a_phase_is_kept_whatever_was_asked_between(began: float, pace: float, phase: float) -> None:
    beats = [began]
    for _ in range(3):
        beats.append(next_beat(beats[-1], beats[-1] + pace / 100, pace, phase))
    for beat in beats[1:]:
        assert abs((beat / pace - phase) - round(beat / pace - phase)) < 1e-3
    assert abs(beats[3] - beats[2] - pace) < 1e-3


def test_who_refuses_is_asked_later_and_later_and_who_is_away_at_the_interval() -> None:
    for _ in range(20):
        assert 2.5 <= retry_seconds(5, 0, 0, unreachable=False) <= 5
        assert 15 <= retry_seconds(5, 30, 3, unreachable=False) <= 30
        assert retry_seconds(5, 1e6, 9, unreachable=False) <= MAX_RETRY_SECONDS
        assert retry_seconds(5, 1e6, 0, unreachable=True) <= 1
        assert 2.5 <= retry_seconds(5, 1e6, PATIENT_RETRIES, unreachable=True) <= 5
