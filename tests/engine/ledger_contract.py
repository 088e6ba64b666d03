"""What every ledger must do. A ledger's own test subclasses ``LedgerContract`` and says how to make an empty one."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import pairwise, product
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.engine.batch import (
    D_HOLD,
    D_NEW,
    D_PROC,
    D_RETRY,
    FAIL,
    ISP_BITS,
    SEND,
    SIZE,
    SUCCESS,
    Batch,
    CauseDelta,
    CauseKey,
    Delta,
    LogPosition,
    cell_key,
)
from tui.engine.ledger import LedgerBusy, LedgerError, LedgerReader, LedgerWriter
from tui.model import Cause, Counts, Grouping, MailTotals, QueueQuery, RowKey

ACCOUNTS = {"alice": 1, "bob": 2, "<>": 3}
CAMPAIGNS = {(1, ""): 1, (1, "spring"): 2, (2, ""): 3, (2, "spring"): 4, (3, ""): 5}
ISPS = {"Gmail": 1, "Yahoo": 2, "a.example": 3}
OWNERS = {number: account for (account, _), number in CAMPAIGNS.items()}
ISP_NAMES = {0: "", **{number: name for name, number in ISPS.items()}}

HOUR = 3600
START = 1_750_003_200
"""The full hour at which the tests' mail begins; ``BASE`` is its minute."""
BASE = START // 60


class SnapshotReader(LedgerReader, Protocol):
    """A reader that can answer several questions from one state."""

    def snapshot(self) -> AbstractContextManager[None]: ...


class Ledger(Protocol):
    """One ledger that a test may open and open again."""

    def writer(self, *, minutes_kept_hours: int = 24, hours_kept_days: int = 90) -> LedgerWriter: ...

    def reader(self) -> SnapshotReader: ...


def delta(**counts: int) -> Delta:
    """Nine counts by name."""
    return [counts.get(name, 0) for name in Counts.__struct_fields__]


def batch(deltas: dict[int, dict[int, Delta]] | None = None, **rest: object) -> Batch:
    """A batch that brings every name of the tests along."""
    made = Batch(deltas=deltas or {}, accounts=dict(ACCOUNTS), campaigns=dict(CAMPAIGNS), isps=dict(ISPS))
    for name, value in rest.items():
        setattr(made, name, value)
    return made


GMAIL, YAHOO, ALICE = cell_key(1, 1), cell_key(1, 2), cell_key(1, 0)
"""Cells of alice's mail without campaign; the last is the messages as such."""


