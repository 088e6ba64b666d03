"""How a source fails: in its own words, old or in error, and tried again later and later."""

from __future__ import annotations

import time

from tui.hub.outage import MAX_WISH_SECONDS, Outage
from tui.model import Freshness, SourceStatus
from tui.sources.source import SourceError, Unreachable

LIVE = SourceStatus(name="mx1", type="ledger", freshness=Freshness.LIVE, age_seconds=3)
UNTOLD = SourceStatus(name="mx1", type="ledger", freshness=Freshness.STALE)


def told(failure: SourceError, status: SourceStatus) -> tuple[Freshness, str | None]:
    failing = Outage()
    failing.fail(failure, interval_seconds=2, now=100, clock_time=0)
    shown = failing.told(status)
    return shown.freshness, shown.error


def test_numbers_of_who_is_away_are_old_and_who_refuses_is_in_error() -> None:
    assert told(Unreachable("Nobody\x1b there."), LIVE) == (Freshness.STALE, "Nobody\ufffd there.")
    assert told(Unreachable("Nobody there."), UNTOLD) == (Freshness.ERROR, "Nobody there.")
    assert told(SourceError("No."), LIVE) == (Freshness.ERROR, "No.")
    assert Outage().told(LIVE) is LIVE


def test_what_fails_for_long_is_tried_later_and_what_was_good_meanwhile_at_the_interval() -> None:
    failing, refusal = Outage(), SourceError("No.")
    assert failing.fail(refusal, 2, now=100, clock_time=0) <= 102
    assert 115 <= failing.fail(refusal, 2, now=110, clock_time=0) <= 120
    failing.end()
    assert failing.error is None and failing.told(LIVE) is LIVE
    assert failing.fail(refusal, 2, now=200, clock_time=0) <= 202


def test_who_wants_to_be_left_alone_is_and_says_until_when_but_not_for_ever() -> None:
    failing = Outage()
    failing.fail(SourceError("Overloaded.", 30), 2, now=100, clock_time=60)
    assert failing.not_before == 130
    until = time.strftime("%H:%M:%S", time.localtime(90))
    assert failing.error == f"Overloaded. It wants to be left alone until {until}."
    failing.end()
    assert failing.not_before == 130, "it said so, whatever it answered since"
    failing.fail(SourceError("Overloaded.", 1e9), 2, now=100, clock_time=60)
    assert failing.not_before == 100 + MAX_WISH_SECONDS
