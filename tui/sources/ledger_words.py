"""How a ledger stands, in words: freshness, what is wrong, what is worth knowing. Pure; the ledger's source enters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.engine.ledger import LedgerStatus
from tui.model import Freshness, HostStatus, SourceStatus

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled

LIVE_SECONDS = 5.0
LIVE_INTERVALS = 3
"""Numbers are live while the collector wrote within five seconds, or three polls where these take longer."""

BEHIND_SECONDS = 30.0
"""What has waited for so long to be sent is late: it is sent every two seconds."""

MOST_HOSTS = 3
"""So many hosts a sentence tells of; the others are counted."""

_WAITS_HERE = "waits here: "
"""Before this the collector's note says since when nothing is sent, after it why."""

_TOLD_BY_HOST = {"queue", "log", "hosts", "cluster", "shards"}
"""The notes of a ledger of many hosts that are told host by host, or before them."""


class Standing(NamedTuple):
    """How a ledger stands; how each host is where it is one of many (else ``None``), and what waits to be sent where
    this host's part of such a one is meant (else ``None``)."""

    ledger: LedgerStatus
    hosts: list[HostStatus] | None = None
    unsent: Spooled | None = None


def describe(name: str, type: str, standing: Standing, now: float, interval_seconds: float) -> SourceStatus:
    """How a ledger that stands so at ``now`` (seconds since 1970) is shown. Of one host: an error when its queue could
    not be listed, stale when nobody writes it, partial while some of the log is missing. Of many: partial while any
    is not live, and as the best of them when none is."""
    ledger = standing.ledger
    age_seconds = _age_seconds(ledger, now)
    told = _of_one(ledger, age_seconds, interval_seconds) if standing.hosts is None else _of_all(standing.hosts, ledger)
    freshness, error, notes = told
    left_out = {"queue", "cluster"} if standing.hosts is None else _TOLD_BY_HOST
    notes += [text for key, text in sorted(ledger.notes.items()) if key not in left_out]
    behind = _behind(standing, now)
    notes += [behind] if behind is not None else []
    notes += _unexplained(ledger)
    return SourceStatus(
        name=name, type=type, freshness=freshness, age_seconds=age_seconds, error=error, notes=tuple(notes)
    )


def collecting(standing: Standing, now: float, interval_seconds: float) -> tuple[list[str], list[str]]:
    """What is wrong with the collecting, and what is worth knowing of it. What a collector that has ended could not
    read says nothing of now."""
    ledger, hosts = standing.ledger, standing.hosts
    age_seconds = _age_seconds(ledger, now)
    if hosts is not None:
        _, error, notes = _of_all(hosts, ledger)
        known = f"{_counted(len(hosts), 'host')} of it {'is' if len(hosts) == 1 else 'are'} known; {_age(age_seconds)}."
        return [*([error] if error is not None else []), *notes], [known, *_unexplained(ledger)]
    behind = _behind(standing, now)
    behinds = [] if behind is None else [behind]
    if ledger.collector is None:
        return [], [f"No collector runs; {_age(age_seconds)}.", *behinds, *_unexplained(ledger)]
    problems = [text for key, text in sorted(ledger.notes.items()) if key != "cluster"] + behinds
    if _is_late(age_seconds, interval_seconds) and not ledger.gauges.get("backfill"):
        problems.append(_has_not_written(ledger, age_seconds))
    return problems, [f"Process {ledger.collector} collects; {_age(age_seconds)}.", *_unexplained(ledger)]


_Told = tuple[Freshness, str | None, list[str]]
"""How far numbers can be trusted, an error, and notes."""


def _of_one(ledger: LedgerStatus, age_seconds: float | None, interval_seconds: float) -> _Told:
    error = ledger.notes.get("queue")
    if error is not None:
        return Freshness.ERROR, error, []
    if ledger.collector is None:
        return Freshness.STALE, None, [f"No collector runs; {_age(age_seconds)}."]
    if ledger.gauges.get("backfill"):
        note = "The log is still being read from its beginning; the numbers grow until it is done."
        return Freshness.PARTIAL, None, [note]
    if "log" in ledger.notes:
        return Freshness.PARTIAL, None, []
    if not has_listed(ledger):
        return Freshness.PARTIAL, None, ["The collector has only just begun; it has not listed the queue yet."]
    if _is_late(age_seconds, interval_seconds):
        return Freshness.STALE, None, [_has_not_written(ledger, age_seconds)]
    return Freshness.LIVE, None, []


def _of_all(hosts: Sequence[HostStatus], ledger: LedgerStatus) -> _Told:
    """As ``_of_many``; what stands on servers that are away is missing, whether its hosts are known or not."""
    freshness, error, notes = _of_many(hosts)
    missing = ledger.notes.get("shards")
    if missing is None:
        return freshness, error, notes
    return Freshness.PARTIAL if freshness is Freshness.LIVE else freshness, error, [missing, *notes]


