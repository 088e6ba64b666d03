"""Polling one source: at once when the query changes, never late over new, failing softly and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from tests.hub.scripted import ScriptedSource, until
from tui.hub import outage, overdue, pace
from tui.hub import poller as polling
from tui.hub.poller import Poller, Trend, Wanted
from tui.model import Freshness, Grouping, QueueQuery, QueueTable, SourceStatus
from tui.sources.source import SourceError, Unreachable

ACCOUNTS = QueueQuery(Grouping.ACCOUNT)
ISPS = QueueQuery(Grouping.ISP)


@asynccontextmanager
async def polled(source: ScriptedSource, wanted: Wanted | None = None) -> AsyncIterator[Poller]:
    poller = Poller(source, lambda: None)
    poller.want(wanted or Wanted(ACCOUNTS, totals=True))
    running = asyncio.create_task(poller.run())
    try:
        yield poller
    finally:
        running.cancel()
        source.deaf = False
        source.gate.set()
        await asyncio.wait([running])


async def test_it_asks_again_and_again() -> None:
    source = ScriptedSource()
    async with polled(source, Wanted(ACCOUNTS, (Trend(ACCOUNTS, 3600),), totals=True)) as poller:
        await until(lambda: source.count("queue") >= 3 and source.count("totals") >= 3)
        assert poller.query == ACCOUNTS
        assert poller.table is not None and len(poller.table) == 3
        assert poller.totals == source.accounts
        assert poller.histories[Trend(ACCOUNTS, 3600)] is not None
        assert poller.status().freshness is Freshness.LIVE


async def test_before_the_first_answer_it_says_so() -> None:
    source = ScriptedSource()
    status = Poller(source, lambda: None).status()
    assert (status.freshness, status.age_seconds) == (Freshness.STALE, None)
    assert status.notes == ("It has not answered yet.",)


async def test_what_did_not_change_is_not_fetched_again() -> None:
    source = ScriptedSource()
    source.quiet = True
    async with polled(source, Wanted(ACCOUNTS, (Trend(ACCOUNTS, 3600),), totals=True)) as poller:
        await until(lambda: source.count("changed") >= 5)
        assert source.count("queue") == source.count("totals") == 1
        assert source.count("history") <= 2
        confirmed = poller.confirmed
        await until(lambda: poller.confirmed > confirmed)
        source.quiet = False
        await until(lambda: source.count("queue") > 1)


async def test_a_new_query_is_asked_at_once_even_while_the_old_one_hangs() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.gate.clear()
    async with polled(source) as poller:
        await until(lambda: source.queries == [ACCOUNTS])
        poller.want(Wanted(ISPS, totals=True))
        await until(lambda: source.queries == [ACCOUNTS, ISPS])
        source.gate.set()
        await until(lambda: poller.table is not None)
        assert poller.query == ISPS


async def test_a_new_trend_is_asked_at_once() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.quiet = True
    async with polled(source) as poller:
        await until(lambda: poller.totals is not None)
        trend = Trend(QueueQuery(account_id=1), 3600)
        poller.want(Wanted(ACCOUNTS, (trend,)))
        await until(lambda: trend in poller.histories)
        other = Trend(QueueQuery(account_id=2), 3600)
        poller.want(Wanted(ACCOUNTS, (other,)))
        await until(lambda: other in poller.histories)
        poller.want(Wanted(ACCOUNTS, (trend,)))
        await until(lambda: trend in poller.histories)
        assert source.count("queue") == 1


async def test_a_late_answer_never_overwrites_a_newer_one() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.gate.clear()
    source.deaf = True
    late_gate = source.gate
    async with polled(source) as poller:
        await until(lambda: source.queries == [ACCOUNTS])
        (asking,) = (task for task in asyncio.all_tasks() if "Poller._poll" in repr(task.get_coro()))
        source.gate = asyncio.Event()
        source.gate.set()
        poller.want(Wanted(ISPS, totals=True))
        await until(lambda: poller.query == ISPS)
        assert not asking.done()
        late_gate.set()
        await asyncio.wait([asking])
        assert poller.query == ISPS
        assert poller.table is not None and poller.table.query == ISPS


async def test_a_failure_keeps_the_last_good_numbers_and_heals_by_itself() -> None:
    source = ScriptedSource()
    async with polled(source) as poller:
        await until(lambda: poller.table is not None)
        source.trouble = SourceError("mx1 does not answer; is it up?\x1b[31m")
        await until(lambda: poller.status().freshness is Freshness.ERROR)
        status = poller.status()
        assert status.error == "mx1 does not answer; is it up?\ufffd[31m"
        assert status.age_seconds is not None
        assert poller.table is not None and poller.totals is not None
        await asyncio.sleep(0.05)
        assert (poller.status().age_seconds or 0) > status.age_seconds
        source.trouble = None
        await until(lambda: poller.status().freshness is Freshness.LIVE)


async def test_a_mistake_in_a_source_is_told_in_a_sentence() -> None:
    source = ScriptedSource()
    source.trouble = KeyError("oops")
    async with polled(source) as poller:
        await until(lambda: poller.status().error is not None)
        assert "KeyError: 'oops'" in (poller.status().error or "")


async def test_retries_come_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_RETRY_SECONDS", 0.3)
    source = ScriptedSource(interval_seconds=0.01)
    source.trouble = SourceError("no")
    times: list[float] = []
    status = source.status

    async def timed() -> object:
        times.append(asyncio.get_running_loop().time())
        return await status()

    monkeypatch.setattr(source, "status", timed)
    async with polled(source):
        await until(lambda: len(times) >= 8)
    waits = [after - before for before, after in pairwise(times)]
    for number, wait in enumerate(waits[1:], 1):
        assert wait >= 0.5 * min(0.3, max(0.01, sum(waits[:number]) - waits[0])) - 0.01


async def test_retries_come_no_later_than_the_limit_and_not_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limit so many retries would take years."""
    monkeypatch.setattr(pace, "MAX_RETRY_SECONDS", 0.05)
    source = ScriptedSource(interval_seconds=0.01)
    source.trouble = SourceError("no")
    times = times_of(source, monkeypatch)
    async with polled(source):
        await until(lambda: len(times) >= 30)
    waits = [after - before for before, after in pairwise(times[10:])]
    assert 0.025 <= min(waits) < 0.049


