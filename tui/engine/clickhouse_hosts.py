"""How the hosts of a ledger stand, each and together, and which of them sums leave out. Pure. Only the ``clickhouse_*``
rooms enter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from tui.config.ledger_place import Place
from tui.engine.clickhouse_names import host_id
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_schema import ISP, TOTAL, everywhere
from tui.engine.coverage import Ranges, cover
from tui.engine.ledger import LedgerError
from tui.model import Freshness, HostStatus
from tui.text import clean

_SUMMED = {"queue_files"}
_OLDEST = {"listed_at", "log_time"}
"""Gauges that add up, and those of which the oldest counts; of the others the largest."""


HostRows = Mapping[str, tuple[int, ...]]
"""Numbers by host."""

_NAMED = 3
"""So many hosts a sentence names; more are counted."""


class Standing(NamedTuple):
    """How far a host's numbers can be trusted, how old they are, and in a sentence why they cannot; ``counts`` says
    whether what waits there may stand in a sum, ``here`` whether it can."""

    freshness: Freshness
    age_seconds: float | None
    error: str | None
    counts: bool
    here: bool = True


def standing(state: HostState, now: float, late_seconds: float) -> Standing:
    """How a host stands at ``now`` (seconds since 1970): late when it has not written for ``late_seconds``, an error
    when its queue cannot be listed. Of a queue that was never listed nothing is known, so it does not count."""
    listed = "listed_at" in state.gauges
    known = state.updated is not None and (listed or "log_time" in state.gauges)
    age_seconds = max(0.0, now - state.updated) if known and state.updated is not None else None
    if (error := state.notes.get("queue")) is not None:
        return Standing(Freshness.ERROR, age_seconds, error, False)
    if state.collector is None:
        return Standing(Freshness.STALE, age_seconds, "No collector runs there.", False)
    if state.updated is None or now - state.updated > late_seconds:
        return Standing(Freshness.STALE, age_seconds, "Its collector does not write.", False)
    if (error := state.notes.get("log")) is not None:
        return Standing(Freshness.PARTIAL, age_seconds, error, listed)
    if not listed or state.gauges.get("backfill"):
        why = "Its log is still being read." if listed else "Its queue has not been listed yet."
        return Standing(Freshness.PARTIAL, age_seconds, why, listed)
    return Standing(Freshness.LIVE, age_seconds, None, True)


def left_out(standings: Mapping[str, Standing]) -> list[str]:
    """The hosts whose queues stand in no sum: those that do not count while any other does, and those not here."""
    some = [host for host, each in standings.items() if not each.counts]
    return some if len(some) < len(standings) else [host for host, each in standings.items() if not each.here]


def away(state: HostState, now: float, why: str) -> Standing:
    """How a host stands whose shard is away; ``state`` is what was known of it before."""
    return Standing(
        Freshness.ERROR, None if state.updated is None else max(0.0, now - state.updated), why, False, False
    )


def not_counted(hosts: Sequence[str], number: int) -> str:
    """A sentence on the hosts that sums leave out, of so many."""
    named = ", ".join(sorted(hosts)[:_NAMED])
    more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
    verb = "does" if len(hosts) == 1 else "do"
    return clean(f"{named}{more} of {number} hosts {verb} not count in what waits.")


def host_statuses(
    standings: Mapping[str, Standing], outcomes: HostRows, worst_isps: Mapping[str, str], worst: HostRows
) -> list[HostStatus]:
    """How each host is; ``outcomes`` are successes, deferrals and failures, the last of ``worst`` what waits at the
    worst ISP."""
    without = left_out(standings)
    found = []
    for host, stands in standings.items():
        success, defer, fail = outcomes.get(host, (None, None, None))
        found.append(
            HostStatus(
                name=clean(host),
                sender_id=host_id(host),
                freshness=stands.freshness,
                age_seconds=stands.age_seconds,
                error=stands.error,
                success_count=success,
                defer_count=defer,
                fail_count=fail,
                worst_isp=worst_isps.get(host, ""),
                worst_waiting=worst[host][-1] if host in worst else 0,
                counted=host not in without,
            )
        )
    return found


def hosts_question(place: Place, where: str) -> str:
    """Asks how the hosts stand of which ``where`` is true."""
    table = everywhere(place, "hosts")
    return f"SELECT host, argMax(state, version) FROM {table} WHERE {where} GROUP BY host ORDER BY host"


def outcomes_question(place: Place, where: str) -> str:
    """Asks what became of the mail of each host: successes, deferrals, failures."""
    return (
        f"SELECT host, sum(success), sum(defer), sum(fail) FROM {everywhere(place, 'sums')} "
        f"WHERE level = {TOTAL} AND {where} GROUP BY host"
    )


def worst_question(place: Place, where: str) -> str:
    """Asks at which ISP most of each host's mail waits that was put off or held, and how much."""
    by_isp = (
        f"SELECT host, isp_id, sum(retry + hold) AS waits FROM {everywhere(place, 'sums')} "
        f"WHERE level = {ISP} AND {where} GROUP BY host, isp_id HAVING waits > 0"
    )
    return f"SELECT host, argMax(isp_id, waits), max(waits) FROM ({by_isp}) GROUP BY host"


def by_host(answer: list[Column]) -> HostRows:
    """The rows of an answer whose first column is the host."""
    return {host.decode(errors="replace"): tuple(values) for host, *values in zip(*answer, strict=True)}


def host_states(answer: list[Column]) -> dict[str, HostState]:
    """How each host stands, by name. Raises ``LedgerError``."""
    try:
        return {host.decode(): _decode(state) for host, state in zip(*answer, strict=True)}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(
            f"the hosts of the ledger were written by another version of mailtop ({error}); upgrade all of them"
        ) from error


def together(states: Mapping[str, HostState], *, named: bool = True) -> HostState:
    """All hosts as one: counters and cells add up, a minute is known when any host knows it, and each sentence says
    whose it is unless they are not ``named``."""
    gauges: dict[str, int] = {}
    counters: Counter[str] = Counter()
    covered: Ranges = []
    for state in states.values():
        counters.update(state.counters)
        for name, value in state.gauges.items():
            before = gauges.get(name)
            if before is None:
                gauges[name] = value
            elif name in _SUMMED:
                gauges[name] = before + value
            else:
                gauges[name] = (min if name in _OLDEST else max)(before, value)
        for first, last in state.covered:
            covered = cover(covered, first, last)
    return HostState(
        updated=max((state.updated for state in states.values() if state.updated is not None), default=None),
        collector=next((state.collector for state in states.values() if state.collector is not None), None),
        counters=dict(counters),
        gauges=gauges,
        notes=_notes(states, named),
        covered=covered,
        minutes_from=max((state.minutes_from for state in states.values()), default=0),
        hours_from=max((state.hours_from for state in states.values()), default=0),
        cells=sum(state.cells for state in states.values()),
    )


def _notes(states: Mapping[str, HostState], named: bool) -> dict[str, str]:
    notes: dict[str, str] = {}
    for host, state in states.items():
        for key, text in state.notes.items():
            told = f"{host}: {text}" if named else text
            notes[key] = f"{notes[key]}; {told}" if key in notes else told
    return notes


_decode = msgspec.json.Decoder(HostState).decode
