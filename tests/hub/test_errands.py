"""What is asked once: every errand has one reply, whatever becomes of it, and no more are kept than is right."""

from __future__ import annotations

import asyncio

from tests.hub.scripted import until
from tui.hub.errands import MAX_ERRANDS, TOO_MANY, Errand, Errands, Reply, refusal
from tui.hub.protocol import Export, Exported, Jump, Jumped, ViewRequest
from tui.model import QueueQuery


def jump(serial: int) -> Jump:
    return Jump(serial=serial, dimension="isp", text="gmail", query=QueueQuery())


def export(serial: int) -> Export:
    return Export(serial=serial, request=ViewRequest(serial=1), format="csv", path="rows.csv")


def taken(errands: Errands) -> list[Reply]:
    replies = []
    while (reply := errands.take()) is not None:
        replies.append(reply)
    return replies


async def test_every_errand_is_answered_and_a_mistake_is_a_sentence() -> None:
    async def run(errand: Errand) -> Reply:
        if errand.serial == 2:
            raise ZeroDivisionError("oh\x1b[2J")
        return Jumped(serial=errand.serial, query=QueueQuery(isp="Gmail"))

    told: list[int] = []
    errands = Errands(run, lambda: told.append(1))
    for serial in (1, 2, 3):
        errands.begin(jump(serial))
    await until(lambda: len(told) == 3)
    replies = {reply.serial: reply for reply in taken(errands)}
    assert replies[1] == Jumped(serial=1, query=QueueQuery(isp="Gmail"))
    assert "ZeroDivisionError: oh\ufffd[2J)" in replies[2].sentence and sorted(replies) == [1, 2, 3]
    assert taken(errands) == []


async def test_more_than_can_be_kept_are_refused_in_words() -> None:
    gate = asyncio.Event()

    async def run(errand: Errand) -> Reply:
        await gate.wait()
        return refusal(errand, "done")

    told: list[int] = []
    errands = Errands(run, lambda: told.append(1))
    for serial in range(MAX_ERRANDS + 1):
        errands.begin(export(serial))
    assert taken(errands) == [Exported(serial=MAX_ERRANDS, sentence=TOO_MANY, failed=True)]
    gate.set()
    await until(lambda: len(told) == MAX_ERRANDS + 1)
    assert [reply.sentence for reply in taken(errands)] == ["done"] * MAX_ERRANDS


async def test_closing_ends_what_is_under_way() -> None:
    async def run(errand: Errand) -> Reply:
        await asyncio.Event().wait()
        return refusal(errand, "never")

    errands = Errands(run, lambda: None)
    errands.begin(jump(1))
    await asyncio.wait_for(errands.close(), 5)
    assert errands.take() is None
