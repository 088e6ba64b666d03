"""What `show` asks of sources and makes of their answers, with sources that answer by script."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.cli.scripted import Platform, ScriptedSource, WithoutDigits, WithoutNumbers, asked, counts, queue
from tui.cli import asking
from tui.cli.asking import Asked
from tui.config import ConfigError, CpanelSource, LocalSource, SenderQueueSource, SourceConfig
from tui.hub import formats
from tui.hub.formats import Report
from tui.model import (
    Freshness,
    QueueQuery,
    QueueTable,
)


async def test_each_grouping_adds_up_to_the_same_and_the_largest_row_comes_first() -> None:
    assert await counts(queue("total")) == {"//": 16}
    assert list((await counts(queue("account"))).items()) == [("bob//", 11), ("eve//", 4), ("2//", 1)]
    assert sum((await counts(queue("account_campaign"))).values()) == 16
    assert await counts(queue("isp")) == {"//Gmail": 13, "//Yahoo": 2, "//corp.test": 1}


async def test_filters_go_by_exact_name() -> None:
    assert await counts(queue("isp", account="bob")) == {"//Gmail": 9, "//Yahoo": 2}
    assert await counts(queue("isp", account="bob", campaign="spring")) == {"//Gmail": 6, "//Yahoo": 2}
    assert await counts(queue("account", isp="Gmail")) == {"bob//": 9, "eve//": 4}
    assert await counts(queue("account_campaign", campaign="")) == {"bob//": 3}, "mail without a campaign"


async def test_a_campaign_name_that_several_accounts_use_is_all_of_them() -> None:
    assert await counts(queue("total", campaign="spring")) == {"//": 12}
    assert await counts(queue("isp", campaign="spring")) == {"//Gmail": 10, "//Yahoo": 2}
    assert await counts(queue("account", campaign="spring")) == {"bob//": 8, "eve//": 4}


async def test_an_id_is_taken_where_no_name_is_the_same() -> None:
    assert await counts(queue("account", account="1")) == {"bob//": 11}
    assert await counts(queue("account", account="2")) == {"2//": 1}, "the name is older than the id"
    assert await counts(queue("account_campaign", campaign="3")) == {"eve/spring/": 4}


@pytest.mark.parametrize(("filters", "what"), [({"account": "1"}, "account"), ({"campaign": "3"}, "campaign")])
async def test_an_id_is_refused_where_several_sources_are_asked(filters: dict[str, str], what: str) -> None:
    sources = ScriptedSource("web"), ScriptedSource("news")
    with pytest.raises(ConfigError, match=f"ids differ between sources: name the {what}, or add --source$"):
        await asked(queue("account", **filters), *sources)
    assert all(source.closed for source in sources)


async def test_a_name_of_digits_is_found_in_several_sources() -> None:
    report, notes = await asked(queue("account", account="2"), ScriptedSource("web"), ScriptedSource("news"))
    assert [(row["source"], row["account"], row["total"]) for row in report.rows] == [("news", "2", 1), ("web", "2", 1)]
    assert notes == []


async def test_a_name_of_digits_in_one_source_is_no_id_in_another() -> None:
    report, notes = await asked(queue("account", account="2"), ScriptedSource("web"), WithoutDigits("news"))
    assert [(row["source"], row["account"], row["total"]) for row in report.rows] == [("web", "2", 1)]
    assert len(notes) == 1


async def test_a_name_that_no_waiting_mail_has_gives_no_rows_and_a_note() -> None:
    for question, note in [
        (queue("total", account="Bob"), 'the account "Bob"; there is "bob"'),
        (queue("total", isp="gmail"), 'the isp "gmail"; there is "Gmail"'),
        (queue("isp", account="eve", campaign="zzz"), 'the campaign "zzz"'),
    ]:
        report, notes = await asked(question)
        assert report.rows == []
        assert report.complete
        assert notes == [f'in the source "web" no mail waits that has {note}']


async def test_names_that_exist_but_never_together_are_zero() -> None:
    report, notes = await asked(queue("total", account="eve", isp="Yahoo"))
    assert ([row["total"] for row in report.rows], notes) == ([0], [])
    assert (await asked(queue("isp", account="eve", isp="Yahoo")))[0].rows == []


async def test_files_are_told_only_for_the_whole_queue() -> None:
    assert (await asked(queue("isp")))[0].sources[0].queue_files == 6
    assert (await asked(queue("isp", account="bob")))[0].sources[0].queue_files is None


async def test_totals_come_by_messages_sent_with_the_unknown_last() -> None:
    report, _ = await asked(Asked(what="totals"))
    assert [row["account"] for row in report.rows] == ["eve", "bob", "x"]
    assert report.query == {"show": "totals", "filter": None, "source": None, "together": False}


async def test_the_query_is_told_as_it_was_asked() -> None:
    report, _ = await asked(queue("isp", account="1"))
    expected = {"show": "queue", "group": "isp", "sender": None, "account": "1", "campaign": None, "isp": None}
    assert report.query == expected | {"filter": None, "problems": False, "source": None, "together": False}
    assert report.time == "2026-11-21T09:00:00Z"


async def test_a_source_that_cannot_be_read_leaves_the_rows_of_the_others() -> None:
    broken = ScriptedSource("mx2", error="the ledger is gone")
    report, notes = await asked(queue("account"), ScriptedSource("mx1"), broken)
    assert {row["source"] for row in report.rows} == {"mx1"}
    assert not report.complete
    assert [source.error for source in report.sources] == [None, "the ledger is gone"]
    assert notes == ['the source "mx2" could not be read: the ledger is gone']
    assert report.texts == ("source", "account")
    assert broken.closed


async def test_a_source_that_hangs_is_told_and_leaves_the_rows_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(ScriptedSource):
        async def queue(self, query: QueueQuery) -> QueueTable | None:
            await asyncio.Event().wait()
            raise AssertionError

        async def close(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(asking, "CLOSE_SECONDS", 0.1)
    report, notes = await asked(queue("account"), ScriptedSource("mx1"), Hanging("mx2"))
    assert {row["source"] for row in report.rows} == {"mx1"}
    assert notes == ['the source "mx2" could not be read: it has not answered for 0.1 seconds']


async def test_numbers_that_are_not_complete_are_printed_and_count_as_a_failure() -> None:
    partial = ScriptedSource(freshness=Freshness.PARTIAL, note="cannot read the log")
    report, notes = await asked(queue("total"), partial)
    assert [row["total"] for row in report.rows] == [16]
    assert not report.complete
    assert report.sources[0].error == "cannot read the log"
    assert notes == ['the source "web" could not be read in full: cannot read the log']


async def test_old_numbers_are_printed_with_a_word_about_their_age() -> None:
    stale = ScriptedSource(freshness=Freshness.STALE, note="No collector runs; the numbers are 3 hours old.")
    report, notes = await asked(queue("total"), stale)
    assert report.complete
    assert report.sources[0].age_seconds == 1.3
    assert notes == ['the source "web" is stale: No collector runs; the numbers are 3 hours old.']


async def test_numbers_that_could_not_be_brought_up_to_date_count_as_a_failure() -> None:
    report, _ = await asked(queue("total"), troubles={"web": "cannot write the ledger"})
    assert [row["total"] for row in report.rows] == [16]
    assert (report.complete, report.sources[0].error) == (False, "cannot write the ledger")


async def test_rows_of_several_senders_stay_apart_and_are_counted_once() -> None:
    report, notes = await asked(queue("account_campaign", account="1", campaign="1"), Platform("q"))
    assert notes == []
    assert report.texts == ("sender_id", "account", "campaign")
    rows = [(row["sender_id"], row["account"], row["account_id"], row["campaign"], row["total"]) for row in report.rows]
    assert rows == [(7, None, 1, None, 8), (119, None, 1, None, 8)]
    report, _ = await asked(queue("total"), Platform("q"))
    assert [(row["source"], row["sender_id"], row["total"]) for row in report.rows] == [("q", 7, 16), ("q", 119, 16)]


async def test_senders_that_have_a_name_are_named() -> None:
    platform = Platform("q")
    platform.names = {119: "bulk"}
    report, _ = await asked(queue("total"), platform)
    assert report.texts == ("source", "sender_id", "sender")
    assert [(row["sender_id"], row["sender"]) for row in report.rows] == [(7, None), (119, "bulk")]


async def test_quotas_that_are_reached_are_told() -> None:
    source = ScriptedSource("cp")
    report, _ = await asked(Asked(what="totals"), source)
    assert report.texts == ("account",)
    source.quotas = ("emails 150/150", "deferred and failed 5/5 (100%)")
    report, _ = await asked(Asked(what="totals"), source)
    assert report.texts == ("account", "quotas")
    assert {row["quotas"] for row in report.rows} == {"", "emails 150/150, deferred and failed 5/5 (100%)"}


async def test_one_sender_of_several_is_asked_by_its_number() -> None:
    report, _ = await asked(msgspec.structs.replace(queue("account"), sender=7), Platform("q"))
    assert {row["sender_id"] for row in report.rows} == {7}
    assert report.texts == ("account",)


async def test_empty_word_is_no_name_of_an_account_that_has_none() -> None:
    report, notes = await asked(queue("total", account=""), Platform("q"))
    assert report.rows == []
    assert notes == ['in the source "q" no mail waits that has the account ""']


async def test_what_has_an_id_alone_is_called_as_on_a_screen_of_several_sources() -> None:
    question = queue("account_campaign", account="account 1 (q1)", campaign="campaign 1 (q1)")
    report, notes = await asked(question, Platform("q1"), Platform("q2"))
    assert [(row["source"], row["account_id"], row["campaign_id"]) for row in report.rows] == [("q1", 1, 1)] * 2
    assert notes == ['in the source "q2" no mail waits that has the account "account 1 (q1)"']


async def test_sender_that_only_its_server_knows_not_to_be_there_is_a_usage_error() -> None:
    question = msgspec.structs.replace(queue("account"), sender=9)
    with pytest.raises(ConfigError, match=r'^--sender: "q" has no sender 9; it has 119, 7\.$'):
        await asked(question, Platform("q"))
    report, notes = await asked(question, ScriptedSource("mx9"), Platform("q"))
    assert {row["source"] for row in report.rows} == {"mx9"}
    assert (report.complete, notes, [source.name for source in report.sources]) == (True, [], ["mx9"])


async def test_sender_is_not_said_to_be_missing_while_the_server_does_not_answer() -> None:
    broken = Platform("q", freshness=Freshness.ERROR)
    report, notes = await asked(msgspec.structs.replace(queue("account"), sender=9), broken)
    assert not report.complete
    assert len(notes) == 1


async def test_what_one_source_does_not_know_is_not_said_where_another_knows_it() -> None:
    report, notes = await asked(Asked(what="totals"), ScriptedSource("mx1"), WithoutNumbers("q"))
    assert (report.complete, notes) == (True, [])
    assert len(report.rows) == 3


QUEUES = SenderQueueSource(url="https://q.example", senders=(119, 7))
ALL_QUEUES = SenderQueueSource(name="all", url="https://q.example")
WHM = CpanelSource(url="https://w.example", user="root")
LOCAL = LocalSource(sender_id=7)
BALANCE = Asked(what="balance")


@pytest.mark.parametrize(
    ("what", "sender", "expected"),
    [
        ("totals", None, [LOCAL, WHM]),
        ("queue", None, [LOCAL, QUEUES, ALL_QUEUES]),
        ("queue", 7, [LOCAL, QUEUES, ALL_QUEUES]),
        ("queue", 119, [QUEUES, ALL_QUEUES]),
        ("queue", 5, [ALL_QUEUES]),
        ("balance", None, [LOCAL]),
    ],
)
def test_only_sources_that_may_know_are_asked(what: str, sender: int | None, expected: list[SourceConfig]) -> None:
    assert asking.wanted_of(Asked(what=what, sender=sender), [LOCAL, WHM, QUEUES, ALL_QUEUES]) == expected


def test_question_that_no_source_can_answer_is_a_usage_error() -> None:
    with pytest.raises(ConfigError, match=r"knows mail totals; .* mailtop show queue$"):
        asking.wanted_of(Asked(what="totals"), [QUEUES])
    with pytest.raises(ConfigError, match=r"knows a queue; .* mailtop show totals$"):
        asking.wanted_of(Asked(what="queue"), [WHM])
    with pytest.raises(ConfigError, match=r"knows whether all mail is accounted for; .* mailtop show queue$"):
        asking.wanted_of(Asked(what="balance"), [WHM, QUEUES])
    with pytest.raises(ConfigError, match=r"no source has the number 5; there are 7, 119$"):
        asking.wanted_of(Asked(what="queue", sender=5), [LOCAL, WHM, QUEUES])


async def test_what_a_source_does_not_offer_is_said_and_is_never_zero() -> None:
    for question, note in [
        (queue("total"), "no queue"),
        (Asked(what="totals"), "no mail totals"),
        (BALANCE, "no balance"),
    ]:
        report, notes = await asked(question, WithoutNumbers())
        assert (report.rows, notes) == ([], [f'the source "web" knows {note}'])


def rows(report: Report) -> list[tuple[object, ...]]:
    return [(row["source"], row["account"], row["difference"], row["since"]) for row in report.rows]


async def test_the_balance_of_hosts_each_with_the_accounts_that_are_off() -> None:
    report, notes = await asked(BALANCE, ScriptedSource("web"), ScriptedSource("news"))
    assert rows(report) == [
        ("web", "", 0, None),
        ("web", "eve", 3, "2025-11-21T01:54:00Z"),
        ("news", "", 0, None),
        ("news", "eve", 3, "2025-11-21T01:54:00Z"),
    ]
    assert (report.complete, notes) == (True, []), "to be off is a finding, and no failure"
    assert report.query == {"show": "balance", "account": None, "all": False, "source": None}
    assert list(formats.as_table(report))[-1].startswith("news    eve "), "there is nothing to add up"


async def test_the_balance_of_every_account_or_of_one() -> None:
    report, _ = await asked(Asked(what="balance", all=True))
    assert [row["account"] for row in report.rows] == ["", "eve", "bob"], "the worst first"
    for word in ("bob", "1"):
        report, notes = await asked(Asked(what="balance", account=word))
        assert ([row["account"] for row in report.rows], notes) == (["bob"], [])
    report, notes = await asked(Asked(what="balance", account="Bob"))
    assert (report.rows, notes) == ([], ['the source "web" knows no account "Bob"; there is "bob"'])
    with pytest.raises(ConfigError, match="ids differ between sources"):
        await asked(Asked(what="balance", account="1"), ScriptedSource("web"), ScriptedSource("news"))


async def test_a_host_whose_balance_cannot_be_read_leaves_the_others() -> None:
    report, notes = await asked(BALANCE, ScriptedSource("web"), ScriptedSource("news", error="it is gone"))
    assert {row["source"] for row in report.rows} == {"web"} and not report.complete
    assert notes == ['the source "news" could not be read: it is gone']
