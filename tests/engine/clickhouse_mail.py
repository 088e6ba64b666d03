"""Mail of several hosts for tests of the ledger on ClickHouse, and the proof that none of it is lost or doubled: the
hosts' own ledgers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.engine.ledger_model import BASE, Delta, batch, delta
from tui.config.ledger_place import Place
from tui.engine.batch import Batch, CauseDelta, CauseKey, cell_key
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.ledger import LedgerReader
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Grouping, QueueQuery

MINUTES = 240
END = (BASE + MINUTES) * 60
_STATES = ("new", "proc", "retry", "hold")


def batches(seed: int) -> Iterator[Batch]:
    """Batches of a host for ever: mail comes, is put off and leaves, in cells of its own and of all hosts."""
    dice = random.Random(seed)
    names = batch()
    names.accounts[f"only{seed}"] = 4
    names.campaigns[4, "news"] = 6
    waiting: Counter[tuple[int, str]] = Counter()
    while True:
        rows: dict[int, dict[int, Delta]] = {BASE: {}}
        causes = {}
        for _ in range(8):
            cell = cell_key(dice.randint(1, 6), dice.randint(0, 3))
            state = dice.choice(_STATES)
            change = dice.randint(-waiting[cell, state], 5)
            waiting[cell, state] += change
            # What leaves does so after all that came: no ledger shows that less than nothing waited.
            minute = BASE + dice.randrange(MINUTES // 2) + (MINUTES // 2 if change < 0 else 0)
            rows.setdefault(minute, {})[cell] = delta(
                send=dice.randint(0, 3), success=dice.randint(0, 3), size=dice.randint(0, 1 << 40), **{state: change}
            )
            causes[CauseKey(cell, f"45{dice.randint(0, 3)}")] = CauseDelta(1, minute * 60, minute * 60 + 5, "later")
        rows[BASE].setdefault(cell_key(1, 0), delta(send=1))
        # Every host knows of all these minutes, so that a gap of one is not hidden by another.
        gauges = {"queue_files": seed, "listed_at": END - 60}
        yield batch(rows, accounts=names.accounts, campaigns=names.campaigns, causes=causes, gauges=gauges)


Sums = dict[str, Counter[tuple[object, ...]]]


def sums_of(reader: LedgerReader) -> Sums:
    """What a ledger says, by name, so that ledgers can be added and compared."""
    found: Sums = {"totals": Counter()}
    for one in reader.totals():
        for column in ("send_count", "success_count", "total_size", "in_progress_count"):
            found["totals"][one.account, column] = getattr(one, column)
    for grouping in Grouping:
        rows = found[f"by {grouping.name}"] = Counter()
        for row in reader.queue(QueueQuery(grouping=grouping)).rows():
            for state in _STATES:
                rows[row.account, row.campaign, row.isp, state] += getattr(row, state)
    for span in (MINUTES * 60, 48 * 3600):
        for isp in (None, "Gmail"):
            history = reader.history(QueueQuery(isp=isp), END, span)
            points = found[f"history {span} {isp}"] = Counter()
            for index, point in enumerate(history.points):
                if point is not None:
                    for column in ("send", "size", *_STATES):
                        points[index, column] += getattr(point, column)
    causes = found["causes"] = Counter()
    for cause in reader.causes(QueueQuery(), limit=100):
        causes[cause.text, "count"] += cause.count
    # Counters compare without what is zero.
    return found


def sums_of_hosts(paths: Sequence[Path]) -> Sums:
    """What the hosts' own ledgers say together."""
    added: Sums = {}
    for path in paths:
        reader = SqliteReader(path)
        for name, counts in sums_of(reader).items():
            added.setdefault(name, Counter()).update(counts)
        reader.close()
    return added


def check_same(place: Place, paths: Sequence[Path], host: str | None = None) -> None:
    """The cluster says what the hosts say together; of one host where it is named."""
    reader = ClickhouseReader(place, host=host)
    found, expected = sums_of(reader), sums_of_hosts(paths)
    reader.close()
    for name, counts in expected.items():
        assert found[name] == counts, name
    assert expected["totals"]
