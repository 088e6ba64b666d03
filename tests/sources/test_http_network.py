"""How names become connections: a resolver that hangs holds up nobody else, and every address of a name is tried."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.http_server import HttpServer, Response
from tests.sources.test_http import client_of, failure, serve
from tui.sources.source import Unreachable

WAITING = 8
Found = list[tuple[object, ...]]
Names = dict[str, Callable[[], list[str]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What each name leads to, instead of what DNS says."""
    known: Names = {}

    def look_up(host: str, port: int, *_: object, **__: object) -> Found:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]()]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@contextmanager
def deaf(address: str, port: int) -> Iterator[None]:
    """A listener that takes no further connection: who tries waits."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(0)
        taken = [socket.socket() for _ in range(WAITING)]
        for each in taken:
            each.setblocking(False)
            each.connect_ex((address, port))
        try:
            yield
        finally:
            for each in taken:
                each.close()


def at(host: str, server: HttpServer) -> str:
    return f"http://{host}.test:{server.port}"


async def test_a_resolver_that_hangs_holds_up_no_other_source(names: Names) -> None:
    over = threading.Event()
    names["hangs.test"] = lambda: (over.wait(30) and []) or []
    names["good.test"] = lambda: ["127.0.0.1"]
    hanging = [client_of("http://hangs.test", timeout_seconds=0.5) for _ in range(40)]
    try:
        async with serve(Response(body=b"x")) as server:
            lost = asyncio.gather(*(client.ask("GET", "/") for client in hanging), return_exceptions=True)
            client = client_of(at("good", server))
            began = time.monotonic()
            assert (await client.ask("GET", "/")).body == b"x"
            assert time.monotonic() - began < 10  # the names hang for 30
            await client.close()
            outcomes = await lost
        assert all(isinstance(outcome, Unreachable) for outcome in outcomes)
        assert "hangs.test:80 could not be reached within 0.5 s" in str(outcomes[0])
    finally:
        over.set()
        await asyncio.gather(*(client.close() for client in hanging))


def test_a_resolver_that_hangs_does_not_keep_the_process_alive() -> None:
    program = (
        "import asyncio, socket, time\n"
        "from tests.sources.test_http import client_of\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(60)\n"
        "async def ask():\n"
        "    try: await client_of('http://hangs.test', timeout_seconds=0.1).ask('GET', '/')\n"
        "    except Exception as error: print(error)\n"
        "asyncio.run(ask())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert "hangs.test:80 could not be reached" in done.stdout


async def test_many_connections_at_once_ask_for_the_name_once(names: Names) -> None:
    asked = 0

    def count() -> list[str]:
        nonlocal asked
        asked += 1
        return ["127.0.0.1"]

    names["good.test"] = count
    async with serve(Response(body=b"x")) as server:
        client = client_of(at("good", server))
        await asyncio.gather(*(client.ask("GET", "/") for _ in range(16)))
        await client.close()
        assert server.connections == 16
    assert asked == 1


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2", "127.0.0.1"]])
async def test_every_address_is_tried(names: Names, addresses: list[str]) -> None:
    names["good.test"] = lambda: addresses
    async with serve(Response(body=b"x")) as server:
        client = client_of(at("good", server))
        assert (await client.ask("GET", "/")).body == b"x"
        await client.close()


async def test_an_address_that_hangs_delays_little(names: Names) -> None:
    names["good.test"] = lambda: ["127.0.0.2", "127.0.0.1"]
    async with serve(Response(body=b"x")) as server:
        with deaf("127.0.0.2", server.port):
            client = client_of(at("good", server), timeout_seconds=5.0)
            began = time.monotonic()
            assert (await client.ask("GET", "/")).body == b"x"
            assert time.monotonic() - began < 1.0
            await client.close()
        gc.collect()  # a socket that was forgotten open would be a warning, and so a failure


async def test_a_name_of_which_no_address_answers(names: Names) -> None:
    names["bad.test"] = lambda: ["127.0.0.2", "127.0.0.3"]
    async with serve(Response()) as server:
        error = await failure(at("bad", server))
        assert isinstance(error, Unreachable)
        assert str(error).startswith(f"bad.test:{server.port} refused the connection")
        with deaf("127.0.0.3", server.port):
            error = await failure(at("bad", server), timeout_seconds=0.5)
            assert isinstance(error, Unreachable)
            assert "could not be reached within 0.5 s" in str(error)
    gc.collect()


async def test_a_name_in_another_script(names: Names) -> None:
    names["xn--strae-oqa.test"] = lambda: ["127.0.0.1"]
    async with serve(Response(body=b"x")) as server:
        client = client_of(at("straße", server))
        assert (await client.ask("GET", "/ä")).body == b"x"
        await client.close()
        (request,) = server.requests
        assert request.headers["host"] == f"xn--strae-oqa.test:{server.port}"
        assert request.target == "/%C3%A4"
