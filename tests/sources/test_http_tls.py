"""Whom the HTTP client trusts, against real HTTPS servers on loopback, directly and through a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http_proxy import Proxy
from tests.http_server import HOST, Answer, Certificate, HttpServer, Request, Response, self_signed
from tests.sources.test_http import SECRET, ask, client_of, failure
from tui.sources import certificates
from tui.sources.source import Unreachable
from tui.text import clean


async def hello(_: Request) -> Answer:
    return Response(body=b"hello")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@contextlib.asynccontextmanager
async def raw_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A listener that is no HTTP server; its port."""
    writers = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


async def test_an_authority_from_a_file(certificate: Certificate) -> None:
    async with HttpServer(hello, certificate.context()) as server:
        client = client_of(server.url, ca_file=str(certificate.cert))
        for _ in range(3):
            assert (await client.ask("GET", "/")).body == b"hello"
        await client.close()
        assert server.connections == 1


async def test_self_signed_is_refused_with_the_way_to_trust_it(certificate: Certificate) -> None:
    async with HttpServer(hello, certificate.context()) as server:
        error = await failure(server.url)
        fingerprint = certificate.fingerprint
        end = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).strftime("%Y-%m-")
        assert str(error).startswith(
            f'{HOST}:{server.port} shows the certificate of "CN={HOST}", signed by "CN={HOST}", valid until {end}'
        )
        assert f'trust it with fingerprint = "{fingerprint}", or name a `ca_file`.' in str(error)
        assert server.requests == []
        assert not isinstance(error, Unreachable)
        assert (await ask(server.url, fingerprint=fingerprint)).body == b"hello"


@pytest.mark.parametrize("written", [str, str.lower, lambda text: text.replace(":", "")])
async def test_a_pinned_certificate(certificate: Certificate, written: Callable[[str], str]) -> None:
    async with HttpServer(hello, certificate.context()) as server:
        assert (await ask(server.url, fingerprint=written(certificate.fingerprint), verify=False)).body == b"hello"


@pytest.mark.parametrize("proxied", [False, True])
async def test_nothing_is_sent_to_another_than_the_pinned_one(
    certificate: Certificate, tmp_path: Path, proxied: bool
) -> None:
    other = self_signed(tmp_path)
    came = bytearray()
    done = asyncio.Event()
    context = other.context()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(context)
            came.extend(await reader.read())
        finally:
            done.set()

    async with raw_server(listen) as port, Proxy() as proxy:
        options: dict[str, str | bool] = {"fingerprint": certificate.fingerprint, "verify": False}
        if proxied:
            options["proxy"] = proxy.url
        error = await failure(f"https://{HOST}:{port}", "/a", **options)
        await asyncio.wait_for(done.wait(), 5)
        assert proxy.asked == ([f"CONNECT {HOST}:{port} HTTP/1.1"] if proxied else [])
    assert came == b""
    assert "not the one that `fingerprint` names; only if it was renewed on purpose, trust it with" in str(error)
    assert other.fingerprint in str(error)


async def test_without_verification(certificate: Certificate) -> None:
    async with HttpServer(hello, certificate.context()) as server:
        assert (await ask(server.url, verify=False)).body == b"hello"


async def test_through_a_proxy(certificate: Certificate) -> None:
    async with HttpServer(hello, certificate.context()) as server, Proxy() as proxy:
        client = client_of(server.url, ca_file=str(certificate.cert), proxy=proxy.url)
        for _ in range(2):
            assert (await client.ask("GET", "/", headers={"Authorization": SECRET})).body == b"hello"
        await client.close()
        assert proxy.asked == [f"CONNECT {HOST}:{server.port} HTTP/1.1"]
        error = await failure(server.url, proxy=proxy.url)
    assert str(error).startswith(f"{HOST}:{server.port} shows the certificate of")
    assert certificate.fingerprint in str(error)


async def test_an_expired_certificate(tmp_path: Path) -> None:
    expired = self_signed(tmp_path, expired=True)
    async with HttpServer(hello, expired.context()) as server:
        error = await failure(server.url, ca_file=str(expired.cert))
        assert "which has expired; renew it on the server, or trust it with fingerprint = " in str(error)
        assert (await ask(server.url, fingerprint=expired.fingerprint)).body == b"hello"


