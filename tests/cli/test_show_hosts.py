"""`show` over many hosts: a row a host, rows added up by name, and how many hosts the sums hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.cli.scripted import Platform, ScriptedSource, WithoutNumbers, asked, queue
from tui.cli import picking
from tui.cli.arguments import Exit
from tui.cli.asking import Asked
from tui.cli.hosts import Facts
from tui.cli.main import main
from tui.config import ConfigError
from tui.hub import formats
from tui.hub.formats import Partial, Report
from tui.model import Freshness, Grouping, HostStatus, MailTotals, QueueQuery, QueueTable, SourceStatus

HOSTS = queue("host")
LIVE = Freshness.LIVE


def together(grouping: str, **words: Any) -> Asked:
    return replace(queue(grouping), together=True, **words)


def table(report: Report) -> list[list[str]]:
    return [line.split() for line in "".join(formats.as_table(report)).splitlines()]


def cells(report: Report, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in report.rows]


def told(report: Report) -> Any:
    return json.loads("".join(formats.as_json(report)))


class Ledger(ScriptedSource):
    """A ledger of several hosts, which tells of each; `bad` ones are stale, and in no sum."""

    type = "ledger"

    def __init__(self, name: str = "fleet", hosts: Sequence[str] = ("mx1", "mx2", "mx3"), bad: str = "mx3") -> None:
        super().__init__(name)
        self.the_hosts = hosts
        self.bad = bad

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        if query.grouping is not Grouping.HOST:
            return await super().queue(query)
        count = len(self.the_hosts)
        nothing, empty = [0] * count, [""] * count
        return QueueTable(
            query=query,
            sender_id=list(range(1, count + 1)),
            sender=list(self.the_hosts),
            account_id=nothing,
            account=empty,
            campaign_id=nothing,
            campaign=empty,
            isp=empty,
            new=list(range(1, count + 1)),
            proc=nothing,
            retry=nothing,
            hold=nothing,
        )

    async def hosts(self) -> list[HostStatus] | None:
        return [
            HostStatus(
                name=name,
                sender_id=number,
                freshness=LIVE if name not in self.bad else Freshness.STALE,
                age_seconds=1.0 if name not in self.bad else 600.0,
                success_count=6,
                fail_count=0,
                defer_count=2,
                worst_isp="Gmail",
                worst_waiting=7,
                counted=name not in self.bad,
            )
            for number, name in enumerate(self.the_hosts, 1)
        ]


class Counting(ScriptedSource):
    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        return [MailTotals(account=name, success_count=3, fail_count=0, defer_count=1) for name in ("a", "b")]


async def test_a_row_a_host_says_how_it_is() -> None:
    report, notes = await asked(HOSTS, Counting("mx1"), ScriptedSource("mx2"))
    assert (notes, report.partial, report.complete) == ([], Partial(2, 2), True)
    assert cells(report, "host", "total", "defer_share", "worst_isp", "freshness", "age_seconds", "counted") == [
        ("mx1", 16, 0.25, "Gmail", "live", 1.3, True),
        ("mx2", 16, None, "Gmail", "live", 1.3, True),
    ]
    assert table(report) == [
        ["host", "new", "proc", "retry", "hold", "total", "deferred", "worst_isp", "freshness", "age"],
        ["mx1", "8", "1", "3", "4", "16", "25.0%", "Gmail", "live", "1", "s"],
        ["mx2", "8", "1", "3", "4", "16", "-", "Gmail", "live", "1", "s"],
        ["total", "16", "2", "6", "8", "32"],
    ]
    assert told(report)["partial"] == {"counted": 2, "hosts": 2}
    assert tuple(told(report)["rows"][0]) == formats.HOST_KEYS[1:9] + formats.HOST_KEYS[9:14] + (
        *("host", "freshness", "age_seconds", "defer_share", "worst_isp", "counted"),
    )
    assert "".join(formats.as_csv(report)).splitlines()[1].endswith(",0.25,Gmail,live,1.3,true")


async def test_a_host_that_cannot_be_read_makes_the_sums_partial() -> None:
    report, notes = await asked(HOSTS, ScriptedSource("mx1"), ScriptedSource("mx2", error="It is locked."))
    assert (report.partial, report.complete, len(notes)) == (Partial(1, 2), False, 1)
    assert [line[0] for line in table(report)] == ["host", "mx1", "total"]
    assert table(report)[2][1:3] == ["(partial", "1/2)"], "one row is not taken for all"


async def test_old_numbers_are_in_no_sum_while_others_are_there() -> None:
    stale = ScriptedSource("mx2", freshness=Freshness.STALE, note="No collector runs.")
    report, _ = await asked(HOSTS, ScriptedSource("mx1"), stale)
    assert cells(report, "host", "total", "counted") == [("mx1", 16, True), ("mx2", 16, False)]
    assert table(report)[3] == ["total", "(partial", "1/2)", "8", "1", "3", "4", "16"]
    assert report.complete, "it could be read"
    report, _ = await asked(together("total"), ScriptedSource("mx1"), stale)
    assert (cells(report, "total"), report.partial) == ([(16,)], Partial(1, 2))
    report, _ = await asked(together("total"), stale)
    assert (cells(report, "total"), report.partial) == ([(16,)], Partial(1, 1)), "there are no others"


async def test_hosts_of_one_source_are_those_that_it_tells() -> None:
    report, _ = await asked(HOSTS, Ledger(), ScriptedSource("web"))
    assert cells(report, "host", "source", "total", "defer_share", "age_seconds", "counted") == [
        ("web", "web", 16, None, 1.3, True),
        ("mx3", "fleet", 3, 0.25, 600.0, False),
        ("mx2", "fleet", 2, 0.25, 1.0, True),
        ("mx1", "fleet", 1, 0.25, 1.0, True),
    ]
    assert table(report)[-1] == ["total", "(partial", "3/4)", "11", "1", "3", "4", "19"]
    report, _ = await asked(together("account"), Ledger(), ScriptedSource("web"))
    assert report.partial == Partial(3, 4)


async def test_hosts_are_a_platforms_senders() -> None:
    platform = Platform("q")
    platform.names = {119: "bulk"}
    report, _ = await asked(HOSTS, platform, ScriptedSource("web"), WithoutNumbers("cp"))
    assert cells(report, "host", "worst_isp") == [("7", "Gmail"), ("bulk", "Gmail"), ("web", "Gmail")]
    assert report.partial == Partial(3, 3), "what has no queue is no host"


async def test_hosts_are_sorted_and_filtered_as_rows_are() -> None:
    report, _ = await asked(replace(HOSTS, sort="total", reverse=True), Ledger(), ScriptedSource("web"))
    assert cells(report, "host") == [("mx1",), ("mx2",), ("mx3",), ("web",)]
    sources = Ledger(), Counting("web")
    report, _ = await asked(replace(HOSTS, sort="freshness"), *sources)
    assert cells(report, "host")[0] == ("mx3",), "the worst first"
    report, _ = await asked(replace(HOSTS, sort="deferral"), *sources, ScriptedSource("x"))
    assert cells(report, "host")[-1] == ("x",), "it is not known"
    report, _ = await asked(replace(HOSTS, filter="source:web"), Ledger(), ScriptedSource("web"))
    assert cells(report, "host") == [("web",)]


async def test_together_names_are_one_row_without_source_sender_and_ids() -> None:
    report, notes = await asked(together("account_campaign"), ScriptedSource("mx1"), ScriptedSource("mx2"))
    assert (notes, report.partial) == ([], Partial(2, 2))
    assert report.texts == ("account", "campaign")
    assert cells(report, "source", "sender_id", "sender", "account_id", "campaign_id", "account", "total") == [
        (None, None, None, None, None, "bob", 16),
        (None, None, None, None, None, "eve", 8),
        (None, None, None, None, None, "bob", 6),
        (None, None, None, None, None, "2", 2),
    ]
    report, _ = await asked(together("account", sort="retry"), ScriptedSource("mx1"), ScriptedSource("mx2"))
    assert cells(report, "account", "retry") == [("bob", 6), ("eve", 0), ("2", 0)]
    report, _ = await asked(together("account", filter="hold>4"), ScriptedSource("mx1"), ScriptedSource("mx2"))
    assert cells(report, "account") == [("eve",)]
    report, _ = await asked(together("account"), ScriptedSource("mx1"), ScriptedSource("mx2", error="It is locked."))
    assert table(report)[-1][:3] == ["total", "(partial", "1/2)"]


async def test_together_senders_of_one_source_keep_their_ids() -> None:
    report, _ = await asked(together("account_campaign"), Platform("q"))
    assert cells(report, "source", "sender_id", "account_id", "campaign_id", "total")[0] == (None, None, 1, 1, 16)
    assert report.texts == ("account", "campaign")


async def test_together_what_has_only_an_id_stays_with_its_source() -> None:
    report, _ = await asked(together("account", sort="total"), Platform("q1"), Platform("q2"), ScriptedSource("web"))
    assert cells(report, "source", "account", "account_id", "total") == [
        ("q1", None, 1, 22),
        ("q2", None, 1, 22),
        (None, "bob", None, 11),
        ("q1", None, 2, 8),
        ("q2", None, 2, 8),
        (None, "eve", None, 4),
        ("q1", None, 3, 2),
        ("q2", None, 3, 2),
        (None, "2", None, 1),
    ]
    assert report.texts[0] == "source"
    assert table(report)[3] == ["-", "bob", "7", "1", "3", "0", "11"]


async def test_apart_nothing_is_said_of_hosts() -> None:
    report, _ = await asked(queue("account"), ScriptedSource("mx1"), ScriptedSource("mx2", error="It is locked."))
    assert "partial" not in told(report)
    assert table(report)[-1][:2] == ["total", "(incomplete)"]


TOTALS = Asked(what="totals")


async def test_accounts_together_are_one_row_a_name() -> None:
    one, two = ScriptedSource("mx1"), ScriptedSource("mx2")
    two.quotas = ("emails 150/150",)
    report, _ = await asked(replace(TOTALS, together=True), one, two)
    assert cells(report, "source", "account", "send_count", "quotas") == [
        (None, "eve", 18, "emails 150/150"),
        (None, "bob", 2, ""),
        (None, "x", None, ""),
    ]
    assert report.texts == ("account", "quotas")
    stale = ScriptedSource("mx3", freshness=Freshness.STALE)
    report, _ = await asked(replace(TOTALS, together=True), one, stale, ScriptedSource("mx4", error="It is locked."))
    assert cells(report, "send_count")[0] == (18,), "what was sent is sent"
    assert report.partial == Partial(2, 3)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"filter": "sent>0"}, ["eve", "bob"]),
        ({"filter": "sent>0", "reverse": True}, ["bob", "eve"]),
        ({"sort": "account"}, ["bob", "eve", "x"]),
        ({"sort": "account", "reverse": True}, ["x", "eve", "bob"]),
        ({"sort": "sent", "reverse": True}, ["bob", "eve", "x"]),
        ({"sort": "attention"}, ["eve", "bob", "x"]),
        ({"filter": "account:b", "sort": "sent"}, ["bob"]),
    ],
)
async def test_accounts_are_filtered_and_sorted_as_on_the_screen(words: dict[str, Any], expected: list[str]) -> None:
    for each in (False, True):
        report, _ = await asked(replace(TOTALS, together=each, **words))
        assert [row["account"] for row in report.rows] == expected


def test_a_column_of_hosts_is_for_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "queue", "--sort", "deferral"]) == Exit.USAGE
    assert "--sort deferral is for hosts: add --group host" in capsys.readouterr().err


def test_filters_of_accounts_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="rate is not known from one look"):
        picking.check_filter("rate>5", of_queue=False)
    assert main(["show", "totals", "--filter", "retry>5"]) == Exit.USAGE
    assert 'there is no column "retry"' in capsys.readouterr().err


def test_a_source_can_be_asked_alone(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[source]]\ntype = "demo"\nname = "one"\n')
    assert main(["--config", str(config), "show", "queue", "--source", "two"]) == Exit.USAGE
    assert '--source: no source is called "two"; there is one' in capsys.readouterr().err


def test_status_of_a_host_without_an_age_is_unknown() -> None:
    status = SourceStatus(name="mx", type="local", freshness=LIVE)
    row: formats.Row = {"source": "mx", "sender_id": 1, "sender": None}
    assert Facts().beside(row, status) == {
        "host": "mx",
        "freshness": "live",
        "age_seconds": None,
        "defer_share": None,
        "worst_isp": "",
        "counted": True,
    }
