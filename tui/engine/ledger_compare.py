"""Whether two ledgers of one host say the same: sums, history, causes and messages, by name. Pure; what the command
line does with ledgers enters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import groupby

import msgspec

from tui.engine.batch import ISP_BITS, ISP_MASK, Batch
from tui.engine.counts import D_NEW, rows_of
from tui.engine.coverage import Ranges
from tui.engine.ledger_contents import BEFORE_HISTORY, Contents, Head
from tui.engine.messages import STATE_BITS, STATE_MASK, decode_message
from tui.engine.sqlite_history import HOUR_SECONDS, MINUTE_SECONDS, Kept
from tui.model import Counts

_COUNTS = Counts.__struct_fields__
_CellName = tuple[str, str, str]
_Bucket = dict[_CellName, list[int]]
_NEVER = 1 << 62
_NO_BUCKET: tuple[int, _Bucket] = (_NEVER, {})


class Compared(msgspec.Struct):
    """How much was the same: accounts, cells where mail waits, buckets of history, messages that wait."""

    accounts: int = 0
    cells: int = 0
    buckets: int = 0
    messages: int = 0


def compare(one: Contents, other: Contents, names: tuple[str, str], compared: Compared) -> Iterator[str]:
    """A sentence for each difference, with the ledgers' ``names``; ``compared`` is filled meanwhile. History is looked
    at where both keep it, by the minute where both keep minutes. Of causes and messages those that wait count.

    Raises ``LedgerError`` where either cannot be read.
    """
    heads = one.head(), other.head()
    keep = Kept(max(head.minutes_from for head in heads), max(head.hours_from for head in heads))
    sides = _Side(one, keep), _Side(other, keep)
    for start, left, right in _merged(sides[0].buckets(), sides[1].buckets()):
        compared.buckets += 1
        step = "minute" if start >= keep.minutes_from else "hour"
        yield from _different(f"the {step} {_iso(start)}", left, right, _COUNTS, names)
    compared.accounts, compared.cells = len(sides[0].accounts), len(sides[0].cells)
    yield from _different("the sums", sides[0].accounts, sides[1].accounts, _COUNTS[:D_NEW], names)
    yield from _different("the balance", sides[0].balances, sides[1].balances, ("accepted", "removed"), names)
    yield from _different("what waits", sides[0].cells, sides[1].cells, _COUNTS[D_NEW:], names)
    yield from _sets_differ("causes", sides[0].waiting_causes(), sides[1].waiting_causes(), names)
    yield from _sets_differ("messages that wait", sides[0].messages, sides[1].messages, names)
    compared.messages = len(sides[0].messages)
    yield from _heads_differ(heads, keep, names)


class _Side:
    """One of both ledgers, read through once by ``buckets``."""

    def __init__(self, ledger: Contents, keep: Kept) -> None:
        self._ledger = ledger
        self._keep = keep
        self._accounts: dict[int, str] = {}
        self._campaigns: dict[int, tuple[str, str]] = {}
        self._isps = {0: ""}
        self.accounts: _Bucket = {}
        self.cells: _Bucket = {}
        self.balances: _Bucket = {}
        self.causes: set[tuple[_CellName, str, int, int, int, str]] = set()
        self.messages: set[tuple[str, bytes]] = set()

    def buckets(self) -> Iterator[tuple[int, _Bucket]]:
        """Each bucket by its start. When the last was taken all else is known, too."""
        for start, parts in groupby(self._counts(), key=lambda part: part[0]):
            bucket: _Bucket = {}
            for _, cell, counts in parts:
                _add(bucket, cell, counts)
            if start >= 0 and (bucket := {cell: counts for cell, counts in bucket.items() if any(counts)}):
                yield start, bucket
        self.accounts = {name: counts for name, counts in self.accounts.items() if any(counts)}
        self.cells = {name: counts for name, counts in self.cells.items() if any(counts)}

    def waiting_causes(self) -> set[tuple[_CellName, str, int, int, int, str]]:
        """The causes of cells where mail waits, as far back as both ledgers keep them."""
        return {cause for cause in self.causes if cause[0] in self.cells and cause[4] >= self._keep.hours_from}

    def _counts(self) -> Iterator[tuple[int, _CellName, list[int]]]:
        for part in self._ledger.parts():
            self._learn(part)
            for minute, columns in part.deltas.items():
                start = self._start(minute)
                for key, counts in rows_of(columns).items():
                    cell = self._cell(key)
                    _add(self.accounts, (cell[0], "", ""), counts[:D_NEW])
                    _add(self.cells, cell, counts[D_NEW:])
                    yield start, cell, counts

    def _start(self, minute: int) -> int:
        """When the bucket begins that a minute's counts are compared in; -1: in none."""
        start = minute * MINUTE_SECONDS
        if minute == BEFORE_HISTORY or start < self._keep.hours_from:
            return -1
        return start if start >= self._keep.minutes_from else start - start % HOUR_SECONDS

    def _learn(self, part: Batch) -> None:
        self._accounts.update((number, name) for name, number in part.accounts.items())
        for (account, name), number in part.campaigns.items():
            self._campaigns[number] = self._accounts[account], name
        self._isps.update((number, name) for name, number in part.isps.items())
        for place, counts in enumerate((part.accepted, part.removed)):
            for number, count in counts.items():
                _add(self.balances, (self._accounts[number], "", ""), [0] * place + [count] + [0] * (1 - place))
        for key, cause in part.causes.items():
            values = (cause.count, cause.first_seen, cause.last_seen, cause.last_reply)
            self.causes.add((self._cell(key.cell), key.text, *values))
        for id_ in part.places:
            if (state := part.messages[id_]) is not None:
                self.messages.add((id_.decode(errors="replace"), self._digest(state)))

    def _digest(self, state: bytes) -> bytes:
        """All that readers are told of a message, in a few bytes."""
        message = decode_message(state)
        units = [
            (name, self._isps[unit >> STATE_BITS & ISP_MASK], unit & STATE_MASK, unit >> STATE_BITS + ISP_BITS)
            for name, unit in sorted(message.units.items())
        ]
        told = repr((self._cell(message.cell), units, message.since, message.sender))
        return blake2b(told.encode(errors="replace"), digest_size=16).digest()

    def _cell(self, key: int) -> _CellName:
        return *self._campaigns[key >> ISP_BITS], self._isps[key & ISP_MASK]