def _of_many(hosts: Sequence[HostStatus]) -> _Told:
    if not hosts:
        return Freshness.STALE, None, ["No host has written it yet."]
    doubtful = [host for host in hosts if host.freshness is not Freshness.LIVE]
    if not doubtful:
        return Freshness.LIVE, None, []
    found = {host.freshness for host in hosts}
    is_any = bool(found & {Freshness.LIVE, Freshness.PARTIAL})
    counted = sum(host.counted for host in hosts) if is_any else 0
    said = "; ".join(map(_said, doubtful[:MOST_HOSTS]))
    more = f"; and {len(doubtful) - MOST_HOSTS} more" if len(doubtful) > MOST_HOSTS else ""
    share = f"{counted} of {len(hosts):,} hosts: " if len(hosts) > 1 else ""
    sentence = f"{share}{said}{more}."
    if found == {Freshness.ERROR}:
        return Freshness.ERROR, sentence, []
    return (Freshness.PARTIAL if is_any else Freshness.STALE), None, [sentence]


def _said(host: HostStatus) -> str:
    """Why a host's numbers are doubtful."""
    if host.freshness is Freshness.STALE and host.age_seconds is not None and host.age_seconds >= 60:
        return f"{host.name} has not written for {_span(host.age_seconds)}"
    return f"{host.name}: {(host.error or host.freshness).rstrip('.')}"


def _behind(standing: Standing, now: float) -> str | None:
    """How far the sending to ClickHouse is behind and why; ``None`` where it is not, or does not send."""
    unsent, why = standing.unsent, standing.ledger.notes.get("cluster")
    if unsent is None or unsent.since is None:
        return None
    age_seconds = max(0.0, now - unsent.since)
    if why is None and age_seconds < BEHIND_SECONDS:
        return None
    verb = "waits" if unsent.entries == 1 else "wait"
    count = f"{unsent.entries:,} batch{'' if unsent.entries == 1 else 'es'}"
    told = f"{count} ({_bytes(unsent.size)}, the oldest {_span(age_seconds)} old) {verb} to be sent to ClickHouse"
    if standing.ledger.collector is None:
        return (
            f"{told}; the next collector sends them." if unsent.entries > 1 else f"{told}; the next collector sends it."
        )
    return f"{told}: {why.partition(_WAITS_HERE)[2] or why}" if why is not None else f"{told}."


def _age_seconds(ledger: LedgerStatus, now: float) -> float | None:
    if ledger.updated is None or not _has_read(ledger):
        return None
    return max(0.0, now - ledger.updated)


def _is_late(age_seconds: float | None, interval_seconds: float) -> bool:
    return age_seconds is not None and age_seconds > max(LIVE_SECONDS, LIVE_INTERVALS * interval_seconds)


def _has_not_written(ledger: LedgerStatus, age_seconds: float | None) -> str:
    return f"The collector (process {ledger.collector}) has not written; {_age(age_seconds)}."


def has_listed(ledger: LedgerStatus) -> bool:
    """Whether the queue was ever listed: before that nothing waits in it because nothing is known."""
    return "listed_at" in ledger.gauges


def _has_read(ledger: LedgerStatus) -> bool:
    """Whether any of the log was read: a collector's first batch is empty."""
    return "log_time" in ledger.gauges or has_listed(ledger)


def _unexplained(ledger: LedgerStatus) -> list[str]:
    """What was counted without an explanation, and the ledger's size: a sentence each."""
    sentences = [
        ("vanished", "{} left the queue without a line in the log", "recipient"),
        ("unlogged", "{} in the queue without a line in the log that tells of it", "recipient"),
        ("unparsed", "{} of the log could not be understood", "line"),
        ("log_gaps", "{} of the log was rotated away, cut off or damaged before it was read", "piece"),
        (
            "log_copies",
            "the log was copied and truncated {}: what is logged in such a moment is lost, so let logrotate rename it "
            "(create instead of copytruncate)",
            "time",
        ),
    ]
    told = [
        _begun(sentence.format(_counted(count, noun))) + "."
        for key, sentence, noun in sentences
        if (count := ledger.counters.get(key, 0)) > 0
    ]
    return [*told, f"The ledger takes {_bytes(ledger.size)} on disk."]


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _age(seconds: float | None) -> str:
    """An age in words, coarse, so that the sentence changes seldom."""
    return "there are no numbers yet" if seconds is None else f"the numbers are {_span(seconds)} old"


def _span(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    size, noun = next(unit for unit in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= unit[0])
    return _counted(int(seconds // size), noun)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _bytes(size: int) -> str:
    if size < 1e6:
        return f"{size / 1e3:,.1f} kB"
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"
