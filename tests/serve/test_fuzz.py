"""Whatever is sent, the server answers as HTTP, in time, without a failure of its own, and tells nothing to who has no
token."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serve.served import STATS, served, write_ledger

SECONDS = 20.0
KNOWN = [
    STATS,
    "/api/v1.1/admin/senders/list/",
    "/api/v1.1/admin/accounts/list/",
    "/json-api/cpanel",
    "/json-api/emailtrack_user_stats",
    "/json-api/emailtrack_stats",
    "/json-api/listaccts",
    "/cpsess0123456789/json-api/cpanel",
    "/login/",
    "/metrics",
]
PARAMETERS = [
    *("id", "account_id", "campaign_id", "isp", "group", "format", "token", "from_id", "limit"),
    *(f"cpanel_jsonapi_{name}" for name in ("user", "apiversion", "module", "func")),
    *("api.version", "user", "pass", "login_only", "nosize", "starttime", "campaigns"),
]
WORDS = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "2", "3", "119", "bob", "total", "isp", "account", "account_campaign"]),
    st.sampled_from(["json", "xml", "Gmail", "EmailTrack", "stats", "TOKEN"]),
    st.text(max_size=20),
    st.integers().map(str),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
PAIRS = st.dictionaries(st.sampled_from(PARAMETERS) | WORDS, WORDS, max_size=6)
PATHS = st.sampled_from(KNOWN) | st.text(max_size=30).map(lambda text: quote("/" + text, safe="/%"))
TARGETS = st.builds(lambda path, pairs: f"{path}?{urlencode(pairs, errors='replace')}", PATHS, PAIRS)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "X"])
TYPES = st.sampled_from(["", "application/json", "text/xml", "application/x-www-form-urlencoded", "a/b; charset=x"])


def in_xml(pairs: dict[str, str]) -> bytes:
    leaves = "".join(f"<{name}>{text}</{name}>" for name, text in pairs.items())
    return f"<xml>{leaves}</xml>".encode("utf-8", "replace")


BODIES = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(PARAMETERS), VALUES, max_size=6).map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    PAIRS.map(in_xml),
    PAIRS.map(lambda pairs: urlencode(pairs, errors="replace").encode()),
)
STRANGERS = st.one_of(
    st.just(""),
    st.sampled_from(["whm root:x", "cpanel bob:x", "Bearer x", "Basic eDp4", "Basic é", "whm", "Bearer " + "x" * 5000]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=30),
)
SHOWN = ["whm root:TOKEN", "cpanel bob:TOKEN", "Bearer TOKEN"]


class Target:
    """A server in a thread of its own, so that each question can be a plain conversation."""

    def __init__(self, folder: Path) -> None:
        self.url, self.token = "", ""
        self._path = folder / "mx.ledger"
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Target:
        write_ledger(self._path)
        self._thread.start()
        assert self._begun.wait(SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def ask(self, method: str, target: str, authorization: str, kind: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to one question; ``TOKEN`` anywhere in it stands for the token."""
        headers = {"Host": "x", "Connection": "close", "Content-Length": str(len(self._told(body)))}
        headers |= {"Authorization": authorization} if authorization else {}
        headers |= {"Content-Type": kind} if kind else {}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        raw = self._told("\r\n".join(lines).encode("latin-1")) + b"\r\n\r\n" + self._told(body)
        address = urlsplit(self.url)
        assert address.hostname is not None
        with socket.create_connection((address.hostname, address.port or 0), SECONDS) as connection:
            connection.sendall(raw)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), answer
        return int(head.split()[1]), content

    def _told(self, text: bytes) -> bytes:
        return text.replace(b"TOKEN", self.token.encode())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with served(self._path, tick_seconds=1.0) as server:
            self.url, self.token = server.url, server.token
            self._begun.set()
            await self._end.wait()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("served")) as target:
        yield target


def check(status: int, content: bytes) -> None:
    assert status < 500, content
    assert b"Traceback" not in content
    if content.startswith(b"{"):
        json.loads(content)


@settings(max_examples=150, deadline=None)
@given(method=METHODS, path=TARGETS, shown=st.sampled_from(SHOWN), kind=TYPES, body=BODIES)
def test_no_question_breaks_the_server(
    target: Target, method: str, path: str, shown: str, kind: str, body: bytes
) -> None:
    check(*target.ask(method, path, shown, kind, body))


@settings(max_examples=100, deadline=None)
@given(method=METHODS, path=TARGETS, shown=STRANGERS, kind=TYPES, body=BODIES)
def test_who_has_no_token_learns_nothing(
    target: Target, method: str, path: str, shown: str, kind: str, body: bytes
) -> None:
    status, content = target.ask(method, path.replace("TOKEN", "x"), shown, kind, body.replace(b"TOKEN", b"x"))
    check(status, content)
    assert status in (400, 401, 403), content  # 400: h11 could not read it as HTTP
    for told in (b"alice", b"bob", b"Gmail", b"mailtop_"):
        assert told not in content
