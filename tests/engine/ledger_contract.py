"""What every ledger must do. A ledger's own test subclasses ``LedgerContract`` and says how to make an empty one."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.ledger_case import Ledger, SnapshotReader
from tests.engine.ledger_history_contract import HistoryContract
from tests.engine.ledger_messages_contract import MessagesContract
from tests.engine.ledger_model import (
    ACCOUNTS,
    ALICE,
    BASE,
    CAMPAIGNS,
    CAUSES,
    DELTAS,
    GMAIL,
    HOUR,
    ISPS,
    OWNERS,
    START,
    YAHOO,
    Model,
    batch,
    batches_of,
    delta,
    every_filter,
    nameless,
)
from tui.engine.batch import Batch, CauseDelta, CauseKey, LogPosition, cell_key
from tui.engine.ledger import LedgerBusy, LedgerError, LedgerWriter
from tui.model import Cause, Counts, Grouping, QueueQuery


class LedgerContract(HistoryContract, MessagesContract):
    """The whole suite."""

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
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
        assert reader.messages(QueueQuery()) == []
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
        assert status.cells == 1
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

    def test_balances_of_some_accounts_are_theirs_and_those_that_are_off(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        writer.write(batch({BASE: {cell_key(number, 1): delta(new=1) for number in (1, 4)}}, accepted={1: 1, 2: 3}))
        told = [(each.account, each.difference) for each in reader.balances()]
        assert told == [("", 2), ("alice", 0), ("bob", 2)]
        assert [each.account for each in reader.balances(())] == ["", "bob"]
        assert [each.account for each in reader.balances((2, 77))] == ["", "bob"]
        assert reader.balances((1, -5, *range(3, 3000))) == reader.balances()
        writer.write(batch({BASE: {cell_key(4, 1): delta(fail=2)}}))
        assert [(each.account, each.since) for each in reader.balances(())] == [("", None)]
        assert [each.account for each in reader.balances((1,))] == ["", "alice"]

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
            assert reader.messages(query) == []

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

    def test_causes_are_bounded_in_a_batch_of_many_cells_too(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        isps = {f"isp{number}": number for number in range(1, 6000)}
        cells = [cell_key(1, number) for number in isps.values()]
        causes = {CauseKey(cell, "421"): CauseDelta(1, START, START, "421") for cell in cells}
        causes |= {CauseKey(cells[0], f"4{number}"): CauseDelta(1, START, START, "4") for number in range(30, 42)}
        names = {"accounts": {"alice": 1}, "campaigns": {(1, ""): 1}, "isps": isps}
        writer.write(batch({BASE: {cell: delta(retry=1) for cell in cells}}, causes=causes, **names))
        assert len(reader.causes(QueueQuery(isp="isp1"))) == 9
        assert [(cause.text, cause.count) for cause in reader.causes(QueueQuery(isp="isp2"))] == [("421", 1)]
        assert sum(cause.count for cause in reader.causes(QueueQuery())) == len(causes)

    def test_cells_come_and_go_with_the_mail_that_waits(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=2), YAHOO: delta(success=1)}}))
        assert reader.status().cells == 1
        writer.write(nameless({BASE + 1: {GMAIL: delta(new=-2, retry=2), YAHOO: delta(hold=1)}}))
        assert reader.status().cells == 2
        writer.write(nameless({BASE + 2: {GMAIL: delta(success=2, retry=-2)}}))
        assert reader.status().cells == 1
        assert [row.hold for row in reader.queue(QueueQuery(Grouping.ISP, campaign_id=1)).rows()] == [1]

    def test_a_late_line_does_not_take_the_last_replys_place(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        for seen, reply in ((START + 5, "new"), (START + 1, "old"), (START + 3, "between")):
            causes = {CauseKey(GMAIL, "451"): CauseDelta(1, seen, seen, reply)}
            writer.write(batch({BASE: {GMAIL: delta(retry=1)}}, causes=causes))
        assert reader.causes(QueueQuery()) == [
            Cause(text="451", count=3, first_seen=START + 1, last_seen=START + 5, last_reply="new")
        ]

    def test_causes_tell_only_of_mail_that_waits(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        causes = {CauseKey(cell, "451 later"): CauseDelta(1, START, START, "451 later") for cell in (GMAIL, YAHOO)}
        writer.write(batch({BASE: {GMAIL: delta(retry=1), YAHOO: delta(retry=1)}}, causes=causes))
        assert [cause.count for cause in reader.causes(QueueQuery())] == [2]
        writer.write(nameless({BASE + 1: {GMAIL: delta(success=1, retry=-1)}}))
        assert [cause.count for cause in reader.causes(QueueQuery())] == [1]
        assert reader.causes(QueueQuery(isp="Gmail")) == []

    def test_a_batch_that_cannot_be_stored_leaves_no_trace(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}, messages={b"a": b"1"}))
        version = reader.version()
        bad = nameless(
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
        made = batch({BASE: {GMAIL: delta(new=1)}})
        kept = [dict(column) for column in made.deltas[BASE]]
        writer.write(made)
        writer.write(nameless({BASE: {GMAIL: delta(proc=1)}}))
        assert reader.history(QueueQuery(), START + 60, 60).points == [Counts(new=1, proc=1)]
        assert made.deltas[BASE] == kept
