"""The sender-queue source against a scripted platform over real HTTP: rows, names, partial and total failure."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.http_server import Response
from tests.sources.queue_server import FOLDER, TOKEN, Cell, Platform
from tui.config import SenderQueueSource
from tui.config.secrets import Secret, SecretError
from tui.model import Freshness, Grouping, QueueQuery, QueueTable
from tui.sources.http import HttpAnswer, HttpClient
from tui.sources.sender_queue import KEPT_SECONDS, SenderQueue
from tui.sources.sender_queue_names import REFRESH_SECONDS
from tui.sources.source import Source, SourceError, Unreachable

DATA = Path(__file__).parent.parent / "data" / "sender-queue"
STATS = f"{FOLDER}/senders/queue/stats/"
BY_ACCOUNT = QueueQuery(Grouping.ACCOUNT)
BY_CAMPAIGN = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def platform() -> Platform:
    return Platform(
        cells=[
            Cell(119, 306, 4591, "Gmail", new=100, proc=60),
            Cell(119, 306, 4591, "Yahoo", proc=40),
            Cell(119, 306, 4914, "Gmail", new=10, proc=10, retry=40, hold=80),
            Cell(119, 307, 5000, "Gmail", retry=7),
            Cell(7, 306, 6000, "Gmail", new=5),
        ],
        senders={119: "Big sender", 7: "Small sender", 3: "Idle sender"},
        accounts={306: "Acme & Co", 307: "Bolt\u202e"},
    )


@asynccontextmanager
async def asking(
    stands: Platform, *, read_secret: Callable[[], Secret] | None = None, port: int = 0, **options: object
) -> AsyncIterator[tuple[SenderQueue, Clock]]:
    async with stands.server(port=port) as server:
        config = SenderQueueSource(url=server.url, token_env="T", timeout_seconds=5.0)
        config = msgspec.structs.replace(config, **options)
        clock = Clock()
        source = SenderQueue(config, read_secret or (lambda: Secret(stands.token)), interval_seconds=2.0, clock=clock)
        try:
            yield source, clock
        finally:
            await source.close()


async def table(source: SenderQueue, query: QueueQuery = BY_CAMPAIGN) -> QueueTable:
    found = await source.queue(query)
    assert found is not None
    return found


async def refusal(source: SenderQueue, query: QueueQuery = BY_CAMPAIGN) -> str:
    with pytest.raises(SourceError) as caught:
        await source.queue(query)
    assert TOKEN not in "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    return str(caught.value)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def named(source: SenderQueue) -> bool:
    return bool((await table(source)).sender)


async def noted(source: SenderQueue, words: str) -> bool:
    await table(source)
    return words in "".join((await source.status()).notes)


def counts(found: QueueTable) -> dict[tuple[int, int, int, str], tuple[int, int, int, int]]:
    return {
        (row.sender_id, row.account_id, row.campaign_id, row.isp): (row.new, row.proc, row.retry, row.hold)
        for row in found.rows()
    }


def stats_asked(stands: Platform) -> list[dict[str, str]]:
    return [fields for fields in stands.asked if fields["path"] == STATS]


# What is asked and what comes ---------------------------------------------------------------------------------------


def test_it_is_a_source() -> None:
    def offers(source: Source) -> str:
        return source.type

    config = SenderQueueSource(url="http://127.0.0.1:1")
    assert offers(SenderQueue(config, lambda: Secret(""), interval_seconds=1)) == "sender_queue"


@pytest.mark.parametrize("format", ["json", "xml"])
@pytest.mark.parametrize("where", ["header", "body"])
async def test_the_documented_example_over_http(format: str, where: str) -> None:
    stands = platform()
    stands.faults[STATS] = Response(body=(DATA / f"documented.{format}").read_bytes())
    async with asking(stands, senders=(119,), format=format, token_in=where) as (source, _):
        assert counts(await table(source)) == {
            (119, 306, 4591, ""): (100, 100, 0, 0),
            (119, 306, 4914, ""): (10, 10, 40, 80),
        }
        assert (await source.status()).freshness is Freshness.LIVE
        assert (await source.status()).notes == ()
        assert len(await table(source, QueueQuery())) == 2
        assert "rows of every account though they were asked for by total" in (await source.status()).notes[0]


@pytest.mark.parametrize("format", ["json", "xml"])
@pytest.mark.parametrize("where", ["header", "body"])
async def test_all_groupings_and_filters(format: str, where: str) -> None:
    stands = platform()
    async with asking(stands, senders=(119,), format=format, token_in=where) as (source, _):
        assert counts(await table(source, QueueQuery())) == {(119, 0, 0, ""): (110, 110, 47, 80)}
        assert counts(await table(source, BY_ACCOUNT)) == {
            (119, 306, 0, ""): (110, 110, 40, 80),
            (119, 307, 0, ""): (0, 0, 7, 0),
        }
        assert len(await table(source)) == 3
        narrow = QueueQuery(Grouping.ISP, account_id=306, campaign_id=4591)
        assert counts(await table(source, narrow)) == {
            (119, 0, 0, "Gmail"): (100, 60, 0, 0),
            (119, 0, 0, "Yahoo"): (0, 40, 0, 0),
        }
        one_isp = QueueQuery(Grouping.ACCOUNT_CAMPAIGN, isp="Yahoo")
        assert counts(await table(source, one_isp)) == {(119, 306, 4591, ""): (0, 40, 0, 0)}
    asked = stats_asked(stands)
    token = {"token": TOKEN} if where == "body" else {}
    always = token | {"path": STATS, "format": format, "id": "119"}
    assert asked[0] == always | {"group": "total"}
    assert asked[3] == always | {"group": "isp", "account_id": "306", "campaign_id": "4591"}
    assert asked[4] == always | {"group": "account_campaign", "isp": "Yahoo"}


async def test_what_it_has_not_is_none() -> None:
    async with asking(platform(), senders=(119,)) as (source, _):
        assert await source.totals(["a"]) is None
        assert await source.history(QueueQuery(), 1000, 60) is None
        assert await source.causes(QueueQuery()) is None
        assert await source.changed()


@pytest.mark.parametrize("senders", ["all", (119, 7, 3)])
async def test_several_senders_stand_in_one_table(senders: object) -> None:
    stands = platform()
    async with asking(stands, senders=senders) as (source, _):
        totals = await table(source, QueueQuery())
        assert {row.sender: row.total for row in totals.rows()} == {
            "Big sender": 347,
            "Small sender": 5,
            "Idle sender": 0,
        }
        accounts = await table(source, BY_ACCOUNT)
        assert {(row.sender_id, row.account) for row in accounts.rows()} == {
            (119, "Acme & Co"),
            (119, "Bolt\ufffd"),
            (7, "Acme & Co"),
        }
        one = await table(source, QueueQuery(Grouping.ACCOUNT, sender_id=7))
        assert counts(one) == {(7, 306, 0, ""): (5, 0, 0, 0)}
        assert "has no sender 8" in await refusal(source, QueueQuery(sender_id=8))


async def test_senders_are_asked_at_once_but_not_too_many() -> None:
    stands = Platform(cells=[], senders=dict.fromkeys(range(1, 31), ""), delay_seconds=0.02)
    async with asking(stands) as (source, _):
        assert len(await table(source, QueueQuery())) == 30
    assert 4 < stands.busiest <= 8


@pytest.mark.parametrize("excludes", [False, True])
@pytest.mark.parametrize("tells", [False, True])
async def test_lists_are_read_page_by_page(excludes: bool, tells: bool) -> None:
    stands = platform()
    stands.senders = {number: f"s{number}" for number in range(1, 24)}
    stands.page_entries, stands.from_id_excludes, stands.tells_count = 5, excludes, tells
    async with asking(stands) as (source, _):
        assert len(await table(source, QueueQuery())) == 23


async def test_a_list_that_is_shorter_than_it_says_is_partial() -> None:
    stands = platform()
    listed = {"data": [{"id": 119, "name": "x"}], "total_count": 3, "error": 0}
    stands.faults[f"{FOLDER}/senders/list/"] = Response(body=json.dumps(listed).encode())
    async with asking(stands) as (source, _):
        await table(source)
        status = await source.status()
        assert status.freshness is Freshness.PARTIAL
        assert "it has 3 senders, but lists 1" in status.notes[0]


async def test_names_may_be_withheld() -> None:
    stands = platform()
    for kind in ("senders", "accounts"):
        stands.faults[f"{FOLDER}/{kind}/list/"] = Response(403, body=b'{"error":403,"error_text":"no rights"}')
    async with asking(stands, senders=(119,)) as (source, clock):
        found = await table(source)
        assert (found.sender, set(found.account)) == ([], {""})
        status = await source.status()
        assert (status.freshness, status.notes, status.error) == (Freshness.LIVE, (), None)
        for _ in range(3):
            await table(source)
        assert len([fields for fields in stands.asked if fields["path"] != STATS]) == 2
        stands.faults.clear()
        clock.now += REFRESH_SECONDS
        await table(source)
        await until(lambda: named(source))


async def test_all_senders_need_the_list() -> None:
    stands = platform()
    stands.faults[f"{FOLDER}/senders/list/"] = Response(body=b'{"error":403}')
    async with asking(stands) as (source, clock):
        assert "answer about the list of senders is that the token may not do this" in await refusal(source)
        stands.faults[f"{FOLDER}/senders/list/"] = Response(body=b'{"error":0,"data":[]}')
        assert "lists no sender" in await refusal(source)
        stands.faults.clear()
        clock.now += REFRESH_SECONDS
        assert len(await table(source)) == 4
        stands.faults[f"{FOLDER}/senders/list/"] = Response(body=b'{"error":500}')
        clock.now += REFRESH_SECONDS + 60
        await until(lambda: noted(source, "The list of senders is 6 minutes old"))


# What was not asked for ---------------------------------------------------------------------------------------------


async def test_an_ignored_filter_is_never_shown_as_kept() -> None:
    stands = platform()
    stands.ignores_filters = True
    async with asking(stands, senders=(119,)) as (source, _):
        text = await refusal(source, QueueQuery(Grouping.ACCOUNT_CAMPAIGN, account_id=307))
        assert 'has rows of account "306" though "307" was asked for' in text
        text = await refusal(source, QueueQuery(Grouping.ISP, isp="Yahoo"))
        assert 'has rows of isp "Gmail" though "Yahoo" was asked for' in text


async def test_an_ignored_group_is_said() -> None:
    stands = platform()
    stands.ignores_group = True
    async with asking(stands, senders=(119,)) as (source, _):
        assert len(await table(source, BY_ACCOUNT)) == 3
        assert (await source.status()).notes == (
            "The server answers with rows of every campaign though they were asked for by account; they are shown as "
            "they came.",
        )


@pytest.mark.parametrize(
    "query",
    [
        QueueQuery(account_id=0),
        QueueQuery(campaign_id=0),
        QueueQuery(isp=""),
        QueueQuery(isp="G\ufffdmail"),
        QueueQuery(isp="x" * 255),
    ],
)
async def test_what_the_api_would_misunderstand_is_not_asked(query: QueueQuery) -> None:
    stands = platform()
    async with asking(stands, senders=(119,)) as (source, _):
        assert "cannot be asked for alone" in await refusal(source, query)
    assert stands.asked == []


async def test_a_total_that_is_no_sum_is_said() -> None:
    stands = platform()
    row = {"account_id": 1, "campaign_id": 2, "isp": "", "new": 1, "proc": 1, "retry": 1, "hold": 1, "total": 5}
    stands.faults[119] = Response(body=json.dumps({"error": 0, "data": [row]}).encode())
    async with asking(stands, senders=(119,)) as (source, _):
        assert (await table(source)).row(0).total == 4
        assert "not the sum of its counts in 1 of 1 rows" in (await source.status()).notes[0]


# Failure and recovery -----------------------------------------------------------------------------------------------


async def test_status_before_and_after() -> None:
    stands = platform()
    async with asking(stands, senders=(119,), color="red", verify=False) as (source, clock):
        status = await source.status()
        assert (status.freshness, status.age_seconds, status.color) == (Freshness.STALE, None, "red")
        assert status.unverified
        stands.faults[119] = Response(502)
        assert "has trouble of its own (HTTP 502, Bad Gateway)" in await refusal(source)
        status = await source.status()
        assert status.freshness is Freshness.ERROR
        assert status.error is not None
        stands.faults.clear()
        await table(source)
        clock.now += 4
        assert ((await source.status()).freshness, (await source.status()).age_seconds) == (Freshness.LIVE, 4)
        clock.now += 4
        assert (await source.status()).freshness is Freshness.STALE
        stands.faults[119] = b""
        await refusal(source)
        status = await source.status()
        assert (status.freshness, status.age_seconds) == (Freshness.STALE, 8)
        assert status.error


async def test_one_failing_sender_hides_no_other() -> None:
    stands = platform()
    async with asking(stands, senders=(119, 7)) as (source, clock):
        stands.faults[7] = Response(body=b'{"error":500,"error_text":"queue is locked"}')
        assert set(counts(await table(source, QueueQuery()))) == {(119, 0, 0, "")}
        status = await source.status()
        assert (status.freshness, status.error) == (Freshness.PARTIAL, None)
        assert status.notes[0].startswith("Sender 7 did not answer and its rows are missing: ")
        assert "is error 500; " in status.notes[0]
        assert status.notes[0].endswith('It says "queue is locked".')
        stands.faults.clear()
        await table(source, QueueQuery())
        assert (await source.status()).freshness is Freshness.LIVE
        stands.faults[7] = Response(500)
        clock.now += 61
        kept = counts(await table(source, QueueQuery()))
        assert kept[(7, 0, 0, "")] == (5, 0, 0, 0)
        assert "Sender 7 did not answer and its rows are 1 minute old" in (await source.status()).notes[0]
        assert set(counts(await table(source))) == {key for key in counts(await table(source)) if key[0] == 119}
        clock.now += KEPT_SECONDS
        assert set(counts(await table(source, QueueQuery()))) == {(119, 0, 0, "")}


async def test_many_failing_senders_are_few_sentences() -> None:
    stands = Platform(cells=[], senders=dict.fromkeys(range(1, 31), ""))
    async with asking(stands) as (source, _):
        stands.faults |= {number: Response(500) for number in range(2, 31)}
        await table(source, QueueQuery())
        notes = (await source.status()).notes
        assert len(notes) == 6
        assert notes[-1] == "So it is with 24 more."
        stands.faults[1] = Response(500)
        assert (await refusal(source)).startswith("None of 30 senders answered. ")


async def test_a_sender_that_wants_rest_gets_it() -> None:
    stands = platform()
    stands.faults[7] = Response(429, {"Retry-After": "30"})
    async with asking(stands, senders=(119, 7)) as (source, clock):
        await table(source)
        await table(source)
        assert len([fields for fields in stats_asked(stands) if fields["id"] == "7"]) == 1
        with pytest.raises(SourceError) as caught:
            await source.queue(QueueQuery(sender_id=7))
        assert caught.value.retry_after_seconds == 30
        stands.faults.clear()
        clock.now += 30
        assert {key[0] for key in counts(await table(source))} == {119, 7}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Response(401, body=b"who?"), "refuses the token (HTTP 401, Unauthorized)"),
        (Response(403, body=b"<html>"), "refuses the token (HTTP 403, Forbidden)"),
        (Response(404, body=b"{}"), f"has no such API at {STATS} (HTTP 404, Not Found)"),
        (Response(413), "does not take the question (HTTP 413"),
        (Response(500, body=b"\xff"), "has trouble of its own (HTTP 500, Internal Server Error)"),
        (Response(599), "has trouble of its own (HTTP 599"),
        (Response(400, body=b'{"error":400,"error_text":"bad id"}'), "the question is incorrect (error 400)"),
        (Response(500, body=b'{"error":402}'), "the limit of the tariff is reached (error 402)"),
        (Response(200, body=b"<html><form>"), "answer about sender 119 is an HTML page"),
        (Response(200, body=b""), "answer about sender 119 is empty"),
        (Response(200, body=b'{"error":0,"data":[{'), "answer about sender 119 breaks off after 20 bytes"),
        (Response(200, body=b'{"error":0,"data":{}}'), 'has an object as "data" instead of a list'),
    ],
)
async def test_an_answer_that_is_none_is_a_sentence(fault: Response, expected: str) -> None:
    stands = platform()
    stands.faults[119] = fault
    async with asking(stands, senders=(119,)) as (source, _):
        assert expected in await refusal(source)
        stands.faults.clear()
        assert len(await table(source)) == 3


async def test_an_error_status_with_a_good_body_is_an_answer() -> None:
    stands = platform()
    stands.faults[119] = Response(500, body=(DATA / "documented.json").read_bytes())
    async with asking(stands, senders=(119,)) as (source, _):
        assert len(await table(source)) == 2


# The secret ---------------------------------------------------------------------------------------------------------


async def test_the_secret_is_read_once_and_again_after_a_refusal() -> None:
    stands = platform()
    secrets = ["old", "old", TOKEN]
    read: list[str] = []

    def read_secret() -> Secret:
        read.append(secrets[len(read)])
        return Secret(read[-1])

    async with asking(stands, senders=(119, 7), read_secret=read_secret) as (source, _):
        await refusal(source)
        assert read == ["old"]
        await refusal(source)
        await table(source)
        await table(source)
        assert read == secrets


async def test_a_secret_that_cannot_be_had_is_a_sentence() -> None:
    def read_secret() -> Secret:
        raise SecretError("the variable T is not set; set it")

    stands = platform()
    async with asking(stands, senders=(119, 7), read_secret=read_secret) as (source, _):
        assert await refusal(source) == "the variable T is not set; set it"
        assert (await source.check()).problems == ("the variable T is not set; set it",)
    assert stands.asked == []


@pytest.mark.parametrize("where", ["header", "body"])
async def test_the_secret_appears_nowhere(where: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stands = platform()
    async with asking(stands, token_in=where) as (source, _):
        await table(source)
        said = [str(await source.check()), repr(await source.status())]
        stands.token = "another"
        said += [await refusal(source), str(await source.check()), repr(await source.status())]
        stands.faults[STATS] = b""
        said += [await refusal(source), repr(vars(source)), repr(vars(source._api))]
    assert "Token … has no rights" in said[2]
    assert TOKEN not in "".join(said) + caplog.text


# Check --------------------------------------------------------------------------------------------------------------


async def test_a_checkup_of_what_is_well() -> None:
    async with asking(platform()) as (source, _):
        checkup = await source.check()
        assert checkup.reached.startswith("http://127.0.0.1:")
        assert checkup.identity == "token in the header"
        assert checkup.seconds is not None and 0 < checkup.seconds < 5
        assert checkup.rights == ("queue of 3 senders", "names of senders", "names of accounts")
        assert checkup.problems == ()


async def test_a_checkup_says_what_is_wrong() -> None:
    stands = platform()
    stands.faults |= {7: Response(500), f"{FOLDER}/accounts/list/": Response(body=b'{"error":403}')}
    async with asking(stands, senders=(119, 7), token_in="body", verify=False) as (source, _):
        checkup = await source.check()
        assert checkup.reached.endswith("(its certificate is not checked)")
        assert checkup.identity == "token in the body"
        assert checkup.rights == ("queue of 1 sender", "names of senders")
        assert len(checkup.problems) == 1
        assert "HTTP 500" in checkup.problems[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":402,"error_text":"Ask tok-5ecret/<&1 again in June"}', "the limit of the tariff is reached"),
        (b"<xml><error>402</error><error_text>Ask again in June</error_text></xml>", "the limit of the tariff"),
        (b'{"error":0,"data":[]}', "cannot answer now (503 Service Unavailable) and asks to be left alone for 30 s."),
        (b'{"error":402,"error_text":"' + b"x" * 5000 + b'"}', "cannot answer now (503 Service Unavailable)"),
        (b"<html>", "cannot answer now (503 Service Unavailable)"),
        (b"", "cannot answer now (503 Service Unavailable)"),
    ],
)
async def test_a_server_in_trouble_says_why_where_it_can(body: bytes, said: str) -> None:
    stands = platform()
    stands.faults[119] = Response(503, {"Retry-After": "30"}, body)
    async with asking(stands, senders=(119,)) as (source, _):
        with pytest.raises(SourceError) as caught:
            await source.queue(BY_CAMPAIGN)
        assert said in str(caught.value)
        assert caught.value.retry_after_seconds == 30
        assert TOKEN not in str(caught.value)
        assert not isinstance(caught.value, Unreachable)


class Away(HttpClient):
    """A client whose server is not there."""

    async def ask(self, method: str, path: str, **question: object) -> HttpAnswer:
        raise Unreachable("nobody is there", 3.0)


@pytest.mark.parametrize("senders", ["all", (119,), (119, 7)])
async def test_a_server_that_is_away_is_told_from_one_that_refuses(senders: object) -> None:
    config = msgspec.structs.replace(SenderQueueSource(url="http://host.test", token_env="T"), senders=senders)
    source = SenderQueue(config, lambda: Secret(TOKEN), interval_seconds=2.0, client=Away(config))
    with pytest.raises(Unreachable, match="nobody is there") as caught:
        await source.queue(QueueQuery())
    assert caught.value.retry_after_seconds == 3.0
    await source.close()


async def test_a_server_that_is_away_comes_back() -> None:
    stands = platform()
    async with stands.server() as server:
        port = server.port
    async with asking(stands, senders=(119,), port=port) as (source, _):
        assert len(await table(source)) == 3
    config = SenderQueueSource(url=f"http://127.0.0.1:{port}", token_env="T", senders=(119,))
    source = SenderQueue(config, lambda: Secret(TOKEN), interval_seconds=2.0)
    try:
        await refusal(source)
        assert len((await source.check()).problems) == 1
        async with stands.server(port=port):
            assert len(await table(source)) == 3
        await refusal(source)
        async with stands.server(port=port):
            assert len(await table(source)) == 3
    finally:
        await source.close()
