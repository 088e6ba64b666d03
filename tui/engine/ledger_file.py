"""A ledger as a file of JSON lines, which any program can read and which tells when it was cut off. What copies ledgers
enters; `docs/ledger.md` describes the form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tui.engine.batch import ISP_BITS, ISP_MASK, Batch, CauseDelta, CauseKey, LogPosition, Place, cell_key
from tui.engine.counts import COLUMNS, D_NEW, FAIL, SUCCESS, columns_of, rows_of
from tui.engine.coverage import Ranges
from tui.engine.ledger import LedgerError
from tui.engine.ledger_contents import Contents, Head
from tui.engine.sqlite_history import MINUTE_SECONDS
from tui.model import Counts

FORM = "mailtop ledger"
VERSION = 2
UNBALANCED = 1
"""What the first line says: another form has another number. The first did not tell what was accepted and removed."""

_CUT_OFF = "its last line is missing: it was cut off on its way, or the export did not end well"
_LARGEST_ID = (1 << 39) - 1
"""Of a campaign, whose number stands above an ISP's in a cell's key of 63 bits."""


class _First(msgspec.Struct, kw_only=True):
    """The first line: what the file is, and what the ledger knows beside its counts (``Head``)."""

    form: str
    version: int
    host: str
    updated: float | None
    minutes_from: int
    hours_from: int
    sums: dict[str, int]
    covered: Ranges
    counters: dict[str, int]
    gauges: dict[str, int]
    notes: dict[str, str]
    positions: list[LogPosition]


class _End(msgspec.Struct):
    """What the last line says of those before it: how many, and the SHA-256 of their bytes."""

    lines: int
    sha256: str


class _Line(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Any other line. ``counts`` are those of the bucket that begins at ``start`` (seconds since 1970; 0: before all
    history that is kept): campaign, ISP and nine numbers each. ``balances`` are accounts (0: everybody, with nothing
    else), what they accepted and removed, and since when they are off balance (seconds since 1970)."""

    accounts: dict[str, int] = {}
    campaigns: list[tuple[int, str, int]] = []
    isps: dict[str, int] = {}
    start: int = 0
    counts: list[tuple[int, ...]] = []
    causes: list[tuple[int, int, str, int, int, int, str]] = []
    messages: list[tuple[bytes, bytes, Place | None]] = []
    balances: list[tuple[int, int, int, int | None]] = []
    end: _End | None = None


def export(ledger: Contents) -> Iterator[bytes]:
    """The lines of a ledger's file. Raises ``LedgerError``."""
    digest, count = hashlib.sha256(), 0
    for line in _lines(ledger):
        raw = msgspec.json.encode(line) + b"\n"
        digest.update(raw)
        count += 1
        yield raw
    yield msgspec.json.encode(_Line(end=_End(count, digest.hexdigest()))) + b"\n"


class ExportedLedger:
    """The contents of a file, read line by line, once; the ``name`` is for sentences. Raises ``LedgerError`` for what
    is no such file."""

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self._lines = iter(lines)
        self._name = name
        self._digest = hashlib.sha256()
        self._count = 0
        self._version = VERSION
        self._head = self._first()

    def head(self) -> Head:
        """What the ledger knows beside its counts."""
        return self._head

    def parts(self) -> Iterator[Batch]:
        """Batches that make an empty ledger of the same ``Head`` what this one is. Raises ``LedgerError``, at the end
        at the latest when anything is missing. Of a file that does not tell what was accepted it is what is accounted
        for."""
        accounted = _Accounted()
        for raw in self._lines:
            line = self._decoded(raw, _Line)
            if line.end is not None:
                if line.end != _End(self._count, self._digest.hexdigest()):
                    raise self._refused("it is not what was exported: its lines do not have the checksum of the last")
                if next(self._lines, None) is not None:
                    raise self._refused("something follows its last line")
                if self._version == UNBALANCED:
                    yield Batch(accepted=accounted.by_account)
                return
            self._took(raw)
            try:
                part = _batch(line)
                accounted.add(part)
            except ValueError as error:
                raise self._refused(f"line {self._count} is none of a ledger ({error})") from error
            yield part
        raise self._refused(_CUT_OFF)

    def _first(self) -> Head:
        raw = next(self._lines, b"")
        if not raw:
            raise self._refused("it is empty")
        told = self._decoded(raw, dict[str, Any])
        if told.get("form") != FORM:
            raise self._refused("it does not begin as the file of a ledger does")
        self._version = told.get("version")
        if self._version not in (UNBALANCED, VERSION):
            raise self._refused(
                f"it has version {self._version!r} of its form, and this mailtop reads version {VERSION}; "
                "upgrade the older of both"
            )
        first = self._decoded(raw, _First)
        self._took(raw)
        if first.sums.keys() != set(Counts.__struct_fields__):
            raise self._refused("its first line does not have the nine sums of a ledger")
        known = {name: getattr(first, name) for name in Head.__struct_fields__ if name != "sums"}
        return Head(sums=tuple(first.sums[name] for name in Counts.__struct_fields__), **known)

    def _decoded(self, raw: bytes, kind: Any) -> Any:
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not raw.endswith(b"\n"):
                raise self._refused(_CUT_OFF) from error
            raise self._refused(f"line {self._count + 1} is none of a ledger ({error})") from error

    def _took(self, raw: bytes) -> None:
        self._digest.update(raw)
        self._count += 1

    def _refused(self, why: str) -> LedgerError:
        return LedgerError(f"{self._name} cannot be imported: {why}; nothing was stored")


