"""The three forms of `show`: what a person, a program and a spreadsheet get from the same rows."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.hub import formats
from tui.hub.formats import Report, Row, ShownSource
from tui.model import Grouping, MailTotals, QueueRow
from tui.text import cell_width, clean

WEB = ShownSource(name="web", type="local", freshness="live", age_seconds=0.5, error=None, queue_files=3)
ROWS = [
    QueueRow(
        source="web", sender_id=1, account_id=4, account="bob", campaign_id=9, campaign="spring", new=1200, hold=3
    ),
    QueueRow(source="web", sender_id=1, account_id=5, account="名前.example", campaign_id=8, campaign="", retry=7),
]


def queue_report(
    rows: list[QueueRow], grouping: Grouping = Grouping.ACCOUNT_CAMPAIGN, complete: bool = True, many: bool = False
) -> Report:
    return Report(
        time="2026-11-21T09:00:00Z",
        query={"show": "queue"},
        sources=[WEB],
        keys=formats.QUEUE_KEYS,
        texts=formats.queue_texts(grouping, many),
        counts=formats.QUEUE_COUNTS,
        rows=[formats.queue_row(row) for row in rows],
        complete=complete,
    )


def totals_report(totals: list[MailTotals]) -> Report:
    return Report(
        time="2026-11-21T09:00:00Z",
        query={"show": "totals"},
        sources=[WEB],
        keys=formats.TOTALS_KEYS,
        texts=("account",),
        counts=formats.TOTALS_COUNTS,
        rows=[formats.totals_row("web", each) for each in totals],
        complete=True,
    )


def table(report: Report, width: int | None = None) -> list[str]:
    return "".join(formats.as_table(report, width)).splitlines()


def parsed_json(report: Report) -> Any:
    return json.loads("".join(formats.as_json(report)))


def parsed_csv(report: Report) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(formats.as_csv(report)), newline="")))


def test_table_aligns_by_cells_and_adds_up() -> None:
    assert table(queue_report(ROWS)) == [
        "account       campaign    new  proc  retry  hold  total",
        "bob           spring    1,200     0      0     3  1,203",
        "名前.example                0     0      7     0      7",
        "total                   1,200     0      7     3  1,210",
    ]


def test_table_names_the_sources_only_where_there_are_several() -> None:
    assert table(queue_report(ROWS, Grouping.ISP, many=True))[0].split()[:2] == ["source", "isp"]
    assert table(queue_report(ROWS, Grouping.ISP))[0].split()[0] == "isp"
    assert table(queue_report(ROWS[:1], Grouping.TOTAL)) == [
        "source    new  proc  retry  hold  total",
        "web     1,200     0      0     3  1,203",
    ]


def test_table_tells_sending_systems_apart_by_their_numbers() -> None:
    rows = [QueueRow(source="web", sender_id=1190, new=2), QueueRow(source="web", sender_id=7, new=1)]
    report = msgspec.structs.replace(
        queue_report(rows), texts=formats.queue_texts(Grouping.TOTAL, many_sources=False, senders=["sender_id"])
    )
    assert [line.split() for line in table(report)] == [
        ["source", "sender_id", "new", "proc", "retry", "hold", "total"],
        ["web", "1190", "2", "0", "0", "0", "2"],
        ["web", "7", "1", "0", "0", "0", "1"],
        ["total", "3", "0", "0", "0", "3"],
    ]
    assert formats.queue_texts(Grouping.ISP, many_sources=True, senders=["sender_id"]) == ("source", "sender_id", "isp")


def test_name_that_nobody_knows_is_null_and_a_table_shows_its_id() -> None:
    row = QueueRow(source="q", sender_id=119, account_id=306, campaign_id=4591, new=1)
    cells = formats.queue_row(row, names_campaigns=False)
    assert (cells["account"], cells["account_id"], cells["campaign"], cells["campaign_id"]) == (None, 306, None, 4591)
    report = msgspec.structs.replace(queue_report([row]), rows=[cells])
    assert table(report)[1].split() == ["306", "4591", "1", "0", "0", "0", "1"]
    assert parsed_csv(report)[1][2:7] == ["", "306", "", "4591", ""]
    assert formats.queue_row(row)["campaign"] == "", "a ledger's campaign without a name is no campaign"
    assert formats.queue_row(QueueRow(), names_campaigns=False)["campaign"] == ""


def test_table_of_an_empty_queue_says_zero_and_of_an_unread_one_nothing() -> None:
    assert table(queue_report([]))[1].split() == ["total", "0", "0", "0", "0", "0"]
    assert len(table(queue_report([], complete=False))) == 1
    assert table(queue_report(ROWS, complete=False))[-1].startswith("total (incomplete)")


def test_table_shows_what_nobody_knows_as_unknown_and_never_adds_it_up() -> None:
    lines = table(
        totals_report([MailTotals(account="a", send_count=5), MailTotals(account="b", send_count=6, fail_count=1)])
    )
    assert " ".join(lines[0].split()) == "account send success defer fail in_progress defer_fail total_size"
    assert [line.split() for line in lines[1:]] == [
        ["a", "5", "-", "-", "-", "-", "-", "-"],
        ["b", "6", "-", "-", "1", "-", "-", "-"],
        ["total", "11", "-", "-", "-", "-", "-", "-"],
    ]


@pytest.mark.parametrize("width", [20, 40, 59, 80])
def test_table_fits_the_terminal_and_keeps_the_counts_as_long_as_it_can(width: int) -> None:
    long = [QueueRow(account="a" * 300, campaign="名" * 40, new=1234567)]
    lines = table(queue_report(long), width)
    assert max(map(cell_width, lines)) <= width
    if width >= 59:
        assert all(line.endswith("1,234,567") for line in lines[1:])


def test_json_says_schema_time_query_sources_and_rows() -> None:
    assert parsed_json(queue_report(ROWS[:1])) == {
        "schema": 1,
        "time": "2026-11-21T09:00:00Z",
        "query": {"show": "queue"},
        "sources": [
            {
                "name": "web",
                "type": "local",
                "freshness": "live",
                "age_seconds": 0.5,
                "error": None,
                "queue_files": 3,
            }
        ],
        "rows": [
            {
                "source": "web",
                "sender_id": 1,
                "sender": None,
                "account_id": 4,
                "account": "bob",
                "campaign_id": 9,
                "campaign": "spring",
                "isp": "",
                "new": 1200,
                "proc": 0,
                "retry": 0,
                "hold": 3,
                "total": 1203,
            }
        ],
    }


def test_json_has_null_for_what_is_unknown_and_a_line_a_row() -> None:
    report = totals_report(
        [MailTotals(account="a", defer_count=2), MailTotals(account="b", defer_count=1, fail_count=3)]
    )
    assert parsed_json(report)["rows"][0]["defer_fail_count"] is None
    assert parsed_json(report)["rows"][1]["defer_fail_count"] == 4
    assert len("".join(formats.as_json(report)).splitlines()) == 4
    assert parsed_json(totals_report([]))["rows"] == []


def test_csv_always_has_its_header_and_leaves_the_unknown_empty() -> None:
    assert "".join(formats.as_csv(queue_report([]))) == ",".join(formats.QUEUE_KEYS) + "\r\n"
    rows = parsed_csv(totals_report([MailTotals(account='a "b", c', send_count=0)]))
    assert rows == [list(formats.TOTALS_KEYS), ["web", 'a "b", c', "0", "", "", "", "", "", "", ""]]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-remote-", "@sum(A1)", "＝1"])
def test_csv_gives_a_spreadsheet_no_formula_but_json_the_exact_name(name: str) -> None:
    report = totals_report([MailTotals(account=name)])
    assert parsed_csv(report)[1][1] == f"'{name}"
    assert parsed_json(report)["rows"][0]["account"] == name


@given(st.lists(st.tuples(st.text().map(clean), st.integers(0, 2**53)), max_size=8))
def test_all_forms_hold_the_same_rows(pairs: list[tuple[str, int]]) -> None:
    rows: list[Row] = [formats.queue_row(QueueRow(isp=isp, retry=count)) for isp, count in pairs]
    report = queue_report([QueueRow(isp=isp, retry=count) for isp, count in pairs], Grouping.ISP)
    assert parsed_json(report)["rows"] == rows
    column = formats.QUEUE_KEYS.index("retry")
    assert [int(row[column]) for row in parsed_csv(report)[1:]] == [count for _, count in pairs]
    lines = "".join(formats.as_table(report)).split("\n")[1:-1]
    assert [int(line.split()[-1].replace(",", "")) for line in lines[:-1]] == [count for _, count in pairs]
    assert int(lines[-1].split()[-1].replace(",", "")) == sum(count for _, count in pairs)
