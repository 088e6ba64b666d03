"""The door over real HTTP and WebSockets, and what becomes of the screens behind it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tui.listening import listen
from tui.web import server as web_server
from tui.web import session as web_session
from tui.web.door import TRIES_PER_MINUTE, Door, hosts_of
from tui.web.server import COOKIE, ScreenServer, is_url, serve

TOKEN = "a-token-that-is-long-enough"

ECHO = """
import sys
out, source = sys.stdout.buffer, sys.stdin.buffer
out.write(b"__GANGLION__\\n")
out.flush()
while head := source.read(5):
    body = source.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"M" and b'"quit"' in body and STOPS:
        break
    data = head[:1] + b":" + body
    out.write(b"D" + len(data).to_bytes(4, "big") + data)
    out.flush()
"""
"""A program that speaks a screen's protocol: it sends back what it gets."""


class Served:
    """A server with a door, and a client of it."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self.client = client
        self.url = url
        self.own = {"Origin": url}

    async def come_in(self) -> None:
        async with self.client.post(
            f"{self.url}/login", data={"token": TOKEN}, headers=self.own, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")

    async def status(self, method: str, path: str, **more: object) -> int:
        async with self.client.request(method, self.url + path, allow_redirects=False, **more) as answer:  # type: ignore[arg-type]
            return answer.status


@asynccontextmanager
async def served(*, stops: bool = True) -> AsyncIterator[Served]:
    sockets = listen("127.0.0.1", 0)
    host, port = sockets[0].getsockname()[:2]
    argv = [sys.executable, "-c", ECHO.replace("STOPS", str(stops))]
    stop = asyncio.Event()
    running = asyncio.create_task(
        serve(ScreenServer(argv, Door(TOKEN, hosts_of(host, port, None), secure=False)), sockets, None, stop)
    )
    try:
        jar = aiohttp.CookieJar(unsafe=True)  # else it takes no cookie of an address
        async with aiohttp.ClientSession(cookie_jar=jar) as client:
            yield Served(client, f"http://{host}:{port}")
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("path", ["/ws", "/static/js/textual.js", "/own/screen.js", "/download/x", "/nothing"])
async def test_who_has_not_come_in_sees_nothing(path: str) -> None:
    async with served() as one:
        assert await one.status("GET", path, headers=one.own) == 401


async def test_the_first_page_asks_for_the_token_and_tells_nothing() -> None:
    async with served() as one, one.client.get(one.url) as answer:
        page = await answer.text()
        assert 'name="token"' in page
        assert sys.executable not in page
        assert "websocket" not in page
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


async def test_a_wrong_token_is_refused_and_tries_are_counted() -> None:
    async with served() as one:
        for _ in range(TRIES_PER_MINUTE):
            async with one.client.post(
                f"{one.url}/login", data={"token": "wrong"}, headers=one.own, allow_redirects=False
            ) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/?refused")
        assert not list(one.client.cookie_jar)
        assert await one.status("POST", "/login", data={"token": TOKEN}, headers=one.own) == 429


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
async def test_no_other_page_may_log_in_or_open_a_screen(origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with served() as one:
        assert await one.status("POST", "/login", data={"token": TOKEN}, headers=headers) == 403
        await one.come_in()
        assert await one.status("GET", "/ws", headers=headers) == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await one.client.ws_connect(f"{one.url}/ws", headers=headers)


async def test_another_name_that_leads_here_is_not_this_server() -> None:
    async with served() as one:
        await one.come_in()
        assert await one.status("GET", "/", headers={"Host": "evil.example"}) == 421


async def test_the_page_names_nothing_outside() -> None:
    async with served() as one:
        await one.come_in()
        seen = ""
        for path in ("/", "/own/mailtop.css", "/own/screen.js", "/own/door.js"):
            async with one.client.get(one.url + path) as answer:
                assert answer.status == 200
                seen += await answer.text()
        here = one.url.removeprefix("http://")
        assert set(re.findall(r"\w+://([^/\"']*)", seen)) == {here}
        assert "mailtop" in seen
        assert sys.executable not in seen
        async with one.client.get(f"{one.url}/static/") as answer:
            assert answer.status in (403, 404)  # no list of files


@pytest.mark.parametrize(
    "path", ["/own/../server.py", "/own/%2e%2e/server.py", "/static/../server.py", "/own/server.py"]
)
async def test_no_path_leads_out(path: str) -> None:
    async with served() as one:
        await one.come_in()
        assert await one.status("GET", path) in (400, 403, 404)


async def test_what_is_typed_reaches_the_screen_and_comes_back() -> None:
    async with served() as one:
        await one.come_in()
        async with one.client.ws_connect(f"{one.url}/ws?width=99999&height=-1", headers=one.own) as socket:
            await socket.send_json(["stdin", "jé"])
            assert (await socket.receive(timeout=5)).data == "D:jé".encode()
            await socket.send_json(["resize", {"width": 10**9, "height": "x"}])
            assert b'"width": 1000, "height": 1}' in (await socket.receive(timeout=5)).data
            await socket.send_json(["ping", "7"])
            assert (await socket.receive_json(timeout=5)) == ["pong", "7"]


@pytest.mark.parametrize("message", ["{", "[]", '"x"', "[1]", "null"])
async def test_what_is_no_message_ends_the_screen(message: str) -> None:
    async with served() as one:
        await one.come_in()
        async with one.client.ws_connect(f"{one.url}/ws", headers=one.own) as socket:
            await socket.send_str(message)
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_so_many_screens_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "MAX_SCREENS", 1)
    async with served() as one:
        await one.come_in()
        async with one.client.ws_connect(f"{one.url}/ws", headers=one.own) as first:
            async with one.client.ws_connect(f"{one.url}/ws", headers=one.own) as second:
                end = await second.receive(timeout=5)
                assert (end.type, end.extra) == (aiohttp.WSMsgType.CLOSE, "too many screens are open")
            await first.send_json(["stdin", "x"])
            assert (await first.receive(timeout=5)).data == b"D:x"


@pytest.mark.parametrize("stops", [True, False])
async def test_no_screen_outlives_its_browser(monkeypatch: pytest.MonkeyPatch, stops: bool) -> None:
    monkeypatch.setattr(web_session, "STOP_SECONDS", 0.5)
    ended: asyncio.Queue[int | None] = asyncio.Queue()
    stop = web_session.Session.stop

    async def watched(self: web_session.Session) -> None:
        await stop(self)
        assert self._process is not None
        ended.put_nowait(self._process.returncode)

    monkeypatch.setattr(web_session.Session, "stop", watched)
    async with served(stops=stops) as one:
        await one.come_in()
        async with one.client.ws_connect(f"{one.url}/ws", headers=one.own) as socket:
            await socket.send_json(["stdin", "x"])
            await socket.receive(timeout=5)
        async with asyncio.timeout(5):
            assert await ended.get() == (0 if stops else -9)


async def test_the_cookie_is_for_this_server_alone() -> None:
    async with (
        served() as one,
        one.client.post(f"{one.url}/login", data={"token": TOKEN}, headers=one.own, allow_redirects=False) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://mail.example.org", True),
        ("http://127.0.0.1:8080/", True),
        ("https://mail.example.org/path", False),
        ("mail.example.org", False),
        ("ftp://mail.example.org", False),
        ("https://", False),
    ],
)
def test_what_is_a_public_url(text: str, good: bool) -> None:
    assert is_url(text) is good


def test_pages_are_shipped() -> None:
    pages = Path(web_server.__file__).parent / "pages"
    assert {page.name for page in pages.iterdir()} == {
        *("door.html", "door.js", "screen.html", "screen.js", "mailtop.css")
    }