@pytest.mark.parametrize("host", ["mail.example", "127.0.0.2"])
async def test_a_certificate_of_another_host(tmp_path: Path, host: str) -> None:
    other = self_signed(tmp_path, host)
    async with HttpServer(hello, other.context()) as server:
        for url in (server.url, server.url.replace(HOST, "localhost")):
            error = await failure(url, ca_file=str(other.cert))
            assert f'the certificate of "CN={host}"' in str(error)
            assert "which is for another host; set `url` to the name that it is for, or" in str(error), str(error)


async def test_plain_http_on_a_tls_port_and_the_other_way_round(certificate: Certificate) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw_server(plain) as port:
        told = str(await failure(f"https://{HOST}:{port}"))
        assert "does not speak TLS; if it speaks plain HTTP and nothing is lost by that, " in told
        assert f"set `url` to http://{HOST}:{port}." in told
    async with HttpServer(hello, certificate.context()) as server:
        error = await failure(server.url.replace("https:", "http:"))
        assert f"set `url` to {server.url}" in str(error)


async def test_a_handshake_that_hangs_and_one_that_is_cut() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def cut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"\x16\x03\x03\x00\x40" + random.Random(1).randbytes(64))
        await writer.drain()

    async with raw_server(hang) as port:
        error = await failure(f"https://{HOST}:{port}", timeout_seconds=0.1)
        gc.collect()  # a socket that was forgotten open would be a warning, and so a failure
        assert "took the connection but did not finish the TLS handshake within 0.1 s" in str(error)
        assert isinstance(error, Unreachable)
    async with raw_server(cut) as port:
        error = await failure(f"https://{HOST}:{port}")
        assert "closed the connection during the TLS handshake; is it a TLS port?" in str(error)
    async with raw_server(babble) as port:
        assert f"The TLS handshake with {HOST}:{port} failed: " in str(await failure(f"https://{HOST}:{port}"))


async def test_looking_at_the_certificate_is_bounded_in_time(certificate: Certificate) -> None:
    """The second handshake, which is only for the message, hangs."""
    accepted = 0
    context = certificate.context()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        if accepted == 1:
            await writer.start_tls(context)
        await reader.read()

    async with raw_server(once) as port:
        started = time.monotonic()
        error = await failure(f"https://{HOST}:{port}", timeout_seconds=0.3)
    assert time.monotonic() - started < 3
    assert "shows a certificate that it did not show again when asked for it, which nobody but itself" in str(error)


async def test_a_kept_connection_that_says_goodbye(certificate: Certificate) -> None:
    """The goodbye of TLS was read with the answer, so the socket looks alive."""

    async def handler(request: Request) -> Answer:
        return b"HTTP/1.1 200 OK\r\n\r\nraw" if request.path == "/raw" else Response(body=b"x")

    async with HttpServer(handler, certificate.context()) as server:
        client = client_of(server.url, verify=False)
        bodies = [(await client.ask("GET", path)).body for path in ("/raw", "/", "/raw", "/")]
        await client.close()
    assert bodies == [b"raw", b"x", b"raw", b"x"]


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read: No such file"), ("no", "no certificates in PEM")]
)
async def test_a_file_of_authorities_that_is_none(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    error = await failure("https://127.0.0.1:9", ca_file=str(file))
    assert str(error).startswith(f"{file} (ca_file) ")
    assert said in str(error)


async def test_a_file_of_authorities_that_is_mended(certificate: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    async with HttpServer(hello, certificate.context()) as server:
        client = client_of(server.url, ca_file=str(file))
        with pytest.raises(Exception, match="cannot be read"):
            await client.ask("GET", "/")
        file.write_bytes(certificate.cert.read_bytes())
        assert (await client.ask("GET", "/")).body == b"hello"
        await client.close()


@given(st.data())
def test_no_certificate_breaks_the_reader(certificate: Certificate, data: st.DataObject) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(certificate.cert.read_text()))
    whole = certificates.read(bytes(der))
    assert (whole.subject, whole.issuer, whole.fingerprint) == (f"CN={HOST}",) * 2 + (certificate.fingerprint,)
    for _ in range(data.draw(st.integers(1, 8))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    broken = certificates.read(bytes(der[: data.draw(st.integers(0, len(der)))]))
    told = f"{broken.subject}{broken.issuer}{broken.expires}"
    assert clean(told) == told
