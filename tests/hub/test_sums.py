"""Sums: what waits in all, in each source, and without the hosts that are left out."""

from __future__ import annotations

from tests.hub.test_views import CAMPAIGNS, table_of
from tui.hub.history import Recent
from tui.hub.part import Part
from tui.hub.sums import LeftOut, Sums, counted_rows, not_left_out, sums_of
from tui.model import QueueRow


def moved(source: str, *rows: tuple[int, int, int], files: int | None = None) -> Part:
    """Rows of senders that went from one total to another within a minute."""
    recent = Recent()
    for time, at in ((0, 1), (60, 2)):
        table = table_of(
            [QueueRow(sender_id=row[0], campaign_id=number, new=row[at]) for number, row in enumerate(rows)]
        )
        table.files = files
        part = recent.part(source, CAMPAIGNS, table, time)
    return part


A, B = moved("a", (1, 10, 12), (2, 10, 7), files=3), moved("b", (3, 4, 5), (3, 1, 1), files=4)


def told(left_out: LeftOut = ()) -> tuple[int, float | None, int | None]:
    sums = sums_of([A, B], left_out)
    return sums.whole.total, sums.delta, sums.files


def test_all_is_added_up_and_each_source_with_its_sender_where_it_has_one() -> None:
    assert sums_of([A, B], ()) == Sums(
        whole=QueueRow(new=25),
        delta=0,
        files=7,
        by_source={"a": QueueRow(source="a", new=19), "b": QueueRow(source="b", sender_id=3, new=6)},
    )
    assert sums_of([], ()) == Sums(QueueRow(), None, None, {})


def test_hosts_that_are_left_out_are_in_no_sum() -> None:
    assert told({("b", None)}) == (19, -1, 3)
    assert told({("a", 2)}) == (18, 3, 7), "its queue files are known of the source alone"
    assert sums_of([A, B], {("b", None)}).by_source["b"].total == 6, "what waits there is still told of itself"
    assert list(counted_rows([A, B], {("b", None), ("a", 1)})) == [0, 1, 0, 0]
    assert not_left_out([A, B], {("a", None), ("b", 3)}) == [B]


def test_what_is_unknown_of_one_source_is_unknown_of_all() -> None:
    unknown = Recent().part("c", CAMPAIGNS, table_of([QueueRow(new=1)]), 0)
    sums = sums_of([A, unknown], ())
    assert (sums.whole.total, sums.delta, sums.files) == (20, None, None)
