"""Who may ask, and how often: finds the token that a request shows, keeps sessions, counts. Handlers and gate enter."""

from __future__ import annotations

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from tui.serve.credentials import SESSION_COOKIE, Credential, Way, cookie_of, in_header, session_of
from tui.serve.tokens import Token, TokenStore, digest

Scope = MutableMapping[str, Any]
"""An ASGI scope."""

CALLER = "mailtop.caller"
"""Where in the scope the caller stands once identified: for the gate, which logs and counts."""

SESSION_SECONDS = 3600.0
MAX_SESSIONS = 64
"""Of one token; a further one takes the oldest's place, so that nobody else's goes."""

MAX_BUCKETS = 4096


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the token, how it was sent, and the user's name that came with it (empty where none did). A session
    tells the user who logged in, and ``Way.BASIC``."""

    token: Token
    way: Way
    user: str


class Session(msgspec.Struct, frozen=True):
    """A login: ``security_token`` such as ``/cpsess5542387976``, and the whole value of ``Set-Cookie``."""

    security_token: str
    set_cookie: str


class Limits(msgspec.Struct, frozen=True):
    """How much is answered: requests a second and token (0: without limit) and at once; wrong tokens a second and
    address, and at once."""

    per_second: float = 100.0
    burst: float = 1000.0
    wrong_per_second: float = 1.0
    wrong_burst: float = 30.0


class TooMany(HTTPException):
    """More than the limits allow: 429 with ``Retry-After``. starlette answers it; a handler may catch it to answer in
    its own words."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(429, "Too many requests.", {"Retry-After": str(retry_after_seconds)})
        self.retry_after_seconds = retry_after_seconds


class Guard:
    """Lets in who shows a token of ``store``."""

    def __init__(
        self, store: TokenStore, limits: Limits | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        limits = limits or Limits()
        self._store = store
        self._clock = clock
        self._requests = _Buckets(limits.per_second, limits.burst, clock) if limits.per_second > 0 else None
        self._wrong = _Buckets(limits.wrong_per_second, limits.wrong_burst, clock)
        self._sessions: dict[bytes, _Entry] = {}

    def identify(self, scope: Scope, extra: Sequence[Credential] = ()) -> Caller | None:
        """Who sent the request of this ASGI scope, by its session, its headers or ``extra`` (``in_body``); ``None``:
        nobody who may. The first that is good counts. To be called once a request. Raises ``TooMany``."""
        shown = [*in_header(scope["headers"]), *extra]
        number, _ = session_of(scope["path"])
        caller = self._by_session(number, scope) or self._by_token(shown)
        return self._counted(scope, caller, tried=bool(shown or number))

    def log_in(self, scope: Scope, user: str, password: str) -> Session | None:
        """Begin a session (``POST /login/?login_only=1``) for who shows a token as password; ``None``: it is no good.
        Raises ``TooMany``."""
        token = self._store.find(password) if user else None
        caller = None if token is None else Caller(token, Way.BASIC, user)
        if self._counted(scope, caller, tried=True) is None or caller is None:
            return None
        self._make_room(caller.token.name)
        number, cookie = f"cpsess{secrets.randbelow(10**10):010}", secrets.token_urlsafe(32)
        ends = self._clock() + SESSION_SECONDS
        self._sessions[digest(f"{number} {cookie}")] = _Entry(caller.token.name, user, digest(password), ends)
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        return Session(f"/{number}", f"{SESSION_COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict{secure}")

    def _by_token(self, shown: Sequence[Credential]) -> Caller | None:
        for each in shown:
            token = self._store.find(each.secret.reveal())
            if token is not None:
                return Caller(token, each.way, each.user)
        return None

    def _by_session(self, number: str, scope: Scope) -> Caller | None:
        """A session ends with its token, and takes over what the token may now."""
        key = digest(f"{number} {cookie_of(scope['headers'])}")
        entry = self._sessions.get(key)
        if entry is None:
            return None
        token = self._store.find_digest(entry.secret_digest) if self._clock() < entry.ends else None
        if token is None:
            del self._sessions[key]
            return None
        return Caller(token, Way.BASIC, entry.user)

    def _counted(self, scope: Scope, caller: Caller | None, *, tried: bool) -> Caller | None:
        if caller is not None:
            scope[CALLER] = caller
            if self._requests is not None:
                self._requests.take(caller.token.name)
        elif tried:
            self._wrong.take(address_of(scope))
        return caller

    def _make_room(self, name: str) -> None:
        """For one more session of the token called ``name``; what has ended goes, too."""
        now = self._clock()
        for key in [key for key, entry in self._sessions.items() if entry.ends <= now]:
            del self._sessions[key]
        own = [key for key, entry in self._sessions.items() if entry.token_name == name]
        for key in own[: max(0, len(own) - MAX_SESSIONS + 1)]:
            del self._sessions[key]


def address_of(scope: Scope) -> str:
    """The address that a request came from; empty where it cannot be known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class _Entry(msgspec.Struct, frozen=True):
    """A session: whose it is and when it ends, by the guard's clock."""

    token_name: str
    user: str
    secret_digest: bytes
    ends: float


class _Buckets:
    """Token buckets by name: each fills by ``per_second`` up to ``burst``. Who has not come for longest is forgotten,
    and so begins with a full one."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Take one; raises ``TooMany`` when none is left."""
        now = self._clock()
        level, before = self._levels.pop(name, (self._burst, now))
        level = min(self._burst, level + (now - before) * self._per_second)
        allowed = level >= 1
        self._levels[name] = (level - 1 if allowed else level, now)
        if len(self._levels) > MAX_BUCKETS:
            self._levels.popitem(last=False)
        if not allowed:
            raise TooMany(math.ceil((1 - level) / self._per_second))
