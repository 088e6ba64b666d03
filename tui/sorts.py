"""The words that columns are sorted and filtered by, each once. Imports nothing, since the command line's help needs
them; everyone may enter."""

from __future__ import annotations

STATES = ("new", "proc", "retry", "hold")
"""The four states of a waiting recipient, in the order of the columns (sender-queue API)."""

ROW_NAMES = ("account", "campaign", "isp", "sender", "source")
"""What names a row: sorted from A to Z where nobody turns it around, as numbers are from the largest."""

ROW_NUMBERS = (*STATES, "total", "delta", "share", "drain")
SORTS = (*ROW_NAMES, *ROW_NUMBERS, "trend")
"""What rows can be sorted by."""

HOST_SORTS = ("freshness", "deferral")
"""What rows of hosts can be sorted by beside these; "isp" is there where most waits."""

ACCOUNT_NAMES = ("account", "source")
ACCOUNT_NUMBERS = (
    *("sent", "delivered", "deferred", "failed", "progress", "bytes", "success", "deferral", "rate", "defer_rate"),
)
"""Totals of an account; shares; rates a minute."""

ACCOUNT_SORTS = ("attention", "account", *ACCOUNT_NUMBERS)
"""What accounts can be sorted by: who needs attention first; the name; the numbers."""
