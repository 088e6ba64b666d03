"""Answers of a cPanel server that are none, over HTTP: each has its own sentence, none ends the source; and what
``check`` says of a server."""

from __future__ import annotations

import pytest

from tests.http_server import Answer, Response
from tests.sources.cpanel_case import running
from tests.sources.cpanel_server import (
    ALL,
    LIST,
    LOGIN_PAGE,
    STATS,
    STATS_PAGE,
    TWO_FACTOR_PAGE,
    CpanelServer,
    answer,
    api1,
    api2,
    counts,
    denied,
    page,
    record,
)
from tui.model import Checkup, Freshness
from tui.sources.source import Unreachable

NO_FUNCTION = {"cpanelresult": {"error": "Could not find function 'stats' in module 'EmailTrack'"}}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (denied(), ["refuses EmailTrack::stats to bob with this API token", '"Access denied"', "Manage API Tokens"]),
        (page(LOGIN_PAGE), ["answers EmailTrack::stats with its login page", "2087 for WHM, 2083 for cPanel"]),
        (page(TWO_FACTOR_PAGE), ["asks bob for a two-factor code", "use an API token"]),
        (answer(NO_FUNCTION), ["does not offer EmailTrack::stats", "Could not find function"]),
        (Response(404), ["does not offer EmailTrack::stats", "HTTP 404"]),
        (Response(500, {}, LOGIN_PAGE), ['failed at EmailTrack::stats ("HTTP 500")', "error_log"]),
        (answer(api2([{"reason": "Disk is full"}], 0)), ['("Disk is full")']),
        (answer(api2({"result": "0", "reason": "Disk is full"})), ['("Disk is full")']),
        (answer(api2([None])), ["did not answer EmailTrack::stats as cPanel does (its data holds no numbers)"]),
        (answer(api2([])), ["(its data holds no numbers)"]),
        (answer([]), ["(it is JSON, but not an object)"]),
        (Response(), ["(it is empty)"]),
        (Response(200, {}, STATS_PAGE[:100]), ["(it ends in the middle)"]),
        (Response(200, {}, b"\x8f\x00\x1b]0;x\x07"), ["(it is not JSON)"]),
        (Response(200, {}, STATS_PAGE.decode().encode("utf-16")), ["(it is not JSON)"]),
        (Response(302, {"Location": "https://elsewhere.example/"}), ["elsewhere.example"]),
        (Response(429, {"Retry-After": "5"}), ["429"]),
        (b"", ["closed the connection"]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", []),
    ],
)
async def test_each_fault_has_a_sentence_that_names_the_server(fault: Answer, words: list[str]) -> None:
    world = CpanelServer(kind="cpanel", user="bob", faults={STATS: lambda account: fault}, stats={"bob": counts()})
    async with running(world) as case:
        text = str(await case.failure())
        assert case.host in text
        assert text.endswith(".")
        for word in words:
            assert word in text
        assert text.isprintable()
        assert case.source.type == "cpanel"
        assert (await case.status()).error == text
        checkup = await case.source.check()
        assert len(checkup.problems) == 1
        assert checkup.rights == ()
        world.faults.clear()
        assert (await case.tick())["bob"].send_count == 7
        assert (await case.status()).freshness is Freshness.LIVE


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answer(api1({}, 0, "Not today")), 'failed at listaccts ("Not today")'),
        (answer(api1({}, 0, "You lack the privilege")), "refuses emailtrack_user_stats and listaccts"),
        (answer(api1([])), "did not answer emailtrack_user_stats as cPanel does (its data holds no records)"),
        (page(LOGIN_PAGE), "answers emailtrack_user_stats with its login page"),
        (Response(500), 'failed at listaccts ("HTTP 500")'),
    ],
)
async def test_whm_answers_that_are_none(fault: Answer, words: str) -> None:
    world = CpanelServer(faults=dict.fromkeys((ALL, LIST), lambda account: fault))
    async with running(world) as case:
        assert words in str(await case.failure())


@pytest.mark.parametrize("login", ["whm", "session"])
@pytest.mark.parametrize("accounts", ["all", ["bob"]])
async def test_a_server_that_is_not_there(login: str, accounts: object) -> None:
    async with running(CpanelServer(), login=login, accounts=accounts) as case:
        await case.server.__aexit__(None, None, None)
        error = await case.failure()
        assert isinstance(error, Unreachable)
        text = str(error)
        assert case.host in text
        checkup = await case.source.check()
        assert checkup.problems == (text,)
        await case.server.__aenter__()


async def test_a_server_that_hangs_is_left_after_the_time_limit() -> None:
    world = CpanelServer(stats={"bob": counts()}, privileges={"cpanel-api"})
    async with running(world, accounts=["bob"], timeout_seconds=0.2) as case:
        world.hold(STATS)
        error = await case.failure()
        assert isinstance(error, Unreachable)
        assert "0.2 s" in str(error)
        world.gate.set()
        assert (await case.tick())["bob"].send_count == 7


async def checked(world: CpanelServer, login: str | None = None, accounts: object = "all") -> Checkup:
    async with running(world, login=login or world.kind, accounts=accounts) as case:
        checkup = await case.source.check()
        assert checkup.reached.endswith(f"at {case.host}")
        return checkup


def whm(*privileges: str) -> CpanelServer:
    return CpanelServer(
        records=[record("-remote-"), record("bob")], stats={"bob": counts(), "eve": counts()}, privileges={*privileges}
    )


async def test_check_says_what_a_token_may() -> None:
    checkup = await checked(whm("track-email", "list-accts", "cpanel-api"))
    assert checkup.reached.startswith("WHM at ")
    assert checkup.identity == "root, API token"
    assert checkup.seconds is not None
    assert checkup.rights == ("all accounts at once", "list of accounts (2)", "in-progress counts")
    assert checkup.problems == ()
    checkup = await checked(whm("track-email"))
    assert checkup.rights == (
        "all accounts at once",
        'no list of accounts ("Access denied"; needs list-accts)',
        'no in-progress counts ("Access denied"; needs cpanel-api and track-email)',
    )
    assert checkup.problems == ()
    checkup = await checked(whm("list-accts", "cpanel-api"))
    assert checkup.rights[0] == 'no all accounts at once ("Access denied"; needs track-email)'
    assert checkup.problems == ()


async def test_check_says_what_is_wrong() -> None:
    checkup = await checked(whm())
    (problem,) = checkup.problems
    assert "refuses emailtrack_user_stats and listaccts to root with this API token" in problem
    assert "the privileges track-email, list-accts in WHM" in problem
    checkup = await checked(whm("track-email", "list-accts", "cpanel-api"), accounts=["bob", "gone", "lost"])
    (problem,) = checkup.problems
    assert "has no account gone, lost for root: check `accounts`." in problem


async def test_check_of_a_cpanel_account() -> None:
    world = CpanelServer(kind="cpanel", user="bob", stats={"bob": counts()})
    checkup = await checked(world)
    assert checkup.reached.startswith("cPanel at ")
    assert checkup.identity == "bob, API token"
    assert checkup.rights == ("the account bob alone", "in-progress counts")
    checkup = await checked(world, login="session")
    assert (checkup.identity, checkup.problems) == ("bob, password", ())