async def test_a_refused_login_is_not_tried_again_in_short_order() -> None:
    source = ScriptedSource(interval_seconds=2.0)
    source.trouble = SourceError("it refuses the token (HTTP 403).")
    async with polled(source) as poller:
        await until(lambda: poller.status().error)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert source.count("status") == 1


async def test_what_is_only_starting_is_tried_in_short_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "RETRY_SECONDS", 0.01)
    source = ScriptedSource(interval_seconds=3600)
    source.trouble = Unreachable("there is no ledger yet.")
    async with polled(source) as poller:
        await until(lambda: source.count("status") >= pace.PATIENT_RETRIES)
        source.trouble = None
        await until(lambda: poller.status().freshness is Freshness.LIVE)


async def test_a_failing_source_is_not_hammered_by_moving_about() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.trouble = SourceError("no")
    async with polled(source) as poller:
        await until(lambda: poller.status().error is not None)
        asked = len(source.calls)
        for account in range(20):
            poller.want(Wanted(ACCOUNTS, (Trend(QueueQuery(account_id=account), 60),)))
            await asyncio.sleep(0)
        assert len(source.calls) == asked
        poller.want(Wanted(ISPS, totals=True))
        await until(lambda: source.count("queue") == 1)


async def test_a_source_that_hangs_is_stale_then_failed_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(overdue, "LEAST_SLOW_SECONDS", 0.02)
    monkeypatch.setattr(polling, "ANSWER_SECONDS", 0.2)
    source = ScriptedSource()
    source.gate.clear()
    source.deaf = True
    async with polled(source) as poller:
        await until(lambda: poller.status().freshness is Freshness.STALE and "not answered for" in str(poller.status()))
        await until(lambda: poller.status().freshness is Freshness.ERROR)
        await until(lambda: len(source.queries) >= 2)
        source.gate.set()
        await until(lambda: poller.status().freshness is Freshness.LIVE)


async def test_while_paused_nothing_is_asked() -> None:
    source = ScriptedSource()
    async with polled(source) as poller:
        await until(lambda: poller.table is not None)
        poller.pause(True)
        assert poller.status().freshness is Freshness.PAUSED
        await asyncio.sleep(0)
        asked = len(source.calls)
        poller.refresh()
        poller.want(Wanted(ISPS, totals=True))
        await asyncio.sleep(5 * source.interval_seconds)
        assert len(source.calls) == asked
        poller.pause(False)
        await until(lambda: poller.query == ISPS)
        assert poller.status().freshness is Freshness.LIVE


async def test_a_refresh_asks_for_everything_now() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.quiet = True
    async with polled(source) as poller:
        await until(lambda: source.count("totals") == 1)
        poller.refresh()
        await until(lambda: source.count("totals") == 2 and source.count("queue") == 2)


