"""Speaks HTTP to ClickHouse servers: questions and blocks to insert, from version 18.16 on. Only the ``clickhouse_*``
rooms enter."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from tui.config.ledger_place import Place
from tui.engine.clickhouse_native import Column, decode
from tui.engine.ledger import LedgerAway, LedgerError
from tui.text import clean

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 30.0

UNKNOWN_TABLE = 60
UNKNOWN_DATABASE = 81
"""What ClickHouse calls its errors."""

_CODE = re.compile(r"Code: (\d+)")
_LONGEST_ERROR = 300
# One answer, good or bad, and not half of a good one; a roll-up must be inserted in one piece, and one that is like
# another counts all the same: marks tell what came before, not what replicas remember of blocks.
_SETTINGS: Final[Mapping[str, str]] = {
    "wait_end_of_query": "1",
    "max_query_size": "16777216",
    "group_by_two_level_threshold": "0",
    "group_by_two_level_threshold_bytes": "0",
    "insert_deduplicate": "0",
}


class ClusterAway(LedgerAway):
    """No server answered: nobody knows whether what was sent arrived."""


class ClusterRefused(LedgerError):
    """A server answered with an error; ``code`` is ClickHouse's number for it, 0 where it gave none."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class Client:
    """Asks the servers of ``place`` in their order, the one that answered last first; ``only`` one of them where it is
    given. ``password`` is called for each connection. One thread at a time.

    What goes to a server may be sent twice, when a connection turns out to have ended: it must be safe to.
    """

    def __init__(
        self,
        place: Place,
        password: Callable[[], str] = str,
        *,
        only: str | None = None,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.place = place
        self._password = password
        self._nodes = list(place.nodes) if only is None else [only]
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._open: tuple[str, HTTPConnection, dict[str, str]] | None = None

    def ask(self, query: str, **settings: str) -> list[Column]:
        """The columns of the answer. Raises ``ClusterAway``, ``ClusterRefused``."""
        return decode(self._post(settings, f"{query} FORMAT Native".encode()))

    def tell(self, statement: str, **settings: str) -> None:
        """Have a statement without an answer done. Raises ``ClusterAway``, ``ClusterRefused``."""
        self._post(settings, statement.encode())

    def insert(self, table: str, columns: Sequence[str], block: bytes, **settings: str) -> None:
        """Insert one Native block. Raises ``ClusterAway``, ``ClusterRefused``."""
        query = f"INSERT INTO {self.place.database}.{table} ({', '.join(columns)}) FORMAT Native"
        self._post({**settings, "query": query}, block)

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _post(self, settings: Mapping[str, str], body: bytes) -> bytes:
        target = "/?" + urlencode({**_SETTINGS, **settings})
        problems = []
        for node in list(self._nodes):
            try:
                status, answer = self._exchange(node, target, body)
            except (OSError, HTTPException) as error:
                self.close()
                said = getattr(error, "strerror", None) or str(error) or type(error).__name__
                problems.append(f"{address(node)}: {clean(said)}")
                continue
            if node != self._nodes[0]:
                self._nodes.remove(node)
                self._nodes.insert(0, node)
            if status != HTTPStatus.OK:
                raise _refusal(node, status, answer)
            return answer
        raise ClusterAway(f"no ClickHouse server answers ({'; '.join(problems)})")

    def _exchange(self, node: str, target: str, body: bytes) -> tuple[int, bytes]:
        if self._open is not None and self._open[0] == node:
            try:
                return self._say(self._open[1], target, body, self._open[2])
            except (ConnectionError, BadStatusLine):  # the server ends idle connections whenever it likes
                self.close()
        return self._say(*self._connect(node, target, body))

    def _connect(self, node: str, target: str, body: bytes) -> tuple[HTTPConnection, str, bytes, dict[str, str]]:
        self.close()
        login = b64encode(f"{self.place.user}:{self._password()}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        parts = urlsplit(node)
        at, seconds = (parts.hostname or "", parts.port), self._connect_seconds
        if parts.scheme == "https":
            context = self._tls or ssl.create_default_context()
            connection: HTTPConnection = HTTPSConnection(*at, timeout=seconds, context=context)
        else:
            connection = HTTPConnection(*at, timeout=seconds)
        self._open = node, connection, headers
        connection.connect()
        connection.sock.settimeout(self._answer_seconds)
        return connection, target, body, headers

    def _say(
        self, connection: HTTPConnection, target: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


def _refusal(node: str, status: int, answer: bytes) -> ClusterRefused:
    text = clean(answer[:4096])
    found = _CODE.search(text)
    said = text.replace("DB::Exception: ", "").partition(", e.what()")[0][:_LONGEST_ERROR].strip()
    reason = said or f"HTTP status {status}"
    return ClusterRefused(f"the ClickHouse server {address(node)} refused: {reason}", int(found[1]) if found else 0)


def address(node: str) -> str:
    """A server's host and port, as people say it."""
    return node.partition("://")[2]
