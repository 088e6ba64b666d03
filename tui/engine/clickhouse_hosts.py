"""How the hosts of a ledger stand, each and together. Pure. Only the ``clickhouse_*`` rooms
enter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_place import Place
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_schema import everywhere
from tui.engine.coverage import Ranges, cover
from tui.engine.ledger import LedgerError

_SUMMED = {"queue_files"}
_OLDEST = {"listed_at", "log_time"}
"""Gauges that add up, and those of which the oldest counts; of the others the largest."""


def hosts_question(place: Place, where: str) -> str:
    """Asks how the hosts stand of which ``where`` is true."""
    table = everywhere(place, "hosts")
    return f"SELECT host, argMax(state, version) FROM {table} WHERE {where} GROUP BY host ORDER BY host"


def host_states(answer: list[Column]) -> dict[str, HostState]:
    """How each host stands, by name. Raises ``LedgerError``."""
    try:
        return {host.decode(): _decode(state) for host, state in zip(*answer, strict=True)}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(
            f"the hosts of the ledger were written by another version of mailtop ({error}); upgrade all of them"
        ) from error


def together(states: Mapping[str, HostState]) -> HostState:
    """All hosts as one: counters and cells add up, a minute is known when any host knows it, and of several hosts each
    sentence says whose it is."""
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
        notes=_notes(states),
        covered=covered,
        minutes_from=max((state.minutes_from for state in states.values()), default=0),
        hours_from=max((state.hours_from for state in states.values()), default=0),
        cells=sum(state.cells for state in states.values()),
    )


def _notes(states: Mapping[str, HostState]) -> dict[str, str]:
    notes: dict[str, str] = {}
    for host, state in states.items():
        for key, text in state.notes.items():
            told = text if len(states) == 1 else f"{host}: {text}"
            notes[key] = f"{notes[key]}; {told}" if key in notes else told
    return notes


_decode = msgspec.json.Decoder(HostState).decode
