"""What every ledger must do with time: minutes, hours, gaps. Part of ``ledger_contract``."""

from __future__ import annotations

from tests.engine.ledger_case import Ledger, LedgerCase, SnapshotReader
from tests.engine.ledger_model import (
    BASE,
    GMAIL,
    HOUR,
    START,
    batch,
    delta,
    nameless,
)
from tui.engine.batch import Batch, cell_key
from tui.engine.ledger import LedgerWriter
from tui.model import Counts, Grouping, QueueQuery


class HistoryContract(LedgerCase):
    """History, retention and coverage."""

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
            nameless(
                {BASE + 6: {GMAIL: delta(new=1)}, BASE + 8: {GMAIL: delta(new=1)}}, gauges={"log_time": START + 540}
            )
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

    def test_what_left_before_it_came_by_a_clock_that_was_set_back_is_never_less_than_nothing(
        self, writer: LedgerWriter, reader: SnapshotReader
    ) -> None:
        writer.write(batch({BASE: {GMAIL: delta(success=1, new=-1)}, BASE + 2: {GMAIL: delta(new=1)}}))
        points = reader.history(QueueQuery(), START + 3 * 60, 3 * 60).points
        assert [point and point.new for point in points] == [0, 0, 0]
        assert not any(reader.queue(QueueQuery()).new)

    def test_many_cells_in_one_minute_add_up(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        isps = {f"isp{number}": number for number in range(1, 3001)}
        for _ in range(3):
            rows = {cell_key(1, number): delta(send=1, new=1) for number in isps.values()}
            writer.write(
                nameless({BASE: rows}, accounts={"alice": 1}, campaigns={(1, ""): 1}, isps=isps),
            )
            writer.write(nameless({BASE: {cell_key(1, 7): delta(retry=1)}}))
        for query, count in ((QueueQuery(), 9000), (QueueQuery(account_id=1), 9000), (QueueQuery(isp="isp7"), 3)):
            points = reader.history(query, START + 60, 60).points
            assert points == [Counts(send=count, new=count, retry=3)]
        assert len(reader.queue(QueueQuery(grouping=Grouping.ISP))) == 3000
        writer.maintain(START + 60)
        assert reader.history(QueueQuery(isp="isp7"), START + 60, 60).points == [Counts(send=3, new=3, retry=3)]
