"""Whether mail is accounted for, on ClickHouse: questions, and what their answers mean. Only the ``clickhouse_*``
rooms enter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import UNKNOWN_TABLE, ClusterRefused
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_schema import ACCOUNT, BALANCE, STATES, everywhere
from tui.model import Balance

_NEVER = 1 << 62
_IN_SUMS = (1, 2, 4)
"""Those of a balance that the sums have too."""


def all_balances(
    ask: Callable[[str], Sequence[Column]],
    names_of: Callable[[Sequence[int]], Sequence[str]],
    place: Place,
    where: str,
    accounts: Collection[int] | None,
) -> list[Balance]:
    """How all hosts of which ``where`` is true balance together (``balances_question``), with the accounts' names.
    Nothing where no host has told it yet."""
    try:
        found = ask(balances_question(place, where, accounts))
    except ClusterRefused as error:
        if error.code == UNKNOWN_TABLE:
            return []
        raise
    if not found:
        return []
    names = names_of([id_ for id_ in found[0] if id_])
    return balances(["", *names] if found[0][0] == 0 else names, found)


def balances_question(place: Place, where: str, accounts: Collection[int] | None = None) -> str:
    """Asks how all hosts of which ``where`` is true balance together, by account; 0, everybody, is the first. With
    ``accounts`` (ids) of these alone and of those that are off."""
    sums = ", ".join(f"sum({name})" for name in BALANCE)
    newest = (
        f"SELECT account_id, {', '.join(BALANCE)}, since FROM {everywhere(place, 'balances')} WHERE {where} "
        "ORDER BY version DESC LIMIT 1 BY host, account_id"
    )
    ids = ", ".join(str(id_) for id_ in sorted({0, *(accounts or ())}) if 0 <= id_ < 1 << 64)
    some = "" if accounts is None else f"HAVING sum({' - '.join(BALANCE)}) != 0 OR account_id IN ({ids}) "
    return (
        f"SELECT account_id, {sums}, min(if(since = 0, toInt64({_NEVER}), since)) FROM ({newest}) "
        f"GROUP BY account_id {some}ORDER BY account_id"
    )


def unequal_question(place: Place, where: str) -> str:
    """Asks for hosts of which ``where`` is true and accounts whose balance is not what their sums are, and by how much:
    delivered, failed and waiting."""
    told = ", ".join(BALANCE[i] for i in _IN_SUMS)
    newest = (
        f"SELECT host, account_id, {told} FROM {everywhere(place, 'balances')} WHERE {where} AND account_id != 0 "
        "ORDER BY version DESC LIMIT 1 BY host, account_id"
    )
    counted = (
        f"SELECT host, account_id, sum(success) AS s, sum(fail) AS f, sum({' + '.join(STATES)}) AS w "
        f"FROM {everywhere(place, 'sums')} WHERE level = {ACCOUNT} AND {where} GROUP BY host, account_id"
    )
    return (
        f"SELECT host, account_id, delivered - s AS a, failed - f AS b, waiting - w AS c FROM ({newest}) AS newest "
        f"ANY INNER JOIN ({counted}) AS counted USING (host, account_id) WHERE a != 0 OR b != 0 OR c != 0"
    )


def balances(names: Sequence[str], answer: Sequence[Column]) -> list[Balance]:
    """The balances in the answer, whose accounts have these names."""
    return [
        Balance(
            account=name,
            account_id=id_,
            accepted=accepted,
            delivered=delivered,
            failed=failed,
            removed=removed,
            waiting=waiting,
            since=None if since == _NEVER else since,
        )
        for name, id_, accepted, delivered, failed, removed, waiting, since in zip(names, *answer, strict=True)
    ]
