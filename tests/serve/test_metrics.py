"""The ledger's numbers as Prometheus reads them."""

from __future__ import annotations

import re

from tests.balances import OFF_SINCE, balance
from tui.engine.clickhouse_spool import Spooled
from tui.model import Freshness, Grouping, HostStatus, MailTotals, QueueQuery, QueueTable, SourceStatus
from tui.serve.metrics import MAX_ISPS, OTHER_ISPS, metrics

LIVE = SourceStatus(name="mx", type="local", freshness=Freshness.LIVE, age_seconds=1.25)
# https://prometheus.io/docs/instrumenting/exposition_formats/: name, labels with escaped values, number.
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)*)\})? (-?[0-9.]+)')


def samples(body: list[bytes]) -> dict[str, float]:
    """Every sample by its name and labels; each family is declared once, before its samples."""
    found: dict[str, float] = {}
    declared: list[str] = []
    for line in b"".join(body).decode().splitlines():
        if line.startswith("# TYPE "):
            declared.append(line.split()[2])
        elif not line.startswith("# HELP "):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample[1] == declared[-1]
            assert sample[1].endswith("_total") == (f"{sample[1]} counter" in b"".join(body).decode())
            found[line.rsplit(" ", 1)[0]] = float(sample[3])
    assert len(declared) == len(set(declared))
    return found


def isps(count: int) -> QueueTable:
    ids, empty = [0] * count, [""] * count
    return QueueTable(
        query=QueueQuery(Grouping.ISP),
        sender_id=ids,
        account_id=ids,
        account=empty,
        campaign_id=ids,
        campaign=empty,
        isp=[f"isp{number}" for number in range(count)],
        new=[1] * count,
        proc=ids,
        retry=[2] * count,
        hold=ids,
        files=7,
    )


def test_hosts_of_a_ledger_and_what_waits_to_be_sent() -> None:
    hosts = [
        HostStatus(name="mx1", sender_id=5, freshness=Freshness.LIVE, age_seconds=1.5),
        HostStatus(name="mx2", sender_id=6, freshness=Freshness.STALE, counted=False),
    ]
    found = samples(metrics(LIVE, None, None, None, hosts, Spooled(12, 3_400, 1_700_000_000)))
    assert (found['mailtop_host_counted{host="mx1"}'], found['mailtop_host_counted{host="mx2"}']) == (1, 0)
    assert [name for name in found if "host_age" in name] == ['mailtop_host_age_seconds{host="mx1"}']
    assert (found["mailtop_unsent_batches"], found["mailtop_unsent_bytes"]) == (12, 3_400)
    assert found["mailtop_unsent_oldest_timestamp_seconds"] == 1_700_000_000
    nothing = samples(metrics(LIVE, None, None, unsent=Spooled(0, 0, None)))
    assert nothing["mailtop_unsent_batches"] == 0
    assert "mailtop_unsent_oldest_timestamp_seconds" not in nothing
    assert not any("unsent" in name or "host" in name for name in samples(metrics(LIVE, None, None)))


def test_whether_all_mail_is_accounted_for() -> None:
    off = [balance(accepted=12), balance("bob", 1, lost=2), balance("eve", 2, lost=-2), balance("al", 3, accepted=4)]
    body = metrics(LIVE, None, None, balances=off)
    assert b" counter\n" not in b"".join(body), "they may fall, which Prometheus would take for a new beginning"
    found = samples(body)
    assert found["mailtop_unbalanced_recipients"] == 4, "too much in one does not make up for what lacks in another"
    assert found["mailtop_unbalanced_since_timestamp_seconds"] == OFF_SINCE
    assert found['mailtop_account_unbalanced_recipients{account="eve"}'] == -2
    assert found['mailtop_accepted_recipients{account="al"}'] == 4
    assert found['mailtop_removed_recipients{account="al"}'] == 0
    well = samples(metrics(LIVE, None, None, balances=[balance()]))
    assert {name: count for name, count in well.items() if "balanced" in name} == {"mailtop_unbalanced_recipients": 0}
    some = samples(metrics(LIVE, None, None, balances=off[1:2]))
    assert "mailtop_unbalanced_recipients" not in some, "who may see one account learns nothing of the whole"
    assert some['mailtop_account_unbalanced_recipients{account="bob"}'] == 2
    assert not any("balanced" in name or "accepted" in name for name in samples(metrics(LIVE, None, None)))


def test_totals_queue_freshness_and_files() -> None:
    alice = MailTotals(account="alice", send_count=3, success_count=2, defer_count=0, fail_count=1, total_size=9)
    found = samples(metrics(LIVE, {"alice": alice}, isps(2)))
    assert found['mailtop_sent_messages_total{account="alice"}'] == 3
    assert found['mailtop_deferrals_total{account="alice"}'] == 0
    assert found['mailtop_queue_recipients{isp="isp1",state="retry"}'] == 2
    assert found['mailtop_freshness{state="live"}'] == 1
    assert found['mailtop_freshness{state="stale"}'] == 0
    assert (found["mailtop_up"], found["mailtop_age_seconds"], found["mailtop_queue_files"]) == (1, 1.25, 7)
    assert not any("account_waiting" in name or "campaign" in name for name in found)


def test_what_is_unknown_has_no_line() -> None:
    lost = SourceStatus(name="mx", type="local", freshness=Freshness.ERROR, error="gone")
    found = samples(metrics(lost, None, None))
    assert found["mailtop_up"] == 0
    assert {name.partition("{")[0] for name in found} == {"mailtop_up", "mailtop_freshness"}


def test_names_cannot_break_out_of_their_label() -> None:
    name = 'a"} 1\nmailtop_up 7\\'
    found = samples(metrics(LIVE, {name: MailTotals(account=name, send_count=1)}, None))
    assert found["mailtop_up"] == 1
    assert r'mailtop_sent_messages_total{account="a\"} 1\nmailtop_up 7\\"}' in found


def test_domains_that_senders_choose_do_not_become_series_without_end() -> None:
    found = samples(metrics(LIVE, None, isps(MAX_ISPS + 1000)))
    assert sum("queue_recipients" in name for name in found) == 4 * (MAX_ISPS + 1)
    assert found[f'mailtop_queue_recipients{{isp="{OTHER_ISPS}",state="retry"}}'] == 2000
    assert sum(count for name, count in found.items() if 'state="new"' in name) == MAX_ISPS + 1000


def test_campaigns_when_asked_for() -> None:
    campaigns = isps(1)
    campaigns.account, campaigns.campaign, campaigns.campaign_id = ["alice"], ["spring"], [4]
    found = samples(metrics(LIVE, None, None, campaigns))
    labels = 'account="alice",campaign="spring",campaign_id="4",state="new"'
    assert found[f"mailtop_campaign_recipients{{{labels}}}"] == 1
