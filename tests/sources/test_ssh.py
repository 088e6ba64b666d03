"""The ssh source over hosts that answer by script: what it asks, what it believes, and how it says that it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tests.sources.test_ssh_wire import BALANCE_ROW, ROW, SOURCE, TOTALS_ROW
from tui.cli.arguments import parser
from tui.config import SshSource
from tui.model import Freshness, Grouping, QueueQuery, SourceStatus
from tui.sources.command import Ended
from tui.sources.source import SourceError, Unreachable
from tui.sources.ssh import Ssh
from tui.sources.ssh_reach import SshReach

ROWS = [ROW, ROW | {"account_id": 6, "account": "eve", "new": 9}]
NO_TOTALS = Ended(2, b"", b"mailtop: no source of the configuration knows mail totals; add a source that does\n")


class ScriptedReach(SshReach):
    """A host whose `show` prints ``rows`` for the queue, ``totals`` for totals, of a source like ``told``; ``answer``
    goes before, or is raised. ``asked`` has the options of each call."""

    def __init__(self) -> None:
        super().__init__(CONFIG)
        self.rows: list[dict[str, Any]] = ROWS
        self.totals: list[dict[str, Any]] = [TOTALS_ROW]
        self.balances: list[dict[str, Any]] = [HOST_BALANCE, OFF_BALANCE]
        self.told: dict[str, Any] = SOURCE
        self.answer: dict[str, Ended | SourceError] = {}
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    async def run(self, arguments: Sequence[str]) -> Ended:
        options = vars(parser().parse_args(list(arguments)))
        self.asked.append({key: value for key, value in options.items() if key in KEYS and value is not None})
        answer = self.answer.get(options["what"])
        if isinstance(answer, SourceError):
            raise answer
        if answer is not None:
            return answer
        query = {"show": "totals", "source": options["source"]}
        if options["what"] == "queue":
            query = {"show": "queue", "group": options["group"]} | {key: options[key] for key in KEYS[2:]}
        if options["what"] == "balance":
            query = {"show": "balance"} | {key: options[key] for key in ("account", "all", "source")}
        meant = options.get("account") if options["what"] == "balance" else None
        balances = [row for row in self.balances if meant in (None, row["account"])]
        rows = {"queue": self.rows, "totals": self.totals, "balance": balances}[options["what"]]
        found = {"schema": 1, "query": query, "sources": [self.told], "rows": rows}
        return Ended(3 if self.told["error"] else 0, json.dumps(found).encode(), b"mailtop: something\n")

    async def whom(self) -> tuple[str, str]:
        return "mail", "10.0.0.1, port 22"

    async def close(self) -> None:
        self.closed = True


CONFIG = SshSource(host="mx1", keep_connection=False)
HOST_BALANCE = BALANCE_ROW | {"account_id": 0, "account": "", "accepted": 9, "waiting": 7}
OFF_BALANCE = BALANCE_ROW | {"account_id": 6, "account": "eve", "delivered": 0, "since": "2026-11-21T02:14:00Z"}
NO_BALANCE = Ended(
    2, b"", b"mailtop show: error: argument WHAT: invalid choice: 'balance' (choose from 'totals', 'queue')\n"
)
KEYS = ("what", "group", "source", "sender", "account", "campaign", "isp")


@pytest.fixture
def reach() -> ScriptedReach:
    return ScriptedReach()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def state(source: Ssh) -> tuple[Freshness, float | None, str | None]:
    status = await source.status()
    return status.freshness, status.age_seconds, status.error


async def test_numbers_age_from_what_the_host_says(reach: ScriptedReach) -> None:
    clock = Clock()
    source = Ssh(CONFIG, reach=reach, clock=clock)
    assert await source.status() == SourceStatus(
        name="ssh", type="ssh", freshness=Freshness.STALE, notes=("It has not been asked yet.",)
    )
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    assert await state(source) == (Freshness.LIVE, 1.5, None)
    clock.now += 30
    assert await state(source) == (Freshness.LIVE, 31.5, None)
    clock.now += 0.1
    assert (await state(source))[0] is Freshness.STALE
    reach.told = SOURCE | {"freshness": "stale", "age_seconds": 90.0}
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    assert await state(source) == (Freshness.STALE, 90.0, None)


async def test_part_of_the_numbers_and_why(reach: ScriptedReach) -> None:
    reach.told = SOURCE | {"error": "the log cannot be read"}
    source = Ssh(CONFIG, reach=reach)
    table = await source.queue(QueueQuery(Grouping.ACCOUNT))
    assert table is not None
    assert table.account == ["bob", "eve"]
    freshness, _, error = await state(source)
    assert (freshness, error) == (Freshness.PARTIAL, "the log cannot be read")


async def test_nothing_but_an_error_is_not_an_empty_queue(reach: ScriptedReach) -> None:
    reach.told, reach.rows, reach.totals = SOURCE | {"error": "no spool", "freshness": "error"}, [], []
    source = Ssh(CONFIG, reach=reach)
    for asking in (source.queue(QueueQuery(Grouping.ACCOUNT)), source.totals()):
        with pytest.raises(SourceError, match="mx1 says: no spool"):
            await asking


async def test_the_worst_of_queue_and_totals_counts_while_both_are_asked(reach: ScriptedReach) -> None:
    clock = Clock()
    source = Ssh(CONFIG, reach=reach, clock=clock)
    reach.told = SOURCE | {"error": "x", "freshness": "error"}
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    reach.told = SOURCE
    await source.totals()
    assert (await state(source))[0] is Freshness.ERROR
    clock.now += 61
    await source.totals()
    assert (await state(source))[0] is Freshness.LIVE


async def test_a_failure_leaves_the_age_of_the_last_numbers(reach: ScriptedReach) -> None:
    clock = Clock()
    source = Ssh(CONFIG, reach=reach, clock=clock)
    reach.answer["queue"] = Unreachable("gone")
    with pytest.raises(Unreachable, match="gone"):
        await source.queue(QueueQuery())
    assert await state(source) == (Freshness.ERROR, None, "gone")
    reach.answer.clear()
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    reach.answer["queue"] = Ended(0, b"{", b"")
    clock.now += 2
    with pytest.raises(SourceError, match="The answer of mx1 is cut short"):
        await source.queue(QueueQuery())
    assert await state(source) == (Freshness.STALE, 3.5, "The answer of mx1 is cut short.")


async def test_a_host_without_totals(reach: ScriptedReach) -> None:
    reach.answer["totals"] = NO_TOTALS
    source = Ssh(CONFIG, reach=reach)
    assert await source.totals() is None
    table = await source.queue(QueueQuery(Grouping.ACCOUNT))
    assert table is not None
    assert (await state(source))[0] is Freshness.LIVE
    found = await source.check()
    assert (found.rights, found.problems) == (("queue",), ())


async def test_the_balance_is_asked_seldom_and_of_accounts_by_name(reach: ScriptedReach) -> None:
    clock = Clock()
    source = Ssh(CONFIG, reach=reach, clock=clock)
    told = await source.balances(())
    assert told is not None and [(each.account_id, each.account, each.difference) for each in told] == [
        (0, "", 0),
        (6, "eve", 1),
    ]
    assert told[1].since == 1_795_227_240
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    reach.asked.clear()
    reach.balances = [BALANCE_ROW, OFF_BALANCE]
    for _ in range(2):
        told = await source.balances((5, 6, 77))
        assert told is not None and [each.account for each in told] == ["", "eve", "bob"]
    words = [(each["what"], each.get("account")) for each in reach.asked]
    assert words == [("balance", "bob"), ("balance", "eve")]
    clock.now += 61
    await source.balances(())
    assert len(reach.asked) == 3
    await source.balances(None)
    assert len(reach.asked) == 4, "all of them are another question"


@pytest.mark.parametrize("answer", [NO_BALANCE, Ended(0, b"{}", b""), Unreachable("mx1 is away.")])
async def test_a_host_that_tells_no_balance_is_no_worse(reach: ScriptedReach, answer: Ended | SourceError) -> None:
    reach.answer["balance"] = answer
    source = Ssh(CONFIG, reach=reach)
    await source.queue(QueueQuery())
    assert await source.balances((5,)) is None
    freshness, _, error = await state(source)
    assert (freshness, error) == (Freshness.LIVE, None)
    assert (await source.check()).problems == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Ended(255, b"", b"ssh: connect to host mx1 port 22: Connection refused\r\n"), "refused the connection"),
        (Ended(127, b"", b"sh: mailtop: not found\n"), "does not find"),
        (Ended(0, b"{", b""), "The answer of mx1 is cut short"),
        (Unreachable("mx1 is away."), "is away"),
    ],
)
async def test_a_host_that_cannot_be_asked_for_a_balance_at_all_says_why(
    reach: ScriptedReach, answer: Ended | SourceError, why: str
) -> None:
    reach.answer["balance"] = answer
    source = Ssh(CONFIG, reach=reach)
    with pytest.raises(SourceError, match=why):
        await source.balances(())
    reach.answer["balance"] = NO_BALANCE
    assert await source.balances(()) is None, "an older mailtop"


async def test_names_are_asked_for_once(reach: ScriptedReach) -> None:
    source = Ssh(CONFIG, reach=reach)
    for _ in range(2):
        await source.queue(QueueQuery(Grouping.ISP, account_id=5))
    assert reach.asked == [
        {"what": "queue", "group": "account"},
        {"what": "queue", "group": "isp", "account": "bob"},
        {"what": "queue", "group": "isp", "account": "bob"},
    ]
    nothing = await source.queue(QueueQuery(Grouping.ISP, campaign_id=77))
    assert nothing is not None
    assert len(nothing) == 0


async def test_one_of_the_sources_there(reach: ScriptedReach) -> None:
    source = Ssh(msgspec.structs.replace(CONFIG, source="mx"), reach=reach)
    await source.queue(QueueQuery(Grouping.ISP, account_id=5))
    await source.totals()
    assert [each["source"] for each in reach.asked] == ["mx", "mx", "mx"]


async def test_rows_that_were_not_asked_for_are_refused(reach: ScriptedReach) -> None:
    source = Ssh(CONFIG, reach=reach)
    await source.queue(QueueQuery(Grouping.ACCOUNT))
    with pytest.raises(SourceError, match="numbered its accounts and campaigns anew"):
        await source.queue(QueueQuery(Grouping.ACCOUNT, account_id=5))
    reach.rows = [ROW | {"campaign_id": 9, "campaign": "spring"}]
    await source.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN))
    reach.rows = [ROW | {"campaign_id": 10, "campaign": "spring"}]
    with pytest.raises(SourceError, match="numbered its accounts and campaigns anew"):
        await source.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN, campaign_id=9))


@pytest.mark.parametrize("isp", ["a\x1bb", "x" * 300])
async def test_an_isp_that_is_not_all_shown_cannot_be_asked_for(reach: ScriptedReach, isp: str) -> None:
    with pytest.raises(SourceError, match="too long or not all shown"):
        await Ssh(CONFIG, reach=reach).queue(QueueQuery(Grouping.ACCOUNT, isp=isp))
    assert reach.asked == []


async def test_a_long_answer(reach: ScriptedReach) -> None:
    reach.rows = [ROW | {"account_id": number, "account": f"user{number}"} for number in range(1, 2000)]
    source = Ssh(CONFIG, reach=reach)
    table = await source.queue(QueueQuery(Grouping.ACCOUNT))
    await source.close()
    assert table is not None
    assert len(table) == 1999
    assert reach.closed


async def test_what_it_does_not_offer(reach: ScriptedReach) -> None:
    source = Ssh(CONFIG, reach=reach)
    assert await source.history(QueueQuery(), 0, 60) is None
    assert await source.causes(QueueQuery()) is None
    assert await source.messages(QueueQuery(), 9) is None
    assert await source.hosts() is None
    assert await source.changed()
    assert reach.asked == []


async def test_check(reach: ScriptedReach) -> None:
    found = await Ssh(CONFIG, reach=reach).check()
    assert found.reached == 'mx1 (10.0.0.1, port 22), its source "mx" (local)'
    assert (found.identity, found.rights, found.problems) == ("user mail", ("mail totals", "queue"), ())
    reach.told = SOURCE | {"freshness": "stale"}
    balanced = "It is off by 1 since 2026-11-2"
    notes = (await Ssh(CONFIG, reach=reach).check()).notes
    assert notes[0] == 'mx1 says that "mx" is stale.' and notes[1].startswith(balanced)
    reach.told = SOURCE | {"error": "the log cannot be read"}
    assert (await Ssh(CONFIG, reach=reach).check()).problems == ("mx1 says: the log cannot be read",)
    reach.answer["queue"] = Ended(255, b"", b"Host key verification failed.\r\n")
    found = await Ssh(CONFIG, reach=reach).check()
    assert (found.rights, found.seconds, len(found.problems)) == ((), None, 1)