class Model:
    """The ledger as naive dictionaries."""

    def __init__(self) -> None:
        self.minutes: defaultdict[int, defaultdict[int, Delta]] = defaultdict(lambda: defaultdict(lambda: [0] * 9))
        self.cells: defaultdict[int, Delta] = defaultdict(lambda: [0] * 9)
        self.causes: dict[CauseKey, CauseDelta] = {}

    def add(self, batch: Batch) -> None:
        for minute, cells in batch.deltas.items():
            for cell, counts in cells.items():
                for column, count in enumerate(counts):
                    self.minutes[minute][cell][column] += count
                    self.cells[cell][column] += count
        for key, new in batch.causes.items():
            old = self.causes.get(key, CauseDelta(0, new.first_seen, 0, ""))
            self.causes[key] = CauseDelta(
                old.count + new.count,
                min(old.first_seen, new.first_seen),
                max(old.last_seen, new.last_seen),
                new.last_reply if new.last_seen >= old.last_seen else old.last_reply,
            )

    def queue(self, query: QueueQuery) -> dict[RowKey, list[int]]:
        rows: defaultdict[RowKey, list[int]] = defaultdict(lambda: [0] * 4)
        if query.grouping is Grouping.TOTAL:
            rows[RowKey(sender_id=7)] = [0] * 4
        for cell, counts in self.cells.items():
            if selects(query, cell):
                row = rows[row_key(query.grouping, cell)]
                for state in range(4):
                    row[state] += counts[D_NEW + state]
        return {key: row for key, row in rows.items() if query.grouping is Grouping.TOTAL or sum(row) > 0}

    def totals(self) -> list[MailTotals]:
        accounts: defaultdict[int, Delta] = defaultdict(lambda: [0] * 9)
        for cell, counts in self.cells.items():
            for column, count in enumerate(counts):
                accounts[OWNERS[cell >> ISP_BITS]][column] += count
        return [
            MailTotals(
                account=name,
                account_id=number,
                send_count=accounts[number][SEND],
                success_count=accounts[number][SUCCESS],
                defer_count=accounts[number][2],
                fail_count=accounts[number][FAIL],
                in_progress_count=sum(accounts[number][D_NEW:]),
                total_size=accounts[number][SIZE],
            )
            for name, number in ACCOUNTS.items()
            if any(accounts[number])
        ]

    def points(self, query: QueueQuery, start: int, step: int, length: int) -> list[Counts]:
        """What happened in each bucket, and what waited at its end."""
        buckets: defaultdict[int, Delta] = defaultdict(lambda: [0] * 9)
        waiting = [0] * 4
        for minute, cells in self.minutes.items():
            for cell, changes in cells.items():
                if selects(query, cell):
                    bucket = buckets[minute * 60 // step * step]
                    for column, change in enumerate(changes):
                        bucket[column] += change
        for early in [bucket for bucket in buckets if bucket < start]:
            waiting = [held + change for held, change in zip(waiting, buckets[early][D_NEW:], strict=True)]
        points = []
        for at in range(start, start + length * step, step):
            waiting = [held + change for held, change in zip(waiting, buckets[at][D_NEW:], strict=True)]
            points.append(Counts(*buckets[at][:D_NEW], *waiting))
        return points

    def check_causes(self, query: QueueQuery, found: list[Cause]) -> None:
        expected: defaultdict[str, list[CauseDelta]] = defaultdict(list)
        for key, one in self.causes.items():
            if selects(query, key.cell) and sum(self.cells[key.cell][D_NEW:]) > 0:
                expected[key.text].append(one)
        assert {cause.text for cause in found} == set(expected)
        for cause in found:
            same = expected[cause.text]
            last_seen = max(one.last_seen for one in same)
            assert (cause.count, cause.first_seen, cause.last_seen) == (
                sum(one.count for one in same),
                min(one.first_seen for one in same),
                last_seen,
            )
            assert cause.last_reply in {one.last_reply for one in same if one.last_seen == last_seen}
        assert all(one.count >= other.count for one, other in pairwise(found))


def selects(query: QueueQuery, cell: int) -> bool:
    campaign_id, isp_id = cell >> ISP_BITS, cell & ((1 << ISP_BITS) - 1)
    return (
        query.account_id in (None, OWNERS[campaign_id])
        and query.campaign_id in (None, campaign_id)
        and query.isp in (None, ISP_NAMES[isp_id])
    )


def row_key(grouping: Grouping, cell: int) -> RowKey:
    campaign_id, isp_id = cell >> ISP_BITS, cell & ((1 << ISP_BITS) - 1)
    account_id = OWNERS[campaign_id]
    match grouping:
        case Grouping.TOTAL:
            return RowKey(sender_id=7)
        case Grouping.ACCOUNT:
            return RowKey(sender_id=7, account_id=account_id)
        case Grouping.ACCOUNT_CAMPAIGN:
            return RowKey(sender_id=7, account_id=account_id, campaign_id=campaign_id)
        case Grouping.ISP:
            return RowKey(sender_id=7, isp=ISP_NAMES[isp_id])


def every_filter() -> Iterator[QueueQuery]:
    """Every combination of filters, those that select nothing too."""
    for account_id, campaign_id, isp in product((None, 1, 2, 9), (None, 1, 4, 9), (None, "", "Gmail", "nobody")):
        yield QueueQuery(account_id=account_id, campaign_id=campaign_id, isp=isp)


CELLS = st.builds(cell_key, st.sampled_from(sorted(OWNERS)), st.sampled_from(sorted(ISP_NAMES)))
COUNTS = st.tuples(*[st.integers(-1, 5)] * 4, st.integers(0, 3 << 32), *[st.integers(-3, 5)] * 4)
DELTAS = st.dictionaries(st.integers(BASE, BASE + 200), st.dictionaries(CELLS, COUNTS, max_size=6), max_size=4)
CAUSES = st.dictionaries(
    st.builds(CauseKey, CELLS, st.sampled_from(["451 4.7.1 greylisted", "421 too many", "552 5.2.2 mailbox full"])),
    st.builds(CauseDelta, st.integers(1, 9), *[st.integers(START, START + 9999)] * 2, st.text(max_size=5)),
    max_size=4,
)


def batches_of(drawn: list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]]) -> list[Batch]:
    """Batches in which no cell ever holds less than nothing, and of which the first begins at ``BASE``."""
    waiting: defaultdict[int, list[int]] = defaultdict(lambda: [0] * 4)
    batches: list[Batch] = []
    for minutes, causes in drawn:
        made = Batch(deltas={} if batches else {BASE: {ALICE: delta(send=1)}}, causes=causes)
        for minute, cells in minutes.items():
            row = made.deltas.setdefault(minute, {})
            for cell, counts in cells.items():
                changes = [max(change, -held) for change, held in zip(counts[D_NEW:], waiting[cell], strict=True)]
                waiting[cell] = [held + change for held, change in zip(waiting[cell], changes, strict=True)]
                row[cell] = [*counts[:D_NEW], *changes]
        batches.append(made)
    named = batch()
    batches[0].accounts, batches[0].campaigns, batches[0].isps = named.accounts, named.campaigns, named.isps
    return batches


