"""Balances as tests need them: what was accepted, and how much of it nobody can account for."""

from __future__ import annotations

from tui.model import Balance

OFF_SINCE = 1_763_690_040
"""2025-11-21 01:54 UTC."""


def balance(account: str = "", account_id: int = 0, *, accepted: int = 9, lost: int = 0, waiting: int = 1) -> Balance:
    """Of those accepted one failed, ``waiting`` wait, ``lost`` are gone without a word; the others were delivered."""
    return Balance(
        account=account,
        account_id=account_id,
        accepted=accepted,
        delivered=accepted - lost - waiting - 1,
        failed=1,
        removed=0,
        waiting=waiting,
        since=OFF_SINCE if lost else None,
    )
