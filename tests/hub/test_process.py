"""The hub in a child process: killed, it comes back; left alone, it ends; unread, it does not swell."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.hub import child_hub
from tests.hub.scripted import ScriptedSource, until
from tui.hub import process
from tui.hub.child import Child
from tui.hub.errands import MAX_ERRANDS, TOO_MANY
from tui.hub.hub import Hub
from tui.hub.process import ChildLink, inherited_socket, serve
from tui.hub.protocol import (
    MAX_FRAME_BYTES,
    MAX_MARKS,
    AccountsRequest,
    Answer,
    Close,
    Export,
    Exported,
    HubLink,
    HubRestarted,
    Jump,
    Jumped,
    Request,
    View,
    ViewRequest,
    decode_answer,
    encode,
)
from tui.hub.spawn import FD_VARIABLE
from tui.model import Grouping, QueueQuery, QueueRow, RowKey

ACCOUNTS = QueueQuery(Grouping.ACCOUNT)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Reader:
    """Collects the answers of a link."""

    def __init__(self, link: ChildLink) -> None:
        self.link = link
        self.answers: list[Answer] = []

    async def read(self) -> None:
        async for answer in self.link.answers():
            self.answers.append(answer)

    @property
    def views(self) -> list[View]:
        return [answer for answer in self.answers if isinstance(answer, View)]

    @property
    def replies(self) -> list[Jumped | Exported]:
        return [answer for answer in self.answers if isinstance(answer, Jumped | Exported)]

    @property
    def restarts(self) -> list[HubRestarted]:
        return [answer for answer in self.answers if isinstance(answer, HubRestarted)]


@asynccontextmanager
async def linked(argv: list[str]) -> AsyncIterator[Reader]:
    link = ChildLink(argv)
    await link.start()
    reader = Reader(link)
    reading = asyncio.create_task(reader.read())
    try:
        yield reader
    finally:
        await link.close()
        await reading
        assert not is_alive(link.pid)


async def test_views_come_from_the_child_and_it_is_gone_after_close() -> None:
    async with linked(child_hub.argv()) as reader:
        reader.link.send(ViewRequest(serial=7, query=ACCOUNTS))
        await until(lambda: any(view.queue_known for view in reader.views))
        assert reader.views[-1].serial == 7
        assert [row.account for row in reader.views[-1].rows] == ["user3", "user2", "user1"]
        assert reader.link.pid != os.getpid()


async def test_a_killed_child_is_started_again_and_asked_the_same() -> None:
    async with linked(child_hub.argv()) as reader:
        reader.link.send(ViewRequest(serial=3, query=ACCOUNTS))
        await until(lambda: any(view.queue_known for view in reader.views))
        pid = reader.link.pid
        assert pid is not None
        seen = len(reader.views)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: reader.restarts)
        assert reader.restarts[0].reason == "The hub has ended (SIGKILL)."
        await until(lambda: any(view.queue_known for view in reader.views[seen:]))
        assert reader.views[-1].serial == 3
        assert reader.link.pid != pid and not is_alive(pid)


async def test_what_is_asked_once_is_answered_once_whatever_views_come() -> None:
    async with linked(child_hub.argv()) as reader:
        for serial in range(5):
            reader.link.send(Jump(serial=serial, dimension="isp", text=f"isp{serial % 3 + 1}", query=QueueQuery()))
            reader.link.send(ViewRequest(serial=serial, query=ACCOUNTS))
        await until(lambda: len(reader.replies) == 5 and reader.views)
        found = {reply.serial: reply.query for reply in reader.replies if isinstance(reply, Jumped)}
        assert found == {serial: QueueQuery(Grouping.ACCOUNT, isp=f"isp{serial % 3 + 1}") for serial in range(5)}


async def test_what_a_dead_hub_cannot_answer_is_said_and_no_more_is_taken_than_can_be_kept() -> None:
    async with linked(python("import sys; sys.stdin.read()")) as reader:
        asked = Export(serial=1, request=ViewRequest(serial=1), format="csv", path="rows.csv")
        reader.link.send(asked)
        for serial in range(MAX_ERRANDS):
            reader.link.send(Jump(serial=serial, dimension="isp", text="x", query=QueueQuery()))
        await until(lambda: reader.replies)
        assert reader.replies == [Jumped(serial=MAX_ERRANDS - 1, sentence=TOO_MANY)]
        assert reader.link.pid is not None
        os.kill(reader.link.pid, signal.SIGKILL)
        await until(lambda: len(reader.replies) == MAX_ERRANDS + 1)
        assert Exported(serial=1, sentence=process.LOST, failed=True) in reader.replies
        assert {reply.sentence for reply in reader.replies} == {TOO_MANY, process.LOST}


async def test_a_child_that_keeps_dying_is_started_ever_later_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "RESTART_SECONDS", (0.0, 0.01, 0.3))
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with linked(python("import sys; sys.exit('no\\x1b[2J good')")) as reader:
        await until(lambda: len(reader.restarts) >= 4, 30)
        assert reader.restarts[0].reason == "The hub has ended (exit code 1): no\ufffd[2J good"
        assert loop.time() - began >= 0.3


async def test_a_program_that_is_not_there_is_an_os_error() -> None:
    link = ChildLink(["/no/such/program"])
    with pytest.raises(OSError, match="no/such/program"):
        await link.start()
    await link.close()


async def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "CLOSE_SECONDS", 0.2)
    stubborn = python("import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)")
    async with linked(stubborn) as reader:
        pid = reader.link.pid
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_closing_before_anything_happened_leaves_nothing_behind() -> None:
    link = ChildLink(child_hub.argv())
    await link.start()
    pid = link.pid
    await link.close()
    assert pid is not None and not is_alive(pid)


@pytest.mark.parametrize(
    "frame, words",
    [((MAX_FRAME_BYTES + 1).to_bytes(4, "big"), "a frame of"), (b"\x00\x00\x00\x02no", "")],
)
async def test_a_child_that_sends_nonsense_is_started_again(frame: bytes, words: str) -> None:
    code = (
        f"import os, socket, time; sock = socket.socket(fileno=int(os.environ['{FD_VARIABLE}']));"
        f"sock.sendall({frame!r}); sock.recv(1)"
    )
    async with linked(python(code)) as reader:
        await until(lambda: reader.restarts)
        assert ", because" in reader.restarts[0].reason and words in reader.restarts[0].reason


async def test_the_child_ends_when_the_screen_is_gone() -> None:
    ours, theirs = socket.socketpair()
    child = await Child.start(
        child_hub.argv(), pass_fds=[theirs.fileno()], environment={FD_VARIABLE: str(theirs.fileno())}
    )
    theirs.close()
    ours.sendall(encode(ViewRequest(serial=1, query=ACCOUNTS)))
    await asyncio.to_thread(ours.recv, 4)
    ours.close()
    async with asyncio.timeout(10):
        assert await child.wait() == "exit code 0"


@pytest.mark.parametrize("kill", [True, False])
async def test_a_collector_never_outlives_the_screen(tmp_path: Path, kill: bool) -> None:
    log = tmp_path / "pids"
    code = f"import os, sys; print(os.getpid(), file=open({str(log)!r}, 'a')); sys.stdin.read()"
    async with linked(child_hub.argv(*python(code))) as reader:
        await until(lambda: log.exists() and log.read_text().endswith("\n"))
        if kill and reader.link.pid is not None:
            os.kill(reader.link.pid, signal.SIGKILL)
            await until(lambda: len(log.read_text().split()) == 2)
    pids = [int(pid) for pid in log.read_text().split()]
    await until(lambda: not any(map(is_alive, pids)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_the_child_ends_at_a_signal_and_closes_its_sources(number: signal.Signals) -> None:
    source = ScriptedSource()
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(Hub([source]), theirs))
    ours.sendall(encode(ViewRequest(serial=1, query=ACCOUNTS)))
    await until(lambda: source.calls)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(serving, 10)
    assert source.closed
    ours.close()


class Chatty:
    """A hub that always has a newer view, each large."""

    def __init__(self) -> None:
        self.made = 0

    async def start(self) -> None:
        pass

    def send(self, request: Request) -> None:
        pass

    async def answers(self) -> AsyncIterator[Answer]:
        rows = [QueueRow(account="x" * 200)] * 100
        while True:
            self.made += 1
            yield View(serial=self.made, time=0, rows=rows)
            await asyncio.sleep(0)

    async def close(self) -> None:
        pass


async def read_frame(reader: asyncio.StreamReader) -> Answer:
    size = int.from_bytes(await reader.readexactly(4), "big")
    answer: Answer = decode_answer(await reader.readexactly(size))
    return answer


async def test_nothing_piles_up_while_the_screen_does_not_read() -> None:
    hub = Chatty()
    link: HubLink = hub
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(link, theirs))
    await until(lambda: hub.made > 1)
    made = -1
    while made != hub.made:  # until it waits for the reader
        made = hub.made
        await asyncio.sleep(0.1)
    size = len(encode(View(serial=1, time=0, rows=[QueueRow(account="x" * 200)] * 100)))
    assert made * size < 1_000_000
    reader, writer = await asyncio.open_connection(sock=ours)
    answer = await read_frame(reader)
    assert isinstance(answer, View) and answer.serial == 1
    while answer.serial <= made:
        answer = await read_frame(reader)
        assert isinstance(answer, View)
    writer.write(encode(Close()))
    await asyncio.wait_for(serving, 10)
    writer.close()


async def test_a_slow_screen_gets_the_newest_view_next() -> None:
    source = ScriptedSource(interval_seconds=3600)
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(Hub([source]), theirs))
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(encode(ViewRequest(serial=1, query=ACCOUNTS)))
    answer = await read_frame(reader)
    for serial in range(2, 500):
        writer.write(encode(ViewRequest(serial=serial, query=ACCOUNTS)))
    received = 0
    while isinstance(answer, View) and answer.serial < 499:
        answer = await read_frame(reader)
        received += 1
    assert received < 400
    writer.close()
    await asyncio.wait_for(serving, 10)


async def test_a_window_beyond_all_screens_is_cut() -> None:
    source = ScriptedSource(interval_seconds=3600)
    source.rows = process.MAX_WINDOW_ROWS + 100
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(Hub([source]), theirs))
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(encode(ViewRequest(serial=1, query=ACCOUNTS, rows=10**9)))
    answer = await read_frame(reader)
    while isinstance(answer, View) and not answer.queue_known:
        answer = await read_frame(reader)
    assert isinstance(answer, View) and len(answer.rows) == process.MAX_WINDOW_ROWS
    writer.close()
    await asyncio.wait_for(serving, 10)


async def test_no_request_is_larger_than_a_screen_could_mean() -> None:
    class Listening(Chatty):
        def send(self, request: Request) -> None:
            taken.append(request)

    taken: list[Request] = []
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(Listening(), theirs))
    _, writer = await asyncio.open_connection(sock=ours)
    huge = ViewRequest(
        serial=1,
        rows=10**9,
        accounts=AccountsRequest(rows=10**9),
        marked=[RowKey(isp=str(number)) for number in range(MAX_MARKS + 1)],
        messages=10**9,
        trend_cells=10**9,
    )
    for request in (huge, ViewRequest(serial=2)):
        writer.write(encode(request))
    await until(lambda: len(taken) == 2)
    cut, small = taken
    assert isinstance(cut, ViewRequest) and cut.accounts is not None
    assert cut.rows == cut.accounts.rows == process.MAX_WINDOW_ROWS and len(cut.marked) == MAX_MARKS
    assert (cut.messages, cut.trend_cells) == (process.MAX_MESSAGES, process.MAX_TREND_CELLS)
    assert small == ViewRequest(serial=2)
    writer.close()
    await asyncio.wait_for(serving, 10)


def test_a_hub_started_by_hand_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FD_VARIABLE, raising=False)
    with pytest.raises(OSError, match=FD_VARIABLE):
        inherited_socket()
