"""The way to a cPanel or WHM server over HTTP, by API token, password or session. Only here is the secret of a cPanel
source revealed, and only into the request that sends it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import msgspec

from tui.config.secrets import Secret, SecretError
from tui.sources.cpanel_calls import PASSWORD_PAUSE_SECONDS
from tui.sources.cpanel_place import CREDENTIALS, Place
from tui.sources.cpanel_wire import Call, NoAnswer, Trouble, check_status, decode_login
from tui.sources.cpanel_words import LOGIN_CALL, sentence
from tui.sources.http import HttpAnswer, HttpClient
from tui.sources.masking import hide
from tui.sources.source import SourceError
from tui.sources.worker import Worker

RENEWAL_PAUSE_SECONDS = 600.0
"""For how long a refusal is taken for what it says, and not for a session's end, when a new session did not help."""

MIN_COOKIE = 16
"""A session's cookie has so many characters and more."""


class Entry(msgspec.Struct, frozen=True):
    """What opens the server: a header, and what every path begins with in a session."""

    header: str
    value: Secret
    prefix: Secret


class HttpReach:
    """Asks over HTTP, each request with what ``place.login`` needs. ``read_secret`` is called in a thread, at the first
    request and again after ``forget``."""

    def __init__(
        self,
        client: HttpClient,
        place: Place,
        user: str,
        read_secret: Callable[[], Secret],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._place = place
        self._user = user
        self._read_secret = read_secret
        self._clock = clock
        self._worker = Worker("cPanel secret")
        self._lock = asyncio.Lock()
        self._entry: Entry | None = None
        self._failure: SourceError | None = None
        self._renewed = False
        self._useless_until = float("-inf")

    async def ask(self, call: Call, account: str | None = None) -> bytes:
        """What the server answers to ``call``; a session that has ended is begun anew once in a look. Raises
        ``NoAnswer`` and ``SourceError``."""
        entry = await self._opened()
        try:
            return await self._fetch(entry, call, account)
        except NoAnswer as error:
            if not self._may_renew(entry, error.trouble):
                raise
        renewed = await self._opened(instead_of=entry)
        try:
            return await self._fetch(renewed, call, account)
        except NoAnswer as error:
            if error.trouble is Trouble.REFUSED:
                self._useless_until = self._clock() + RENEWAL_PAUSE_SECONDS
            raise

    def begin(self) -> None:
        """A session may be renewed again, a login that failed tried again."""
        self._renewed = False
        self._failure = None

    def forget(self) -> None:
        """Read the secret again before the next request."""
        self._entry = None

    async def close(self) -> None:
        """Close the connections."""
        self._worker.stop()
        await self._client.close()

    def _may_renew(self, entry: Entry, trouble: Trouble) -> bool:
        """Whether an answer may mean that the session has ended: the login page does, a refusal may."""
        if self._place.login != "session":
            return False
        if entry is self._entry and self._renewed:
            return False
        return trouble is Trouble.LOGIN_PAGE or (trouble is Trouble.REFUSED and self._clock() >= self._useless_until)

    async def _opened(self, instead_of: Entry | None = None) -> Entry:
        """What opens the server, made once for all who wait for it. A failure stands until the next look, so that a
        wrong password is not tried once a request."""
        async with self._lock:
            if self._failure is not None:
                raise self._failure.anew()
            if self._entry is None or self._entry is instead_of:
                self._entry, self._renewed = None, True
                try:
                    self._entry = await self._make_entry()
                except SourceError as error:
                    self._failure = error
                    raise
            return self._entry

    async def _make_entry(self) -> Entry:
        try:
            secret = await self._worker.run(self._read_secret)
        except SecretError as error:
            raise SourceError(str(error)) from None
        hide(self, secret.reveal(), user=self._user)
        login = self._place.login
        if not _can_be_sent(login, self._user, secret):
            raise SourceError(
                f"The user or the {CREDENTIALS[login]} for {self._place} holds characters that cannot be sent; look at "
                "what `user` and the source's `token_…` key give."
            )
        if login == "session":
            return await self._log_in(secret)
        if login == "basic":
            return Entry("Authorization", _basic(self._user, secret), Secret(""))
        return Entry("Authorization", Secret(f"{login} {self._user}:{secret.reveal()}"), Secret(""))

    async def _log_in(self, secret: Secret) -> Entry:
        try:
            answer = await self._client.ask(
                "POST",
                "/login/",
                query={"login_only": "1"},
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode({"user": self._user, "pass": secret.reveal()}).encode(),
            )
            check_status(answer.status, answer.body)
            prefix = Secret(decode_login(answer.body))
        except NoAnswer as error:
            pause = PASSWORD_PAUSE_SECONDS if error.trouble is Trouble.REFUSED else None
            raise SourceError(sentence(self._place, error, LOGIN_CALL), pause) from None
        cookies = _cookies(answer)
        hide(self, secret.reveal(), *_long_values(cookies), user=self._user)
        return Entry("Cookie", Secret("; ".join(cookies)), prefix)

    async def _fetch(self, entry: Entry, call: Call, account: str | None) -> bytes:
        path, query = _address(call, account)
        try:
            answer = await self._client.ask(
                "GET",
                entry.prefix.reveal() + path,
                query=query,
                headers={entry.header: entry.value.reveal()},
            )
        except SourceError as error:
            failure = error.anew()
        else:
            check_status(answer.status, answer.body)
            return answer.body
        raise failure


def _address(call: Call, account: str | None) -> tuple[str, dict[str, str]]:
    if call is not Call.STATS:
        return f"/json-api/{call}", {"api.version": "1"}
    query = {
        "cpanel_jsonapi_apiversion": "2",
        "cpanel_jsonapi_module": "EmailTrack",
        "cpanel_jsonapi_func": "stats",
    }
    if account is not None:
        query = {"cpanel_jsonapi_user": account.lower()} | query  # WHM knows no account by upper-case letters
    return "/json-api/cpanel", query


def _basic(user: str, secret: Secret) -> Secret:
    return Secret("Basic " + base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode())


def _can_be_sent(login: str, user: str, secret: Secret) -> bool:
    """Whether both can be written as bytes of the request: the error about one that cannot would hold it."""
    if login in ("basic", "session"):
        return not any("\ud800" <= character <= "\udfff" for character in user + secret.reveal())
    return all(text.isascii() and text.isprintable() for text in (user, secret.reveal()))


def _cookies(answer: HttpAnswer) -> list[str]:
    """The cookies that an answer sets, as a browser would send them back."""
    lines = answer.headers.get("set-cookie", "").split("\n")
    cookies = (line.split(";", 1)[0].strip() for line in lines)
    return [cookie for cookie in cookies if "=" in cookie]


def _long_values(cookies: Sequence[str]) -> list[str]:
    """The values that are secrets, and not words."""
    return [value for value in (cookie.partition("=")[2] for cookie in cookies) if len(value) >= MIN_COOKIE]
