"""What servers and other hosts answer: any bytes are numbers or the reason why there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz.case import Room, attack_often
from tui.model import Grouping, QueueQuery
from tui.sources import cpanel_wire, sender_queue_wire, ssh_wire
from tui.sources.sender_queue_envelope import AnswerError, read_envelope, read_xml
from tui.sources.ssh_wire import Question

DATA = Path(__file__).parent.parent / "data"
PAGES = sorted(path for path in (DATA / "cpanel").iterdir() if path.is_file())
ROWS = sorted(path for path in (DATA / "sender-queue").iterdir() if path.is_file())
JSON = [
    b"null",
    b"{}",
    b"[]",
    b"[[[[",
    b'{"a":',
    b"true",
    b"1.5",
    b"1e999",
    b"-1",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b",",
]
RECORD = {"USER": "bob", "SENDCOUNT": 3, "SUCCESSCOUNT": "2", "DEFERCOUNT": None, "REACHED_MAXEMAILS": "150/150"}
ALL = json.dumps(
    {"metadata": {"result": 1, "reason": "OK"}, "data": {"records": [RECORD, RECORD], "acct": [{"user": "b"}]}}
)
STATS = json.dumps({"cpanelresult": {"event": {"result": 1}, "data": [RECORD], "func": "stats"}})
LOGIN = b'{"status":1,"security_token":"/cpsess5542387976"}'


def _cpanel(data: bytes) -> object:
    found: list[object] = []
    refused = None
    for decode in (
        cpanel_wire.decode_all,
        cpanel_wire.decode_list,
        cpanel_wire.decode_login,
        lambda body: cpanel_wire.decode_stats(body, "bob"),
        lambda body: cpanel_wire.check_status(200, body),
        lambda body: cpanel_wire.check_status(403, body),
    ):
        try:
            found.append(decode(data))
        except cpanel_wire.NoAnswer as error:
            refused = error
    if refused is not None and not found:
        raise refused
    return found


def _rows(data: bytes) -> object:
    query = QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=306)
    rows = sender_queue_wire.decode_rows(data)
    try:
        notes = sender_queue_wire.judge(rows, query)
    except AnswerError as error:
        notes = (str(error),)
    return rows, notes


def _xml(data: bytes) -> object:
    # The texts beside the rows are cleaned where they are used.
    rows, leaves = read_xml(data)
    return len(rows), len(leaves)


def _envelope(data: bytes) -> object:
    return read_envelope(data).error_text is None


ASKED = Question(what="queue", group="account_campaign")
SSH_QUEUE = json.dumps(
    {
        "schema": 1,
        "query": {"show": "queue", "group": "account_campaign", "filter": None, "problems": False},
        "sources": [
            {"name": "mx", "type": "local", "freshness": "live", "age_seconds": 1.5, "error": None, "queue_files": 7}
        ],
        "rows": [
            {"source": "mx", "sender_id": 1, "sender": None, "account_id": 5, "account": "bob", "campaign_id": number}
            | {"campaign": None, "isp": "", "new": 1, "proc": 2, "retry": 3, "hold": 4, "total": 10}
            for number in range(3)
        ],
    }
).encode()
SSH_TOTALS = json.dumps(
    {
        "schema": 1,
        "query": {"show": "totals", "filter": None, "problems": False},
        "sources": [
            {"name": "mx", "type": "local", "freshness": "live", "age_seconds": 1.5, "error": None, "queue_files": 7}
        ],
        "rows": [
            {"account": "bob", "send_count": 1, "success_count": 2, "defer_count": 3, "fail_count": None}
            | {"in_progress_count": 1, "total_size": 2, "quotas": "emails 150/150"}
        ],
    }
).encode()


def _ssh_queue(data: bytes) -> object:
    return ssh_wire.decode_queue(data, ASKED, QueueQuery(Grouping.ACCOUNT_CAMPAIGN)).table


def _ssh_totals(data: bytes) -> object:
    return ssh_wire.decode_totals(data, Question(what="totals"))


ROOMS = [
    Room(
        "cPanel's answers",
        _cpanel,
        [*(path.read_bytes() for path in PAGES), ALL.encode(), STATS.encode(), LOGIN],
        [
            *JSON,
            b'"SENDCOUNT":',
            b'"USER":',
            b'"error":',
            b'"reason":"x"',
            b'{"metadata":{"result":1},"data":{"records":[',
        ],
        (cpanel_wire.NoAnswer,),
        factor=200,
    ),
    Room(
        "sender-queue answers",
        _rows,
        [path.read_bytes() for path in ROWS],
        [
            *JSON,
            b"<data>",
            b"</data>",
            b"<isp/>",
            b"<isp>",
            b"&#x1b;",
            b"&amp;",
            b"<![CDATA[",
            b"<!DOCTYPE a>",
            b"<new>",
            b'"new":',
            b'<?xml version="1.0" encoding="utf-16"?>',
            b"]]>",
            b"<a>",
            b"<!--",
        ],
        (AnswerError,),
        factor=100,
    ),
    Room(
        "sender-queue lists",
        lambda data: sender_queue_wire.decode_page(data),
        [path.read_bytes() for path in ROWS]
        + [b'{"error":0,"data":[{"id":1,"name":"a"},{"id":"2","name":null}],"total_count":2}'],
        [*JSON, b"<data>", b"<id>1</id>", b"<name>", b'"total_count":', b'"id":'],
        (AnswerError,),
    ),
    Room(
        "sender-queue XML",
        _xml,
        [path.read_bytes() for path in ROWS if path.suffix == ".xml"],
        [
            b"<data>",
            b"</data>",
            b"<a>",
            b"<xml>",
            b"</xml>",
            b"<!ENTITY a 'b'>",
            b"<!DOCTYPE xml [",
            b"&a;",
            b"<?xml encoding='x'?>",
        ],
        (AnswerError,),
    ),
    Room(
        "sender-queue envelopes",
        _envelope,
        [path.read_bytes() for path in ROWS],
        [*JSON, b'"error":', b"<error>"],
        (AnswerError,),
    ),
    Room(
        "queues over ssh",
        _ssh_queue,
        [SSH_QUEUE],
        [*JSON, b'"schema":', b'"rows":[', b'"account":', b"\\u202e", b'"campaign_id":', b'"age_seconds":'],
        (ssh_wire.AnswerError,),
        factor=100,
    ),
    Room(
        "totals over ssh",
        _ssh_totals,
        [SSH_TOTALS],
        [*JSON, b'"schema":', b'"rows":[', b'"quotas":"a, \\u001b, ', b'"freshness":"error"', b'"error":"x"'],
        (ssh_wire.AnswerError,),
        factor=100,
    ),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_answers(room: Room) -> None:
    attack_often(room)
