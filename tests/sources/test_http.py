"""The HTTP client against real servers on loopback: answers, bounds, and one sentence for each failure."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import logging
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http_proxy import Proxy
from tests.http_server import Answer, HttpServer, Request, Response
from tui.config import SenderQueueSource
from tui.sources.http import HttpAnswer, HttpClient
from tui.sources.http_failures import rest_seconds
from tui.sources.source import Busy, SourceError, Unreachable
from tui.text import clean

SECRET = "s3cr3t-t0ken"
HEADERS = {"Authorization": f"Bearer {SECRET}"}
OK = b"HTTP/1.1 200 OK\r\n"
Script = Callable[[Request], Answer]


def client_of(url: str, *, connections: int = 16, **options: object) -> HttpClient:
    return HttpClient(msgspec.structs.replace(SenderQueueSource(url=url), **options), connections=connections)


async def ask(url: str, path: str = "/a", **options: str | float | bool) -> HttpAnswer:
    client = HttpClient(msgspec.structs.replace(SenderQueueSource(url=url), **options))
    try:
        return await client.ask("GET", path, query={"q": SECRET}, headers=HEADERS)
    finally:
        await client.close()


async def failure(url: str, path: str = "/a", **options: str | float | bool) -> SourceError:
    """What is raised, after a look that it holds no secret."""
    with pytest.raises(SourceError) as caught:
        await ask(url, path, **options)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    ours = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "/tui/sources/" in frame.f_code.co_filename]
    assert ours
    shown = [str(error), repr(error), *(repr(frame.f_locals) for frame in ours)]
    assert not [text for text in shown if SECRET in text]
    assert str(error)[-1] in ".?"
    assert "\n" not in str(error)
    return error


def serve(answer: Answer | Script) -> HttpServer:
    async def handler(request: Request) -> Answer:
        return answer(request) if callable(answer) else answer

    return HttpServer(handler)


async def never(_: Request) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def test_a_question_arrives_whole_and_so_does_the_answer() -> None:
    async with serve(Response(404, {"X-One": "1", "Set-Cookie": "a=b"}, b"\x00\xff")) as server:
        client = client_of(f"{server.url}/base/")
        answer = await client.ask("POST", "/x/y", query={"a b": "c&d"}, headers={"X-T": "v"}, body=b"<x/>")
        await client.close()
    assert (answer.status, answer.body) == (404, b"\x00\xff")
    assert answer.headers["x-one"] == "1"
    assert answer.seconds > 0
    assert repr(answer) == "HttpAnswer(404, 2 bytes)"
    (request,) = server.requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/base/x/y", {"a b": "c&d"}, b"<x/>")
    assert request.headers["x-t"] == "v"
    assert request.headers["host"] == server.url.removeprefix("http://")
    assert request.headers["user-agent"].startswith("mailtop/")


async def test_repeated_headers_are_joined_and_cookies_by_line() -> None:
    head = OK + b"Set-Cookie: a=1; Expires=Mon, 01 Jan 2029 00:00:00 GMT\r\nX: 1\r\nset-cookie: b=2\r\nx: 2\r\n"
    async with serve(head + b"Content-Length: 0\r\n\r\n") as server:
        answer = await ask(server.url)
        again = await ask(server.url)
    assert answer.headers["set-cookie"] == "a=1; Expires=Mon, 01 Jan 2029 00:00:00 GMT\nb=2"
    assert answer.headers["x"] == again.headers["x"] == "1, 2"


async def test_no_cookie_is_kept() -> None:
    async with serve(Response(headers={"Set-Cookie": "a=1; Path=/"})) as server:
        client = client_of(server.url)
        for _ in range(2):
            await client.ask("GET", "/")
        await client.close()
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_connections_are_kept_and_bounded() -> None:
    under_way = most = 0

    async def handler(_: Request) -> Answer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return Response(body=b"x")

    async with HttpServer(handler) as server:
        client = client_of(server.url, connections=4)
        await asyncio.gather(*(client.ask("GET", f"/{number}") for number in range(60)))
        await client.close()
    assert len(server.requests) == 60
    assert server.connections == most == 4


async def test_a_kept_connection_that_was_closed_is_no_failure() -> None:
    """Three ways: after the answer, with a word of it, and only when the next question has come."""
    answers: list[Answer] = [
        Response(body=b"1", headers={"Connection": "close"}),
        OK + b"Content-Length: 1\r\n\r\n2",
        Response(body=b"3"),
        b"",
        Response(body=b"4"),
    ]
    async with serve(lambda _: answers.pop(0)) as server:
        client = client_of(server.url)
        bodies = [(await client.ask("POST", "/", body=b"?")).body for _ in range(4)]
        await client.close()
    assert bodies == [b"1", b"2", b"3", b"4"]


async def test_a_new_connection_is_not_tried_twice() -> None:
    async with serve(b"") as server:
        error = await failure(server.url)
    assert len(server.requests) == 1
    assert isinstance(error, Unreachable)
    assert "closed the connection without an answer; if it speaks TLS, set `url` to https://127.0.0.1" in str(error)


async def test_a_server_that_comes_back_is_asked_again() -> None:
    async with serve(Response(body=b"1")) as server:
        client = client_of(server.url)
        assert (await client.ask("GET", "/")).body == b"1"
    with pytest.raises(Unreachable, match="refused the connection: nothing listens there"):
        await client.ask("GET", "/")
    async with HttpServer(server._handler, port=server.port):
        assert (await client.ask("GET", "/")).body == b"1"
        await client.close()


async def test_refused_port() -> None:
    port = closed_port()
    error = await failure(f"http://127.0.0.1:{port}")
    assert str(error).startswith(f"127.0.0.1:{port} refused the connection: nothing listens there;")
    assert isinstance(error, Unreachable)
    assert "refused the connection" in str(await failure(f"https://localhost:{port}"))


async def test_no_route() -> None:
    """No TCP connection goes to all hosts at once."""
    error = await failure("http://255.255.255.255:80", timeout_seconds=1.0)
    assert isinstance(error, Unreachable)


async def test_unknown_host() -> None:
    error = await failure("https://mail.invalid:2087", timeout_seconds=20)
    assert str(error).startswith("mail.invalid has no address: the name cannot be looked up (")
    assert isinstance(error, Unreachable)


@pytest.mark.parametrize("url", ["http://" + "a" * 64 + ".test", "http://a..b", "http://h:99999", "http://[::1"])
async def test_an_address_that_is_none(url: str) -> None:
    error = await failure(url)
    assert "is no address; correct `url`." in str(error) or "has no address" in str(error)


@pytest.mark.parametrize("path", ["@evil.test/", "", "x"])
async def test_no_path_changes_the_host(path: str) -> None:
    async with serve(Response()) as server:
        assert "does not begin with a slash" in str(await failure(server.url, path))
    assert server.requests == []


@pytest.mark.parametrize("token", ["a\nb", "ä", "a\x00", "\u2028"])
async def test_a_secret_that_no_header_may_hold(token: str) -> None:
    client = client_of("http://127.0.0.1:9")
    with pytest.raises(SourceError) as caught:
        await client.ask("GET", "/", headers={"Authorization": SECRET + token})
    assert str(caught.value).startswith("The header Authorization cannot be sent: the token or password has")
    assert caught.value.__context__ is None


async def test_hang_before_the_answer() -> None:
    async with HttpServer(never) as server:
        error = await failure(server.url, timeout_seconds=0.1)
    assert "took the question but did not answer within 0.1 s (timeout_seconds)" in str(error)
    assert isinstance(error, Unreachable)


async def test_a_drip_does_not_hold_a_question() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield OK + b"\r\n"
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async with serve(lambda _: drip()) as server:
        started = time.monotonic()
        error = await failure(server.url, timeout_seconds=0.2)
    assert time.monotonic() - started < 2
    assert "began to answer but did not finish within 0.2 s (timeout_seconds);" in str(error)
    assert isinstance(error, Unreachable)


async def test_timeouts_leave_no_slot_taken() -> None:
    hang = True

    async def handler(request: Request) -> Answer:
        return await never(request) if hang else Response(body=b"x")

    async with HttpServer(handler) as server:
        client = client_of(server.url, connections=2, timeout_seconds=0.1)
        outcomes = await asyncio.gather(*(client.ask("GET", "/") for _ in range(6)), return_exceptions=True)
        assert all(isinstance(outcome, SourceError) for outcome in outcomes)
        cancelled = asyncio.create_task(client.ask("GET", "/"))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        hang = False
        assert (await client.ask("GET", "/")).body == b"x"
        await client.close()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (OK + b"Content-Length: 9\r\n\r\nabc", "closed the connection in the middle of its answer, after 3 bytes."),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "in the middle of its answer, after 1 byte."),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\na\r\n", "is broken after 0 bytes: it is not valid HTTP."),
        (OK + b"X: y", "closed the connection without an answer"),
        (bytes(range(256)) * 4, "answered with something that is not HTTP"),
        (b"220 mx.test ESMTP\r\n\r\n", "answered with something that is not HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", "speaks TLS, not plain HTTP; set `url` to https://127.0.0.1"),
        (OK + b"X: " + b"y" * 300_000, "sent headers without end"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "says it is gzip but cannot be unpacked"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 99, mtime=0)[:-9], "is broken or cut short"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a", mtime=0) + b"b", "is broken or cut short"),
        (OK + b"Content-Encoding: b\x1br\r\n\r\n", 'packed its answer as "b\ufffdr", which'),
        (OK + b"Content-Encoding: br\r\n\r\nx", 'packed its answer as "br", which was not asked for.'),
        (OK + b"Content-Length: 999999999999\r\n\r\n", "sends more than 1 MiB in one answer; if that is right, raise"),
        (OK + b"\r\n" + b"x" * (1024 * 1024 + 1), "sends more than 1 MiB in one answer"),
    ],
)
async def test_an_answer_that_is_none(sent: bytes, said: str) -> None:
    async with serve(sent) as server:
        error = await failure(server.url, max_answer_mib=1)
    assert said in str(error)
    assert str(error).startswith(f"127.0.0.1:{server.port} ")
    assert isinstance(error, Unreachable) == (said == "closed the connection without an answer")


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_a_sentence(sent: bytes) -> None:
    starts = (b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n", OK + b"Content-Encoding: gzip\r\n\r\n")

    async def try_once() -> None:
        async with serve(lambda request: starts[int(request.body)] + sent) as server:
            client = client_of(server.url, max_answer_mib=1)
            for number in range(len(starts)):
                try:
                    await client.ask("POST", "/", body=str(number).encode())
                except SourceError as error:
                    assert clean(str(error)) == str(error)
            await client.close()

    asyncio.run(try_once())


async def test_an_answer_of_just_the_limit_is_read() -> None:
    whole = b"x" * (1024 * 1024)
    packed = Response(headers={"Content-Encoding": "gzip"}, body=gzip.compress(whole))
    async with serve(lambda request: packed if request.path == "/gzip" else Response(body=whole)) as server:
        assert (await ask(server.url, max_answer_mib=1)).body == whole
        assert (await ask(server.url, "/gzip", max_answer_mib=1)).body == whole


async def test_an_endless_answer_and_a_gzip_bomb_are_bounded() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield OK + b"\r\n"
        while True:
            yield b"x" * 65536

    bomb = Response(headers={"Content-Encoding": "gzip"}, body=gzip.compress(bytes(200 * 1024 * 1024), 1))
    async with serve(lambda request: bomb if request.path == "/bomb" else endless()) as server:
        for path in ("/endless", "/bomb"):
            assert "sends more than 2 MiB" in str(await failure(server.url, path, max_answer_mib=2))


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://other.test/x?token=1#y", "redirects to https://other.test/x, which is not followed;"),
        ("/a", "/a, which is not followed; if that is the same server, set `url` to it."),
        ("https://other.test/\x1b]0;x", "redirects to https://other.test/\ufffd]0;x, which"),
        ("https://me:pw@other.test:99/y", "redirects to https://other.test:99/y, which"),
        ("/cpsess123/x", "/cpsess…/x, which"),
        ("//[", "redirects to something that is no address;"),
        ("", "redirects without saying where to;"),
    ],
)
async def test_a_redirect_is_not_followed(location: str, told: str) -> None:
    async with serve(Response(302, {"Location": location})) as server:
        error = await failure(server.url)
    assert told in str(error)
    assert "pw" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_wants_to_be_left_alone(status: int) -> None:
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    for said, seconds in (("7", 7.0), (later, 100.0), (None, None), ("99999999", 3600.0)):
        async with serve(Response(status, {} if said is None else {"Retry-After": said})) as server:
            error = await failure(server.url)
        assert str(status) in str(error)
        assert not isinstance(error, Unreachable)
        if seconds is None:
            assert error.retry_after_seconds is None
        else:
            assert error.retry_after_seconds == pytest.approx(seconds, abs=3)
            assert "asks to be left alone for " in str(error)


async def test_what_a_busy_server_says_is_not_waited_for() -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n"

    async def trickle() -> AsyncIterator[bytes]:
        yield head + b"because "
        await asyncio.Event().wait()

    for answer, said in ((head + b"because 1", b"because 1"), (head, b""), (trickle(), b"")):
        async with serve(partial(lambda answer, _: answer, answer)) as server:
            error = await failure(server.url)
        assert isinstance(error, Busy)
        assert error.body == said
        assert error.retry_after_seconds == 7


@given(st.text() | st.integers().map(str) | st.datetimes().map(lambda when: email.utils.format_datetime(when)))
def test_any_rest_is_sane(said: str) -> None:
    seconds = rest_seconds(said, 1e9)
    assert seconds is None or 0 <= seconds <= 3600


async def test_plain_http_through_a_proxy() -> None:
    async with serve(Response(body=b"x")) as server, Proxy() as proxy:
        assert (await ask(server.url, proxy=proxy.url)).body == b"x"
    assert proxy.asked[0].startswith(f"GET {server.url}/a?")


async def test_a_proxy_that_is_not_there_and_one_that_refuses() -> None:
    port = closed_port()
    error = await failure("http://mail.test", proxy=f"http://127.0.0.1:{port}")
    assert str(error).startswith(f"The proxy 127.0.0.1:{port} refused the connection")
    async with Proxy(refuse=b"407 Proxy\x1b Authentication Required") as proxy:
        error = await failure("https://mail.test:2087", proxy=proxy.url)
    assert "The proxy 127.0.0.1" in str(error)
    async with Proxy(refuse=b"407 Proxy Authentication Required") as proxy:
        error = await failure("https://mail.test:2087", proxy=proxy.url)
    assert 'refused to connect to mail.test:2087: it said "407 Proxy Authentication Required".' in str(error)


async def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    async with serve(Response(body=b"x")) as server:
        assert (await ask(server.url)).body == b"x"


async def test_the_log_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[Answer] = [Response(headers={"Set-Cookie": SECRET}, body=SECRET.encode()), b""]
    async with serve(lambda _: answers.pop(0)) as server:
        await ask(server.url, f"/cpsess{SECRET}/json-api/x")
        await failure(server.url)
    assert SECRET not in caplog.text
    first, second = (record.message for record in caplog.records if record.name == "mailtop.http")
    assert first.startswith(f"127.0.0.1:{server.port} GET /cpsess…/json-api/x: 200, {len(SECRET)} bytes, ")
    assert second.startswith(
        f"127.0.0.1:{server.port} GET /a: 127.0.0.1:{server.port} closed the connection without an answer"
    )


def test_httpx_is_loaded_by_the_first_question_only() -> None:
    program = (
        "import sys; from tui.config import HttpSource; from tui.sources.http import HttpClient;"
        "HttpClient(HttpSource(url='http://x')); print([name for name in sys.modules if name[:4] in ('http', 'ssl')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "httpcore" not in done.stdout
    assert "httpx" not in done.stdout