class LedgerContract:
    """The suite. ``sender_id`` of its readers is 7."""

    def new_ledger(self) -> AbstractContextManager[Ledger]:
        """An empty ledger for the length of the context."""
        raise NotImplementedError

    @pytest.fixture
    def ledger(self) -> Iterator[Ledger]:
        with self.new_ledger() as ledger:
            yield ledger

    @pytest.fixture
    def writer(self, ledger: Ledger) -> Iterator[LedgerWriter]:
        writer = ledger.writer()
        yield writer
        writer.close()

    @pytest.fixture
    def reader(self, ledger: Ledger, writer: LedgerWriter) -> Iterator[SnapshotReader]:
        reader = ledger.reader()
        yield reader
        reader.close()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(drawn=st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4), rolled=st.booleans())
    def test_answers_what_a_naive_model_answers(
        self, drawn: list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]], rolled: bool
    ) -> None:
        model = Model()
        with self.new_ledger() as ledger:
            writer = ledger.writer(minutes_kept_hours=1)
            reader = ledger.reader()
            for made in batches_of(drawn):
                model.add(made)
                writer.write(made)
            if rolled:
                writer.maintain(START + 10 * HOUR)
            assert sorted(reader.totals(), key=lambda one: one.account_id) == model.totals()
            for filters in every_filter():
                self.check_queue(reader, model, filters)
                self.check_history(reader, model, filters)
                model.check_causes(filters, reader.causes(filters))
            reader.close()
            writer.close()

    def check_queue(self, reader: SnapshotReader, model: Model, filters: QueueQuery) -> None:
        sums = set()
        for grouping in Grouping:
            query = filters.grouped(grouping)
            rows = list(reader.queue(query).rows())
            assert {row.key: [row.new, row.proc, row.retry, row.hold] for row in rows} == model.queue(query)
            assert all(one.total >= other.total for one, other in pairwise(rows))
            sums.add(tuple(sum(getattr(row, state) for row in rows) for state in ("new", "proc", "retry", "hold")))
        assert len(sums) == 1

    def check_history(self, reader: SnapshotReader, model: Model, filters: QueueQuery) -> None:
        last_minute = max(model.minutes)
        end = (last_minute + 1) * 60
        for span in (10 * 60, end - START, 26 * HOUR):
            history = reader.history(filters, end, span)
            assert history.start + len(history.points) * history.step_seconds >= end
            assert len(history.points) == -(-span // history.step_seconds)
            expected = model.points(filters, history.start, history.step_seconds, len(history.points))
            for index, point in enumerate(history.points):
                bucket = history.start + index * history.step_seconds
                known = bucket + history.step_seconds > START and bucket < end
                assert point == (expected[index] if known else None)

    def test_keeps_what_a_collector_must_find_again(self, ledger: Ledger) -> None:
        writer = ledger.writer()
        position = LogPosition("/var/log/exim4/mainlog", 2**64 - 1, 2**63 + 5, b"\x00head\xff", 4096)
        writer.write(
            batch(
                messages={b"1a": b"\x00\x01", b"1b": b"", b"1c": b"three"},
                positions=[position, LogPosition("/var/log/mail.log", 1, 2, b"", 0)],
            )
        )
        moved = LogPosition("/var/log/mail.log", 1, 3, b"h", 17)
        writer.write(Batch(messages={b"1a": None, b"1b": b"new", b"gone": None}, positions=[moved]))
        writer.close()

        again = ledger.writer()
        names = again.names()
        assert (names.accounts, names.campaigns, names.isps) == (ACCOUNTS, CAMPAIGNS, {"": 0, **ISPS})
        assert again.messages() == {b"1b": b"new", b"1c": b"three"}
        assert sorted(again.positions(), key=lambda at: at.path) == [position, moved]
        again.close()

    def test_a_new_ledger_has_no_names_but_that_of_no_isp(self, writer: LedgerWriter) -> None:
        names = writer.names()
        assert (names.accounts, names.campaigns, names.isps) == ({}, {}, {"": 0})
        assert writer.messages() == {}
        assert writer.positions() == []

    def test_an_empty_ledger_says_nothing_waits_and_nothing_is_known(self, reader: SnapshotReader) -> None:
        table = reader.queue(QueueQuery())
        assert [row.total for row in table.rows()] == [0]
        assert table.files is None
        assert len(reader.queue(QueueQuery(grouping=Grouping.ACCOUNT))) == 0
        assert reader.totals() == []
        assert reader.history(QueueQuery(), START, HOUR).points == [None] * 60
        assert reader.causes(QueueQuery()) == []
        status = reader.status()
        assert (status.updated, status.counters, status.gauges, status.cells) == (None, {}, {}, 0)

    def test_status_tells_how_the_ledger_stands(self, ledger: Ledger, writer: LedgerWriter) -> None:
        before = time.time()
        writer.write(
            batch(
                {BASE: {GMAIL: delta(new=1), ALICE: delta(send=1)}},
                counters={"vanished": 2},
                gauges={"queue_files": 5, "listed_at": START},
            )
        )
        writer.write(Batch(counters={"vanished": 3, "unparsed": 1}, gauges={"queue_files": 4}))
        writer.note("queue", "cannot list the queue")
        writer.note("log", "cannot read the log")
        writer.note("log", None)
        reader = ledger.reader()
        status = reader.status()
        assert status.updated is not None
        assert before - 1 <= status.updated <= time.time() + 1
        assert status.collector is not None
        assert status.counters == {"vanished": 5, "unparsed": 1}
        assert status.gauges == {"queue_files": 4, "listed_at": START}
        assert status.notes == {"queue": "cannot list the queue"}
        assert status.cells == 2
        assert status.size > 0
        assert reader.queue(QueueQuery()).files == 4
        writer.close()
        assert reader.status().collector is None
        reader.close()

    def test_the_version_changes_with_every_write(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        versions = [reader.version()]
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
        versions.append(reader.version())
        writer.write(Batch())
        versions.append(reader.version())
        writer.note("log", "gone")
        versions.append(reader.version())
        assert len(set(versions)) == len(versions)
        writer.note("log", "gone")
        assert reader.version() == versions[-1]

    def test_rows_carry_ids_and_names_and_the_longest_come_first(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        writer.write(
            batch(
                {
                    BASE: {
                        cell_key(1, 1): delta(new=1),
                        cell_key(2, 1): delta(retry=9),
                        cell_key(4, 2): delta(hold=4),
                        cell_key(5, 3): delta(success=4),
                    }
                }
            )
        )
        table = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN))
        assert [(row.account_id, row.account, row.campaign_id, row.campaign, row.isp) for row in table.rows()] == [
            (1, "alice", 2, "spring", ""),
            (2, "bob", 4, "spring", ""),
            (1, "alice", 1, "", ""),
        ]
        assert table.sender_id == [7, 7, 7]
        by_isp = reader.queue(QueueQuery(grouping=Grouping.ISP))
        assert [(row.isp, row.account_id, row.account, row.total) for row in by_isp.rows()] == [
            ("Gmail", 0, "", 10),
            ("Yahoo", 0, "", 4),
        ]
        at_gmail = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN, isp="Gmail", account_id=1))
        assert [(row.account, row.campaign, row.total) for row in at_gmail.rows()] == [
            ("alice", "spring", 9),
            ("alice", "", 1),
        ]

    def test_a_limit_cuts_rows_and_nothing_else(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {cell_key(number, 1): delta(new=number) for number in OWNERS}}))
        every = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN))
        two = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN), limit=2)
        assert list(two.rows()) == list(every.rows())[:2]
        by_account = reader.queue(QueueQuery(grouping=Grouping.ACCOUNT, isp="Gmail"), limit=1)
        assert [(row.account, row.total) for row in by_account.rows()] == [("bob", 7)]

    def test_another_sender_has_nothing_here(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(retry=1)}}, causes={CauseKey(GMAIL, "x"): CauseDelta(1, 0, 0, "x")}))
        assert len(reader.queue(QueueQuery(sender_id=7))) == 1
        other = QueueQuery(sender_id=8)
        assert len(reader.queue(other)) == 0
        assert reader.history(other, START + 60, 120).points == [None, None]
        assert reader.causes(other) == []

    def test_filters_from_outside_may_be_anything(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
        for query in (
            QueueQuery(account_id=2**70),
            QueueQuery(campaign_id=-(2**70)),
            QueueQuery(campaign_id=1, isp="\udcff\x00'; --"),
        ):
            assert [row.total for row in reader.queue(query).rows()] == [0]
            assert reader.history(query, START + 60, 60).points == [Counts()]
            assert reader.causes(query) == []

    def test_history_carries_what_waits_and_shows_no_zero_before_the_first_mail(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=3)}, BASE + 3: {GMAIL: delta(success=1, new=-2, retry=1)}}))
        points = reader.history(QueueQuery(), START + 5 * 60, 7 * 60).points
        assert points == [
            None,
            None,
            Counts(new=3),
            Counts(new=3),
            Counts(new=3),
            Counts(success=1, new=1, retry=1),
            None,
        ]

    def test_what_a_running_collector_saw_is_known_though_nothing_happened(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=3)}}))
        writer.write(Batch(gauges={"listed_at": START + 4 * 60}))
        assert reader.history(QueueQuery(), START + 6 * 60, 6 * 60).points == [Counts(new=3)] * 5 + [None]

    def test_time_without_a_collector_is_a_gap_unless_the_log_tells_of_it(self, ledger: Ledger) -> None:
        first = ledger.writer()
        first.write(batch({BASE: {GMAIL: delta(new=3)}}, gauges={"log_time": START + 60}))
        first.close()
        quiet = ledger.writer()
        quiet.write(Batch(gauges={"log_time": START + 5 * 60}))
        quiet.close()
        busy = ledger.writer()
        busy.write(
            Batch({BASE + 6: {GMAIL: delta(new=1)}, BASE + 8: {GMAIL: delta(new=1)}}, gauges={"log_time": START + 540})
        )
        reader = ledger.reader()
        points = reader.history(QueueQuery(), START + 10 * 60, 10 * 60).points
        assert [point.new if point else None for point in points] == [3, 3, None, None, None, 3, 4, 4, 5, 5]
        busy.close()
        reader.close()

    def test_history_may_end_long_ago(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE + minute: {GMAIL: delta(send=1, new=1)} for minute in range(300)}))
        points = reader.history(QueueQuery(isp="Gmail"), START + 600, 120).points
        assert points == [Counts(send=1, new=9), Counts(send=1, new=10)]
        hours = reader.history(QueueQuery(isp="Gmail"), START + 3 * HOUR, 48 * HOUR)
        assert hours.step_seconds == HOUR
        assert hours.points[-3:] == [Counts(send=60, new=count) for count in (60, 120, 180)]

    def test_old_minutes_become_hours_old_hours_go_totals_stay(self, ledger: Ledger) -> None:
        writer = ledger.writer(minutes_kept_hours=2, hours_kept_days=1)
        reader = ledger.reader()
        hours = 30
        writer.write(batch({BASE + 60 * hour + 7: {GMAIL: delta(send=1, new=1)} for hour in range(hours)}))
        end = START + hours * HOUR
        before = reader.history(QueueQuery(), end, 25 * HOUR)
        writer.maintain(end)
        writer.maintain(end)
        after = reader.history(QueueQuery(), end, 25 * HOUR)
        assert after.step_seconds == HOUR
        assert after.points[2:] == before.points[2:]
        assert reader.history(QueueQuery(), end, HOUR).step_seconds == 60
        assert reader.history(QueueQuery(), end, 20 * HOUR).step_seconds == HOUR
        assert reader.history(QueueQuery(), START + HOUR, HOUR).points == [None]
        assert [row.total for row in reader.queue(QueueQuery()).rows()] == [hours]
        assert [account.send_count for account in reader.totals()] == [hours]
        writer.close()
        reader.close()

    def test_late_lines_and_back_fills_find_their_place(self, ledger: Ledger) -> None:
        writer = ledger.writer(minutes_kept_hours=2, hours_kept_days=1)
        reader = ledger.reader()
        end = START + 30 * HOUR
        writer.maintain(end)
        late = {BASE + 60 * hour: {GMAIL: delta(send=1, retry=1)} for hour in range(30)}
        writer.write(batch(late))
        writer.write(batch(late))
        writer.maintain(end)
        points = reader.history(QueueQuery(), end, 24 * HOUR).points
        assert [point.send if point else None for point in points] == [2] * 24
        assert [row.retry for row in reader.queue(QueueQuery()).rows()] == [60]
        writer.close()
        reader.close()

    def test_a_clock_that_jumps_ahead_keeps_the_history(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=3)}}))
        writer.maintain(START + 10_000 * 24 * HOUR)
        assert reader.history(QueueQuery(), START + 60, 60).points == [Counts(new=3)]

    def test_causes_of_a_cell_are_bounded_and_the_newest_are_named(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        for number in range(20):
            cause = CauseDelta(number + 1, START + number, START + number, f"reply {number}")
            writer.write(
                batch({BASE: {GMAIL: delta(retry=1)}}, causes={CauseKey(GMAIL, f"4{number:02}"): cause}),
            )
        found = reader.causes(QueueQuery(account_id=1), limit=50)
        assert len(found) <= 9
        assert sum(cause.count for cause in found) == sum(range(21))
        assert min(cause.first_seen for cause in found) == START
        newest = max(found, key=lambda cause: cause.last_seen)
        assert (newest.text, newest.count, newest.last_reply) == ("419", 20, "reply 19")
        assert [cause.text for cause in found if cause.first_seen == START] == ["other replies"]
        assert len(reader.causes(QueueQuery(), limit=2)) == 2

    def test_a_late_line_does_not_take_the_last_replys_place(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        for seen, reply in ((START + 5, "new"), (START + 1, "old"), (START + 3, "between")):
            causes = {CauseKey(GMAIL, "451"): CauseDelta(1, seen, seen, reply)}
            writer.write(batch({BASE: {GMAIL: delta(retry=1)}}, causes=causes))
        assert reader.causes(QueueQuery()) == [
            Cause(text="451", count=3, first_seen=START + 1, last_seen=START + 5, last_reply="new")
        ]

    def test_many_cells_in_one_minute_add_up(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        isps = {f"isp{number}": number for number in range(1, 3001)}
        for _ in range(3):
            rows = {cell_key(1, number): delta(send=1, new=1) for number in isps.values()}
            writer.write(
                Batch({BASE: rows}, accounts={"alice": 1}, campaigns={(1, ""): 1}, isps=isps),
            )
            writer.write(Batch({BASE: {cell_key(1, 7): delta(retry=1)}}))
        for query, count in ((QueueQuery(), 9000), (QueueQuery(account_id=1), 9000), (QueueQuery(isp="isp7"), 3)):
            points = reader.history(query, START + 60, 60).points
            assert points == [Counts(send=count, new=count, retry=3)]
        assert len(reader.queue(QueueQuery(grouping=Grouping.ISP))) == 3000
        writer.maintain(START + 60)
        assert reader.history(QueueQuery(isp="isp7"), START + 60, 60).points == [Counts(send=3, new=3, retry=3)]

    def test_causes_tell_only_of_mail_that_waits(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        causes = {CauseKey(cell, "451 later"): CauseDelta(1, START, START, "451 later") for cell in (GMAIL, YAHOO)}
        writer.write(batch({BASE: {GMAIL: delta(retry=1), YAHOO: delta(retry=1)}}, causes=causes))
        assert [cause.count for cause in reader.causes(QueueQuery())] == [2]
        writer.write(Batch({BASE + 1: {GMAIL: delta(success=1, retry=-1)}}))
        assert [cause.count for cause in reader.causes(QueueQuery())] == [1]
        assert reader.causes(QueueQuery(isp="Gmail")) == []

    def test_a_batch_that_cannot_be_stored_leaves_no_trace(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}, messages={b"a": b"1"}))
        version = reader.version()
        bad = Batch(
            {BASE: {GMAIL: delta(new=5), cell_key(77, 1): delta(new=1)}},
            messages={b"a": None, b"b": b"2"},
            counters={"vanished": 1},
            gauges={"queue_files": 9},
            positions=[LogPosition("log", 1, 1, b"", 9)],
        )
        with pytest.raises(LedgerError):
            writer.write(bad)
        assert reader.version() == version
        assert [row.total for row in reader.queue(QueueQuery()).rows()] == [1]
        assert writer.messages() == {b"a": b"1"}
        assert writer.positions() == []
        assert reader.status().counters == {}
        bad.campaigns = {(2, "new"): 77}
        writer.write(bad)
        assert [row.total for row in reader.queue(QueueQuery()).rows()] == [7]
        assert writer.messages() == {b"b": b"2"}

    def test_one_snapshot_is_one_state(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
        with reader.snapshot():
            before = reader.queue(QueueQuery())
            writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
            assert reader.queue(QueueQuery(grouping=Grouping.ISP)).new == before.new == [1]
        assert reader.queue(QueueQuery()).new == [2]

    def test_a_second_writer_is_told_who_writes(self, ledger: Ledger, writer: LedgerWriter) -> None:
        with pytest.raises(LedgerBusy, match="is already written by process"):
            ledger.writer()
        writer.write(batch())

    def test_a_batch_stays_the_callers(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        counts = delta(new=1)
        made = batch({BASE: {GMAIL: counts}})
        writer.write(made)
        counts[D_NEW] = 100
        writer.write(Batch({BASE: {GMAIL: delta(proc=1)}}))
        assert reader.history(QueueQuery(), START + 60, 60).points == [Counts(new=1, proc=1)]
        assert [counts[column] for column in (D_PROC, D_RETRY, D_HOLD)] == [0, 0, 0]