async def test_an_answer_that_takes_several_ticks_skips_them(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource(interval_seconds=0.2)
    source.gate.clear()
    times: list[float] = []
    queue = source.queue

    async def timed(query: QueueQuery) -> QueueTable | None:
        times.append(asyncio.get_running_loop().time())
        return await queue(query)

    monkeypatch.setattr(source, "queue", timed)
    async with polled(source):
        await until(lambda: len(times) == 1)
        await asyncio.sleep(0.7)
        source.gate.set()
        await until(lambda: len(times) == 3)
    first, second, third = times
    assert second - first >= 0.7
    assert third - second >= 0.1, "those that were missed would come at once"


async def test_a_question_abandoned_midway_does_not_lose_a_change() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.quiet = True
    source.gate.clear()
    async with polled(source) as poller:
        await until(lambda: source.queries == [ACCOUNTS])
        poller.want(Wanted(ISPS, totals=True))
        await until(lambda: source.queries == [ACCOUNTS, ISPS])
        poller.want(Wanted(ACCOUNTS))
        source.gate.set()
        await until(lambda: poller.query == ACCOUNTS and poller.totals is not None)


def times_of(source: ScriptedSource, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the source is polled, as it happens."""
    times: list[float] = []
    status = source.status

    async def timed() -> SourceStatus:
        times.append(asyncio.get_running_loop().time())
        return await status()

    monkeypatch.setattr(source, "status", timed)
    return times


async def test_a_server_that_is_away_is_tried_at_every_interval_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PATIENT_RETRIES", 0)
    source = ScriptedSource(interval_seconds=0.05)
    async with polled(source) as poller:
        await until(lambda: poller.table is not None)
        source.trouble = Unreachable("mx1 refuses connections.")
        times = times_of(source, monkeypatch)
        await until(lambda: len(times) >= 30)
        status = poller.status()
        assert (status.freshness, status.error) == (Freshness.STALE, "mx1 refuses connections.")
        assert status.age_seconds is not None and poller.table is not None
        source.trouble = None
        await until(lambda: poller.status().freshness is Freshness.LIVE)
    waits = sorted(after - before for before, after in pairwise(times[1:30]))
    assert waits[len(waits) // 2] <= 0.1, "doubling waits would be minutes by now"


async def test_nobody_was_ever_there_is_an_error() -> None:
    source = ScriptedSource()
    source.trouble, source.age_seconds = Unreachable("mx1 refuses connections."), None
    async with polled(source) as poller:
        await until(lambda: poller.status().error)
        assert poller.status().freshness is Freshness.ERROR


async def test_a_source_that_wants_to_be_left_alone_is_whoever_asks() -> None:
    source = ScriptedSource()
    source.trouble = SourceError("mx1 is overloaded (HTTP 503).", 0.4)
    async with polled(source) as poller:
        await until(lambda: poller.status().error)
        failed_at = asyncio.get_running_loop().time()
        assert "HTTP 503" in str(poller.status().error) and "left alone until " in str(poller.status().error)
        asked, source.trouble = len(source.calls), None
        poller.refresh()
        poller.want(Wanted(ISPS, totals=True))
        poller.pause(True)
        poller.pause(False)
        await asyncio.sleep(0.2)
        assert len(source.calls) == asked
        await until(lambda: poller.query == ISPS)
        assert asyncio.get_running_loop().time() - failed_at >= 0.35
        assert poller.status().freshness is Freshness.LIVE


async def test_a_wish_for_years_is_not_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "MAX_WISH_SECONDS", 0.1)
    source = ScriptedSource()
    source.trouble = SourceError("no", 1e9)
    async with polled(source) as poller:
        await until(lambda: poller.status().error)
        source.trouble = None
        await until(lambda: poller.status().freshness is Freshness.LIVE)


async def test_what_is_not_shown_is_asked_seldom_and_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "REST_SECONDS", 0.2)
    source = ScriptedSource()
    async with polled(source) as poller:
        await until(lambda: source.count("queue") >= 3)
        poller.want(Wanted())
        await asyncio.sleep(0.1)
        asked = len(source.queries)
        times = times_of(source, monkeypatch)
        totals = source.count("totals")
        await until(lambda: source.count("totals") >= totals + 2)
        assert len(source.queries) == asked
        assert times[-1] - times[0] >= 0.15
        assert len(times) <= 8, "and its state no oftener than its totals"
        source.accounts = None
        await until(lambda: len(source.queries) > asked)
        assert source.queries[-1] == QueueQuery(), "one row, to know how a source without totals is"
        assert poller.status().freshness is Freshness.LIVE
        monkeypatch.setattr(polling, "REST_SECONDS", 3600)
        await until(lambda: poller.totals is None)
        poller.want(Wanted(ISPS, totals=True))
        await until(lambda: source.queries[-3:] == [ISPS] * 3)


async def test_totals_that_no_pane_shows_are_asked_seldom() -> None:
    source = ScriptedSource()
    async with polled(source, Wanted(ACCOUNTS)):
        await until(lambda: source.count("queue") >= 5)
        assert source.count("totals") == 1


async def test_the_accounts_on_the_screen_are_named() -> None:
    source = ScriptedSource()
    async with polled(source, Wanted(ACCOUNTS, totals=True, accounts=("alice", "bob"))):
        await until(lambda: source.shown == ("alice", "bob"))


async def test_nothing_is_asked_before_anything_is_wanted() -> None:
    source = ScriptedSource()
    poller = Poller(source, lambda: None)
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(0.05)
    assert not source.calls
    poller.want(Wanted())
    await until(lambda: source.count("totals"))
    running.cancel()
    await asyncio.wait([running])


async def test_what_an_answer_is_worth_is_known_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.freshness, source.age_seconds = Freshness.STALE, None
    asked = source.queue

    async def answering(query: QueueQuery) -> QueueTable | None:
        table = await asked(query)
        source.freshness, source.age_seconds = Freshness.PARTIAL, 0.0
        return table

    monkeypatch.setattr(source, "queue", answering)
    async with polled(source) as poller:
        await until(lambda: poller.table is not None)
        assert poller.status().freshness is Freshness.PARTIAL
