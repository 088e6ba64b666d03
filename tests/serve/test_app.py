"""Both APIs over HTTP: the documented examples, who may see what, and every way to ask in vain."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.ledger_model import BASE, delta, nameless
from tests.serve.served import API_2, SENDER, STATS, Served, served, write_ledger
from tui.engine.batch import cell_key
from tui.serve.emailtrack import DENIED
from tui.serve.queue_stats import INCORRECT, NO_RIGHT, NO_TOKEN, UNAVAILABLE
from tui.serve.tokens import Scope

DATA = Path(__file__).parent.parent / "data"
ADMIN = "/api/v1.1/admin"
ALL = "/json-api/emailtrack_user_stats?api.version=1"
LIST = "/json-api/listaccts?api.version=1"
Rows = dict[tuple[int, int, str], int]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    write_ledger(tmp_path / "mx.ledger")
    async with served(tmp_path / "mx.ledger") as server:
        yield server


def documented(path: Path) -> None:
    """The ledger of which the examples of both pages tell; an account that is called bob."""
    names = {"accounts": {"bob": 306}, "campaigns": {(306, "a"): 4591, (306, "b"): 4914}, "isps": {"Gmail": 1}}
    cells = {
        cell_key(4591, 0): delta(send=7, size=1150),
        cell_key(4591, 1): delta(success=2, defer=18, fail=5, new=100, proc=100),
        cell_key(4914, 1): delta(new=10, proc=10, retry=40, hold=80),
    }
    write_ledger(path, [nameless({BASE: cells}, **names)])


def compact(xml: bytes) -> bytes:
    return re.sub(rb">\s+<", b"><", xml.strip())


async def test_documented_totals(tmp_path: Path) -> None:
    cells = {cell_key(1, 0): delta(send=7, size=1150), cell_key(1, 1): delta(success=2, defer=18, fail=5)}
    names = {"accounts": {"user": 1}, "campaigns": {(1, ""): 1}, "isps": {"Gmail": 1}}
    write_ledger(tmp_path / "mx.ledger", [nameless({BASE: cells}, **names)])
    async with served(tmp_path / "mx.ledger") as server:
        answer = await server.get(f"{API_2}&cpanel_jsonapi_user=user")
        own = await server.get(API_2, f"cpanel user:{server.token}")
    assert answer.headers["content-type"] == "application/json"
    expected = (DATA / "cpanel/stats.json").read_bytes()
    assert answer.content == own.content == expected.replace(b"\n", b"").replace(b": ", b":")


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_documented_queue(tmp_path: Path, form: str) -> None:
    documented(tmp_path / "mx.ledger")
    question = (DATA / f"sender-queue/question.{form}").read_bytes()
    # The page's question leaves out the group that its answer shows, and in XML the format.
    wanted = {
        "json": (b'"id": 119', b'"id": 119, "group": "account_campaign"'),
        "xml": (b"<id>", b"<group>account_campaign</group><format>xml</format><id>"),
    }[form]
    async with served(tmp_path / "mx.ledger") as server:
        question = question.replace(b"abcdefghijklmnqrstuvwxyz", server.token.encode()).replace(*wanted)
        answer = await server.post(STATS, question, "", f"application/{form}")
    expected = (DATA / f"sender-queue/documented.{form}").read_bytes()
    if form == "json":
        assert answer.content == json.dumps(json.loads(expected), separators=(",", ":")).encode()
    else:
        assert answer.content == compact(expected)
    assert answer.headers["content-type"].startswith(f"application/{form}")


async def rows(server: Served, authorization: str | None = None, **fields: object) -> Rows:
    """The totals of the rows by their dimensions."""
    answer = (await server.post(STATS, {"id": SENDER.id, **fields}, authorization)).json()
    assert answer["error"] == 0, answer
    return {(row["account_id"], row["campaign_id"], row["isp"]): row["total"] for row in answer["data"]}


async def test_every_grouping_and_filter(server: Served) -> None:
    assert await rows(server) == {(0, 0, ""): 14}
    assert await rows(server, group="account") == {(1, 0, ""): 7, (2, 0, ""): 7}
    assert await rows(server, group="account_campaign") == {(1, 1, ""): 6, (1, 2, ""): 1, (2, 4, ""): 7}
    assert await rows(server, group="isp") == {(0, 0, "Gmail"): 13, (0, 0, "Yahoo"): 1}
    assert await rows(server, group="isp", account_id=1) == {(0, 0, "Gmail"): 6, (0, 0, "Yahoo"): 1}
    assert await rows(server, group="account", isp="Gmail") == {(1, 0, ""): 6, (2, 0, ""): 7}
    assert await rows(server, campaign_id="4") == {(0, 0, ""): 7}
    assert await rows(server, isp="nobody") == await rows(server, account_id=9) == {(0, 0, ""): 0}
    assert await rows(server, group="isp", isp="nobody") == {}


@pytest.mark.parametrize("nothing", [None, "", 0, -1, "0", "-1"])
async def test_what_is_no_filter(server: Served, nothing: object) -> None:
    assert await rows(server, account_id=nothing, campaign_id=nothing) == {(0, 0, ""): 14}
    if not isinstance(nothing, str) or not nothing:
        assert await rows(server, isp=nothing, group=None, format="") == {(0, 0, ""): 14}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"group": "campaign"}, '"group"'),
        ({"group": ["isp"]}, '"group"'),
        ({"id": "x"}, '"id"'),
        ({"id": 1.5}, '"id"'),
        ({"id": True}, '"id"'),
        ({"id": 7}, '"id"'),
        ({"id": None}, '"id"'),  # 1 by default, which is another sender
        ({"id": -(10**30)}, '"id"'),
        ({"account_id": "1 or 1"}, '"account_id"'),
        ({"campaign_id": {}}, '"campaign_id"'),
        ({"isp": 12}, '"isp"'),
        ({"format": "yaml"}, '"format"'),
    ],
)
async def test_incorrect_questions_name_the_parameter(server: Served, fields: dict[str, object], named: str) -> None:
    answer = await server.post(STATS, {"id": SENDER.id, **fields})
    assert (answer.status_code, answer.json()["error"]) == (200, INCORRECT)
    assert named in answer.json()["error_text"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"[" * 60_000, "application/json"),
        (b"9" * 60_000, "application/json"),
        (b"\xff", "text/plain"),
        (b"<xml>", "application/xml"),
        (b"<id>119</id>", "text/xml"),
        (b"<xml>" + b"<a>" * 100 + b"</a>" * 100 + b"</xml>", "application/xml"),
        (b'<!DOCTYPE xml [<!ENTITY a "aaaa">]><xml><isp>&a;</isp></xml>', "application/xml"),
        (b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><id>119</id></xml>', "application/xml"),
    ],
)
async def test_bodies_that_are_no_question(server: Served, body: bytes, content_type: str) -> None:
    answer = await server.post(STATS, body, content_type=content_type)
    assert (answer.status_code, answer.json()["error"]) == (200, INCORRECT)
    assert (await server.post(STATS, body, "", content_type)).json()["error"] == NO_TOKEN


async def test_a_name_that_xml_could_not_hold(tmp_path: Path) -> None:
    isp = 'a<b>&"\uffff]]>\x1b'
    names = {"accounts": {"bob": 1}, "campaigns": {(1, ""): 1}, "isps": {isp: 1}}
    write_ledger(tmp_path / "mx.ledger", [nameless({BASE: {cell_key(1, 1): delta(new=1)}}, **names)])
    async with served(tmp_path / "mx.ledger") as server:
        answer = await server.post(STATS, {"id": 119, "group": "isp", "format": "xml"})
        none = await server.post(STATS, {"id": 119, "group": "isp", "format": "xml", "account_id": 7})
    assert '<isp>a&lt;b&gt;&amp;"\ufffd]]&gt;\ufffd</isp>' in answer.text
    assert none.text == "<xml><data/><error>0</error><error_text>Successful operation</error_text></xml>"


async def test_names_of_senders_and_accounts(server: Served) -> None:
    senders = await server.post(f"{ADMIN}/senders/list/", {})
    assert senders.json() == {
        "data": [{"id": 119, "name": "mx", "type": "exim", "channel_type": "email"}],
        "total_count": 1,
        "error": 0,
        "error_text": "Successful operation",
    }
    accounts = (await server.post(f"{ADMIN}/accounts/list/", {"limit": 1, "from_id": 2})).json()
    assert (accounts["total_count"], [(each["id"], each["name"]) for each in accounts["data"]]) == (2, [(2, "bob")])
    refused = await server.post(f"{ADMIN}/accounts/list/", {"limit": "many"})
    assert '"limit"' in refused.json()["error_text"]
    in_xml = await server.post(f"{ADMIN}/accounts/list/", {"format": "xml", "from_id": 2})
    assert "<data><id>2</id><name>bob</name><timezone></timezone>" in in_xml.text


async def test_a_token_for_one_account_sees_that_account_only(server: Served) -> None:
    bobs = f"Bearer {server.new_token('bobs', ['bob'])}"
    assert await rows(server, bobs) == {(0, 0, ""): 7}
    assert await rows(server, bobs, group="account") == {(2, 0, ""): 7}
    assert await rows(server, bobs, group="account_campaign", isp="Gmail") == {(2, 4, ""): 7}
    assert await rows(server, bobs, group="isp") == {(0, 0, "Gmail"): 7}
    assert await rows(server, bobs, campaign_id=1) == {(0, 0, ""): 0}
    for account_id in (1, 9):
        answer = (await server.post(STATS, {"id": 119, "account_id": account_id}, bobs)).json()
        assert (answer["error"], "account_id" in answer["error_text"]) == (NO_RIGHT, True)
    accounts = (await server.post(f"{ADMIN}/accounts/list/", {}, bobs)).json()
    assert ([each["name"] for each in accounts["data"]], accounts["total_count"]) == (["bob"], 1)
    whm = bobs.replace("Bearer ", "whm root:")
    assert [each["USER"] for each in (await server.get(ALL, whm)).json()["data"]["records"]] == ["bob"]
    assert [each["user"] for each in (await server.get(LIST, whm)).json()["data"]["acct"]] == ["bob"]
    sums = (await server.get("/json-api/emailtrack_stats?api.version=1", whm)).json()["data"]["records"]
    assert [each["SENDCOUNT"] for each in sums] == [5]
    alice = (await server.get(f"{API_2}&cpanel_jsonapi_user=alice", whm)).json()
    nobody = (await server.get(f"{API_2}&cpanel_jsonapi_user=nobody", whm)).json()
    assert alice == nobody
    assert "User parameter is invalid" in alice["cpanelresult"]["error"]
    metrics = (await server.get("/metrics?campaigns=1", bobs)).text
    assert "bob" in metrics
    assert "alice" not in metrics
    assert 'mailtop_account_unbalanced_recipients{account="bob"}' in metrics
    assert "mailtop_unbalanced_recipients" not in metrics
    assert "Yahoo" not in metrics


async def test_a_token_for_two_accounts_sees_their_sums(server: Served) -> None:
    both = f"Bearer {server.new_token('both', ['bob', 'alice', 'nobody'])}"
    for fields in ({}, {"group": "account"}, {"group": "account_campaign"}, {"group": "isp"}, {"isp": "Gmail"}):
        assert await rows(server, both, **fields) == await rows(server, **fields)


async def test_as_an_account_one_sees_that_account_only(server: Served) -> None:
    alice = f"cpanel alice:{server.token}"
    assert await rows(server, alice, group="account") == {(1, 0, ""): 7}
    own = (await server.get(API_2, alice)).json()["cpanelresult"]["data"]
    assert own[0]["SENDCOUNT"] == "3"
    assert (await server.get(f"{API_2}&cpanel_jsonapi_user=alice", alice)).json()["cpanelresult"]["data"] == own
    others = (await server.get(f"{API_2}&cpanel_jsonapi_user=bob", alice)).json()
    assert "User parameter is invalid" in others["cpanelresult"]["error"]
    for path in (ALL, LIST):
        assert (await server.get(path, alice)).status_code == 403
    for stranger in (f"cpanel nobody:{server.token}", f"cpanel alice:{server.new_token('bobs', ['bob'])}"):
        assert (await server.get(API_2, stranger)).content == DENIED
    refused = await server.post(STATS, {"id": 119}, stranger)
    assert (refused.status_code, refused.json()["error"]) == (403, NO_RIGHT)


async def test_an_account_that_never_sent_has_no_mail_yet(server: Served) -> None:
    token = server.new_token("carols", ["carol"])
    answer = (await server.get(API_2, f"cpanel carol:{token}")).json()["cpanelresult"]
    assert answer["event"] == {"result": 1}
    assert set(answer["data"][0].values()) == {None}
    assert await rows(server, f"Bearer {token}", group="isp") == {}


async def test_scopes(server: Served) -> None:
    totals = server.new_token("totals", scopes=[Scope.TOTALS])
    queue = server.new_token("queue", scopes=[Scope.QUEUE])
    assert (await server.get(ALL, f"whm root:{totals}")).status_code == 200
    assert (await server.get(ALL, f"whm root:{queue}")).content == DENIED
    assert (await server.post(STATS, {"id": 119}, f"Bearer {queue}")).json()["error"] == 0
    refused = await server.post(STATS, {"id": 119}, f"Bearer {totals}")
    assert (refused.status_code, refused.json()["error"]) == (403, NO_RIGHT)
    assert "mailtop_queue" not in (await server.get("/metrics", f"Bearer {totals}")).text
    assert "account=" not in (await server.get("/metrics", f"Bearer {queue}")).text


@pytest.mark.parametrize("wrong", ["", "Bearer wrong", "whm root:wrong", "cpanel alice:wrong", "Basic x", "whm"])
async def test_refusals(server: Served, wrong: str) -> None:
    for path in (API_2, ALL, LIST, "/json-api/nothing", f"/cpsess0123456789{API_2}"):
        answer = await server.get(path, wrong)
        assert (answer.status_code, answer.content) == (403, DENIED)
        assert answer.headers["content-type"].startswith("text/plain")
    refused = await server.post(STATS, {"id": 119}, wrong)
    expected = NO_RIGHT if " " in wrong and wrong != "Basic x" else NO_TOKEN
    assert (refused.status_code, refused.json()["error"]) == (expected, expected)
    in_xml = await server.post(STATS, b"<xml><token>x</token><format>xml</format></xml>", wrong, "text/xml")
    assert in_xml.text == "<xml><error>403</error><error_text>No rights</error_text></xml>"
    for path in ("/", "/metrics", "/nothing", f"{ADMIN}/nothing/", "/login/", STATS):
        assert (await server.get(path, wrong)).status_code in (401, 403)


async def test_sessions(server: Served) -> None:
    login = b"user=root&pass=" + server.token.encode()
    form = "application/x-www-form-urlencoded"
    begun = await server.post("/login/?login_only=1", login, "", form)
    assert begun.json()["status"] == 1
    assert re.fullmatch(r"/cpsess[0-9]{10}", begun.json()["security_token"])
    path = f"{begun.json()['security_token']}{API_2}&cpanel_jsonapi_user=bob"
    assert (await server.get(path, "")).json()["cpanelresult"]["data"][0]["SENDCOUNT"] == "5"
    server.client.cookies.clear()
    assert (await server.get(path, "")).content == DENIED
    refused = await server.post("/login/?login_only=1", b"user=root&pass=wrong", "", form)
    assert (refused.status_code, refused.json()["status"]) == (401, 0)
    basic = base64.b64encode(f"bob:{server.token}".encode()).decode()
    assert (await server.get(API_2, f"Basic {basic}")).json()["cpanelresult"]["data"][0]["SENDCOUNT"] == "5"


async def api_2(server: Served, **changes: str) -> Any:
    parameters = {"user": "bob", "apiversion": "2", "module": "EmailTrack", "func": "stats"} | changes
    form = "&".join(f"cpanel_jsonapi_{key}={value}" for key, value in parameters.items() if value != "-")
    answer = await server.post("/json-api/cpanel", form.encode(), None, "application/x-www-form-urlencoded")
    assert answer.status_code == 200
    return answer.json()


async def test_api_2_calls_in_vain(server: Served) -> None:
    assert (await api_2(server))["cpanelresult"]["data"][0]["SENDCOUNT"] == "5"
    assert (await api_2(server, apiversion="-"))["cpanelresult"]["event"]["result"] == 1
    for changes in ({"module": "Emailtrack"}, {"func": "Stats"}, {"func": "-"}, {"module": "-"}, {"apiversion": "1"}):
        result = (await api_2(server, **changes))["cpanelresult"]
        assert "Could not find function" in result["error"]
        assert result["event"]["result"] == 0
    for user in ("-", "", "BOB", "nobody"):
        assert "User parameter is invalid" in (await api_2(server, user=user))["cpanelresult"]["error"]
    assert (await api_2(server, apiversion="3"))["result"]["status"] == 0
    assert "User parameter is invalid" in (await api_2(server, apiversion="3", user="nobody"))["error"]


async def test_whm_calls_in_vain(server: Served) -> None:
    for path in ("nothing?api.version=1", "listaccts", "listaccts?api.version=2"):
        metadata = (await server.get(f"/json-api/{path}")).json()["metadata"]
        assert (metadata["result"], "Unknown app" in metadata["reason"]) == (0, True)
    metadata = (await server.get("/json-api/emailtrack_stats?api.version=1&starttime=1")).json()["metadata"]
    assert (metadata["result"], "starttime" in metadata["reason"]) == (0, True)
    metadata = (await server.get("/json-api/emailtrack_stats?api.version=1&user=nobody")).json()["metadata"]
    assert metadata["result"] == 0


async def test_whm_numbers(server: Served) -> None:
    records = (await server.get(ALL)).json()
    assert records["metadata"]["result"] == 1
    assert records["data"]["records"][1] == {
        "USER": "bob",
        "DOMAIN": None,
        "OWNER": None,
        "PRIMARY_DOMAIN": None,
        "SENDCOUNT": 5,
        "SUCCESSCOUNT": 0,
        "DEFERCOUNT": 0,
        "FAILCOUNT": 0,
        "DEFERFAILCOUNT": 0,
        "TOTALSIZE": 50,
    }
    [everyone] = (await server.get("/json-api/emailtrack_stats?api.version=1")).json()["data"]["records"]
    assert everyone == {
        "TOTALSIZE": 950,
        "SUCCESSCOUNT": 3,
        "SENDCOUNT": 8,
        "DEFERCOUNT": 1,
        "FAILCOUNT": 1,
        "INPROGRESSCOUNT": 14,
        "DEFERFAILCOUNT": 2,
    }
    path = "/json-api/emailtrack_stats?api.version=1&user=bob&nosize=1&nosuccess=1"
    [bob] = (await server.get(path)).json()["data"]["records"]
    assert (bob["INPROGRESSCOUNT"], "TOTALSIZE" in bob, "SUCCESSCOUNT" in bob) == (7, False, False)


async def test_what_is_not_known_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "mx.ledger"
    async with served(path) as server:
        for written in (False, True):
            if written:
                write_ledger(path, listed=False, read=False)
            result = (await server.get(f"{API_2}&cpanel_jsonapi_user=bob")).json()["cpanelresult"]
            assert (result["event"]["result"], result["data"]) == (0, [])
            assert (await server.get(ALL)).json()["metadata"]["result"] == 0
            for list_ in (STATS, f"{ADMIN}/accounts/list/"):
                answer = await server.post(list_, {"id": 119})
                assert (answer.status_code, answer.json()["error"]) == (200, UNAVAILABLE)
                assert str(tmp_path) not in answer.text
            assert "recipients" not in (await server.get("/metrics")).text
        write_ledger(path, (), read=False)
        [bob] = (await server.get(f"{API_2}&cpanel_jsonapi_user=bob")).json()["cpanelresult"]["data"]
        assert bob == {"INPROGRESSCOUNT": "7"}
        record = (await server.get(ALL)).json()["data"]["records"][1]
        assert "SENDCOUNT" not in record
        assert (await server.post(STATS, {"id": 119})).json()["error"] == 0


async def test_headers_tell_how_fresh_the_numbers_are(server: Served) -> None:
    for answer in (await server.get(ALL), await server.post(STATS, {"id": 119})):
        assert answer.headers["x-mailtop-freshness"] == "stale"  # no collector runs
        assert int(answer.headers["x-mailtop-age-seconds"]) < 60


async def test_paths_and_methods_that_are_not_there(server: Served) -> None:
    for path in ("/nothing", f"{ADMIN}/nothing/", STATS.rstrip("/"), "/x/json-api/listaccts", "/json-api/"):
        assert (await server.get(path)).status_code == 404
    for path in (STATS, "/login/"):
        assert (await server.get(path)).status_code == 405
    assert (await server.client.get("/healthz")).status_code == 200