class _Accounted:
    """Recipients of a file that are accounted for, ``by_account``."""

    def __init__(self) -> None:
        self.by_account: dict[int, int] = {}
        self._owners: dict[int, int] = {}

    def add(self, part: Batch) -> None:
        """Take in a part; raises ``ValueError`` for counts of a campaign that no part before has named."""
        self._owners.update((number, account) for (account, _), number in part.campaigns.items())
        for columns in part.deltas.values():
            for column in (SUCCESS, FAIL, *COLUMNS[D_NEW:]):
                for cell, count in columns[column].items():
                    account = self._owners.get(cell >> ISP_BITS)
                    if account is None:
                        raise ValueError(f"nothing names the campaign {cell >> ISP_BITS}")
                    self.by_account[account] = self.by_account.get(account, 0) + count


def _lines(ledger: Contents) -> Iterator[msgspec.Struct]:
    head = ledger.head()
    known = {name: getattr(head, name) for name in Head.__struct_fields__ if name != "sums"}
    sums = dict(zip(Counts.__struct_fields__, head.sums, strict=True))
    yield _First(form=FORM, version=VERSION, sums=sums, **known)
    for part in ledger.parts():
        names = _Line(
            accounts=part.accounts,
            campaigns=[(account, name, number) for (account, name), number in part.campaigns.items()],
            isps=part.isps,
        )
        if names != _Line():
            yield names
        for minute, columns in part.deltas.items():
            counts = [(cell >> ISP_BITS, cell & ISP_MASK, *counted) for cell, counted in rows_of(columns).items()]
            yield _Line(start=minute * MINUTE_SECONDS, counts=counts)
        accounts = sorted(part.accepted.keys() | part.removed.keys() | part.off_since.keys())
        if accounts:
            accepted, removed, since = part.accepted.get, part.removed.get, part.off_since.get
            yield _Line(balances=[(at, accepted(at, 0), removed(at, 0), since(at)) for at in accounts])
        if part.causes:
            yield _Line(causes=[_cause(key, cause) for key, cause in part.causes.items()])
        if part.messages:
            states = {id_: state for id_, state in part.messages.items() if state is not None}
            yield _Line(messages=[(id_, state, part.places.get(id_)) for id_, state in states.items()])


def _cause(key: CauseKey, cause: CauseDelta) -> tuple[int, int, str, int, int, int, str]:
    return (
        *(key.cell >> ISP_BITS, key.cell & ISP_MASK, key.text),
        *(cause.count, cause.first_seen, cause.last_seen, cause.last_reply),
    )


def _batch(line: _Line) -> Batch:
    """What a line brings. Raises ``ValueError``."""
    return Batch(
        accounts={name: _id(number) for name, number in line.accounts.items()},
        campaigns={(account, name): _id(number) for account, name, number in line.campaigns},
        isps={name: _id(number) for name, number in line.isps.items()},
        deltas={line.start // MINUTE_SECONDS: columns_of(_rows(line.counts))} if line.counts else {},
        causes={
            CauseKey(_cell(campaign, isp), text): CauseDelta(count, first, last, reply)
            for campaign, isp, text, count, first, last, reply in line.causes
        },
        accepted={_id(number): accepted for number, accepted, _, _ in line.balances if accepted},
        removed={_id(number): removed for number, _, removed, _ in line.balances if removed},
        off_since={_id(number): since for number, _, _, since in line.balances if since is not None},
        messages={id_: state for id_, state, _ in line.messages},
        places={id_: place for id_, _, place in line.messages if place is not None},
    )


def _rows(counts: Iterable[tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    rows: dict[int, tuple[int, ...]] = {}
    for campaign, isp, *counted in counts:
        if len(counted) != len(COLUMNS):
            raise ValueError(f"{len(counted)} counts of a cell, and not {len(COLUMNS)}")
        rows[_cell(campaign, isp)] = tuple(counted)
    return rows


def _cell(campaign: int, isp: int) -> int:
    if not 0 <= isp <= ISP_MASK:
        raise ValueError(f"the number of an ISP is {isp}")
    return cell_key(_id(campaign), isp)


def _id(number: int) -> int:
    if not 0 <= number <= _LARGEST_ID:
        raise ValueError(f"the number of a name is {number}")
    return number
