"""What is said of a ledger of many hosts, and of what waits to be sent to one."""

from __future__ import annotations

import pytest

from tests.sources.test_ledger_source import NOW, ledger_status
from tui.engine.clickhouse_spool import Spooled
from tui.model import Freshness, HostStatus
from tui.sources.ledger_words import Standing, collecting, describe


def host(
    name: str,
    freshness: Freshness = Freshness.LIVE,
    age_seconds: float | None = 1.0,
    error: str | None = None,
    counted: bool = True,
) -> HostStatus:
    return HostStatus(
        name=name, sender_id=1, freshness=freshness, age_seconds=age_seconds, error=error, counted=counted
    )


LATE = host("mx7", Freshness.STALE, 190.0, "Its collector does not write.", counted=False)


def told(standing: Standing, now: float = NOW) -> tuple[Freshness, str]:
    described = describe("fleet", "ledger", standing, now, 2.0)
    return described.freshness, " ".join((described.error or "", *described.notes))


def test_all_hosts_live_is_live_and_nobody_is_named() -> None:
    freshness, text = told(Standing(ledger_status(notes={"hosts": "x"}), [host("mx1"), host("mx2")]))
    assert freshness is Freshness.LIVE
    assert "mx" not in text and "process" not in text
    problems, notes = collecting(Standing(ledger_status(), [host("mx1"), host("mx2")]), NOW, 2.0)
    assert problems == []
    assert notes[0] == "2 hosts of it are known; the numbers are less than a minute old."


def test_a_late_host_makes_it_partial_and_is_named_with_its_age() -> None:
    standing = Standing(ledger_status(collector=4711), [*(host(f"mx{number}") for number in range(41)), LATE])
    freshness, text = told(standing)
    assert freshness is Freshness.PARTIAL
    assert "41 of 42 hosts: mx7 has not written for 3 minutes." in text
    assert "4711" not in text, "a process of another host says nothing here"
    assert collecting(standing, NOW, 2.0)[0] == ["41 of 42 hosts: mx7 has not written for 3 minutes."]


def test_of_many_late_hosts_three_are_named() -> None:
    late = [host(f"mx{number}", Freshness.STALE, 4000.0, counted=False) for number in range(9)]
    freshness, text = told(Standing(ledger_status(), [*late, host("mx9")]))
    assert freshness is Freshness.PARTIAL
    assert "1 of 10 hosts: mx0 has not written for 1 hour; mx1" in text
    assert "mx2" in text and "mx3" not in text and "; and 6 more." in text


def test_servers_that_are_away_make_it_partial_whatever_the_known_hosts_say() -> None:
    away = ledger_status(notes={"shards": "ch2 does not answer: what is kept there is missing."})
    for hosts in ([host("mx1")], [host("mx1"), LATE]):
        freshness, text = told(Standing(away, hosts))
        assert freshness is Freshness.PARTIAL
        assert text.count("ch2 does not answer: what is kept there is missing.") == 1
        assert "ch2 does not answer: what is kept there is missing." in collecting(Standing(away, hosts), NOW, 2.0)[0]
    assert told(Standing(away, []))[0] is Freshness.STALE


def test_a_host_in_error_says_why() -> None:
    broken = host("mx3", Freshness.ERROR, 2.0, "exim -bp failed.", counted=False)
    assert "1 of 2 hosts: mx3: exim -bp failed." in told(Standing(ledger_status(), [host("mx1"), broken]))[1]
    described = describe("fleet", "ledger", Standing(ledger_status(), [broken]), NOW, 2.0)
    assert (described.freshness, described.error) == (Freshness.ERROR, "mx3: exim -bp failed.")


def test_a_host_that_stopped_just_now_says_so() -> None:
    stopped = host("mx3", Freshness.STALE, 2.0, "No collector runs there.", counted=False)
    assert "1 of 2 hosts: mx3: No collector runs there." in told(Standing(ledger_status(), [host("mx1"), stopped]))[1]


@pytest.mark.parametrize("hosts", [[], [LATE], [LATE, LATE]])
def test_without_any_host_that_can_be_trusted_it_is_stale(hosts: list[HostStatus]) -> None:
    freshness, text = told(Standing(ledger_status(), hosts))
    assert freshness is Freshness.STALE
    assert ("No host has written it yet." in text) == (not hosts)


def test_what_waits_to_be_sent_is_told_with_its_age_and_the_reason() -> None:
    why = "no ClickHouse server answers (ch1:8123: refused)"
    standing = Standing(
        ledger_status(notes={"cluster": f"since noon nothing is sent, and waits here: {why}"}),
        None,
        Spooled(12, 3_400_000, int(NOW) - 250),
    )
    sentence = f"12 batches (3.4 MB, the oldest 4 minutes old) wait to be sent to ClickHouse: {why}"
    freshness, text = told(standing)
    assert (freshness, text.count(why)) == (Freshness.LIVE, 1), "what this host knows is as good as ever"
    assert sentence in text
    assert collecting(standing, NOW, 2.0)[0] == [sentence]
    one = Standing(ledger_status(), None, Spooled(1, 400, int(NOW) - 60))
    assert "1 batch (0.4 kB, the oldest 1 minute old) waits to be sent to ClickHouse." in told(one)[1]


@pytest.mark.parametrize("unsent", [None, Spooled(0, 0, None), Spooled(2, 900, int(NOW) - 3)])
def test_what_is_on_its_way_is_no_news(unsent: Spooled | None) -> None:
    assert "sent" not in told(Standing(ledger_status(), None, unsent))[1]


def test_what_was_left_by_a_collector_that_ended_is_worth_knowing_and_no_problem() -> None:
    standing = Standing(ledger_status(collector=None), None, Spooled(1, 400, int(NOW) - 60))
    problems, notes = collecting(standing, NOW, 2.0)
    [told] = [note for note in notes if "to be sent" in note]
    assert problems == []
    assert told.endswith(" waits to be sent to ClickHouse; the next collector sends it.")
