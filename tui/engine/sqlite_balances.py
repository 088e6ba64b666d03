"""Whether mail is accounted for, in the embedded ledger. Only the ``sqlite_*`` rooms enter."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

import msgspec

from tui.model import Balance

_EVERY = """
    SELECT '', 0 AS account_id, BALANCE FROM ledger UNION ALL
    SELECT name, account_id, BALANCE FROM accounts
    WHERE (send OR success OR defer OR fail OR size OR new OR proc OR retry OR hold OR accepted OR removed)
    ORDER BY account_id""".replace("BALANCE", "accepted, success, fail, removed, new + proc + retry + hold, off_since")
_SOME = _EVERY.replace(
    "ORDER BY", "AND (off_since IS NOT NULL OR account_id IN (SELECT value FROM json_each(?))) ORDER BY"
)


def balances(db: sqlite3.Connection, accounts: Collection[int] | None) -> list[Balance]:
    """The balance of everybody, then of each account that ever had any mail; with ``accounts`` (ids) of these alone and
    of those that are off. Raises ``sqlite3.Error``."""
    found = db.execute(_EVERY) if accounts is None else db.execute(_SOME, (_as_json(accounts),))
    return [
        Balance(
            account=account,
            account_id=account_id,
            accepted=accepted,
            delivered=delivered,
            failed=failed,
            removed=removed,
            waiting=waiting,
            since=since,
        )
        for account, account_id, accepted, delivered, failed, removed, waiting, since in found
    ]


def _as_json(numbers: Collection[int]) -> str:
    """One value, however many numbers there are: SQLite takes so many values and no more."""
    return msgspec.json.encode(sorted(numbers)).decode()
