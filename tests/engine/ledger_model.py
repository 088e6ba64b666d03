"""The ledger as naive dictionaries, and what hypothesis draws for it: the measure of ``ledger_contract``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise, product

from hypothesis import strategies as st

from tui.engine.batch import ISP_BITS, Batch, CauseDelta, CauseKey, cell_key
from tui.engine.counts import D_NEW, FAIL, SEND, SIZE, SUCCESS, columns_of, rows_of
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


Delta = list[int]
"""Nine counts in the order of the columns."""


def delta(**counts: int) -> Delta:
    """Nine counts by name."""
    return [counts.get(name, 0) for name in Counts.__struct_fields__]


def nameless(deltas: Mapping[int, Mapping[int, Delta]], **rest: object) -> Batch:
    """A batch of nine counts by minute and cell."""
    made = Batch(deltas={minute: columns_of(rows) for minute, rows in deltas.items()})
    for name, value in rest.items():
        setattr(made, name, value)
    return made


def batch(deltas: Mapping[int, Mapping[int, Delta]] | None = None, **rest: object) -> Batch:
    """A batch that brings every name of the tests along."""
    names = {"accounts": dict(ACCOUNTS), "campaigns": dict(CAMPAIGNS), "isps": dict(ISPS)}
    return nameless(deltas or {}, **(names | rest))


GMAIL, YAHOO, ALICE = cell_key(1, 1), cell_key(1, 2), cell_key(1, 0)
"""Cells of alice's mail without campaign; the last is the messages as such."""


class Model:
    """The ledger as naive dictionaries."""

    def __init__(self) -> None:
        self.minutes: defaultdict[int, defaultdict[int, Delta]] = defaultdict(lambda: defaultdict(lambda: [0] * 9))
        self.cells: defaultdict[int, Delta] = defaultdict(lambda: [0] * 9)
        self.causes: dict[CauseKey, CauseDelta] = {}

    def add(self, batch: Batch) -> None:
        for minute, columns in batch.deltas.items():
            for cell, counts in rows_of(columns).items():
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
        if query.grouping in (Grouping.TOTAL, Grouping.HOST):
            rows[RowKey(sender_id=7)] = [0] * 4
        for cell, counts in self.cells.items():
            if selects(query, cell):
                row = rows[row_key(query.grouping, cell)]
                for state in range(4):
                    row[state] += counts[D_NEW + state]
        return {
            key: row for key, row in rows.items() if query.grouping in (Grouping.TOTAL, Grouping.HOST) or sum(row) > 0
        }

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
        """What happened in each bucket, and what waited at its end: never less than nothing."""
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
            points.append(Counts(*buckets[at][:D_NEW], *[max(count, 0) for count in waiting]))
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
        case Grouping.TOTAL | Grouping.HOST:
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
        rows: dict[int, dict[int, Delta]] = {} if batches else {BASE: {ALICE: delta(send=1)}}
        for minute, cells in minutes.items():
            row = rows.setdefault(minute, {})
            for cell, counts in cells.items():
                changes = [max(change, -held) for change, held in zip(counts[D_NEW:], waiting[cell], strict=True)]
                waiting[cell] = [held + change for held, change in zip(waiting[cell], changes, strict=True)]
                row[cell] = [*counts[:D_NEW], *changes]
        batches.append(nameless(rows, causes=causes))
    named = batch()
    batches[0].accounts, batches[0].campaigns, batches[0].isps = named.accounts, named.campaigns, named.isps
    return batches
