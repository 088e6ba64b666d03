"""What holds for every request, whoever asks for what: how much may be sent and how slowly, who learns that a path is
not there, what is logged. An ASGI layer around the app; the server enters."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tui.serve.emailtrack import DENIED
from tui.serve.guard import CALLER, Caller, Guard, Scope, TooMany, address_of
from tui.serve.tokens import PREFIX
from tui.text import clean

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("mailtop.serve")
ACCESS_LOG = logging.getLogger("mailtop.access")

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
MAX_LOGGED_PATH = 200
MAX_DISCARDED_BYTES = 1024 * 1024

HEALTH = "/healthz"
EVERY_ANSWER = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]

_TELLS_OF_PATHS = (404, 405, 307, 308)
"""Answers that tell which paths there are: only who has a token gets them."""

_CLOSE = (b"connection", b"close")
_OPENS = re.compile(rf"(cpsess|{re.escape(PREFIX)})[A-Za-z0-9_-]+")
"""Sessions, and tokens that somebody sent in the wrong place."""


class Gate:
    """Around ``app``, which calls ``guard.identify`` for each request of its own."""

    def __init__(self, app: App, guard: Guard, *, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._guard = guard
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; pass on the app's start and end."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = _Answer(scope, send, self._guard)
            try:
                await self._answer(scope, receive, answer)
            finally:
                answer.log()

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if scope["path"] == HEALTH and _is_near(scope):
            await answer.say(200, "ok")
            return
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(scope, receive)
        except TimeoutError:
            await answer.say(408, "The request took too long to come.", _CLOSE)
            return
        except _Gone:
            return
        if body is None:
            limit = MAX_BODY_BYTES // 1024
            await answer.say(413, f"The request is larger than {limit} KiB.", _CLOSE)
            return
        try:
            await self._app(scope, _once(body, receive), answer.send)
        except Exception:
            LOG.exception("a request failed: %s %s", scope["method"], _shown_path(scope))
            if answer.status is None:
                await answer.say(500, "mailtop failed; its log says more.")
            elif not answer.is_whole:
                raise  # so that the connection ends, and the client sees that something is missing


class _Gone(Exception):
    """The client went away before its request was whole."""


class _Answer:
    """Sends one answer, and keeps what is logged of it."""

    def __init__(self, scope: Scope, send: Send, guard: Guard) -> None:
        self.status: int | None = None
        self.is_whole = False
        self._scope = scope
        self._send = send
        self._guard = guard
        self._size = 0
        self._began = time.monotonic()
        self._replaced = False

    async def send(self, message: Message) -> None:
        """Pass on a message of the app, with the headers that every answer has."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if message["status"] in _TELLS_OF_PATHS and (refusal := self._refusal()) is not None:
                await refusal
                self._replaced = True
                return
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *EVERY_ANSWER]
        else:
            self._size += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
        await self._send(message)

    async def say(self, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
        """Answer with a sentence."""
        body = f"{sentence}\n".encode()
        length = (b"content-length", str(len(body)).encode())
        kind = (b"content-type", b"text/plain; charset=utf-8")
        await self.send({"type": "http.response.start", "status": status, "headers": [kind, length, *headers]})
        await self.send({"type": "http.response.body", "body": body})

    def log(self) -> None:
        """One line, without anything that opens a door."""
        caller: Caller | None = self._scope.get(CALLER)
        ACCESS_LOG.info(
            "%s %s %s %s %s %d B %.0f ms",
            address_of(self._scope) or "-",
            clean(caller.token.name) if caller is not None else "-",
            self._scope["method"],
            _shown_path(self._scope),
            self.status or "-",
            self._size,
            (time.monotonic() - self._began) * 1000,
        )

    def _refusal(self) -> Awaitable[None] | None:
        """What who asks hears instead of which paths there are; nothing for who has a token."""
        try:
            if CALLER in self._scope or self._guard.identify(self._scope) is not None:
                return None
        except TooMany as error:
            return self.say(429, error.detail, (b"retry-after", str(error.retry_after_seconds).encode()))
        return self.say(403, DENIED.decode())


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; ``None`` when it is too large: then it is read on for a while, since who is not read to the end
    may never see the answer. Raises ``_Gone``."""
    if _announced_bytes(scope) > MAX_DISCARDED_BYTES:
        return None
    pieces: list[bytes] = []
    size, more = 0, True
    while more and size <= MAX_DISCARDED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces) if size <= MAX_BODY_BYTES else None


def _announced_bytes(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() and len(lengths[0]) < 20 else 0


def _once(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body in one piece, and then what the client does."""
    given = False

    async def receive_body() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body


def _is_near(scope: Scope) -> bool:
    """Whether a request comes from this host itself, and not through a proxy on it."""
    if any(name in (b"forwarded", b"x-forwarded-for", b"via") for name, _ in scope["headers"]):
        return False
    try:
        return ipaddress.ip_address(address_of(scope)).is_loopback
    except ValueError:
        return False


def _shown_path(scope: Scope) -> str:
    path: str = scope["path"]
    shown = clean(_OPENS.sub(r"\1…", path))
    return shown if len(shown) <= MAX_LOGGED_PATH else f"{shown[:MAX_LOGGED_PATH]}…"
