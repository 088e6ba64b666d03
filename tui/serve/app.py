"""The two APIs and the metrics as routes: who asks, what for, and which pure function answers. The command line
enters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tui.model import Balance, Grouping, MailTotals, QueueQuery
from tui.serve import emailtrack, queue_stats
from tui.serve.answers import Answers, NotKnown
from tui.serve.credentials import Way, in_body, in_header, session_of
from tui.serve.emailtrack import Sight
from tui.serve.guard import Caller, Guard
from tui.serve.metrics import CONTENT_TYPE, metrics
from tui.serve.pieces import Pieces
from tui.serve.queue_stats import Refused, Sender
from tui.serve.tokens import Scope

ADMIN = "/api/v1.1/admin"
JSON = "application/json"

_Fields = Mapping[str, object]


def make_app(answers: Answers, guard: Guard, senders: Sequence[Sender]) -> Starlette:
    """The application over one ledger, whose queue is that of ``senders``; to be put behind the gate. Closes
    ``answers`` in the end."""
    totals, queue = _Totals(answers, guard), _Queue(answers, guard, senders)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await answers.close()

    routes = [
        Route("/json-api/{call}", totals.call, methods=["GET", "POST"]),
        Route("/{session}/json-api/{call}", totals.call, methods=["GET", "POST"]),
        Route("/login/", totals.log_in, methods=["POST"]),
        Route(f"{ADMIN}/senders/queue/stats/", queue.stats, methods=["POST"]),
        Route(f"{ADMIN}/senders/list/", queue.senders, methods=["POST"]),
        Route(f"{ADMIN}/accounts/list/", queue.accounts, methods=["POST"]),
        Route("/metrics", _Metrics(answers, guard).answer, methods=["GET"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    return app


class _Totals:
    """The paths of cPanel and WHM."""

    def __init__(self, answers: Answers, guard: Guard) -> None:
        self._answers = answers
        self._guard = guard

    async def call(self, request: Request) -> Response:
        """One function: ``cpanel`` is API 2, all others are WHM API 1, which an account's own token does not open."""
        number, _ = session_of(request.url.path)
        if "session" in request.path_params and not number:
            raise HTTPException(404)
        caller = self._guard.identify(request.scope)
        call = request.path_params["call"]
        if caller is None or not caller.token.may(Scope.TOTALS) or (caller.way is Way.CPANEL and call != "cpanel"):
            return _denied()
        parameters = await _parameters(request)
        sight = await self._sight(caller, parameters)
        if caller.way is Way.CPANEL and not _is_there(caller, sight):
            return _denied()
        if call == "cpanel":
            return await self._respond(emailtrack.stats(parameters, sight))
        key = ("whm", call, frozenset(parameters.items()), _seen_by(caller))
        rows = len(sight.totals or ())
        return await self._respond(
            await self._answers.written(key, rows, lambda: emailtrack.whm(call, parameters, sight))
        )

    async def log_in(self, request: Request) -> Response:
        """Begin a session, as ``/login/?login_only=1`` does."""
        parameters = await _parameters(request)
        session = self._guard.log_in(request.scope, parameters.get("user", ""), parameters.get("pass", ""))
        if session is None:
            return Response(b'{"status":0,"message":"invalid_login"}', 401, media_type=JSON)
        path = session.security_token
        body = msgspec.json.encode({"status": 1, "redirect": f"{path}/", "security_token": path})
        return Response(body, media_type=JSON, headers={"Set-Cookie": session.set_cookie})

    async def _sight(self, caller: Caller, parameters: Mapping[str, str]) -> Sight:
        accounts = _seen_by(caller)
        own = caller.user if caller.way is Way.CPANEL else None
        try:
            totals = await self._answers.totals()
        except NotKnown as error:
            return Sight(None, str(error), accounts or (), own)
        totals = _narrowed(totals, accounts)
        sight = Sight(totals, "", accounts or (), own)
        if caller.way is Way.BASIC and "cpanel_jsonapi_user" not in parameters and sight.has(caller.user):
            return msgspec.structs.replace(sight, own=caller.user)
        return sight

    async def _respond(self, pieces: Pieces) -> Response:
        return _response(pieces, JSON, await _freshness(self._answers))


class _Queue:
    """The paths of the sender-queue API."""

    def __init__(self, answers: Answers, guard: Guard, senders: Sequence[Sender]) -> None:
        self._answers = answers
        self._guard = guard
        self._senders = {sender.id: sender for sender in senders}

    async def stats(self, request: Request) -> Response:
        """What waits."""

        async def answer(caller: Caller, fields: _Fields, form: str) -> Pieces:
            query = queue_stats.query_of(fields, self._senders)
            accounts = _seen_by(caller)
            table = await self._answers.queue(query, accounts)
            return await self._answers.written(
                ("rows", query, accounts, form), len(table), lambda: queue_stats.rows(table, form)
            )

        return await self._answer(request, answer)

    async def senders(self, request: Request) -> Response:
        """The names of the sending systems."""

        async def answer(_: Caller, fields: _Fields, form: str) -> Pieces:
            return queue_stats.senders_page(self._senders.values(), fields, form)

        return await self._answer(request, answer)

    async def accounts(self, request: Request) -> Response:
        """The names of the accounts."""

        async def answer(caller: Caller, fields: _Fields, form: str) -> Pieces:
            accounts = _seen_by(caller)
            totals = _narrowed(await self._answers.totals(), accounts)
            names = {each.account_id: each.account for each in totals.values()}
            key = ("accounts", accounts, form, repr(fields.get("from_id")), repr(fields.get("limit")))
            return await self._answers.written(key, len(names), lambda: queue_stats.accounts_page(names, fields, form))

        return await self._answer(request, answer)

    async def _answer(self, request: Request, answer: Callable[[Caller, _Fields, str], Awaitable[Pieces]]) -> Response:
        """What ``answer`` makes of the question, or why it is refused, in the format that was asked for."""
        form, fields, incorrect = "json", dict[str, object](), None
        try:
            fields = queue_stats.read_fields(await request.body(), request.headers.get("content-type", ""))
            form = queue_stats.format_of(fields)
        except Refused as error:
            incorrect = error
        shown = in_body(fields.get("token"))
        caller = self._guard.identify(request.scope, shown)
        if caller is None:
            is_shown = shown or in_header(request.scope["headers"])
            return _refusal(queue_stats.NO_RIGHT if is_shown else queue_stats.NO_TOKEN, form)
        if not caller.token.may(Scope.QUEUE) or _seen_by(caller) == ():
            return _refusal(queue_stats.NO_RIGHT, form)
        try:
            if incorrect is not None:
                raise incorrect
            pieces = await answer(caller, fields, form)
        except Refused as error:
            pieces = [queue_stats.refusal(error.code, str(error), form)]
        except NotKnown as error:
            pieces = [queue_stats.refusal(queue_stats.UNAVAILABLE, str(error), form)]
        return _response(pieces, queue_stats.TYPES[form], await _freshness(self._answers))