def _merged(
    left: Iterator[tuple[int, _Bucket]], right: Iterator[tuple[int, _Bucket]]
) -> Iterator[tuple[int, _Bucket, _Bucket]]:
    """Buckets of both by their start, both in order; an empty one where a side has none."""
    one, other = next(left, _NO_BUCKET), next(right, _NO_BUCKET)
    while (start := min(one[0], other[0])) != _NEVER:
        yield start, one[1] if one[0] == start else {}, other[1] if other[0] == start else {}
        one, other = (
            next(buckets, _NO_BUCKET) if bucket[0] == start else bucket
            for buckets, bucket in ((left, one), (right, other))
        )


def _different(
    what: str, left: _Bucket, right: _Bucket, columns: Sequence[str], names: tuple[str, str]
) -> Iterator[str]:
    nothing = [0] * len(columns)
    for cell in sorted(left.keys() | right.keys()):
        for column, a, b in zip(columns, left.get(cell, nothing), right.get(cell, nothing), strict=True):
            if a != b:
                yield f"{what}, {_told(cell)}: {column} is {a:,} in {names[0]} and {b:,} in {names[1]}"


def _sets_differ(what: str, left: Set[object], right: Set[object], names: tuple[str, str]) -> Iterator[str]:
    for mine, others, name in ((left, right, names[0]), (right, left, names[1])):
        if alone := len(mine - others):
            yield f"{what}: {alone:,} of {name} are not, or not so, in the other ledger"


def _heads_differ(heads: tuple[Head, Head], keep: Kept, names: tuple[str, str]) -> Iterator[str]:
    known = [_known_from(head.covered, keep.hours_from // MINUTE_SECONDS) for head in heads]
    if known[0] != known[1]:
        yield f"{names[0]} and {names[1]} do not know of the same minutes"
    counters = [head.counters for head in heads]
    for name in sorted(counters[0].keys() | counters[1].keys()):
        a, b = (each.get(name, 0) for each in counters)
        if a != b:
            yield f"the counter {name} is {a:,} in {names[0]} and {b:,} in {names[1]}"


def _known_from(covered: Ranges, first: int) -> Ranges:
    return [(max(a, first), b) for a, b in covered if b >= first]


def _told(cell: _CellName) -> str:
    account, campaign, isp = cell
    parts = [f'account "{account}"', f'campaign "{campaign}"' if campaign else "", f'ISP "{isp}"' if isp else ""]
    return ", ".join(part for part in parts if part)


def _add(bucket: _Bucket, cell: _CellName, counts: Sequence[int]) -> None:
    row = bucket.get(cell)
    bucket[cell] = list(counts) if row is None else [a + b for a, b in zip(row, counts, strict=True)]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
