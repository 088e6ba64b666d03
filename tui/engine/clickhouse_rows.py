"""Rows on their way to ClickHouse: a batch as an entry of the spool, entries as blocks to insert. Pure. Only the
``clickhouse_*`` rooms enter."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tui.engine.batch import ISP_MASK, Batch, cell_key
from tui.engine.clickhouse_names import Numbering
from tui.engine.clickhouse_native import encode
from tui.engine.clickhouse_schema import (
    DAY_SECONDS,
    DELTAS,
    IN_HOURS,
    IN_MINUTES,
    IN_SUMS,
    MINUTE_SECONDS,
    MONTH_SECONDS,
    TABLES,
)
from tui.engine.counts import rows_of
from tui.engine.coverage import Ranges
from tui.engine.messages import STATE_BITS, decode_message

LARGEST_PIECE = 50_000
"""Rows of counts in one insert at the most: the server must add them in one block."""

PIECE_BITS = 16
"""An insert's serial is its package's, and so many bits for which of its pieces it is."""

Row = tuple[Any, ...]


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """How a host's ledger stands, as ``LedgerStatus`` has it; ``covered`` are the minutes that it knows of,
    ``minutes_from`` and ``hours_from`` since when it keeps them (seconds since 1970)."""

    updated: float | None
    collector: int | None
    counters: dict[str, int]
    gauges: dict[str, int]
    notes: dict[str, str]
    covered: Ranges
    minutes_from: int
    hours_from: int
    cells: int


class Entry(msgspec.Struct):
    """What one write adds: rows by table, each in the order of the table's columns. Those of ``deltas`` are
    ``(began, kept, account, campaign, isp)`` and nine counts; what all rows of a host or an entry share is left
    out of the others too."""

    deltas: list[Row] = []
    names: list[Row] = []
    causes: list[Row] = []
    messages: list[Row] = []
    state: bytes | None = None
    balances: list[Row] = []


def packed(entry: Entry) -> bytes:
    """An entry as it lies in the spool. Raises ``OverflowError`` for counts beyond 64 bits."""
    return zlib.compress(_pack(entry), 1)


def unpacked(payload: bytes) -> Entry:
    """An entry of the spool. Raises ``ValueError`` when it is damaged."""
    try:
        return _unpack(zlib.decompress(payload))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error


def delta_rows(batch: Batch, numbering: Numbering, minutes_from: int, hours_from: int) -> list[Row]:
    """The counts of a batch; what is too old for minutes or hours still counts in the sums."""
    rows = []
    for minute, columns in batch.deltas.items():
        began = minute * MINUTE_SECONDS
        kept = IN_MINUTES if began >= minutes_from else IN_HOURS if began >= hours_from else IN_SUMS
        rows += [(began, kept, *numbering.cell(cell), *counts) for cell, counts in rows_of(columns).items()]
    return rows


def message_rows(batch: Batch, numbering: Numbering, gone: Iterable[bytes]) -> list[Row]:
    """The messages of a batch that wait, and those of ``gone``, which did."""
    rows: list[Row] = []
    for id_, (since, campaign, _) in batch.places.items():
        blob = batch.messages[id_]
        if blob is not None:
            numbers = sorted({unit >> STATE_BITS & ISP_MASK for unit in decode_message(blob).units.values()})
            account_id, campaign_id, _ = numbering.cell(cell_key(campaign, 0))
            rows.append((id_, since, account_id, campaign_id, [*map(numbering.isp, numbers)], numbers, blob))
    return [*rows, *((id_, 0, 0, 0, [], [], b"") for id_ in gone)]


class Insert(msgspec.Struct, frozen=True):
    """One insert: its ``table``, the names of its columns and its block. Of counts it has a ``serial``."""

    table: str
    columns: tuple[str, ...]
    block: bytes
    serial: int | None = None


def inserts(host: str, serial: int, entries: Iterable[tuple[int, int, Entry]]) -> Iterator[Insert]:
    """What brings a package to the server, in this order: names before what they name, counts, and how the host stands
    last. ``entries`` with their version and when they were written (seconds since 1970).

    The same package makes the same inserts, whenever it is made.
    """
    rows: dict[str, list[Row]] = {"names": [], "causes": [], "messages": [], "balances": [], "hosts": []}
    deltas: list[Row] = []
    name = host.encode()
    for version, seen, entry in entries:
        deltas += entry.deltas
        rows["names"] += [(kind, id_, account, text.encode()) for kind, id_, account, text in entry.names]
        rows["causes"] += [
            (*cell, name, version, seen, _bytes(text), count, first, last, _bytes(reply))
            for *cell, text, count, first, last, reply in entry.causes
        ]
        rows["messages"] += [(name, row[0], version, seen, *row[1:]) for row in entry.messages]
        rows["balances"] += [(account, name, version, *row) for account, *row in entry.balances]
        if entry.state is not None:
            rows["hosts"] = [(name, version, entry.state)]
    for table in ("names", "causes", "messages"):
        yield from _insert(table, TABLES[table].columns, rows[table])
    for number, piece in enumerate(_pieces(deltas)):
        at = serial << PIECE_BITS | number
        began = piece[0][0]
        shared = (name, at), (began // DAY_SECONDS, began // MONTH_SECONDS)
        whole = [(*shared[0], row[1], *shared[1], row[0], *row[2:]) for row in piece]
        for insert in _insert("deltas", DELTAS, whole):
            yield msgspec.structs.replace(insert, serial=at)
    yield from _insert("balances", TABLES["balances"].columns, rows["balances"])
    yield from _insert("hosts", TABLES["hosts"].columns, rows["hosts"])


def _insert(table: str, columns: Mapping[str, str], rows: list[Row]) -> Iterator[Insert]:
    if rows:
        values = zip(*rows, strict=True)
        typed = {name: (kind, each) for (name, kind), each in zip(columns.items(), values, strict=True)}
        yield Insert(table, tuple(columns), encode(typed))


def _pieces(deltas: list[Row]) -> Iterator[list[Row]]:
    """Rows that go to one partition, as many as may be inserted at once; what history keeps alike is together, since
    a mark tells of a whole insert."""
    days: defaultdict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in deltas:
        days[row[0] // DAY_SECONDS, row[1]].append(row)
    for _, rows in sorted(days.items()):
        for start in range(0, len(rows), LARGEST_PIECE):
            yield rows[start : start + LARGEST_PIECE]


def _bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Entry).decode
