"""A sending platform on loopback as its documentation says it is, with faults on demand. Tests of its clients enter."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, unescape

from tests.http_server import Answer, HttpServer, Request, Response

FOLDER = "/api/v1.1/admin"
TOKEN = "tok-5ecret/<&1"
Fields = Mapping[str, object]
_DIMENSIONS: dict[str, tuple[str, ...]] = {
    "total": (),
    "account": ("account_id",),
    "account_campaign": ("account_id", "campaign_id"),
    "isp": ("isp",),
}


@dataclass(frozen=True)
class Cell:
    """What waits of one campaign for one ISP at one sender."""

    sender: int
    account_id: int
    campaign_id: int
    isp: str
    new: int = 0
    proc: int = 0
    retry: int = 0
    hold: int = 0


@dataclass
class Platform:
    """``faults`` are answers by sender id or path, in place of the right ones; ``asked`` the questions' fields."""

    cells: list[Cell]
    senders: dict[int, str] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)
    token: str = TOKEN
    faults: dict[int | str, Answer] = field(default_factory=dict)
    delay_seconds: float = 0.0
    page_entries: int = 1000
    from_id_excludes: bool = False
    tells_count: bool = True
    ignores_filters: bool = False
    ignores_group: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    busiest: int = 0
    busy: int = 0

    def server(self, *, port: int = 0) -> HttpServer:
        """The platform on a port of loopback."""
        return HttpServer(self.answer, port=port)

    async def answer(self, request: Request) -> Answer:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(self.delay_seconds)
        finally:
            self.busy -= 1
        fields = _fields(request)
        self.asked.append(fields | {"path": request.path})
        if request.path in self.faults:
            return self.faults[request.path]
        token = fields.get("token") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.method != "POST":
            return Response(405)
        if not token:
            return written(fields, {"error": 401, "error_text": "Token required"})
        if token != self.token:
            return written(fields, {"error": 403, "error_text": f"Token {token} has no rights"})
        if request.path == f"{FOLDER}/senders/queue/stats/":
            return self._stats(fields)
        if request.path == f"{FOLDER}/senders/list/":
            return self._page(fields, self.senders)
        if request.path == f"{FOLDER}/accounts/list/":
            return self._page(fields, self.accounts)
        return Response(404, body=b"not here")

    def _stats(self, fields: Mapping[str, str]) -> Answer:
        sender = int(fields["id"])
        if sender in self.faults:
            return self.faults[sender]
        group = "account_campaign" if self.ignores_group else fields["group"]
        sums: dict[tuple[object, ...], list[int]] = {}
        if group == "total":
            sums[(0, 0, "")] = [0, 0, 0, 0]
        for cell in self.cells:
            kept = all(
                self.ignores_filters or fields.get(name) in (None, str(getattr(cell, name)))
                for name in ("account_id", "campaign_id", "isp")
            )
            if cell.sender == sender and kept:
                names = _DIMENSIONS[group]
                key = tuple(
                    getattr(cell, name) if name in names else nothing
                    for name, nothing in (("account_id", 0), ("campaign_id", 0), ("isp", ""))
                )
                counts = sums.setdefault(key, [0, 0, 0, 0])
                for place, name in enumerate(("new", "proc", "retry", "hold")):
                    counts[place] += getattr(cell, name)
        keys = ("account_id", "campaign_id", "isp", "new", "proc", "retry", "hold", "total")
        rows = [dict(zip(keys, (*key, *counts, sum(counts)), strict=True)) for key, counts in sums.items()]
        return written(fields, {"data": rows, "error": 0, "error_text": "Successful operation"})

    def _page(self, fields: Mapping[str, str], names: Mapping[int, str]) -> Answer:
        first = int(fields.get("from_id", "0")) + (self.from_id_excludes and "from_id" in fields)
        numbers = [number for number in sorted(names) if number >= first]
        data = [{"id": number, "name": names[number]} for number in numbers[: self.page_entries]]
        count = {"total_count": len(names)} if self.tells_count else {}
        return written(fields, {"data": data, **count, "error": 0, "error_text": "Successful operation"})


def written(fields: Mapping[str, str], answer: Fields) -> Response:
    """An answer in the language that the question asked for."""
    if fields.get("format") != "xml":
        return Response(headers={"Content-Type": "application/json"}, body=json.dumps(answer).encode())
    leaves = []
    for name, value in answer.items():
        values = value if isinstance(value, list) else [value]
        leaves += [f"<{name}>{_inner(each)}</{name}>" for each in values]
    return Response(headers={"Content-Type": "application/xml"}, body=f"<xml>{''.join(leaves)}</xml>".encode())


def _inner(value: object) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{escape(str(leaf))}</{name}>" for name, leaf in value.items())
    return escape(str(value))


def _fields(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    if kind == "application/xml":
        leaves = re.findall(r"<(\w+)>([^<]*)</\1>", request.body.decode())
        return {name: unescape(text) for name, text in leaves}
    assert kind == "application/json", kind
    return {name: str(value) for name, value in json.loads(request.body).items()}
