"""Asks the sender-queue API and shows it the token: rows and pages of names, or a sentence. The sender-queue source and
its lists of names enter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from tui.config import SenderQueueSource
from tui.config.secrets import Secret, SecretError
from tui.model import API_GROUPINGS, Grouping, QueueQuery
from tui.sources.http import HttpAnswer, HttpClient
from tui.sources.masking import clean, hide
from tui.sources.sender_queue_envelope import AnswerError, read_envelope
from tui.sources.sender_queue_wire import Page, Rows, decode_page, decode_rows, encode, judge
from tui.sources.source import Busy, SourceError
from tui.sources.worker import Worker

FOLDER = "/api/v1.1/admin"
PAGE_ENTRIES = 1000
MAX_SAID = 200
REFUSALS = (401, 403)

Result = TypeVar("Result")


class RefusedError(SourceError):
    """The server does not take the token, or not for this."""


class SenderQueueApi:
    """One server's API. Answers are decoded in a thread, the secret is read in another; neither holds up the loop."""

    def __init__(self, config: SenderQueueSource, read_secret: Callable[[], Secret], client: HttpClient) -> None:
        self.seconds: float | None = None
        self.host = urlsplit(config.url or "").netloc
        self._format = config.format
        self._read_secret = read_secret
        self._client = client
        where = config.token_in
        self._is_in_header = where == "header"
        self._secret: Secret | None = None
        self._opening = asyncio.Lock()
        self._key = Worker(f"secret {config.name}")
        self.worker = Worker(f"decode {config.name}")

    async def open(self) -> Secret:
        """Read the secret, unless it is known; raises ``SourceError``."""
        async with self._opening:
            if self._secret is not None:
                return self._secret
            try:
                self._secret = await self._key.run(self._read_secret)
            except SecretError as error:
                text = str(error)
            else:
                hide(self, self._secret.reveal())
                return self._secret
        raise SourceError(text)

    def forget_secret(self) -> None:
        """Read the secret again before the next question: it may have been changed."""
        self._secret = None

    async def rows(self, sender_id: int, query: QueueQuery) -> tuple[Rows, tuple[str, ...]]:
        """One sender's rows, and what is to be said of them. Raises ``SourceError``."""
        group = query.grouping if query.grouping in API_GROUPINGS else Grouping.TOTAL
        fields: dict[str, int | str] = {"id": sender_id, "group": group.value}
        filters = {"account_id": query.account_id, "campaign_id": query.campaign_id, "isp": query.isp}
        fields |= {name: value for name, value in filters.items() if value is not None}

        def decode(body: bytes) -> tuple[Rows, tuple[str, ...]]:
            rows = decode_rows(body)
            return rows, judge(rows, query)

        return await self._ask(f"{FOLDER}/senders/queue/stats/", fields, decode, f"sender {sender_id}")

    async def page(self, kind: str, from_id: int | None) -> Page:
        """A page of the list of ``kind`` (``senders`` or ``accounts``) from an id on. Raises ``SourceError``."""
        fields: dict[str, int | str] = {"limit": PAGE_ENTRIES}
        if from_id is not None:
            fields["from_id"] = from_id
        return await self._ask(f"{FOLDER}/{kind}/list/", fields, decode_page, f"the list of {kind}")

    async def close(self) -> None:
        """Give back the connections and let the threads end."""
        await self._client.close()
        self.worker.stop()
        self._key.stop()

    async def _ask(
        self, path: str, fields: Mapping[str, int | str], decode: Callable[[bytes], Result], about: str
    ) -> Result:
        secret = await self.open()
        try:
            answer = await self._client.ask(
                "POST", path, headers=self._headers(secret), body=self._body(fields, secret)
            )
            self.seconds = answer.seconds
            return await self.worker.run(lambda: decode(answer.body))
        except Busy as error:
            failure = self._reason(error, about)
        except SourceError as error:
            failure = error.anew()
        except AnswerError as error:
            failure = self._failure(error, answer, path, about)
        # Raised here, it brings neither the frames nor the causes that hold the question with its token.
        raise failure

    def _headers(self, secret: Secret) -> dict[str, str]:
        kind = f"application/{self._format}"
        headers = {"Content-Type": kind, "Accept": kind}
        if self._is_in_header:
            headers["Authorization"] = f"Bearer {secret.reveal()}"
        return headers

    def _body(self, fields: Mapping[str, int | str], secret: Secret) -> bytes:
        token = {} if self._is_in_header else {"token": secret.reveal()}
        return encode({**token, "format": self._format, **fields}, self._format)

    def _failure(self, error: AnswerError, answer: HttpAnswer, path: str, about: str) -> SourceError:
        """The sentence of an answer that is none: the API's error decides, then the HTTP status, then what the body
        looks like."""
        if not error.shaped and answer.status >= 400:
            text = f"{self.host} {_of_status(answer.status, path)}"
            return RefusedError(text) if answer.status in REFUSALS else SourceError(text)
        return self._refusal(error, about)

    def _reason(self, busy: Busy, about: str) -> SourceError:
        """Why the server wants to be left alone, in the API's words where it says them."""
        failure = SourceError(str(busy), busy.retry_after_seconds)
        try:
            read_envelope(busy.body)
        except AnswerError as error:
            if error.shaped:
                failure = self._refusal(error, about)
                failure.retry_after_seconds = busy.retry_after_seconds
        return failure

    def _refusal(self, error: AnswerError, about: str) -> SourceError:
        text = clean(f"{self.host}'s answer about {about} {error}.")
        if error.said:
            text += f' It says "{error.said[:MAX_SAID]}".'
        return RefusedError(text) if error.code in REFUSALS else SourceError(text)


def _of_status(status: int, path: str) -> str:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no known status"
    told = f"(HTTP {status}, {phrase})"
    if status in REFUSALS:
        other = 'whether `token_in` has to be the other one of "header" and "body"'
        return f"refuses the token {told}; check it, and {other}."
    if status in (404, 405, 410):
        return f"has no such API at {clean(path)} {told}; check that `url` is the address of the API."
    if status >= 500:
        return f"has trouble of its own {told}; it is asked again, and its log says more."
    return f"does not take the question {told}; check `url`, and a proxy where there is one."
