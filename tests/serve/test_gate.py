"""Who gets through the gate over a real server: every way to send a token, limits, what is logged, what is hidden."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.serve.listening import listening
from tui.serve import guard as guard_module
from tui.serve.credentials import Way, in_body, in_header, session_of
from tui.serve.gate import MAX_BODY_BYTES, MAX_DISCARDED_BYTES, Gate, Message, Receive, Send
from tui.serve.guard import Guard, Limits, Scope
from tui.serve.tokens import TokenStore


class Door:
    """A store with one token, the guard before it, a clock that only the test moves, and an app that says who asks."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.now = 1000.0
        self.store = TokenStore(folder / "tokens.json")
        self.secret = self.store.new("shop")
        self.guard = Guard(self.store, limits, clock=lambda: self.now)
        routes = [
            Route("/who", self.who, methods=["GET", "POST"]),
            Route("/cpsess{number}/who", self.who),
            Route("/login/", self.log_in, methods=["POST"]),
            Route("/fails", self.fail),
        ]
        self.gate = Gate(Starlette(routes=routes), self.guard, body_seconds=0.3)

    async def who(self, request: Request) -> Response:
        token = None
        if request.method == "POST":
            body = await request.body()
            token = body.decode() if body.isascii() else None
        caller = self.guard.identify(request.scope, in_body(token))
        if caller is None:
            return JSONResponse({"error": 403}, 200)
        return JSONResponse([caller.token.name, caller.way.value, caller.user])

    async def log_in(self, request: Request) -> Response:
        user, password = (await request.body()).decode().split(" ")
        session = self.guard.log_in(request.scope, user, password)
        if session is None:
            return PlainTextResponse("", 401)
        return PlainTextResponse(session.security_token, headers={"Set-Cookie": session.set_cookie})

    async def fail(self, request: Request) -> Response:
        raise ValueError("broken on purpose")


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.fixture
async def client(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with listening(door.gate) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def auth(value: str) -> dict[str, str]:
    return {"Authorization": value}


async def test_every_way_to_send_a_token(client: httpx.AsyncClient, door: Door) -> None:
    for scheme, way, user in (("whm", "whm", "root"), ("WHM", "whm", "x:y"), ("cpanel", "cpanel", "bob")):
        answer = await client.get("/who", headers=auth(f"{scheme} {user.partition(':')[0]}:{door.secret}"))
        assert answer.json() == ["shop", way, user.partition(":")[0]]
    assert (await client.get("/who", auth=("bob", door.secret))).json() == ["shop", "basic", "bob"]
    for scheme in ("Bearer", "bearer  "):
        assert (await client.get("/who", headers=auth(f"{scheme} {door.secret}"))).json() == ["shop", "bearer", ""]
    assert (await client.post("/who", content=door.secret)).json() == ["shop", "body", ""]
    # A header that is no good does not spoil a body that is.
    answer = await client.post("/who", content=door.secret, headers=auth("Bearer wrong"))
    assert answer.json() == ["shop", "body", ""]


NO_TOKENS = ["", "Bearer", "Bearer ", "whm {}", "whm :{}", "whm root:", "cpanel {}", "Basic {}", "Basic !"]
NO_TOKENS += ["Basic //79", "{}", "Digest a:{}", "Bearer {}x", "Bearer " + "x" * 5000, "whm root {}", "\xff \x00"]


@pytest.mark.parametrize("value", NO_TOKENS)
def test_what_is_no_token_is_nobody(door: Door, value: str) -> None:
    header = (b"authorization", value.format(door.secret).encode("latin-1"))
    assert door.guard.identify(scope_of("192.0.2.1", "/", header)) is None


async def test_a_session_is_cookie_and_address_together(client: httpx.AsyncClient, door: Door) -> None:
    assert (await client.post("/login/", content="bob wrong")).status_code == 401
    login = await client.post("/login/", content=f"bob {door.secret}")
    prefix = login.text
    assert session_of(prefix)[0] and len(prefix) == len("/cpsess") + 10
    assert "HttpOnly" in login.headers["set-cookie"] and "Secure" not in login.headers["set-cookie"]
    assert (await client.get(f"{prefix}/who")).json() == ["shop", "basic", "bob"]
    assert (await client.get("/who")).json() == {"error": 403}
    assert (await client.get("/cpsess0123456789/who")).json() == {"error": 403}
    client.cookies.clear()
    assert (await client.get(f"{prefix}/who")).json() == {"error": 403}
    client.cookies.update(login.cookies)
    door.now += guard_module.SESSION_SECONDS - 1
    assert (await client.get(f"{prefix}/who")).json() == ["shop", "basic", "bob"]
    door.now += 1
    assert (await client.get(f"{prefix}/who")).json() == {"error": 403}


async def test_a_session_ends_with_its_token(client: httpx.AsyncClient, door: Door) -> None:
    prefix = (await client.post("/login/", content=f"bob {door.secret}")).text
    door.store.revoke("shop")
    assert (await client.get(f"{prefix}/who")).json() == {"error": 403}


def scope_of(address: str = "192.0.2.1", path: str = "/", *headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "path": path, "headers": list(headers), "client": (address, 1), "scheme": "https"}


def test_one_token_cannot_push_out_the_sessions_of_another(door: Door) -> None:
    other = door.store.new("other")
    kept = door.guard.log_in(scope_of(), "eve", other)
    first = door.guard.log_in(scope_of(), "bob", door.secret)
    for _ in range(guard_module.MAX_SESSIONS):
        last = door.guard.log_in(scope_of(), "bob", door.secret)
    assert kept is not None and first is not None and last is not None
    assert "; Secure" in kept.set_cookie

    def user_of(session: guard_module.Session) -> str | None:
        cookie = session.set_cookie.partition(";")[0].encode()
        caller = door.guard.identify(scope_of("192.0.2.1", session.security_token + "/x", (b"cookie", cookie)))
        return None if caller is None else caller.user

    assert (user_of(kept), user_of(first), user_of(last)) == ("eve", None, "bob")


async def test_a_token_that_asks_too_often_waits(tmp_path: Path) -> None:
    door = Door(tmp_path, Limits(per_second=2, burst=3))
    other = door.store.new("other")
    async with listening(door.gate) as url, httpx.AsyncClient(base_url=url) as client:

        async def ask(secret: str) -> httpx.Response:
            return await client.get("/who", headers=auth(f"Bearer {secret}"))

        assert [(await ask(door.secret)).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await ask(door.secret)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert (await ask(other)).status_code == 200
        door.now += 0.5
        assert [(await ask(door.secret)).status_code for _ in range(2)] == [200, 429]


async def test_no_limit_where_none_is_wanted(tmp_path: Path) -> None:
    door = Door(tmp_path, Limits(per_second=0))
    for _ in range(5000):
        assert door.guard.identify(scope_of("::1", "/", (b"authorization", f"Bearer {door.secret}".encode())))


async def test_wrong_tokens_are_slowed_down_and_right_ones_from_there_are_not(tmp_path: Path) -> None:
    door = Door(tmp_path, Limits(wrong_per_second=0.1, wrong_burst=2))
    async with listening(door.gate) as url, httpx.AsyncClient(base_url=url) as client:

        async def ask(*headers: str) -> httpx.Response:
            return await client.get("/who", headers=auth(f"Bearer {headers[0]}") if headers else {})

        assert [(await ask("wrong")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask("wrong")
        assert refused.headers["retry-after"] == "10"
        assert (await ask(door.secret)).json()[0] == "shop"
        # Who sends none is told so, as often as it likes.
        assert [(await ask()).status_code for _ in range(5)] == [200] * 5
        unknown = await client.get("/nowhere", headers=auth("Bearer wrong"))
        assert (unknown.status_code, unknown.headers["retry-after"]) == (429, "10")


def test_what_is_remembered_of_addresses_is_bounded(door: Door) -> None:
    for number in range(guard_module.MAX_BUCKETS + 100):
        door.guard.identify(scope_of(f"2001:db8::{number:x}", "/", (b"authorization", b"Bearer wrong")))
    assert len(door.guard._wrong._levels) == guard_module.MAX_BUCKETS


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/who"), ("POST", "/"), ("GET", "/login")]
)
async def test_which_paths_there_are_is_for_those_with_a_token(
    client: httpx.AsyncClient, door: Door, method: str, path: str
) -> None:
    for headers in ({}, auth("Bearer wrong")):
        answer = await client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert "Access denied" in answer.text and answer.headers["content-type"].startswith("text/plain")
    answer = await client.request(method, path, headers=auth(f"Bearer {door.secret}"))
    assert answer.status_code in (404, 405, 307)


async def test_every_answer_has_the_headers(client: httpx.AsyncClient) -> None:
    for path in ("/who", "/nowhere", "/healthz", "/fails"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


async def test_healthz_is_for_this_host_alone(client: httpx.AsyncClient, door: Door) -> None:
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert (await client.get("/healthz", headers={header: "x"})).status_code == 403
    statuses = []

    async def send(message: Message) -> None:
        statuses.append(message.get("status"))

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    for address in ("192.0.2.1", "::ffff:192.0.2.1", ""):
        await door.gate({**scope_of(address, "/healthz"), "method": "GET"}, receive, send)
    assert statuses == [403, None] * 3


async def test_large_bodies_are_refused_and_the_answer_is_seen(client: httpx.AsyncClient, door: Door) -> None:
    fits = await client.post("/who", content=door.secret.ljust(MAX_BODY_BYTES))
    assert fits.status_code == 200
    for size in (MAX_BODY_BYTES + 1, MAX_DISCARDED_BYTES):
        assert (await client.post("/who", content=b"x" * size)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b"x" * 1024

    assert (await client.post("/who", content=pieces())).status_code == 413
    assert (await client.get("/who")).status_code == 200


async def test_a_huge_body_is_refused_before_it_comes(door: Door) -> None:
    async with listening(door.gate) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(b"POST /who HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 413 ") and b"larger than 64 KiB" in answer
        writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door) -> None:
    async with listening(door.gate) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(b"POST /who HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_who_goes_away_in_the_middle_is_no_failure(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mailtop")
    coming: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await door.gate({**scope_of(path="/who"), "method": "POST"}, receive, send)
    assert [record.name for record in caplog.records] == ["mailtop.access"]
    assert " - POST /who - 0 B " in caplog.text


async def test_a_failure_is_told_to_the_operator_and_not_to_the_client(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/fails?token=hunter2")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert "broken on purpose" in caplog.text
    assert "hunter2" not in caplog.text


async def test_the_access_log_names_the_token_and_tells_none(
    client: httpx.AsyncClient, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mailtop.access")
    prefix = (await client.post("/login/", content=f"bob {door.secret}")).text
    await client.get(f"{prefix}/who?token={door.secret}")
    await client.get(f"/%63psess1234567890/{door.secret}")
    await client.get("/who", headers=auth(f"Bearer {door.secret}"))
    await client.get("/%1b[31m%E2%80%AE/" + "x" * 900)
    lines = [record.getMessage() for record in caplog.records if record.name == "mailtop.access"]
    assert [line.rsplit(" ", 4)[0] for line in lines] == [
        "127.0.0.1 shop POST /login/ 200",
        "127.0.0.1 shop GET /cpsess…/who 200",
        "127.0.0.1 - GET /cpsess…/mailtop_… 403",
        "127.0.0.1 shop GET /who 200",
        f"127.0.0.1 - GET /\ufffd[31m\ufffd/{'x' * 192}… 403",
    ]
    assert door.secret not in caplog.text and prefix not in caplog.text


def test_no_credential_shows_its_token() -> None:
    found = in_header([(b"authorization", b"whm root:hunter2"), (b"authorization", b"Bearer hunter2")])
    assert [each.way for each in found] == [Way.WHM, Way.BEARER]
    assert "hunter2" not in repr(found)


async def test_only_http_comes_through(door: Door) -> None:
    async def never() -> Message:
        raise AssertionError

    receive: Receive = never
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    sender: Send = send
    await door.gate({"type": "websocket", "path": "/who", "headers": []}, receive, sender)
    assert sent == []
