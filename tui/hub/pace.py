"""When a source is asked next: on its beat while it answers, later and later while it fails. Pure but for chance; only
the poller enters."""

from __future__ import annotations

import math
import random

RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
PATIENT_RETRIES = 8
"""Where nobody answers it is tried again so often in short order: what is only starting, as a collector that makes its
ledger, is then seen as soon as it is there."""

_CHANCE = random.SystemRandom()
"""Spreads retries, so that many screens do not ask a server that comes back all at once."""


def next_beat(began: float, now: float, pace_seconds: float, phase: float | None) -> float:
    """When to poll again after a poll that ``began`` and has ended ``now``: at the next beat that is still to come.
    With a ``phase`` (0 to 1) beats are the same however often something was asked between them, so that many sources
    stay spread over the interval."""
    if phase is None:
        return began + pace_seconds * max(1, math.ceil((now - began) / pace_seconds))
    earliest = max(now, began + pace_seconds / 2)
    return (math.ceil(earliest / pace_seconds - phase) + phase) * pace_seconds


def retry_seconds(interval_seconds: float, failing_seconds: float, failures: int, *, unreachable: bool) -> float:
    """How long to wait after a failure: an interval at first, then as long as the source has failed for, up to a
    minute, since a server that refuses a login may lock out who tries often. Where only somebody has to be there again
    it stays at the interval."""
    if not unreachable:
        delay = max(interval_seconds, failing_seconds)
    else:
        delay = min(RETRY_SECONDS, interval_seconds) if failures < PATIENT_RETRIES else interval_seconds
    return min(MAX_RETRY_SECONDS, delay) * _CHANCE.uniform(0.5, 1)