class _Metrics:
    """The path of Prometheus."""

    def __init__(self, answers: Answers, guard: Guard) -> None:
        self._answers = answers
        self._guard = guard

    async def answer(self, request: Request) -> Response:
        """All numbers that the token may see; ``?campaigns=1`` adds those of each campaign."""
        caller = self._guard.identify(request.scope)
        if caller is None:
            return Response("A token is required.\n", 401, headers={"WWW-Authenticate": "Bearer"})
        accounts = _seen_by(caller)
        with_campaigns = request.query_params.get("campaigns") == "1"
        totals, isps, campaigns, hosts, unsent, balances = None, None, None, None, None, None
        try:
            if accounts is None:
                hosts, unsent = await self._answers.hosts(), await self._answers.unsent()
            if caller.token.may(Scope.TOTALS):
                totals = _narrowed(await self._answers.totals(), accounts)
                balances = _balances_seen(await self._answers.balances(), accounts)
            if caller.token.may(Scope.QUEUE):
                isps = await self._answers.queue(QueueQuery(Grouping.ISP), accounts)
                if with_campaigns:
                    campaigns = await self._answers.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN), accounts)
        except NotKnown:
            pass  # what is unknown has no line; mailtop_up and mailtop_freshness tell
        status = await self._answers.status()
        rows = sum(len(each) for each in (totals, isps, campaigns, balances) if each is not None)
        key = ("metrics", accounts, caller.token.scopes, with_campaigns)
        pieces = await self._answers.written(
            key, rows, lambda: metrics(status, totals, isps, campaigns, hosts, unsent, balances)
        )
        return _response(pieces, CONTENT_TYPE, {})


def _seen_by(caller: Caller) -> tuple[str, ...] | None:
    """The accounts whose numbers the caller may see; ``None``: all. Who asks as an account sees that one alone."""
    if caller.way is Way.CPANEL:
        return (caller.user,) if caller.token.sees(caller.user) else ()
    return caller.token.accounts


def _is_there(caller: Caller, sight: Sight) -> bool:
    """Whether the account that somebody asks as is one: a token for all accounts makes none by naming it."""
    if caller.token.accounts is not None:
        return caller.token.sees(caller.user)
    return sight.totals is None or caller.user in sight.totals


def _narrowed(totals: Mapping[str, MailTotals], accounts: tuple[str, ...] | None) -> Mapping[str, MailTotals]:
    return totals if accounts is None else {name: totals[name] for name in accounts if name in totals}


def _balances_seen(balances: list[Balance] | None, accounts: tuple[str, ...] | None) -> list[Balance] | None:
    """That of the host is for those who may see all."""
    if balances is None or accounts is None:
        return balances
    return [each for each in balances[1:] if each.account in accounts]


async def _parameters(request: Request) -> dict[str, str]:
    """Those of the address and of a form; the last of a name counts."""
    form = (await request.body()).decode("utf-8", "replace")
    query = request.scope["query_string"].decode("latin-1")
    return dict([*parse_qsl(query, keep_blank_values=True), *parse_qsl(form, keep_blank_values=True)])


async def _freshness(answers: Answers) -> dict[str, str]:
    """Headers that say what the documented bodies have no room for."""
    status = await answers.status()
    age = {} if status.age_seconds is None else {"X-Mailtop-Age-Seconds": f"{status.age_seconds:.0f}"}
    return {"X-Mailtop-Freshness": status.freshness.value} | age


def _denied() -> Response:
    return Response(emailtrack.DENIED, 403, media_type="text/plain")


def _refusal(code: int, form: str) -> Response:
    text = "Token required" if code == queue_stats.NO_TOKEN else "No rights"
    headers = {"WWW-Authenticate": "Bearer"} if code == queue_stats.NO_TOKEN else {}
    return Response(queue_stats.refusal(code, text, form), code, headers, queue_stats.TYPES[form])


def _response(pieces: Pieces, media_type: str, headers: Mapping[str, str]) -> Response:
    if len(pieces) == 1:
        return Response(pieces[0], headers=headers, media_type=media_type)

    async def each() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    length = {"Content-Length": str(sum(map(len, pieces)))}
    return StreamingResponse(each(), headers={**headers, **length}, media_type=media_type)
