"""The hub in a child process: the screen's end, which starts it again when it dies, and the child's end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from tui.hub.child import Child
from tui.hub.errands import MAX_ERRANDS, TOO_MANY, Errand, Reply, refusal
from tui.hub.protocol import (
    MAX_FRAME_BYTES,
    MAX_MARKS,
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
    decode_request,
    encode,
)
from tui.hub.spawn import FD_VARIABLE, SpawnedHub, spawn_hub

CLOSE_SECONDS = 1.2
RESTART_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""When to start a hub again that died, each time that it does not live for ``HEALTHY_SECONDS``."""

HEALTHY_SECONDS = 30.0
SOCKET_BYTES = 65536
"""How much the kernel may hold of views that the screen has not read: more would only be older."""

LOST = "The hub ended before it could answer; ask again."

MAX_WINDOW_ROWS = 2000
MAX_MESSAGES = 1000
MAX_TREND_CELLS = 120
SWITCH_SECONDS = 0.0005
"""How long a worker thread may keep the interpreter's lock when the hub's loop wants it."""
Running = tuple[Child, socket.socket]


class ChildLink:
    """A ``HubLink`` to a hub in a child process, started by ``argv``; the first may be ``spawned`` already."""

    def __init__(self, argv: Sequence[str], spawned: SpawnedHub | None = None) -> None:
        self._argv = argv
        self._spawned = spawned
        self._task: asyncio.Task[None] | None = None
        self._request: ViewRequest | None = None
        self._unsent: list[Request] = []
        self._to_send = asyncio.Event()
        self._view: View | None = None
        self._restarts: deque[HubRestarted] = deque(maxlen=8)
        self._errands: dict[tuple[type[Errand], int], Errand] = {}
        self._replies: deque[Reply] = deque(maxlen=2 * MAX_ERRANDS)
        self._arrived = asyncio.Event()
        self._closing = False
        self._child: Child | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the newest child."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start the child; raises ``OSError`` when it cannot be started."""
        self._task = asyncio.create_task(self._run(self._spawn()))
        self._task.add_done_callback(lambda _: self._arrived.set())

    def send(self, request: Request) -> None:
        """Send without waiting; a newer view request replaces an older one that has not left yet, and one refresh
        stands for many. What is asked once is kept in mind until it is answered."""
        if isinstance(request, Jump | Export):
            if len(self._errands) + len(self._replies) >= MAX_ERRANDS:
                self._reply(refusal(request, TOO_MANY))
                return
            self._errands[type(request), request.serial] = request
            self._unsent.append(request)
            self._to_send.set()
            return
        if isinstance(request, ViewRequest):
            self._request = request
        self._unsent = [kept for kept in self._unsent if type(kept) is not type(request)]
        self._unsent.append(request)
        self._to_send.set()

    async def answers(self) -> AsyncIterator[Answer]:
        """Answers as they come, until closed; a newer view replaces one that nobody has taken."""
        while not self._closing:
            await self._arrived.wait()
            self._arrived.clear()
            if self._task is not None and self._task.done() and not self._task.cancelled():
                self._task.result()
            while self._restarts:
                yield self._restarts.popleft()
            while self._replies:
                yield self._replies.popleft()
            view, self._view = self._view, None
            if view is not None:
                yield view

    async def close(self) -> None:
        """End the child and wait until it is gone: soon it is killed."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        elif self._spawned is not None:  # nobody has started this link, and its child runs
            self._spawn()
        if self._socket is not None:
            self._socket.close()
        if self._child is not None:
            await self._child.end(CLOSE_SECONDS)

    def _spawn(self) -> Running:
        spawned, self._spawned = self._spawned or spawn_hub(self._argv), None
        try:
            self._child, self._socket = running = Child(spawned.child), spawned.socket
        except OSError:
            spawned.socket.close()
            raise
        return running

    async def _run(self, running: Running | None) -> None:
        """Talk to the child until closed; when it dies, tell why and start another."""
        deaths = 0
        while True:
            began = asyncio.get_running_loop().time()
            if running is not None:
                self._tell(await self._live(*running))
            if asyncio.get_running_loop().time() - began >= HEALTHY_SECONDS:
                deaths = 0
            await asyncio.sleep(RESTART_SECONDS[min(deaths, len(RESTART_SECONDS) - 1)])
            deaths += 1
            try:
                running = self._spawn()
            except OSError as error:
                running = None
                self._tell(f"The hub cannot be started: {error}.")
            if self._request is not None:
                self.send(self._request)

    async def _live(self, child: Child, ours: socket.socket) -> str:
        """One child's life; returns how it ended, in a sentence."""
        trouble = ""
        reader, writer = await asyncio.open_connection(sock=ours)
        sending = asyncio.create_task(self._send_to(writer))
        try:
            async for body in _frames(reader):
                self._take(decode_answer(body))
        except (FrameError, msgspec.DecodeError) as error:
            trouble = f", because {error}"
        finally:
            sending.cancel()
            writer.transport.abort()
        await child.end(CLOSE_SECONDS)
        said = f": {child.last_line}" if child.last_line else "."
        return f"The hub has ended ({await child.wait()}){trouble}{said}"

    async def _send_to(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        with suppress(OSError):  # the reader sees the end too, and tells
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                while self._unsent:
                    writer.write(encode(self._unsent.pop(0)))
                    await writer.drain()

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, View):
            self._view = answer
            self._arrived.set()
        elif isinstance(answer, Jumped | Exported):
            kind = Jump if isinstance(answer, Jumped) else Export
            if self._errands.pop((kind, answer.serial), None) is not None:
                self._reply(answer)

    def _reply(self, reply: Reply) -> None:
        self._replies.append(reply)
        self._arrived.set()

    def _tell(self, reason: str) -> None:
        """The hub is gone, and with it what it was about to answer."""
        self._restarts.append(HubRestarted(reason))
        self._unsent = [kept for kept in self._unsent if not isinstance(kept, Jump | Export)]
        for errand in self._errands.values():
            self._reply(refusal(errand, LOST))
        self._errands.clear()
        self._arrived.set()


