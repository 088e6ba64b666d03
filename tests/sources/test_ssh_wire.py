"""What another host's `show` is asked, and what is made of its answers, hostile ones too."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.balances import OFF_SINCE
from tui.cli.arguments import GROUPINGS, parser
from tui.hub import formats
from tui.model import Freshness, Grouping, MailTotals, QueueQuery, QueueTable
from tui.sources import ssh_wire
from tui.sources.ssh_wire import AnswerError, Question, QueueAnswer, decode_balances, decode_queue, decode_totals
from tui.text import clean

BY_ACCOUNT = Question(what="queue", group="account")
ROW = {
    "source": "mx",
    "sender_id": 1,
    "sender": None,
    "account_id": 5,
    "account": "bob",
    "campaign_id": 0,
    "campaign": "",
    "isp": "",
    "new": 1,
    "proc": 2,
    "retry": 3,
    "hold": 4,
    "total": 10,
}
SOURCE = {
    "name": "mx",
    "type": "local",
    "freshness": "live",
    "age_seconds": 1.5,
    "error": None,
    "queue_files": 7,
}
BALANCE_ROW = {
    "source": "mx",
    "account_id": 5,
    "account": "bob",
    "accepted": 3,
    "delivered": 1,
    "failed": 1,
    "removed": 0,
    "waiting": 1,
    "difference": 0,
    "since": None,
}
TOTALS_ROW = {
    "source": "mx",
    "account": "bob",
    **dict.fromkeys(formats.TOTALS_COUNTS, 3),
    "quotas": "emails 150/150, failures 5/5",
}


def body(
    rows: object = (ROW,), sources: object = (SOURCE,), query: object = None, schema: object = 1, **more: object
) -> bytes:
    asked = {"show": "queue", "group": "account", "filter": None, "problems": False} if query is None else query
    return json.dumps({"schema": schema, "query": asked, "sources": sources, "rows": rows} | more).encode()


def read(answer: bytes, question: Question = BY_ACCOUNT, grouping: Grouping = Grouping.ACCOUNT) -> QueueAnswer:
    return decode_queue(answer, question, QueueQuery(grouping))


def table_of(answer: bytes) -> QueueTable:
    table = read(answer).table
    assert table is not None
    return table


def refusal(answer: bytes, question: Question = BY_ACCOUNT) -> str:
    with pytest.raises(AnswerError) as caught:
        read(answer, question)
    return str(caught.value)


def totals_body(**changed: object) -> bytes:
    return body(rows=[TOTALS_ROW | changed], query={"show": "totals"})


def test_rows_become_columns() -> None:
    answer = read(body())
    assert answer.table is not None
    [row] = answer.table.rows()
    assert (row.sender_id, row.account_id, row.account, row.campaign, row.isp) == (1, 5, "bob", "", "")
    assert (row.new, row.proc, row.retry, row.hold) == (1, 2, 3, 4)
    assert answer.table.files == 7
    assert answer.told == ssh_wire.Told(name="mx", type="local", freshness=Freshness.LIVE, age_seconds=1.5, error=None)


def test_what_nobody_names() -> None:
    table = table_of(body(rows=[ROW | {"account": None, "campaign_id": 12, "campaign": None}]))
    assert (table.account, table.campaign, table.sender) == ([""], ["campaign 12"], [])
    assert table_of(body(rows=[ROW | {"sender": "mta1"}, ROW])).sender == ["mta1", ""]


def test_totals() -> None:
    totals, _ = decode_totals(totals_body(in_progress_count=None), Question(what="totals"))
    assert totals == [
        MailTotals(
            account="bob",
            send_count=3,
            success_count=3,
            defer_count=3,
            fail_count=3,
            total_size=3,
            quotas=("emails 150/150", "failures 5/5"),
        )
    ]
    assert totals[0].defer_fail_count == 6


def test_balances() -> None:
    question = Question(what="balance", account="bob")
    off = BALANCE_ROW | {"account": "e\x1bve", "account_id": 6, "waiting": 0, "since": "2025-11-21T01:54:00Z"}
    told = decode_balances(body(rows=[BALANCE_ROW, off], query={"show": "balance", "account": "bob"}), question)
    assert [(each.account, each.account_id, each.difference, each.since) for each in told] == [
        ("bob", 5, 0, None),
        ("e\ufffdve", 6, 1, OFF_SINCE),
    ]


@pytest.mark.parametrize(
    "row", [{"accepted": -1}, {"waiting": None}, {"since": "yesterday"}, {"since": "2025-11-21T01:54:00"}]
)
def test_what_is_no_balance(row: dict[str, object]) -> None:
    with pytest.raises(AnswerError, match="is not what `mailtop show` prints"):
        decode_balances(body(rows=[BALANCE_ROW | row], query={"show": "balance"}), Question(what="balance"))


def test_no_rows_are_unknown_where_nothing_was_ever_read() -> None:
    unread = SOURCE | {"age_seconds": None, "freshness": "partial"}
    assert read(body(rows=[], sources=[unread])).table is None
    assert len(table_of(body(rows=[]))) == 0
    total = {"show": "queue", "group": "total"}
    assert read(body(rows=[], query=total), Question(what="queue", group="total")).table is None
    of_bob = Question(what="queue", group="total", account="bob")
    assert read(body(rows=[], query=total | {"account": "bob"}), of_bob).table == QueueTable(
        query=QueueQuery(Grouping.ACCOUNT), files=7
    )
    empty = body(rows=[], sources=[unread], query={"show": "totals"})
    assert decode_totals(empty, Question(what="totals"))[0] is None


def test_what_is_wrong_there_is_wrong_here() -> None:
    told = read(body(sources=[SOURCE | {"freshness": "stale", "age_seconds": 60}])).told
    assert (told.freshness, told.age_seconds) == (Freshness.STALE, 60)
    told = read(body(sources=[SOURCE | {"error": "the log\x1b is closed"}])).told
    assert (told.freshness, told.error) == (Freshness.PARTIAL, "the log\ufffd is closed")
    assert read(body(sources=[SOURCE | {"error": "x", "freshness": "error"}])).told.freshness is Freshness.ERROR


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"Welcome to mx!\n" + body(), 'begins with "Welcome to mx!"'),
        (b"\x1b[2J\n" + body(), 'begins with "\ufffd[2J"'),
        (body()[:-9], "is cut short"),
        (body() + b"}", "is not JSON"),
        (body().replace(b'"bob"', b'"\xff"'), "is not JSON"),
        (body(schema=2), "upgrade mailtop here"),
        (body(schema=0), "upgrade mailtop there"),
        (b"{}", "is not what `mailtop show` prints"),
        (body(schema=None), "is not what `mailtop show` prints"),
        (body(rows=None), "is not what `mailtop show` prints"),
        (body(rows=[{"account": "bob"}]), "is not what `mailtop show` prints"),
        (body(rows=[ROW | {"new": -1}]), "is not what `mailtop show` prints"),
        (body(rows=[ROW | {"new": 1.5}]), "is not what `mailtop show` prints"),
        (body(rows=[ROW | {"retry": 10**30}]), "is not what `mailtop show` prints"),
        (body(rows=[ROW | {"account_id": None}]), "is not what `mailtop show` prints"),
        (body(rows=[ROW | {"isp": None}]), "is not what `mailtop show` prints"),
        (body(sources=[SOURCE | {"freshness": "fine"}]), "is not what `mailtop show` prints"),
        (body(sources=[SOURCE | {"age_seconds": -1}]), "is not what `mailtop show` prints"),
        (body(sources=[]), "adds up 0 sources there"),
        (body(sources=[SOURCE, SOURCE | {"name": "b\nc"}]), "adds up 2 sources there (mx, b\ufffdc)"),
        (body(sources=[SOURCE] * 1000), "(mx, mx, mx, mx, mx, …)"),
        (body(query={"show": "queue", "group": "isp"}), "answers another question"),
        (body(query={"show": "totals"}), "answers another question"),
        (body(query={"show": "queue", "group": "account", "account": "eve"}), "answers another question"),
        (body(query={"show": "queue", "group": "account", "filter": "new>1"}), "answers another question"),
        (body(query={"show": "queue", "group": "account", "problems": True}), "answers another question"),
        (body(query={"show": "queue", "group": "account", "together": True}), "answers another question"),
        (body(query={"show": "queue", "group": "account", "source": "mx"}), "answers another question"),
        (b'{"schema":1,"x":' + b"[" * 500_000, "is not JSON"),
        (b'{"schema":1,"x":[' + b"1," * 8_000_001 + b"1]}", "more than 8,000,000 values"),
    ],
)
def test_what_is_no_answer(answer: bytes, why: str) -> None:
    said = refusal(answer)
    assert why in said
    assert clean(said) == said
    assert len(said) < 1100


def test_an_infinite_age_is_refused() -> None:
    assert "is not" in refusal(body().replace(b"1.5", b"1e999"))


@given(st.text(), st.text(), st.text(max_size=300))
def test_names_are_clean_and_only_true_ones_are_asked_by(account: str, campaign: str, isp: str) -> None:
    answer = read(body(rows=[ROW | {"account": account, "campaign": campaign, "campaign_id": 9, "isp": isp}]))
    assert answer.table is not None
    for shown in (answer.table.account[0], answer.table.campaign[0], answer.table.isp[0]):
        assert clean(shown) == shown
        assert len(shown) <= ssh_wire.MAX_NAME
    [(_, account_word, _, campaign_word)] = answer.words
    assert account_word in (None, account)
    assert campaign_word in (None, campaign)
    assert (account_word is None) == (answer.table.account[0] != account)


any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ROW, *SOURCE]), inner, max_size=4),
    max_leaves=20,
)


@given(any_json, any_json, any_json, any_json)
def test_no_json_does_more_than_be_refused(rows: object, sources: object, query: object, schema: object) -> None:
    for answer in (body(rows, sources, query, schema), body([rows], [sources]), body(rows, [SOURCE]), body([rows])):
        for decode in (
            lambda each: read(each),
            lambda each: decode_totals(each, Question(what="totals")),
            lambda each: decode_balances(each, Question(what="balance")),
        ):
            try:
                decode(answer)
            except AnswerError as error:
                assert clean(str(error)) == str(error)


@given(st.binary(max_size=200), st.integers(0, 500))
def test_no_bytes_do_more_than_be_refused(noise: bytes, place: int) -> None:
    whole = body()
    for answer in (noise, whole[:place], whole[:place] + noise + whole[place:]):
        try:
            table = read(answer).table
        except AnswerError as error:
            assert clean(str(error)) == str(error)
        else:
            assert table is not None


questions = st.builds(
    Question,
    what=st.just("queue"),
    group=st.sampled_from(GROUPINGS),
    source=st.sampled_from([None, "mx"]),
    sender=st.none() | st.integers(1, 99),
    account=st.none() | st.text(st.characters(exclude_characters="\0")),
    campaign=st.none() | st.text(st.characters(exclude_characters="\0")),
    isp=st.none() | st.text(st.characters(exclude_characters="\0")),
)


@given(questions)
def test_questions_reach_show_as_they_are_meant_through_a_shell(question: Question) -> None:
    words = shlex.split(shlex.join(question.arguments()))
    options = parser().parse_args(words)
    assert (options.what, options.group, options.source) == ("queue", question.group, question.source)
    assert options.sender == question.sender
    assert (options.account, options.campaign, options.isp) == (question.account, question.campaign, question.isp)
    assert options.format == "json"
    assert question.filtered == any(
        each is not None for each in (question.sender, question.account, question.campaign, question.isp)
    )


def test_another_host_is_one_host() -> None:
    assert ssh_wire.group_of(Grouping.HOST) == "total"
    assert ssh_wire.group_of(Grouping.ISP) == "isp"


def test_the_form_is_the_one_that_show_prints() -> None:
    assert ssh_wire.SCHEMA == formats.SCHEMA
    assert set(ROW) == set(formats.QUEUE_KEYS)
    assert set(TOTALS_ROW) == set(formats.TOTALS_KEYS)
