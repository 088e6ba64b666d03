"""Who may look in: one token opens a session, kept in a cookie; every request must name this server and, where it does
anything, come from its own pages. Pure but for the clock and the dice."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

SESSION_SECONDS = 12 * 3600
MAX_SESSIONS = 64
"""So many browsers stay let in; the one that came first is asked again."""

TRIES_PER_MINUTE = 30
"""So many tokens a minute are looked at, from all together: a token has 256 random bits, this is for the load alone."""

NEAR_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""What this host may be called by who sits at it."""


class Door:
    """Knows the token only as its hash. ``hosts`` are the names (with port where it is not the scheme's own) under
    which this server may be asked, in lower case; ``secure`` says that browsers reach it by https."""

    def __init__(
        self, token: str, hosts: Collection[str], *, secure: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token = _hashed(token)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._clock = clock
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._tries: list[float] = []
        self.secure = secure

    def is_known_host(self, host: str) -> bool:
        """Whether a request's ``Host`` names this server: a page elsewhere whose name was made to lead here (DNS
        rebinding) names itself."""
        return host.lower() in self._hosts

    def is_own_origin(self, origin: str | None) -> bool:
        """Whether an ``Origin`` is one of this server's pages. Browsers send it with every form and every WebSocket."""
        if origin is None:
            return False
        parts = urlsplit(origin)
        return parts.scheme == ("https" if self.secure else "http") and self.is_known_host(parts.netloc)

    def open(self, token: str) -> str | None:
        """A session for who has the token: what the cookie holds; ``None`` for who has not."""
        if not hmac.compare_digest(_hashed(token), self._token):
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[_hashed(session)] = self._clock() + SESSION_SECONDS
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def is_open_to(self, session: str | None) -> bool:
        """Whether the cookie's session is one that was opened here and has not ended."""
        if session is None:
            return False
        key = _hashed(session)
        until = self._sessions.get(key)
        if until is not None and until <= self._clock():
            del self._sessions[key]
            until = None
        return until is not None

    def may_try(self) -> bool:
        """Whether another token may be tried now."""
        now = self._clock()
        self._tries = [tried for tried in self._tries if tried > now - 60]
        if len(self._tries) >= TRIES_PER_MINUTE:
            return False
        self._tries.append(now)
        return True


def hosts_of(bind_host: str, port: int, public_url: str | None) -> list[str]:
    """The values of ``Host`` under which a server on ``bind_host`` and ``port`` may be asked: its own address, the
    names of this host, and what ``public_url`` says."""
    names = {f"[{bind_host}]" if ":" in bind_host else bind_host, *NEAR_HOSTS}
    hosts = [f"{name}:{port}" for name in names]
    if port in (80, 443):
        hosts += names
    return [*hosts, urlsplit(public_url).netloc] if public_url else hosts


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