class FrameError(Exception):
    """The other end sent what is no frame."""


async def serve(hub: HubLink, sock: socket.socket) -> None:
    """The child's end: answer the requests that come through ``sock``, until it closes, a ``Close`` comes, or the
    process gets SIGTERM or SIGHUP; then close the hub. Raises what the hub raises, so that the screen learns of it."""
    _tune()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    reader, writer = await asyncio.open_connection(sock=sock)
    await hub.start()
    tasks = [
        asyncio.create_task(_receive(hub, reader)),
        asyncio.create_task(_transmit(hub, writer)),
        asyncio.create_task(stop.wait()),
    ]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await hub.close()
        writer.close()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    for task in ended:
        task.result()


def inherited_socket() -> socket.socket:
    """The child's end of the socket, by ``MAILTOP_HUB_FD``. Raises ``OSError`` when there is none."""
    number = os.environ.pop(FD_VARIABLE, "")
    if not number.isdigit():
        raise OSError(f"{FD_VARIABLE} is not set: the hub is started by the screen, not by hand")
    sock = socket.socket(fileno=int(number))
    sock.set_inheritable(False)
    return sock


async def _receive(hub: HubLink, reader: asyncio.StreamReader) -> None:
    async for body in _frames(reader):
        request = decode_request(body)
        if isinstance(request, Close):
            return
        hub.send(_bounded(request) if isinstance(request, ViewRequest) else request)


def _bounded(request: ViewRequest) -> ViewRequest:
    """The request with no more in it than fits into a frame."""
    replace, accounts = msgspec.structs.replace, request.accounts
    return replace(
        request,
        rows=min(request.rows, MAX_WINDOW_ROWS),
        accounts=replace(accounts, rows=min(accounts.rows, MAX_WINDOW_ROWS)) if accounts is not None else None,
        marked=request.marked[:MAX_MARKS],
        messages=min(request.messages, MAX_MESSAGES),
        trend_cells=min(request.trend_cells, MAX_TREND_CELLS),
    )


async def _transmit(hub: HubLink, writer: asyncio.StreamWriter) -> None:
    """Write views as they come. While the screen does not read nothing is taken from the hub, which keeps the newest
    only."""
    writer.transport.set_write_buffer_limits(high=0)
    with suppress(ConnectionError):
        async for answer in hub.answers():
            writer.write(encode(answer))
            await writer.drain()


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The bodies of the frames that come, until the other end closes. Raises ``FrameError``."""
    while True:
        try:
            size = int.from_bytes(await reader.readexactly(4), "big")
            if size > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {size:,} bytes came; at most {MAX_FRAME_BYTES:,} are allowed")
            yield await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return


def _tune() -> None:
    """Let the loop have the interpreter's lock soon, and do not look through what was imported for garbage."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
