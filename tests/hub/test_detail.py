"""The details of a row: asked only while they are shown, of the row's own source, and failures are sentences."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.hub.scripted import ScriptedSource, until
from tests.hub.test_hub import ACCOUNTS, ISPS, quick, screen
from tui.hub import detail as rooms
from tui.hub.protocol import Detail, View
from tui.model import Cause, Counts, Grouping, QueueQuery, RowKey, WaitingMessage
from tui.sources.source import SourceError, Unreachable

__all__ = ["quick"]


def cause(text: str, count: int, first: int = 10, last: int = 20, reply: str = "no") -> Cause:
    return Cause(text=text, count=count, first_seen=first, last_seen=last, last_reply=reply)


def message(id: str, arrived: int | None = None) -> WaitingMessage:
    return WaitingMessage(id=id, sender="a@b", recipient="c@d", state="retry", arrived=arrived)


class Knowing(ScriptedSource):
    """Tells why mail waits; ``causes_trouble`` and ``messages_trouble`` are raised instead."""

    def __init__(self, name: str = "one", interval_seconds: float = 0.02) -> None:
        super().__init__(name, interval_seconds)
        self.the_causes: list[Cause] | None = [cause("full", 3)]
        self.the_messages: list[WaitingMessage] | None = [message("m1", 5), message("m2", 9)]
        self.causes_trouble: Exception | None = None
        self.messages_trouble: Exception | None = None
        self.asked: list[QueueQuery] = []
        self.limits: list[int] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        self.asked.append(query)
        await self.slow.wait()
        if self.causes_trouble is not None:
            raise self.causes_trouble
        return self.the_causes

    async def messages(self, query: QueueQuery, limit: int) -> list[WaitingMessage] | None:
        self.limits.append(limit)
        if self.messages_trouble is not None:
            raise self.messages_trouble
        return self.the_messages


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "AGAIN_SECONDS", 0.03)
    monkeypatch.setattr(rooms, "LOOK_SECONDS", 0.01)


def of(view: View) -> Detail:
    assert view.detail is not None
    return view.detail


def asking(**more: Any) -> dict[str, Any]:
    return {"selected": RowKey("one", 1, 2), "detail": True, "messages": 7, "span_seconds": 300} | more


async def test_a_row_has_its_numbers_its_causes_and_its_oldest_messages() -> None:
    source = Knowing()
    source.retry = 4
    async with screen(source) as shown:
        shown.ask(**asking())
        view = await shown.until(lambda view: view.detail and view.detail.causes and view.detail.events)
        detail = of(view)
        assert (detail.row.account, detail.row.total, detail.sender_total) == ("user2", 6, 18)
        assert detail.causes == [cause("full", 3)] and detail.messages == [message("m1", 5), message("m2", 9)]
        assert detail.events == Counts(send=sum(range(5))) and detail.span_seconds == 300
        assert (detail.waiting, detail.problem) == (False, "")
        assert set(source.asked) == {QueueQuery(sender_id=1, account_id=2)} and set(source.limits) == {7}


async def test_nothing_is_asked_unless_it_is_shown_and_not_again_while_nothing_changes() -> None:
    source = Knowing()
    async with screen(source) as shown:
        shown.ask(selected=RowKey("one", 1, 2))
        await shown.until(lambda view: view.queue_known)
        polls = source.count("queue")
        await until(lambda: source.count("queue") > polls + 3)
        assert source.asked == []
        shown.ask(**asking())
        await until(lambda: len(source.asked) > 2)
        source.quiet = True
        await asyncio.sleep(0.1)
        asked = len(source.asked)
        await asyncio.sleep(0.1)
        assert len(source.asked) == asked
        source.quiet = False
        shown.ask()
        await shown.until(lambda view: view.detail is None)
        asked = len(source.asked)
        await asyncio.sleep(0.1)
        assert len(source.asked) == asked


async def test_what_is_on_its_way_is_said_to_be_and_a_newer_question_does_not_wait_for_an_older() -> None:
    source = Knowing()
    source.slow.clear()
    async with screen(source) as shown:
        shown.ask(**asking())
        view = await shown.until(lambda view: view.detail is not None)
        assert of(view).waiting and of(view).causes is None
        await until(lambda: source.asked)
        shown.ask(**asking(selected=RowKey("one", 1, 3)))
        await until(lambda: source.asked[-1] == QueueQuery(sender_id=1, account_id=3))
        source.slow.set()
        view = await shown.until(lambda view: view.detail and view.detail.causes)
        assert of(view).row.account == "user3" and not of(view).waiting


async def test_failures_are_sentences_beside_the_last_good_answer_and_spoil_nothing_else() -> None:
    source = Knowing()
    source.messages_trouble = ZeroDivisionError("oh")
    async with screen(source) as shown:
        shown.ask(**asking())
        view = await shown.until(lambda view: view.detail and view.detail.problem)
        assert "ZeroDivisionError: oh" in of(view).problem and "report" in of(view).problem
        assert of(view).causes == [cause("full", 3)] and view.sources[0].error is None
        source.messages_trouble = None
        await shown.until(lambda view: view.detail and view.detail.messages and not view.detail.problem)
        source.causes_trouble = SourceError("The ledger is \x1b[2J locked.")
        view = await shown.until(lambda view: view.detail and view.detail.problem)
        assert "\x1b" not in of(view).problem and of(view).problem.startswith("The ledger is")
        assert of(view).causes == [cause("full", 3)]


async def test_a_source_that_is_away_says_so_instead_of_details() -> None:
    source = Knowing()
    async with screen(source) as shown:
        shown.ask()
        await shown.until(lambda view: view.queue_known)
        source.trouble = Unreachable("mx1 refuses connections.")
        await shown.until(lambda view: view.sources[0].error)
        shown.ask(**asking())
        view = await shown.until(lambda view: view.detail is not None)
        assert (of(view).problem, of(view).waiting) == ("mx1 refuses connections.", False)
        assert source.asked == []


async def test_a_source_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ANSWER_SECONDS", 0.05)
    source = Knowing()
    source.slow.clear()
    async with screen(source) as shown:
        shown.ask(**asking())
        view = await shown.until(lambda view: view.detail and view.detail.problem)
        assert of(view).problem.startswith("It has not answered for")
        assert of(view).messages, "what it does answer is there"


async def test_a_row_that_is_gone_keeps_its_name() -> None:
    source = Knowing()
    async with screen(source) as shown:
        shown.ask(**asking(selected=RowKey("one", 1, 3)))
        await shown.until(lambda view: view.detail and view.detail.row.total == 3)
        source.rows = 2
        view = await shown.until(lambda view: view.detail and view.detail.row.total == 0)
        assert of(view).row.account == "user3"


async def test_several_sources_are_asked_for_what_all_wait_for_and_one_for_its_row() -> None:
    one, two = Knowing("one"), Knowing("two")
    one.the_messages, two.the_messages = [message("a", 1), message("c", 30)], [message("b", 2), message("d")]
    two.the_causes = [cause("full", 1, last=99, reply="newer"), cause("busy", 2)]
    async with screen(one, two) as shown:
        shown.ask(query=QueueQuery(), detail=True, messages=3)
        view = await shown.until(lambda view: view.detail and len(view.detail.causes or []) == 2)
        assert of(view).causes == [cause("full", 4, last=99, reply="newer"), cause("busy", 2)]
        assert [each.id for each in of(view).messages or []] == ["a", "b", "c"]
        assert of(view).sender_total == of(view).row.total == 12
        asked = len(one.asked)
        shown.ask(**asking(query=ISPS, selected=RowKey("two", 1, isp="isp2")))
        await until(lambda: two.asked[-1] == QueueQuery(sender_id=1, isp="isp2"))
        two.causes_trouble = SourceError("It is broken.")
        view = await shown.until(lambda view: view.detail and view.detail.problem)
        assert of(view).problem == "It is broken." and len(one.asked) <= asked + 1


async def test_what_waits_at_the_sender_is_asked_for_where_the_rows_do_not_tell() -> None:
    source = Knowing()
    async with screen(source) as shown:
        query = QueueQuery(Grouping.ISP, account_id=2, account="user2")
        shown.ask(**asking(query=query, selected=RowKey("one", 1, isp="isp1")))
        view = await shown.until(lambda view: view.detail and view.detail.sender_total is not None)
        assert of(view).sender_total == 6
        assert QueueQuery(sender_id=1) in source.queries


async def test_a_source_that_tells_nothing_of_it_has_no_details_and_no_problem() -> None:
    source = ScriptedSource()
    source.has_history = False
    async with screen(source) as shown:
        shown.ask(query=ACCOUNTS, detail=True, messages=3)
        view = await shown.until(lambda view: view.detail and not view.detail.waiting)
        assert of(view) == Detail(row=view.sums, delta=view.sum_delta, sender_total=6, span_seconds=3600)


async def test_an_added_up_row_is_asked_of_all_and_who_fails_is_named_and_left_out() -> None:
    one, two, three = Knowing("one"), Knowing("two"), Knowing("three")
    two.the_causes, three.the_causes = [cause("busy", 2)], [cause("busy", 5)]
    sources = one, two, three
    async with screen(*sources) as shown:
        shown.ask(**asking(query=ISPS, selected=RowKey(isp="isp2"), together=True))
        view = await shown.until(lambda view: view.detail and len(view.detail.causes or []) == 2)
        assert of(view).causes == [cause("busy", 7), cause("full", 3)]
        assert all(source.asked[-1] == QueueQuery(isp="isp2") for source in sources)
        assert of(view).problem == ""
        three.trouble = Unreachable("three refuses connections.")
        view = await shown.until(lambda view: view.detail and view.detail.problem)
        assert of(view).problem == "three: three refuses connections."
        assert of(view).causes == [cause("full", 3), cause("busy", 2)]
        two.slow.clear()
        shown.ask(**asking(query=ISPS, selected=RowKey(isp="isp1"), together=True))
        view = await shown.until(lambda view: view.detail and view.detail.row.isp == "isp1" and view.detail.causes)
        assert of(view).causes == [cause("full", 3)] and of(view).waiting, "who is slow holds up nobody"
        two.slow.set()
        await shown.until(lambda view: view.detail and view.detail.causes == [cause("full", 3), cause("busy", 2)])


async def test_of_many_that_fail_a_few_say_why() -> None:
    sources = [Knowing(f"mx{number}") for number in range(6)]
    for source in sources[:5]:
        source.causes_trouble = SourceError("It is locked.")
    async with screen(*sources) as shown:
        shown.ask(**asking(query=QueueQuery(), selected=None, together=True))
        view = await shown.until(lambda view: view.detail and "more" in view.detail.problem)
        told = " ".join(f"mx{number}: It is locked." for number in range(3))
        assert of(view).problem == f"{told} 2 more sources could not be read."
