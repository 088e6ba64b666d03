"""Whether an embedded ledger adds up: its file, its roll-ups, its history, and the messages that wait. Only what the
command line does with ledgers enters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec

from tui.engine import sqlite_blocks, sqlite_history
from tui.engine.batch import ISP_BITS, ISP_MASK, cell_key
from tui.engine.counts import COLUMNS, D_NEW, Columns, columns_of, merged, rows_of
from tui.engine.messages import STATE_BITS, STATE_MASK, decode_message
from tui.engine.sqlite_blocks import BlockError
from tui.engine.sqlite_contents import SqliteContents
from tui.engine.sqlite_history import ACCOUNT, CELL, ISP, MINUTE_SECONDS, TOTAL
from tui.engine.sqlite_schema import BALANCED, reading_values
from tui.engine.sqlite_sums import add_up
from tui.model import Counts

COUNTS = Counts.__struct_fields__
"""The nine counts by name, as the columns are called."""

_LEVELS = {TOTAL: "", ACCOUNT: "account", ISP: "ISP"}
_PROBLEMS = 10

# A roll-up's rows that are not what the rows below them add up to, and by how much.
_OFF = """
    SELECT upper.KEY, MORE FROM UPPER AS upper
    LEFT JOIN (SELECT KEY, SUMS FROM LOWER GROUP BY KEY) AS lower USING (KEY) WHERE UNEQUAL"""
_ROLL_UPS = (
    ("account", "accounts", "campaigns", "account_id", COUNTS, "its campaigns"),
    ("campaign", "campaigns", "cells", "campaign_id", COUNTS[D_NEW:], "its cells"),
    ("ISP", "isps", "cells", "isp_id", COUNTS[D_NEW:], "its cells"),
)
_NEGATIVE = """
    SELECT 'TABLE', NAME, new, proc, retry, hold FROM TABLE
    WHERE new < 0 OR proc < 0 OR retry < 0 OR hold < 0"""
_BALANCES_OFF = """
    SELECT ledger.accepted - coalesce(sum(accounts.accepted), 0), ledger.removed - coalesce(sum(accounts.removed), 0)
    FROM ledger LEFT JOIN accounts"""
_DATED_WRONG = """
    SELECT 0, off_since IS NULL FROM ledger WHERE (BALANCED) <> (off_since IS NULL) UNION ALL
    SELECT account_id, off_since IS NULL FROM accounts WHERE (BALANCED) <> (off_since IS NULL)""".replace(
    "BALANCED", BALANCED
)
_CELLS_OWNER = """
    SELECT cells.campaign_id, isp_id FROM cells LEFT JOIN campaigns USING (campaign_id)
    WHERE campaigns.account_id IS NULL OR cells.account_id <> campaigns.account_id"""


class Difference(msgspec.Struct, frozen=True):
    """What does not add up, in a sentence; ``mends`` says whether it can be computed anew from the rows below."""

    sentence: str
    mends: bool


def differences(db: sqlite3.Connection, path: Path) -> Iterator[Difference]:
    """All that does not add up in the open ledger ``db``, the file ``path``; the caller has begun a transaction. Raises
    ``LedgerError`` where it cannot be read on."""
    with reading_values(path):
        damage = [text for (text,) in db.execute(f"PRAGMA quick_check({_PROBLEMS})") if text != "ok"]
        if damage:
            yield from (Difference(f"the file is damaged: {text}", mends=False) for text in damage)
            return
        names = _Names(db)
        yield from _sums_off(db, names)
        yield from _balances_off(db, names)
        yield from _history_off(db, path, names)
        yield from _messages_off(db, names)


class _Names:
    """What ids are called in sentences."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.owners: dict[int, int] = dict(db.execute("SELECT campaign_id, account_id FROM campaigns"))

    def account(self, account_id: int) -> str:
        name = self._name("SELECT name FROM accounts WHERE account_id = ?", account_id)
        return f'account "{name}"'

    def campaign(self, campaign_id: int) -> str:
        name = self._name("SELECT name FROM campaigns WHERE campaign_id = ?", campaign_id)
        return f'{self.account(self.owners.get(campaign_id, 0))}, campaign "{name}"'

    def isp(self, isp_id: int) -> str:
        name = self._name("SELECT name FROM isps WHERE isp_id = ?", isp_id)
        return f'ISP "{name}"'

    def cell(self, cell: int) -> str:
        return f"{self.campaign(cell >> ISP_BITS)}, {self.isp(cell & ISP_MASK)}"

    def _name(self, query: str, key: int) -> str:
        found = self._db.execute(query, (key,)).fetchone()
        return f"(number {key})" if found is None else str(found[0])


