"""Answers of many rows: whole in both languages, in pieces, and in nobody's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.ledger_model import BASE, delta, nameless
from tests.serve.served import STATS, Served, served, write_ledger
from tui.engine.batch import cell_key
from tui.sources.sender_queue_wire import decode_page, decode_rows

ROWS = 10_000


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "mx.ledger"
    numbers = range(1, ROWS + 1)
    cells = {cell_key(number, 1): delta(new=number % 7, hold=1, send=1) for number in numbers}
    names = {
        "accounts": {f"user{number}": number for number in numbers},
        "campaigns": {(number, "a"): number for number in numbers},
        "isps": {"Gmail": 1},
    }
    write_ledger(path, [nameless({BASE: cells}, **names)])
    return path


@pytest.fixture
async def server(ledger: Path) -> AsyncIterator[Served]:
    ledger.with_name("tokens.json").unlink(missing_ok=True)
    async with served(ledger, tick_seconds=1.0) as server:
        yield server


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_every_row_arrives(server: Served, form: str) -> None:
    answer = await server.post(STATS, {"id": 119, "group": "account_campaign", "format": form})
    assert int(answer.headers["content-length"]) == len(answer.content)
    rows = decode_rows(answer.content)
    assert (len(rows.new), sorted(rows.campaign_id), sum(rows.hold)) == (ROWS, list(range(1, ROWS + 1)), ROWS)
    accounts = await server.post("/api/v1.1/admin/accounts/list/", {"format": form})
    page = decode_page(accounts.content)
    assert (len(page.names), page.total_count, page.names[ROWS]) == (ROWS, ROWS, f"user{ROWS}")


async def test_every_account_arrives(server: Served) -> None:
    records = (await server.get("/json-api/emailtrack_user_stats?api.version=1")).json()["data"]["records"]
    assert {each["USER"] for each in records} == {f"user{number}" for number in range(1, ROWS + 1)}
    names = (await server.get("/json-api/listaccts?api.version=1")).json()["data"]["acct"]
    assert len(names) == ROWS
    assert (await server.get("/metrics")).text.count("mailtop_sent_messages_total{") == ROWS


@pytest.mark.parametrize("is_first", [True, False])
async def test_an_incorrect_question_shares_no_answer(server: Served, is_first: bool) -> None:
    answers = {}
    for fields in ({"from_id": "None"}, {}) if is_first else ({}, {"from_id": "None"}):
        answers[len(fields)] = (await server.post("/api/v1.1/admin/accounts/list/", dict(fields))).json()["error"]
    assert answers == {1: 400, 0: 0}


async def test_others_are_answered_meanwhile(server: Served) -> None:
    began = time.monotonic()
    long = asyncio.create_task(server.post(STATS, {"id": 119, "group": "account_campaign", "format": "xml"}))
    answered = 0
    while not long.done():
        assert (await server.post(STATS, {"id": 119})).json()["error"] == 0
        answered += 1
    assert (await long).status_code == 200
    assert answered >= 3, f"{answered} in {time.monotonic() - began:.1f} s"
