"""Clients that nobody here wrote read the served APIs: curl both, cpanel-api (PyPI) cPanel's. No registry has a client
of the sender-queue API."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from cpanel_api import CPanelApi

from tests.http_server import self_signed
from tests.serve.served import API_2, STATS, Served, served, write_ledger

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
BOB = {
    "TOTALSIZE": "50",
    "SUCCESSCOUNT": "0",
    "SENDCOUNT": "5",
    "DEFERCOUNT": "0",
    "FAILCOUNT": "0",
    "INPROGRESSCOUNT": "7",
    "DEFERFAILCOUNT": "0",
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    write_ledger(tmp_path / "mx.ledger")
    async with served(tmp_path / "mx.ledger", tls=self_signed(tmp_path).context()) as server:
        yield server


async def curl(*arguments: str) -> bytes:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("there is no curl on this machine")
    process = await asyncio.create_subprocess_exec(
        program, "-sS", "--max-time", "20", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


async def test_curl_reads_mail_totals(server: Served, tmp_path: Path) -> None:
    trusted = ("--cacert", str(tmp_path / "127.0.0.1.pem"))
    header = ("-H", f"Authorization: whm root:{server.token}")
    answer = await curl(*trusted, *header, f"{server.url}{API_2}&cpanel_jsonapi_user=bob")
    assert json.loads(answer)["cpanelresult"]["data"] == [BOB]
    form = (
        "-d",
        "cpanel_jsonapi_user=bob",
        "-d",
        "cpanel_jsonapi_module=EmailTrack",
        "-d",
        "cpanel_jsonapi_func=stats",
    )
    assert await curl(*trusted, *header, *form, f"{server.url}/json-api/cpanel") == answer
    assert await curl(*trusted, "-u", f"bob:{server.token}", f"{server.url}{API_2}") == answer
    jar = ("-b", str(tmp_path / "jar"), "-c", str(tmp_path / "jar"))
    login = ("-d", "user=root", "-d", f"pass={server.token}", f"{server.url}/login/?login_only=1")
    session = json.loads(await curl(*trusted, *jar, *login))["security_token"]
    assert await curl(*trusted, *jar, f"{server.url}{session}{API_2}&cpanel_jsonapi_user=bob") == answer


async def test_curl_reads_the_queue(server: Served, tmp_path: Path) -> None:
    trusted = ("--cacert", str(tmp_path / "127.0.0.1.pem"))
    question = json.dumps({"token": server.token, "id": 119, "group": "isp"})
    rows = json.loads(await curl(*trusted, "-d", question, f"{server.url}{STATS}"))["data"]
    assert [(row["isp"], row["total"]) for row in rows] == [("Gmail", 13), ("Yahoo", 1)]
    question = f"<xml><token>{server.token}</token><id>119</id><format>xml</format></xml>"
    answer = await curl(*trusted, "-H", "Content-Type: text/xml", "-d", question, f"{server.url}{STATS}")
    assert [each.text for each in ElementTree.fromstring(answer).iter("total")] == ["14"]


@pytest.mark.parametrize("kind", ["token", "utoken", "hash", "password"])
async def test_cpanel_api_reads_mail_totals(server: Served, kind: str) -> None:
    port = urlsplit(server.url).port
    client = CPanelApi("127.0.0.1", "bob", server.token, port, auth_type=kind)
    with client.session:
        result = await asyncio.to_thread(client.cpanel2.EmailTrack.stats)
        unknown = await asyncio.to_thread(client.cpanel2.EmailTrack.nothing)
        uapi = await asyncio.to_thread(client.call_api, "cpanel2", "Email", "x", {"cpanel_jsonapi_apiversion": "3"})
    assert (result.cpanelresult.event.result, result.cpanelresult.data) == (1, [BOB])
    assert "Could not find function" in unknown.cpanelresult.error
    assert uapi.result.status == 0
