"""Addresses, certificates and slow clients, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.http_server import Certificate, self_signed
from tests.serve.listening import listening
from tui.listening import AddressBusy, ServeError, addresses, are_near, certificate, listen, parse_address
from tui.serve import server
from tui.serve.gate import Receive, Send
from tui.serve.guard import Scope
from tui.serve.lines import Lines


async def hello(request: Request) -> Response:
    return PlainTextResponse(request.url.scheme)


APP = Starlette(routes=[Route("/", hello)])


def made_certificate(folder: Path) -> Certificate:
    made = self_signed(folder)
    made.key.chmod(0o600)
    return made


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8080", ("::1", 8080)),
        ("[::]", ("::", 9587)),
        ("0.0.0.0", ("0.0.0.0", 9587)),
    ],
)
def test_addresses_as_people_write_them(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, 9587) == address


@pytest.mark.parametrize(
    "text", ["", ":80", "a:", "a:b", "a:65536", "a:-1", "::1", "::1:80", "a:٣", "[a", "x\x1b:y", "[]:1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ServeError, match=r"^--bind: .* is no address to serve on; expected HOST:PORT") as caught:
        parse_address(text, 9587)
    assert "\x1b" not in str(caught.value)


def test_every_address_of_a_name_is_listened_on() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert are_near(sockets)
        assert all(re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):\d+", each) for each in addresses(sockets, False))
    finally:
        for each in sockets:
            each.close()


def test_who_can_reach_it_is_known() -> None:
    for host in ("0.0.0.0", *(["::"] if socket.has_ipv6 else [])):
        sockets = listen(host, 0)
        assert not are_near(sockets)
        assert addresses(sockets, True)[0].startswith("https://")
        for each in sockets:
            each.close()


def test_why_nobody_can_listen_there() -> None:
    [taken] = listen("127.0.0.1", 0)
    with taken, pytest.raises(AddressBusy, match=r"another program listens on 127\.0\.0\.1:"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ServeError, match=r'--bind: this host does not know the name "no\.such\.host\.invalid"'):
        listen("no.such.host.invalid", 1)
    with pytest.raises(ServeError, match=r"cannot listen on 192\.0\.2\.1:1: Cannot assign requested address"):
        listen("192.0.2.1", 1)


async def test_http_and_https(tmp_path: Path) -> None:
    made = made_certificate(tmp_path)
    async with listening(APP) as url, httpx.AsyncClient() as client:
        assert (await client.get(url)).text == "http"
    trust = ssl.create_default_context(cafile=made.cert)
    async with listening(APP, certificate(made.cert, made.key)) as url, httpx.AsyncClient(verify=trust) as client:
        assert url.startswith("https://127.0.0.1:")
        assert (await client.get(url)).text == "https"
        with pytest.raises(httpx.TransportError):
            await client.get(url.replace("https", "http"))
        assert (await client.get(url)).text == "https"


def _encrypted(made: Certificate) -> None:
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"x")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(pem, form, locked))


def _of_another(made: Certificate) -> None:
    folder = made.key.parent / "other"
    folder.mkdir()
    made.key.write_bytes(self_signed(folder).key.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda made: made.key.chmod(0o644),
            r"--tls-key: .* is open to others .*\(mode 0644\); close it with: chmod 600",
        ),
        (lambda made: made.key.chmod(0o620), r"--tls-key: .* is open to others"),
        (lambda made: made.key.unlink(), r"--tls-key: .* cannot be read: No such file"),
        (lambda made: made.cert.unlink(), r"--tls-cert: .* cannot be read: No such file"),
        (lambda made: made.key.write_text("nonsense"), r"--tls-key: .* expected a private key, unencrypted, in PEM"),
        (lambda made: made.cert.write_text("nonsense"), r"--tls-cert: .* expected the certificate and its chain, "),
        (lambda made: made.cert.write_text(""), r"--tls-cert: .* expected the certificate"),
        (_encrypted, r"--tls-key: .* is encrypted; mailtop needs a key without a password"),
        (_of_another, r"--tls-key: .* is not the key of the certificate in "),
    ],
)
def test_why_a_certificate_is_no_good(spoil: Callable[[Certificate], object], sentence: str, tmp_path: Path) -> None:
    made = made_certificate(tmp_path)
    spoil(made)
    with pytest.raises(ServeError, match=sentence):
        certificate(made.cert, made.key)


@pytest.mark.skipif(os.geteuid() != 0, reason="it is about a key of root's")
def test_a_key_of_root_may_be_read_by_a_group(tmp_path: Path) -> None:
    made = made_certificate(tmp_path)
    made.key.chmod(0o640)
    certificate(made.cert, made.key)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"]
)
async def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(server, "KEEP_ALIVE_SECONDS", 1)
    async with listening(APP) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(sent)
        async with asyncio.timeout(5):
            answer = await _until_closed(reader)
        assert answer.count(b"HTTP/1.1 200 OK") == sent.count(b"\r\n\r\n")
        writer.close()


async def test_a_head_in_drops_is_not_waited_for_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    async with listening(APP) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(b"GET / HTTP/1.1\r\n")
        closed = asyncio.create_task(_until_closed(reader))
        async with asyncio.timeout(5):
            while not closed.done():
                writer.write(b"X")
                await asyncio.wait([closed], timeout=0.05)
        assert await closed == b""
        writer.close()


async def test_a_handshake_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    made = made_certificate(tmp_path)
    async with listening(APP, certificate(made.cert, made.key)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        async with asyncio.timeout(5):
            assert await _until_closed(reader) == b""
        writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_who_takes_nothing_of_an_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.listening.UNREAD_SECONDS", 1)
    ended = asyncio.Event()

    async def endless(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return StreamingResponse(pieces())

    async with listening(Starlette(routes=[Route("/", endless)])) as url:
        sock = socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            await ended.wait()
        sock.close()


async def test_it_ends_although_a_client_stays_and_an_answer_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "END_SECONDS", 0.3)
    begun = asyncio.Event()

    async def hang(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(3600)
        return Response()

    app = Starlette(routes=[Route("/", hello), Route("/hang", hang)])
    began = time.monotonic()
    async with httpx.AsyncClient() as client:
        async with listening(app) as url:
            assert (await client.get(url)).status_code == 200
            hanging = asyncio.create_task(client.get(f"{url}/hang"))
            await begun.wait()
        assert (await hanging).status_code == 500
    assert time.monotonic() - began < 5


async def test_an_app_that_does_not_start_is_an_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    sockets = listen("127.0.0.1", 0)
    with pytest.raises(ServeError, match="the server could not start"):
        await server.serve(app, sockets, None, asyncio.Event())
    for each in sockets:
        each.close()


def test_lines_are_clean_and_dated_and_nobody_waits_for_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    logger = logging.Logger("x")
    logger.addHandler(lines)
    logger.info("a\x1b[31m\nb %s", 1)
    lines.close()
    written = capsys.readouterr().err
    assert re.fullmatch(r"mailtop: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ a\ufffd\[31m \| b 1\n", written)


def test_lines_that_nobody_reads_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, True)
    began = time.monotonic()
    with os.fdopen(writer, "w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        monkeypatch.setattr("tui.serve.lines.MAX_WAITING", 10)
        lines = Lines()
        logger = logging.Logger("x")
        logger.addHandler(lines)
        for _ in range(100):
            logger.info("x" * 10_000)
        assert time.monotonic() - began < 5
        drained = b""
        while b"lines were left out" not in drained:
            logger.info("later")
            drained = drained[-100:] + os.read(reader, 65536)
        os.set_blocking(reader, False)
        lines.close()
        os.close(reader)
