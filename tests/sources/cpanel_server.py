"""A scripted cPanel or WHM server: accounts, logins, privileges, faults on demand. Tests of the cPanel source enter."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from tests.http_server import Answer, Request, Response

STATS_PAGE = (Path(__file__).parent.parent / "data/cpanel/stats.json").read_bytes()
"""The example of cPanel's own page on EmailTrack::stats, byte for byte."""

LOGIN_PAGE = (
    b'<!DOCTYPE html>\n<html><head><title>WHM Login</title></head><body><form id="login_form"></form></body></html>'
)
TWO_FACTOR_PAGE = b'<html><body><form id="tfa_login_form" action="/login/"></form></body></html>'
DENIED = (
    b'{"cpanelresult":{"apiversion":"2","error":"Access denied","data":{"reason":"Access denied","result":"0"},'
    b'"type":"text"}}'
)
TOKEN = "TOKEN-7f3a9c"
PASSWORD = "päss&word=1"
ALL, LIST, STATS, LOGIN = "emailtrack_user_stats", "listaccts", "EmailTrack::stats", "login"


def page(body: bytes) -> Response:
    return Response(200, {"Content-Type": "text/html; charset=utf-8"}, body)


def denied() -> Response:
    return Response(403, {"Content-type": "text/plain"}, DENIED)


def answer(value: object, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


def api2(data: object, result: object = 1, **more: object) -> dict[str, object]:
    return {
        "cpanelresult": {
            "apiversion": 2,
            "func": "stats",
            "data": data,
            "event": {"result": result},
            "module": "EmailTrack",
            **more,
        }
    }


def api1(data: object, result: object = 1, reason: str = "OK", overflowed: int = 0) -> dict[str, object]:
    metadata = {"command": "x", "result": result, "reason": reason, "version": 1, "overflowed": overflowed}
    return {"data": data, "metadata": metadata}


def counts(send: object = 7, **more: object) -> dict[str, object]:
    return {
        "SENDCOUNT": send,
        "SUCCESSCOUNT": 2,
        "DEFERCOUNT": 18,
        "FAILCOUNT": 5,
        "DEFERFAILCOUNT": 23,
        "TOTALSIZE": 1150,
        **more,
    }


def record(user: str, send: object = 7, **more: object) -> dict[str, object]:
    reached = {"REACHED_MAXEMAILS": 0, "REACHED_MAXDEFERFAIL": 0}
    return {"USER": user, "DOMAIN": f"{user}.example", "OWNER": "root", **counts(send), **reached, **more}


Fault = Callable[[str | None], Answer | None]
"""What is answered instead, by the account that is asked for; ``None`` leaves it."""


@dataclass
class CpanelServer:
    """Answers as ``kind`` ("whm" or "cpanel") does. ``stats`` are the accounts' numbers; ``records`` what
    ``emailtrack_user_stats`` has. ``asked`` counts the calls by (call, account)."""

    kind: str = "whm"
    user: str = "root"
    token: str = TOKEN
    password: str = PASSWORD
    stats: dict[str, Mapping[str, object]] = field(default_factory=dict)
    records: list[object] = field(default_factory=list)
    privileges: set[str] = field(default_factory=lambda: {"track-email", "list-accts", "cpanel-api"})
    faults: dict[str, Fault] = field(default_factory=dict)
    latency_seconds: float = 0.0
    overflowed: int = 0
    asked: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    logins: int = 0
    sessions: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self._held, self._free = "", 0

    def hold(self, call: str, after: int = 0) -> None:
        """Answer no more of these calls after so many of them, until ``gate`` is set."""
        self.gate.clear()
        self._held, self._free = call, after

    def total(self, call: str) -> int:
        """How often ``call`` was asked, of any account."""
        return sum(number for (name, _), number in self.asked.items() if name == call)

    async def __call__(self, request: Request) -> Answer:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if _call(request) == self._held and self.total(self._held) >= self._free:
                await self.gate.wait()
            if self.latency_seconds:
                await asyncio.sleep(self.latency_seconds)
            return self._answer(request)
        finally:
            self.in_flight -= 1

    def _answer(self, request: Request) -> Answer:
        if request.path == "/login/":
            fault = self._faulty(LOGIN, None)
            return self._log_in(request) if fault is None else fault
        match = re.fullmatch(r"(/cpsess\w+)?/json-api/\w+", request.path)
        assert match is not None, request.target
        call, account = _call(request), request.query.get("cpanel_jsonapi_user")
        if call == STATS:
            assert request.query["cpanel_jsonapi_apiversion"] == "2"
        else:
            assert request.query == {"api.version": "1"}
        self.asked[call, account] += 1
        fault = self._faulty(call, account)
        if fault is not None:
            return fault
        return self._gate_keeper(request, match[1]) or self._found(call, account)

    def _faulty(self, call: str, account: str | None) -> Answer | None:
        return self.faults[call](account) if call in self.faults else None

    def _gate_keeper(self, request: Request, prefix: str | None) -> Response | None:
        """What somebody gets who is not let in."""
        if prefix is not None:
            cookies = {each.strip() for each in request.headers.get("cookie", "").split(";")}
            return None if self.sessions.get(prefix, "nobody") in cookies else page(LOGIN_PAGE)
        shown = request.headers.get("authorization", "")
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return None if shown in (f"{self.kind} {self.user}:{self.token}", f"Basic {basic}") else denied()

    def _log_in(self, request: Request) -> Response:
        assert request.method == "POST"
        assert request.query == {"login_only": "1"}
        if dict(parse_qsl(request.body.decode())) != {"user": self.user, "pass": self.password}:
            return answer({"status": 0, "message": "invalid_login"}, 401)
        self.logins += 1
        prefix, cookie = f"/cpsess{self.logins:010}", f"whostmgrsession=root%3a{self.logins}"
        self.sessions[prefix] = cookie
        cookies = (
            "whostmgrrelogin=no; HttpOnly; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/; port=2087; secure\r\n"
            f"Set-Cookie: {cookie}; HttpOnly; path=/; port=2087; secure"
        )
        body = {"status": 1, "security_token": prefix, "redirect": f"{prefix}/"}
        return Response(200, {"Content-Type": "application/json", "Set-Cookie": cookies}, json.dumps(body).encode())

    def _found(self, call: str, account: str | None) -> Response:
        if call == ALL:
            if not {"track-email"} <= self.privileges or self.kind != "whm":
                return denied()
            return answer(api1({"records": self.records}, overflowed=self.overflowed))
        if call == LIST:
            if "list-accts" not in self.privileges or self.kind != "whm":
                return denied()
            return answer(api1({"acct": [{"user": name, "suspended": 0} for name in self.stats]}))
        assert call == STATS
        if self.kind == "cpanel":
            return answer(api2([self.stats[self.user]]))
        if "cpanel-api" not in self.privileges or account not in self.stats:
            return denied()
        return answer(api2([self.stats[account]]))


def _call(request: Request) -> str:
    name = request.path.rsplit("/", 1)[1]
    if name != "cpanel":
        return name
    return f"{request.query['cpanel_jsonapi_module']}::{request.query['cpanel_jsonapi_func']}"
