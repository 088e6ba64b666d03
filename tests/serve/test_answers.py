"""Sharing, threads and failures of what stands between the app and the ledger."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest

from tests.sources.test_ledger_source import FakeReader
from tui.engine.ledger import LedgerError
from tui.model import Grouping, QueueQuery, QueueTable
from tui.serve.answers import NO_LEDGER, Answers, NotKnown
from tui.serve.pieces import PIECE_ROWS, json_list
from tui.sources.ledger import LedgerSource

ALL = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)
SUM = QueueQuery()


async def passed(seconds: float) -> None:
    """Wait for the clock, where that is what matters."""
    await asyncio.sleep(seconds)


class World:
    """Two scripted readers, of sums and of long tables, behind the answers."""

    def __init__(self) -> None:
        self.quick, self.long = FakeReader(), FakeReader()
        self.answers = self.new(60.0)

    def new(self, tick_seconds: float) -> Answers:
        quick, long = LedgerSource("mx", lambda: self.quick), LedgerSource("mx", lambda: self.long)
        self.answers = Answers(quick, long, tick_seconds=tick_seconds)
        return self.answers


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.answers.close()


async def test_identical_questions_share_one_answer_for_a_tick(world: World) -> None:
    first = await asyncio.gather(*(world.answers.queue(SUM) for _ in range(50)))
    later = await world.answers.queue(SUM)
    assert all(each is later for each in first)
    assert world.quick.asked == [SUM]
    await world.answers.queue(SUM.grouped(Grouping.ISP))
    assert len(world.quick.asked) == 2


async def test_the_next_tick_is_asked_anew(world: World) -> None:
    answers = world.new(0.02)
    await answers.queue(SUM)
    world.quick.waiting = 6
    async with asyncio.timeout(10):
        while (await answers.queue(SUM)).new != [6]:
            await passed(0.01)
    assert len(world.quick.asked) == 2


async def test_a_failure_is_shared_and_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.quick.trouble = LedgerError("the disk that holds /secret/place is gone")
    with caplog.at_level(logging.ERROR, "mailtop.serve"):
        for query in (SUM, SUM, SUM.grouped(Grouping.ISP)):
            with pytest.raises(NotKnown, match=NO_LEDGER):
                await world.answers.queue(query)
    assert [record.message for record in caplog.records] == [
        "the ledger cannot be read: the disk that holds /secret/place is gone"
    ]


async def test_who_gives_up_takes_the_answer_from_nobody(world: World) -> None:
    world.quick.gate.clear()
    impatient, patient = (asyncio.create_task(world.answers.totals()) for _ in range(2))
    await asyncio.to_thread(world.quick.begun.wait, 10)
    impatient.cancel()
    world.quick.gate.set()
    assert list(await patient) == ["alice"]
    assert impatient.cancelled()


async def test_a_long_table_delays_no_sum(world: World) -> None:
    begun, gate = threading.Event(), threading.Event()

    def slow(query: QueueQuery, limit: int | None = None) -> QueueTable:
        begun.set()
        gate.wait(10)
        return QueueTable(query=query, new=[1])

    setattr(world.long, "queue", slow)  # noqa: B010
    long = asyncio.create_task(world.answers.queue(ALL))
    await asyncio.to_thread(begun.wait, 10)
    assert (await world.answers.queue(SUM)).new == [5]
    assert not long.done()
    gate.set()
    await long


async def test_many_rows_are_written_in_a_thread_and_once(world: World) -> None:
    threads = []

    def write() -> list[bytes]:
        threads.append(threading.get_ident())
        return json_list(b"[", range(3 * PIECE_ROWS), b"]")

    bodies = await asyncio.gather(*(world.answers.written("rows", 3 * PIECE_ROWS, write) for _ in range(5)))
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    assert all(body is bodies[0] for body in bodies)
    assert len(bodies[0]) > 3


async def test_answers_are_not_kept_without_end(world: World) -> None:
    answers = world.new(0.01)
    for account_id in range(1000):
        await answers.queue(QueueQuery(account_id=account_id))
    async with asyncio.timeout(10):
        while answers._kept:
            await passed(0.01)
