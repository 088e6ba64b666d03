"""The ledger as a source: freshness, failure and recovery, over a scripted reader."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection

import pytest

from tui.engine.ledger import LedgerError, LedgerStatus
from tui.model import (
    Balance,
    Cause,
    Checkup,
    Counts,
    Freshness,
    Grouping,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    WaitingMessage,
)
from tui.sources.ledger import LedgerSource, NoLedger
from tui.sources.ledger_words import Standing, describe
from tui.sources.source import Source, SourceError

NOW = 1_700_000_000.0


def ledger_status(
    *,
    updated: float | None = NOW,
    collector: int | None = 4711,
    counters: dict[str, int] | None = None,
    gauges: dict[str, int] | None = None,
    notes: dict[str, str] | None = None,
    size: int = 4_200_000,
) -> LedgerStatus:
    return LedgerStatus(
        updated=updated,
        collector=collector,
        counters=counters or {},
        gauges={"listed_at": int(NOW), "log_time": int(NOW)} if gauges is None else gauges,
        notes=notes or {},
        size=size,
        cells=3,
    )


def balance(account: str, account_id: int = 0, *, accepted: int, lost: int = 0) -> Balance:
    """Of those accepted ``lost`` are gone without a word, the others were delivered."""
    delivered = accepted - lost
    counts = dict.fromkeys(("failed", "removed", "waiting"), 0)
    since = int(NOW) if lost else None
    return Balance(
        account=account, account_id=account_id, accepted=accepted, delivered=delivered, since=since, **counts
    )


class FakeReader:
    """A reader in memory; remembers the threads that called it."""

    def __init__(self) -> None:
        self.number = 1
        self.stands = ledger_status()
        self.trouble: Exception | None = None
        self.closed = False
        self.threads: set[int] = set()
        self.asked: list[QueueQuery] = []
        self.waiting = 5
        self.accounted = [
            balance("", accepted=9),
            balance("alice", 1, accepted=5),
            balance("bob", 2, accepted=1, lost=1),
            balance("eve", 3, accepted=3, lost=-1),
        ]
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def _called(self) -> None:
        self.threads.add(threading.get_ident())
        if self.trouble is not None:
            raise self.trouble

    def version(self) -> int:
        self._called()
        return self.number

    def status(self) -> LedgerStatus:
        self._called()
        return self.stands

    def hosts(self) -> list[HostStatus] | None:
        return None

    def totals(self) -> list[MailTotals]:
        self._called()
        self.begun.set()
        self.gate.wait(10)
        return [MailTotals(account="alice", send_count=3)]

    def balances(self, accounts: Collection[int] | None = None) -> list[Balance]:
        self._called()
        own = {0, *accounts} if accounts is not None else {each.account_id for each in self.accounted}
        return [each for each in self.accounted if each.difference or each.account_id in own]

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        self._called()
        self.asked.append(query)
        return QueueTable(query=query, new=[self.waiting])

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        self._called()
        return History(end - span_seconds, 60, [Counts(new=1), None])

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        self._called()
        return []

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        self._called()
        return [WaitingMessage(id=str(number), sender="", recipient="a@b", state="new") for number in range(limit)]

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed = True


class Ledger:
    """A ledger that may not exist yet, and counts how often it was opened."""

    def __init__(self) -> None:
        self.exists = True
        self.opened = 0
        self.reader = FakeReader()

    def open(self) -> FakeReader:
        self.opened += 1
        if not self.exists:
            raise LedgerError("There is no ledger at /var/lib/x.db yet; start `mailtop collect`.")
        self.reader.closed = False
        return self.reader


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def source(ledger: Ledger) -> AsyncIterator[LedgerSource]:
    source = LedgerSource("local", ledger.open, clock=lambda: NOW + 1)
    yield source
    await source.close()


async def test_it_is_a_source_that_hands_on_what_the_ledger_says(source: LedgerSource) -> None:
    as_source: Source = source
    query = QueueQuery(Grouping.ISP)
    assert (await as_source.totals() or [])[0].send_count == 3
    table = await as_source.queue(query)
    assert table is not None and table.query == query and table.new == [5]
    history = await as_source.history(query, 7200, 3600)
    assert history is not None and history.start == 3600 and history.points == [Counts(new=1), None]
    assert await as_source.causes(query) == []
    assert [message.id for message in await as_source.messages(query, 3) or []] == ["0", "1", "2"]
    assert (await as_source.status()).freshness is Freshness.LIVE


async def test_the_balance_is_that_of_the_host_then_of_accounts(source: LedgerSource) -> None:
    told = await source.balances()
    assert told is not None and [each.account for each in told] == ["", "alice", "bob", "eve"]
    some = await source.balances((1,))
    assert some is not None and [each.account for each in some] == ["", "alice", "bob", "eve"]
    off = await source.balances(())
    assert off is not None and [(each.account, each.difference) for each in off] == [("", 0), ("bob", 1), ("eve", -1)]


async def test_before_log_and_queue_were_read_no_balance_is_known(source: LedgerSource, ledger: Ledger) -> None:
    for known in ({"listed_at"}, {"log_time"}):
        ledger.reader.stands = ledger_status(gauges=dict.fromkeys(known, int(NOW)))
        assert await source.balances() is None
    ledger.reader.stands, ledger.reader.accounted = ledger_status(), []
    assert await source.balances() is None, "a ledger that does not tell it"


async def test_a_check_tells_whether_all_mail_is_accounted_for(source: LedgerSource, ledger: Ledger) -> None:
    checkup = await source.check()
    assert checkup.problems == ()
    assert any(note.startswith("It is off by 2 since 2023-11-1") for note in checkup.notes)
    ledger.reader.accounted[1:] = []
    assert "It is balanced: all 9 recipients that were accepted are accounted for." in (await source.check()).notes


async def test_every_call_runs_in_one_thread_that_is_not_the_loops(source: LedgerSource, ledger: Ledger) -> None:
    await asyncio.gather(source.totals(), source.status(), source.changed(), source.queue(QueueQuery()))
    await source.close()
    assert len(ledger.reader.threads) == 1
    assert threading.get_ident() not in ledger.reader.threads
    assert ledger.reader.closed


async def test_changed_tells_whether_anything_was_written(source: LedgerSource, ledger: Ledger) -> None:
    assert await source.changed()
    assert not await source.changed()
    ledger.reader.number += 1
    assert await source.changed()
    assert not await source.changed()


async def test_a_ledger_that_does_not_exist_yet_is_an_error_until_it_does(source: LedgerSource, ledger: Ledger) -> None:
    ledger.exists = False
    with pytest.raises(SourceError, match="There is no ledger"):
        await source.queue(QueueQuery())
    status = await source.status()
    assert status.freshness is Freshness.ERROR
    assert status.error == "There is no ledger at /var/lib/x.db yet; start `mailtop collect`."
    assert status.age_seconds is None
    ledger.exists = True
    assert (await source.status()).freshness is Freshness.LIVE
    assert await source.changed()


async def test_it_tells_its_colour_whether_it_answers_or_not(ledger: Ledger) -> None:
    source = LedgerSource("local", ledger.open, color="#d08770", clock=lambda: NOW)
    assert (await source.status()).color == "#d08770"
    ledger.reader.trouble = LedgerError("gone")
    assert (await source.status()).color == "#d08770"
    await source.close()


async def test_after_a_failure_the_reader_is_opened_anew(source: LedgerSource, ledger: Ledger) -> None:
    assert await source.changed()
    ledger.reader.trouble = LedgerError("/var/lib/x.db: disk I/O error; check the disk.")
    with pytest.raises(SourceError, match="disk I/O error"):
        await source.totals()
    assert ledger.reader.closed
    ledger.reader.trouble = None
    assert await source.totals()
    assert ledger.opened == 2
    assert await source.changed()


def told(status: LedgerStatus, now: float = NOW, interval_seconds: float = 2.0) -> tuple[Freshness, str]:
    described = describe("local", "local", Standing(status), now, interval_seconds)
    return described.freshness, " ".join((described.error or "", *described.notes))


@pytest.mark.parametrize(
    "age_seconds, interval_seconds, freshness",
    [(0, 2, "live"), (5.9, 2, "live"), (6.1, 2, "stale"), (4.9, 0.5, "live"), (5.1, 0.5, "stale"), (29, 10, "live")],
)
def test_it_is_live_while_the_collector_writes(age_seconds: float, interval_seconds: float, freshness: str) -> None:
    told_freshness, text = told(ledger_status(), NOW + age_seconds, interval_seconds)
    assert told_freshness == freshness
    assert ("process 4711" in text) == (freshness == "stale")


@pytest.mark.parametrize(
    "age_seconds, words",
    [(30, "less than a minute"), (61, "1 minute old"), (7300, "2 hours old"), (86400 * 3, "3 days old")],
)
def test_without_a_collector_it_is_stale_and_says_how_old(age_seconds: float, words: str) -> None:
    freshness, text = told(ledger_status(collector=None), NOW + age_seconds)
    assert freshness is Freshness.STALE
    assert "No collector runs" in text and words in text


def test_never_written_and_no_collector_says_that_there_are_no_numbers() -> None:
    status = ledger_status(collector=None, updated=None)
    freshness, text = told(status)
    assert freshness is Freshness.STALE and "no numbers yet" in text
    assert describe("x", "local", Standing(status), NOW, 2).age_seconds is None


def test_a_log_that_cannot_be_read_makes_it_partial() -> None:
    freshness, text = told(ledger_status(notes={"log": "/var/log/mail.log cannot be read."}))
    assert freshness is Freshness.PARTIAL and "/var/log/mail.log cannot be read." in text


def test_a_backfill_makes_it_partial_even_when_a_batch_takes_long() -> None:
    assert told(ledger_status(gauges={"backfill": 1}), NOW + 60)[0] is Freshness.PARTIAL
    assert told(ledger_status(gauges={"backfill": 0, "listed_at": 5}))[0] is Freshness.LIVE


async def test_a_queue_that_was_never_listed_is_not_an_empty_queue(source: LedgerSource, ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(gauges={"log_time": 0, "backfill": 1})
    assert (await source.queue(QueueQuery()), len(await source.totals() or [])) == (None, 1)
    freshness, text = told(ledger_status(gauges={"backfill": 0}))
    assert freshness is Freshness.PARTIAL and "not listed the queue yet" in text


async def test_where_the_queue_cannot_be_listed_the_log_tells_what_waits(source: LedgerSource, ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(gauges={"backfill": 0}, notes={"queue": "exim -bp failed."})
    assert await source.queue(QueueQuery()) is not None
    ledger.reader.waiting = 0
    assert await source.queue(QueueQuery()) is None


async def test_before_the_log_was_read_there_are_no_totals_and_no_age(source: LedgerSource, ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(gauges={"backfill": 1})
    assert (await source.queue(QueueQuery()), await source.totals()) == (None, None)
    assert (await source.status()).age_seconds is None


def test_a_queue_that_cannot_be_listed_is_an_error_with_its_age() -> None:
    standing = Standing(ledger_status(notes={"queue": "exim -bp failed."}))
    status = describe("x", "local", standing, NOW + 3, 2)
    assert status.freshness is Freshness.ERROR
    assert status.error == "exim -bp failed."
    assert status.age_seconds == 3


def test_what_could_not_be_explained_is_told_in_sentences() -> None:
    text = told(ledger_status(counters={"vanished": 1, "unparsed": 1234, "unlogged": 0, "log_copies": 2}))[1]
    assert "The log was copied and truncated 2 times: what is logged in such a moment is lost" in text
    assert "1 recipient left the queue without a line in the log." in text
    assert "1,234 lines of the log could not be understood." in text
    assert "that tells of it" not in text
    assert "The ledger takes 4.2 MB on disk." in text


async def test_a_call_that_nobody_waits_for_any_more_never_begins(source: LedgerSource, ledger: Ledger) -> None:
    ledger.reader.gate.clear()
    slow = asyncio.create_task(source.totals())
    await asyncio.to_thread(ledger.reader.begun.wait, 10)
    abandoned = asyncio.create_task(source.queue(QueueQuery()))
    await asyncio.sleep(0)
    abandoned.cancel()
    await asyncio.wait([abandoned])
    ledger.reader.gate.set()
    assert await slow
    await source.status()
    assert ledger.reader.asked == []


FOUND = Checkup(reached="Postfix", identity="user mail", seconds=0.2, rights=("queue",), problems=("no log",))


async def looked_at(ledger: Ledger, *, found: Checkup = FOUND, now: float = NOW + 1) -> Checkup:
    source = LedgerSource("local", ledger.open, clock=lambda: now, look=lambda: found)
    try:
        return await source.check()
    finally:
        await source.close()


async def test_check_adds_to_what_was_found_how_the_collecting_goes(ledger: Ledger) -> None:
    checkup = await looked_at(ledger)
    assert (checkup.reached, checkup.rights, checkup.problems) == ("Postfix", ("queue",), ("no log",))
    assert checkup.notes[0] == "Process 4711 collects; the numbers are less than a minute old."


async def test_check_tells_what_the_collector_cannot_read_and_that_it_hangs(ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(notes={"log": "no log", "queue": "exim -bp failed."})
    checkup = await looked_at(ledger, now=NOW + 120)
    assert checkup.problems == (
        "no log",
        "exim -bp failed.",
        "The collector (process 4711) has not written; the numbers are 2 minutes old.",
    )
    ledger.reader.stands = ledger_status(gauges={"backfill": 1, "log_time": int(NOW)})
    assert (await looked_at(ledger, now=NOW + 120)).problems == ("no log",)


async def test_check_does_not_repeat_what_an_ended_collector_could_not_read(ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(collector=None, notes={"queue": "exim -bp failed."})
    checkup = await looked_at(ledger)
    assert checkup.problems == ("no log",)
    assert checkup.notes[0].startswith("No collector runs; ")


async def test_check_takes_a_ledger_that_nobody_made_for_no_problem_but_a_broken_one(ledger: Ledger) -> None:
    ledger.reader.trouble = NoLedger("there is no ledger")
    checkup = await looked_at(ledger)
    assert (checkup.problems, len(checkup.notes)) == (("no log",), 1)
    ledger.reader.trouble = LedgerError("the ledger is damaged; move it away")
    assert (await looked_at(ledger)).problems == ("no log", "the ledger is damaged; move it away")


async def test_of_a_log_that_was_never_read_only_what_waits_is_known(source: LedgerSource, ledger: Ledger) -> None:
    ledger.reader.stands = ledger_status(gauges={"listed_at": 1, "backfill": 0})
    totals = await source.totals()
    assert totals
    assert {(each.send_count, each.success_count, each.defer_count, each.fail_count) for each in totals} == {
        (None,) * 4
    }