def _sums_off(db: sqlite3.Connection, names: _Names) -> Iterator[Difference]:
    for what, upper, lower, key, columns, below in _ROLL_UPS:
        statement = (
            _OFF.replace("UPPER", upper)
            .replace("LOWER", lower)
            .replace("SUMS", ", ".join(f"sum({name}) AS {name}" for name in columns))
            .replace("MORE", ", ".join(f"upper.{name} - coalesce(lower.{name}, 0)" for name in columns))
            .replace("UNEQUAL", " OR ".join(f"upper.{name} <> coalesce(lower.{name}, 0)" for name in columns))
            .replace("KEY", key)
        )
        tell = {"account": names.account, "campaign": names.campaign, "ISP": names.isp}[what]
        for number, *more in db.execute(statement):
            yield Difference(f"{tell(number)}: its sums have {_more(columns, more)} than {below} add up to", mends=True)
    total = db.execute("SELECT send, success, defer, fail, size, new, proc, retry, hold FROM ledger").fetchone()
    for table, what in (("accounts", "accounts"), ("isps", "ISPs")):
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in COUNTS)
        found = db.execute("SELECT SUMS FROM TABLE".replace("SUMS", sums).replace("TABLE", table)).fetchone()
        more = [a - b for a, b in zip(total, found, strict=True)]
        if any(more):
            # Which ISP's the first five were is told by nothing below.
            mends = table == "accounts" or not any(more[:D_NEW])
            yield Difference(f"the total has {_more(COUNTS, more)} than all {what} add up to", mends=mends)
    yield from _impossible(db, names)


def _impossible(db: sqlite3.Connection, names: _Names) -> Iterator[Difference]:
    for campaign, isp in db.execute(_CELLS_OWNER):
        yield Difference(f"{names.cell(cell_key(campaign, isp))}: its cell is counted for another account", mends=True)
    tables = {"accounts": "account_id", "campaigns": "campaign_id", "isps": "isp_id"}
    tells = {"accounts": names.account, "campaigns": names.campaign, "isps": names.isp}
    for table, key in tables.items():
        for _, number, *states in db.execute(_NEGATIVE.replace("NAME", key).replace("TABLE", table)):
            yield Difference(f"{tells[table](number)}: {_states(states)}, and none can be below zero", mends=False)
    statement = _NEGATIVE.replace("NAME", "campaign_id, isp_id").replace("TABLE", "cells")
    for _, campaign, isp, *states in db.execute(statement):
        cell = names.cell(cell_key(campaign, isp))
        yield Difference(f"{cell}: {_states(states)}, and none can be below zero", mends=False)


def _balances_off(db: sqlite3.Connection, names: _Names) -> Iterator[Difference]:
    more = db.execute(_BALANCES_OFF).fetchone()
    if any(more):
        told = _more(("accepted", "removed"), more)
        yield Difference(f"the total has {told} than all accounts add up to", mends=True)
    for number, undated in db.execute(_DATED_WRONG):
        who = names.account(number) if number else "all accounts together"
        what = "off balance, and nothing says since when" if undated else "balanced, and said to be off balance"
        yield Difference(f"{who}: the mail is {what}", mends=True)


