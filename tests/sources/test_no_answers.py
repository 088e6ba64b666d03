"""What is no answer, as both APIs' sources meet it on real servers: a sentence for each, and the next answer counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.http_server import Answer, HttpServer, Request, Response, self_signed
from tests.sources.cpanel_server import LOGIN_PAGE, TWO_FACTOR_PAGE, answer, api2, counts, denied, page
from tui.config import CpanelSource, SenderQueueSource
from tui.config.secrets import Secret
from tui.model import MailTotals, QueueQuery, QueueTable
from tui.sources.cpanel import Cpanel
from tui.sources.sender_queue import SenderQueue
from tui.sources.source import SourceError

TOKEN = "Tok3nThatNobodyIsTold"
KINDS = ("cpanel", "sender_queue")
ROW = {"account_id": 306, "campaign_id": 0, "isp": "", "new": 1, "proc": 2, "retry": 3, "hold": 4, "total": 10}
GOOD = {"cpanel": answer(api2([counts()])), "sender_queue": answer({"error": 0, "data": [ROW]})}


def source_of(kind: str, url: str, **options: object) -> Cpanel | SenderQueue:
    common = {"type": kind, "url": url, "token_env": "UNUSED", "max_answer_mib": 1} | options
    if kind == "cpanel":
        config = msgspec.convert(common | {"login": "cpanel", "user": "bob"}, CpanelSource)
        return Cpanel(config, lambda: Secret(TOKEN), interval_seconds=2.0)
    queue = msgspec.convert(common | {"senders": [119]}, SenderQueueSource)
    return SenderQueue(queue, lambda: Secret(TOKEN), interval_seconds=2.0)


async def look(source: Cpanel | SenderQueue) -> list[MailTotals] | QueueTable:
    found = await (source.totals() if isinstance(source, Cpanel) else source.queue(QueueQuery()))
    assert found is not None
    return found


async def sentence(source: Cpanel | SenderQueue) -> str:
    """How asking fails; the status and ``check`` say the same."""
    with pytest.raises(SourceError) as caught:
        await look(source)
    text = str(caught.value)
    assert text.isprintable() and text.endswith((".", "?", '"')), text
    assert (await source.status()).error == text
    checkup = await source.check()
    assert len(checkup.problems) == 1
    assert TOKEN not in text + repr(checkup)
    return text


async def endless() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while True:
        yield b" " * 65536


async def never() -> AsyncIterator[bytes]:
    yield b""
    await asyncio.Event().wait()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (denied(), "refuses "),
        (page(LOGIN_PAGE), " page"),
        (page(TWO_FACTOR_PAGE), " page|two-factor"),
        (Response(404), "HTTP 404"),
        (Response(500), "HTTP 500"),
        (Response(), "is empty"),
        (Response(body=b"\x8f\x00\x1b]0;x\x07"), "not JSON|neither JSON nor XML"),
        (Response(body='{"error": 0}'.encode("utf-16")), "not JSON|neither JSON nor XML"),
        (Response(body=GOOD["cpanel"].body[:40]), "ends in the middle|breaks off"),
        (b"\x00\xff\x1b[31m", "that is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", "in the middle of its answer"),
        ("endless", "sends more than 1 MiB"),
        ("never", "did not answer within 0.3 s"),
    ],
)
async def test_what_any_server_may_say(kind: str, fault: Answer | str, words: str) -> None:
    good = False

    async def handle(request: Request) -> Answer:
        if good:
            return GOOD[kind]
        return {"endless": endless, "never": never}[fault]() if isinstance(fault, str) else fault

    async with HttpServer(handle) as server:
        source = source_of(kind, server.url, timeout_seconds=0.3 if fault == "never" else 10.0)
        text = await sentence(source)
        assert any(each in text for each in words.split("|")), text
        assert f"127.0.0.1:{server.port}" in text
        good = True
        assert len(await look(source)) == 1
        await source.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_token_goes_to_no_other_server(kind: str) -> None:
    async def accept(request: Request) -> Answer:
        return GOOD[kind]

    async with HttpServer(accept) as other:

        async def send_on(request: Request) -> Answer:
            return Response(307, {"Location": f"{other.url}{request.target}"})

        async with HttpServer(send_on) as server:
            source = source_of(kind, server.url)
            assert f"redirects to {other.url}/" in await sentence(source)
            await source.close()
    assert other.connections == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_certificate_that_nobody_knows(kind: str, tmp_path: Path) -> None:
    async def accept(request: Request) -> Answer:
        return GOOD[kind]

    certificate = self_signed(tmp_path)
    async with HttpServer(accept, certificate.context()) as server:
        source = source_of(kind, server.url)
        assert f'fingerprint = "{certificate.fingerprint}"' in await sentence(source)
        assert server.requests == []
        await source.close()
        source = source_of(kind, server.url, fingerprint=certificate.fingerprint)
        assert len(await look(source)) == 1
        await source.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("host", "words"), [("mail.invalid", "mail.invalid has no address"), ("127.0.0.1", "refused the connection")]
)
async def test_a_server_that_is_not_there(kind: str, host: str, words: str) -> None:
    async def accept(request: Request) -> Answer:
        return GOOD[kind]

    async with HttpServer(accept) as server:
        port = server.port
    source = source_of(kind, f"http://{host}:{port}", timeout_seconds=20.0)
    assert words in await sentence(source)
    await source.close()


@pytest.mark.parametrize(
    ("value", "told"),
    [(7, 7), ("7", 7), (None, 0), (-1, None), (1e30, None), ("9" * 400, None), ("many", None), ([], None), ({}, None)],
)
async def test_a_number_of_cpanel(value: object, told: int | None) -> None:
    async def handle(request: Request) -> Answer:
        return answer(api2([counts(value, UNKNOWN="x")], unknown={}))

    async with HttpServer(handle) as server:
        source = source_of("cpanel", server.url)
        found = await look(source)
        assert isinstance(found, list)
        assert (found[0].send_count, found[0].success_count, found[0].in_progress_count) == (told, 2, None)
        assert any("SENDCOUNT of bob is " in note for note in (await source.status()).notes) == (told is None)
        await source.close()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW | {"new": "1", "unknown": {}}, None),
        (ROW | {"new": None}, 'has no "new"'),
        ({"account_id": 306}, 'has no "new"'),
        (ROW | {"new": -1}, 'has "-1" as "new"|has -1 as "new"'),
        (ROW | {"new": 10**30}, 'as "new"'),
        (ROW | {"new": "many"}, 'has "many" as "new"'),
        (None, "has null instead of an object"),
        (7, "has a number instead of an object"),
    ],
)
async def test_a_row_of_a_sender(row: object, words: str | None) -> None:
    async def handle(request: Request) -> Answer:
        return Response(body=json.dumps({"error": 0, "data": [row], "unknown": []}).encode())

    async with HttpServer(handle) as server:
        source = source_of("sender_queue", server.url)
        if words is None:
            found = await look(source)
            assert isinstance(found, QueueTable)
            assert found.row(0).new == 1
        else:
            text = await sentence(source)
            assert any(each in text for each in words.split("|")), text
        await source.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><error>0</error></xml>', "document type or entities"),
        (b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>', "document type or entities"),
        (b"<xml><error>&lol;</error></xml>", "not well-formed XML"),
        (b"<xml><error>0</error><x>\xcf\xf0</x></xml>", "not well-formed XML"),
        (b"<xml><data><new>3", "breaks off after 17 bytes"),
        (b"<xml><error>403</error><error_text>No rights</error_text></xml>", "may not do this (error 403)"),
        (b'{"error": 400, "error_text": "bad"}', "the question is incorrect (error 400)"),
        (b'{"error": 0, "data": {"new": 1}}', 'has an object as "data" instead of a list'),
    ],
)
async def test_an_answer_in_xml_that_is_none(body: bytes, words: str) -> None:
    async def handle(request: Request) -> Answer:
        return Response(headers={"Content-Type": "application/xml"}, body=body)

    async with HttpServer(handle) as server:
        source = source_of("sender_queue", server.url, format="xml")
        assert words in await sentence(source)
        await source.close()
