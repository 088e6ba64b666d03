"""How the cPanel source is let in: tokens, passwords, sessions; what it does when it is not; where secrets must not
stand."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from tests.http_server import Answer, Response, self_signed
from tests.sources.cpanel_case import Case, running
from tests.sources.cpanel_server import (
    ALL,
    LIST,
    LOGIN,
    LOGIN_PAGE,
    PASSWORD,
    STATS,
    TOKEN,
    TWO_FACTOR_PAGE,
    CpanelServer,
    counts,
    denied,
    page,
    record,
)
from tui.config.secrets import Secret, SecretError
from tui.model import Freshness
from tui.sources.source import SourceError


def whm(**options: object) -> CpanelServer:
    return CpanelServer(records=[record("bob", 3)], stats={"bob": counts(3, INPROGRESSCOUNT=1)})


def cpanel() -> CpanelServer:
    return CpanelServer(kind="cpanel", user="bob", stats={"bob": counts(5, INPROGRESSCOUNT=1)})


async def test_a_cpanel_token_reads_the_one_account_of_its_user() -> None:
    world = cpanel()
    async with running(world) as case:
        totals = await case.totals("bob")
        assert (totals["bob"].send_count, totals["bob"].in_progress_count) == (5, 1)
        assert case.server.requests[0].headers["authorization"] == f"cpanel bob:{TOKEN}"
        assert "cpanel_jsonapi_user" not in case.server.requests[0].query
        assert (await case.status()).notes == ("The account bob alone.",)
        assert len(case.server.requests) == 1


@pytest.mark.parametrize("login", ["basic", "session"])
async def test_a_password_opens_whm_and_cpanel(login: str) -> None:
    async with running(whm(), login=login) as case:
        assert (await case.totals("bob"))["bob"].in_progress_count == 1
    world = cpanel()
    async with running(world, login=login) as case:
        assert (await case.totals())["bob"].send_count == 5
        assert world.total(ALL) == 1
        await case.tick()
        assert (world.total(ALL), world.total(LIST), world.total(STATS)) == (1, 1, 2)


async def test_a_session_is_begun_once_and_kept() -> None:
    world = whm()
    async with running(world, login="session") as case:
        for _ in range(3):
            await case.tick("bob")
        assert (world.logins, case.secrets_read) == (1, 1)
        login, first, *_ = case.server.requests
        assert login.headers["content-type"] == "application/x-www-form-urlencoded"
        assert first.target == "/cpsess0000000001/json-api/emailtrack_user_stats?api.version=1"
        assert first.headers["cookie"] == "whostmgrrelogin=no; whostmgrsession=root%3a1"
        assert "authorization" not in first.headers


@pytest.mark.parametrize("end", [page(LOGIN_PAGE), denied(), Response(401, {}, LOGIN_PAGE)])
async def test_a_session_that_has_ended_is_begun_anew_once(end: Response) -> None:
    world = whm()
    async with running(world, login="session") as case:
        await case.totals()

        def ended(account: str | None) -> Answer | None:
            return end if world.logins < 2 else None

        world.faults[ALL] = ended
        assert (await case.tick())["bob"].send_count == 3
        assert world.logins == 2
        await case.tick()
        assert world.logins == 2


async def test_many_requests_that_meet_the_end_of_a_session_log_in_once() -> None:
    world = CpanelServer(stats={f"user{each}": counts(each) for each in range(50)}, privileges={"cpanel-api"})
    async with running(world, login="session", accounts=list(world.stats)) as case:
        await case.totals()
        world.sessions.clear()
        case.clock.now += 61
        assert len(await case.totals()) == 50
        assert world.logins == 2
        assert (await case.status()).freshness is Freshness.LIVE


async def test_a_login_that_does_not_help_is_not_a_loop() -> None:
    world = whm()
    async with running(world, login="session") as case:
        await case.totals()
        world.faults = dict.fromkeys((ALL, LIST, STATS), lambda account: page(LOGIN_PAGE))
        text = str(await case.failure())
        assert "answers emailtrack_user_stats with its login page" in text
        assert world.logins == 2
        assert world.total(ALL) == 3


async def test_an_account_that_is_refused_costs_no_login_a_tick() -> None:
    world = CpanelServer(stats={"bob": counts(), "eve": counts()}, privileges={"cpanel-api"})
    world.faults[STATS] = lambda account: denied() if account == "eve" else None
    async with running(world, login="session", accounts=["bob", "eve"]) as case:
        for _ in range(5):
            assert (await case.tick("bob", "eve"))["bob"].send_count == 7
        assert world.logins <= 2


async def test_a_wrong_password_is_tried_once_and_the_server_is_then_left_alone() -> None:
    world = CpanelServer(stats={f"user{each}": counts(each) for each in range(50)})
    async with running(world, login="session", accounts=list(world.stats)) as case:
        case.secret = "wrong"
        error = await case.failure()
        assert "refuses login to root with this password" in str(error)
        assert "check user and password" in str(error)
        assert error.retry_after_seconds == 60
        assert len(case.server.requests) == 1
        case.secret = PASSWORD
        assert len(await case.tick()) == 50
        assert case.secrets_read == 2
    async with running(world, login="basic", accounts=["bob"]) as case:
        case.secret = "wrong"
        assert (await case.failure()).retry_after_seconds == 60


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (page(TWO_FACTOR_PAGE), ["asks root for a two-factor code", "use an API token"]),
        (page(LOGIN_PAGE), ["answers login with its login page"]),
        (Response(200, {}, b"{}"), ["refuses login"]),
        (Response(200, {}, b'{"status":1}'), ["did not answer login as cPanel does (it has no security_token)"]),
        (Response(500), ['failed at login ("HTTP 500")']),
    ],
)
async def test_what_is_no_login_has_its_sentence(answer: Response, words: list[str]) -> None:
    world = CpanelServer(faults={LOGIN: lambda account: answer})
    async with running(world, login="session") as case:
        text = str(await case.failure())
        assert all(word in text for word in words), text
        assert case.host in text


async def test_a_token_is_read_once_and_anew_after_it_was_refused() -> None:
    world = whm()
    async with running(world) as case:
        for _ in range(3):
            await case.tick("bob")
        assert case.secrets_read == 1
        world.token = "NEW"
        text = str(await case.failure())
        assert f"WHM at {case.host} refuses emailtrack_user_stats and listaccts to root with this API token" in text
        assert '("Access denied")' in text
        assert (await case.status()).freshness is Freshness.ERROR
        case.secret = "NEW"
        assert (await case.tick())["bob"].send_count == 3
        assert case.secrets_read == 2


async def test_a_server_that_fails_is_no_reason_to_read_the_secret_again() -> None:
    world = whm()
    async with running(world) as case:
        await case.totals()
        world.faults[ALL] = lambda account: Response(500)
        world.faults[LIST] = lambda account: Response(500)
        await case.failure()
        world.faults.clear()
        await case.totals()
        assert case.secrets_read == 1


async def test_a_secret_that_cannot_be_read_is_a_sentence() -> None:
    async with running(whm()) as case:

        def refuse() -> Secret:
            raise SecretError('the source "cpanel": no such file')

        case.source = type(case.source)(case.config, refuse, interval_seconds=2)
        assert str(await case.failure()) == 'the source "cpanel": no such file'
        assert not case.server.requests


@pytest.mark.parametrize("secret", ["a\r\nX: y", "tökén", "\udcff"])
async def test_a_token_that_no_header_can_hold_is_a_sentence_without_it(secret: str) -> None:
    async with running(whm()) as case:
        case.secret = secret
        text = str(await case.failure())
        assert "holds characters that cannot be sent" in text
        assert secret not in text
        assert not case.server.requests


async def test_the_wrong_door_is_named() -> None:
    async with running(whm(), url="http://127.0.0.1:2083") as case:
        assert (await case.source.check()).reached == "WHM at 127.0.0.1:2083"


async def test_over_https_with_the_pinned_certificate(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    world = whm()
    async with running(world, certificate=certificate, fingerprint=certificate.fingerprint) as case:
        assert (await case.totals("bob"))["bob"].in_progress_count == 1
        assert not (await case.status()).unverified
        assert case.server.connections == 1
    async with running(world, certificate=certificate) as case:
        assert "certificate" in str(await case.failure())
        assert not case.server.requests
    async with running(world, certificate=certificate, verify=False) as case:
        await case.totals()
        status = await case.status()
        assert status.unverified
        assert "The server's certificate is not checked (`verify = false`)." in status.notes
        assert (await case.source.check()).reached.endswith(" (certificate not checked)")


async def everything_said(case: Case) -> str:
    """What a failure shows at most: texts, causes, and the local variables of every frame."""
    said = []
    try:
        await case.source.totals(["bob"])
    except SourceError as error:
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None  # this frame holds it all
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        said.append("".join(shown.format()))
    said.append(repr(await case.source.check()))
    said.append(repr(await case.source.status()))
    said.append(repr(vars(case.source)))
    return "".join(said)


@pytest.mark.parametrize("login", ["whm", "basic", "session"])
@pytest.mark.parametrize(
    "answer",
    [None, denied(), page(LOGIN_PAGE), Response(500, {}, b"{}"), Response(302, {"Location": "/x"}), b"", Response(503)],
)
async def test_no_secret_stands_in_failures_logs_or_reprs(
    login: str, answer: Answer | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = whm()
    async with running(world, login=login) as case:
        case.secret = "s3cr3t-of-mine" if answer is None else PASSWORD if login != "whm" else TOKEN
        if answer is not None:
            world.faults = dict.fromkeys((ALL, LIST, STATS), lambda account: answer)
        said = await everything_said(case) + caplog.text
        for secret in ("s3cr3t-of-mine", PASSWORD, TOKEN, "cpsess00", "whostmgrsession", "cm9vd"):
            assert secret not in said
