"""How a source is while its answer is waited for: as it was, then stale, then with the reason. Pure; only the poller
enters."""

from __future__ import annotations

import msgspec

from tui.model import Freshness, SourceStatus

SLOW_SECONDS = 5.0
SLOW_INTERVALS = 3
"""The reason is told when an answer takes five seconds, or three intervals where these take longer."""

LEAST_SLOW_SECONDS = 1.0
SLOW_TIMES = 2
"""Numbers are stale when an answer takes longer than the interval and than twice the last one took."""


def overdue(
    status: SourceStatus, waited_seconds: float, interval_seconds: float, last_took_seconds: float
) -> SourceStatus:
    """``status`` while an answer has been waited for so long."""
    if waited_seconds <= max(LEAST_SLOW_SECONDS, interval_seconds, SLOW_TIMES * last_took_seconds):
        return status
    status = msgspec.structs.replace(status, freshness=Freshness.STALE)
    if waited_seconds <= max(SLOW_SECONDS, SLOW_INTERVALS * interval_seconds):
        return status
    return msgspec.structs.replace(
        status, error=f"It has not answered for {waited_seconds // 5 * 5:.0f} seconds; it may be slow or hang."
    )
