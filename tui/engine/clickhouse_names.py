"""Ids that many hosts agree on without asking each other: made from names. Only the ``clickhouse_*`` rooms enter."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from tui.engine.batch import ISP_BITS, ISP_MASK, Batch, Names
from tui.engine.clickhouse_native import Column
from tui.model import UNKNOWN_ACCOUNT

ACCOUNT_NAME, CAMPAIGN_NAME, ISP_NAME = KINDS = range(1, 4)
_HOST_NAME = 4

_ID_BITS = 53
"""As many as a number in JSON may have everywhere. Campaigns are told apart within their account only, so that two of a
million get one id less often than once in ten thousand ledgers."""

Cell = tuple[int, int, int]
"""Account, campaign, ISP, by id."""

_MANY = 500
"""A server takes long to read longer lists of ids: beyond, the others' names are read with them."""


def account_id(name: str) -> int:
    """The id of an account, wherever it sends from."""
    return _hash(ACCOUNT_NAME, name)


def campaign_id(account: str, name: str) -> int:
    """The id of a campaign of an account."""
    return _hash(CAMPAIGN_NAME, f"{account}\0{name}")


def isp_id(name: str) -> int:
    """The id of an ISP; 0 is a message as such, which has none."""
    return _hash(ISP_NAME, name) if name else 0


def host_id(name: str) -> int:
    """The number of a host, which readers know it by."""
    return _hash(_HOST_NAME, name)


class Numbering:
    """What a host's own numbers are called in the ledger of all hosts."""

    def __init__(self, names: Names) -> None:
        self._accounts: dict[int, str] = {}
        self._campaigns: dict[int, tuple[int, int]] = {}
        self._isps = {0: 0}
        self.add(Batch(accounts=names.accounts, campaigns=names.campaigns, isps=names.isps))

    def add(self, batch: Batch) -> list[tuple[int, int, int, str]]:
        """Learn the new names of a batch; their rows: kind, id, id of the account, name."""
        self._accounts.update((number, name) for name, number in batch.accounts.items())
        rows = [(ACCOUNT_NAME, account_id(name), 0, name) for name in batch.accounts]
        for (account, name), number in batch.campaigns.items():
            owner = self._accounts[account]
            self._campaigns[number] = account_id(owner), campaign_id(owner, name)
            rows.append((CAMPAIGN_NAME, self._campaigns[number][1], self._campaigns[number][0], name))
        for name, number in batch.isps.items():
            self._isps[number] = isp_id(name)
            rows.append((ISP_NAME, self._isps[number], 0, name))
        return rows

    def cell(self, key: int) -> Cell:
        """Account, campaign and ISP of one of the host's cell keys."""
        return *self._campaigns[key >> ISP_BITS], self._isps[key & ISP_MASK]

    def account(self, number: int) -> int:
        """The account of one of the host's numbers; 0 is everybody."""
        return account_id(self._accounts[number]) if number else 0

    def isp(self, number: int) -> int:
        """The ISP of one of the host's numbers."""
        return self._isps[number]


class NameBook:
    """Names by id, as far as somebody asked for them; ``find`` answers ``(id, account_id, name)`` of a kind that meet
    a condition. Where many are asked for, the condition is ``many`` of the kind."""

    def __init__(self, find: Callable[[int, str], list[Column]], many: Callable[[int], str] = lambda _: "1") -> None:
        self._find = find
        self._many = many
        self._names: dict[int, dict[tuple[int, int], str]] = {kind: {} for kind in KINDS}
        self._names[ISP_NAME][0, 0] = ""

    def names(self, kind: int, ids: Column, account_ids: Column | None = None) -> list[str]:
        """The names of ids; those of campaigns need their accounts' ids beside them."""
        keys = list(zip(ids, [0] * len(ids) if account_ids is None else account_ids, strict=True))
        known = self._names[kind]
        found = list(map(known.get, keys))
        if None in found:
            unknown = sorted({key[0] for key, name in zip(keys, found, strict=True) if name is None})
            few = len(unknown) <= _MANY
            condition = f"id IN ({', '.join(map(str, unknown))})" if few else self._many(kind)
            for id_, account, name in zip(*self._find(kind, condition), strict=True):
                known[id_, account] = name.decode(errors="replace")
            found = list(map(known.get, keys))
        return [UNKNOWN_ACCOUNT if name is None else name for name in found]


def _hash(kind: int, name: str) -> int:
    digest = blake2b(f"{kind}\0{name}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 64 - _ID_BITS or 1