def _history_off(db: sqlite3.Connection, path: Path, names: _Names) -> Iterator[Difference]:
    keep = sqlite_history.kept(db)
    left = SqliteContents(db, path).sums()
    blocks = db.execute("SELECT step, start, level, block FROM history ORDER BY step DESC, start, level, part")
    for (step, start), rows in groupby(blocks, key=lambda row: (row[0], row[1])):
        when = f"the {'minute' if step == MINUTE_SECONDS else 'hour'} {_iso(start)}"
        oldest = keep.minutes_from if step == MINUTE_SECONDS else keep.hours_from
        if start < oldest:
            yield Difference(f"{when}: it is kept, though history begins at {_iso(oldest)}", mends=False)
        try:
            levels = _levels(rows)
        except BlockError as error:
            yield Difference(f"{when}: {error}", mends=False)
            continue
        left.take(levels[CELL])
        yield from _bucket_off(when, levels, names)
    if not keep.hours_from:
        more = [sum(column.values()) for column in left.columns()]
        if any(more):
            yield Difference(f"the total has {_more(COUNTS, more)} than its whole history adds up to", mends=False)


def _levels(rows: Iterator[tuple[int, int, int, bytes]]) -> dict[int, Columns]:
    levels: dict[int, list[Columns]] = {level: [[{} for _ in COLUMNS]] for level in (TOTAL, ACCOUNT, ISP, CELL)}
    for _, _, level, block in rows:
        levels.setdefault(level, []).append(sqlite_blocks.decode(block))
    return {level: merged(parts) for level, parts in levels.items()}


def _bucket_off(when: str, levels: Mapping[int, Columns], names: _Names) -> Iterator[Difference]:
    try:
        sums = add_up(levels[CELL], names.owners)
    except KeyError as error:
        yield Difference(f"{when}: it counts mail of a campaign that nobody has named ({error})", mends=False)
        return
    expected = {TOTAL: columns_of({0: sums.total}), ACCOUNT: sums.accounts, ISP: sums.isps}
    for level, what in _LEVELS.items():
        found, right = rows_of(levels[level]), rows_of(expected[level])
        for key in sorted(found.keys() | right.keys()):
            nothing = [0] * len(COLUMNS)
            more = [a - b for a, b in zip(found.get(key, nothing), right.get(key, nothing), strict=True)]
            if any(more):
                tell = {"": "the total", "account": names.account(key), "ISP": names.isp(key)}[what]
                yield Difference(f"{when}: {tell} has {_more(COUNTS, more)} than its cells add up to", mends=True)


def _messages_off(db: sqlite3.Connection, names: _Names) -> Iterator[Difference]:
    waiting: dict[int, list[int]] = {}
    for id_, state, since, campaign, isps in db.execute("SELECT id, state, since, campaign_id, isps FROM messages"):
        told = bytes(id_).decode(errors="replace")
        try:
            message = decode_message(state)
        except msgspec.DecodeError as error:
            yield Difference(f"the message {told} is damaged ({error})", mends=False)
            continue
        if (message.place or (None, None, None)) != (since, campaign, isps):
            yield Difference(f"the message {told} is found at another place than where it waits", mends=True)
        for unit in message.units.values():
            row = waiting.setdefault(message.cell | unit >> STATE_BITS & ISP_MASK, [0] * 4)
            row[unit & STATE_MASK] += 1
    stored = {
        cell_key(campaign, isp): states
        for campaign, isp, *states in db.execute("SELECT campaign_id, isp_id, new, proc, retry, hold FROM cells")
    }
    for cell in sorted(stored.keys() | waiting.keys()):
        more = [a - b for a, b in zip(stored.get(cell, [0] * 4), waiting.get(cell, [0] * 4), strict=True)]
        if any(more):
            told = names.cell(cell)
            yield Difference(f"{told}: {_more(COUNTS[D_NEW:], more)} than the messages that wait say", mends=False)


def _more(columns: Sequence[str], more: Sequence[int]) -> str:
    """By how much counts differ: ``3 more send, 1 fewer hold``."""
    told = [
        f"{abs(count):,} {'more' if count > 0 else 'fewer'} {name}"
        for name, count in zip(columns, more, strict=True)
        if count
    ]
    return ", ".join(told)


def _states(states: Sequence[int]) -> str:
    return ", ".join(f"{name} is {count:,}" for name, count in zip(COUNTS[D_NEW:], states, strict=True) if count < 0)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
