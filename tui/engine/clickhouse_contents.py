"""All that a ledger on ClickHouse holds of one host, as batches with numbers of their own. What copies and compares
ledgers enters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tui.engine.batch import ISP_BITS, ISP_MASK, Batch, CauseDelta, CauseKey, Place, cell_key
from tui.engine.clickhouse_balances import balances, balances_question
from tui.engine.clickhouse_client import UNKNOWN_TABLE, Client, ClusterRefused
from tui.engine.clickhouse_hosts import host_states, hosts_question
from tui.engine.clickhouse_names import ACCOUNT_NAME, CAMPAIGN_NAME, ISP_NAME
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_schema import ACCOUNT, CELL, COUNTS, MARK, STATES, TOTAL, everywhere
from tui.engine.clickhouse_text import quoted
from tui.engine.counts import D_NEW, FAIL, SUCCESS, Columns, columns_of
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_contents import BEFORE_HISTORY, Head, gathered
from tui.engine.messages import STATE_BITS, decode_message, encode_message
from tui.engine.sqlite_history import MINUTE_SECONDS

_COUNTS_AT_ONCE = 20_000
_STARTS_AT_ONCE = 24
"""So many hours or minutes of history are asked for at once."""

_ROWS_AT_ONCE = 2_000
_SUMMED = ", ".join(f"sum({name})" for name in COUNTS)
_SUMMED_STATES = ", ".join(f"sum({name})" for name in STATES)


class ClickhouseContents:
    """What ``client``'s ledger has of ``host``. It must not change meanwhile: ``parts`` raises ``LedgerBusy`` when it
    did.

    Which ISP's and campaign's mail was counted before the history that is kept no server knows: it stands at its
    account's campaign ``""``.
    """

    def __init__(self, client: Client, host: str) -> None:
        self._client = client
        self._host = host
        self._mine = f"host = {quoted(host)}"
        self._accounts: dict[int, int] = {}
        self._campaigns: dict[tuple[int, int], int] = {}
        self._by_name: dict[tuple[int, str], int] = {}
        self._isps = {0: 0}
        self._owners: dict[int, int] = {}
        self._new = Batch(accounts={}, campaigns={}, isps={})

    def mark(self) -> int:
        """A number that changes with every insert of the host's counts."""
        found = self._client.ask(
            f"SELECT sum(applied) FROM {self._table('sums')} WHERE level = {MARK} AND {self._mine}"
        )
        return int(found[0][0])

    def head(self) -> Head:
        """What it knows beside its counts. Raises ``LedgerError``, also where the host is not known."""
        state = self._state()
        found = self._client.ask(f"SELECT {_SUMMED} FROM {self._table('sums')} WHERE level = {TOTAL} AND {self._mine}")
        return Head(
            host=self._host,
            updated=state.updated,
            minutes_from=state.minutes_from,
            hours_from=state.hours_from,
            covered=state.covered,
            sums=tuple(int(column[0]) for column in found),
            counters=state.counters,
            gauges=state.gauges,
            notes=state.notes,
        )

    def parts(self) -> Iterator[Batch]:
        """Batches that make an empty ledger what this one is (``Contents``). Raises ``LedgerError``."""
        mark, state = self.mark(), self._state()
        counted, waiting = self._sums()
        sums = self._accounted(counted, waiting)
        for part in gathered(self._history(state, counted, waiting), _COUNTS_AT_ONCE):
            yield self._new_names()
            yield part
        before = self._before(counted, waiting)
        yield self._new_names()
        if any(before):
            yield Batch(deltas={BEFORE_HISTORY: before})
        yield from self._balances(sums)
        yield from self._causes()
        yield from self._messages()
        if self.mark() != mark:
            raise LedgerBusy(
                f"the host {self._host} has sent more meanwhile; stop its collector, or try again when less mail comes"
            )

    def _state(self) -> HostState:
        states = host_states(self._client.ask(hosts_question(self._client.place, self._mine)))
        if self._host not in states:
            raise LedgerError(f"the ledger on ClickHouse knows no host called {self._host}")
        return states[self._host]

    def _sums(self) -> tuple[list[dict[int, int]], list[dict[int, int]]]:
        """What was counted by account, in five columns, and what waits by cell, in four."""
        counted: list[dict[int, int]] = [{} for _ in range(D_NEW)]
        question = f"SELECT account_id, {_SUMMED} FROM {self._table('sums')} WHERE level = {ACCOUNT} AND {self._mine}"
        rows = _rows(self._client.ask(f"{question} GROUP BY account_id ORDER BY account_id"))
        self._number_accounts([account for account, *_ in rows])
        for account, *counts in rows:
            for column in range(D_NEW):
                counted[column][self._accounts[account]] = counts[column]
        waiting: list[dict[int, int]] = [{} for _ in STATES]
        keys = "account_id, campaign_id, isp_id"
        question = f"SELECT {keys}, {_SUMMED_STATES} FROM {self._table('sums')} WHERE level = {CELL} AND {self._mine}"
        found = self._client.ask(f"{question} GROUP BY {keys}")
        for cell, counts in zip(self._cells(found[:3]), _rows(found[3:]), strict=True):
            for state, count in enumerate(counts):
                waiting[state][cell] = count
        return counted, waiting

    def _history(
        self, state: HostState, counted: list[dict[int, int]], waiting: list[dict[int, int]]
    ) -> Iterator[tuple[int, Columns]]:
        """Each bucket, by its minute; what it has is taken away from the sums."""
        ends = (state.hours_from, state.minutes_from, 1 << 32)
        for table, first, end in (("hours", *ends[:2]), ("minutes", *ends[1:])):
            for start, columns in self._buckets(table, f"start >= {first} AND start < {end}"):
                for column in range(D_NEW):
                    for cell, count in columns[column].items():
                        account = self._owners[cell >> ISP_BITS]
                        counted[column][account] = counted[column].get(account, 0) - count
                for place, changes in enumerate(columns[D_NEW:]):
                    for cell, count in changes.items():
                        waiting[place][cell] = waiting[place].get(cell, 0) - count
                yield start // MINUTE_SECONDS, columns

    def _buckets(self, table: str, when: str) -> Iterator[tuple[int, Columns]]:
        mine = f"FROM {self._table(table)} WHERE {self._mine}"
        found = self._client.ask(f"SELECT DISTINCT start {mine} AND level = {TOTAL} AND {when} ORDER BY start")
        starts = list(found[0]) if found else []
        keys = "start, account_id, campaign_id, isp_id"
        for place in range(0, len(starts), _STARTS_AT_ONCE):
            some = starts[place : place + _STARTS_AT_ONCE]
            columns = self._client.ask(
                f"SELECT {keys}, {_SUMMED} {mine} AND level = {CELL} AND start >= {some[0]} AND start <= {some[-1]} "
                f"GROUP BY {keys} ORDER BY start"
            )
            if not columns:
                continue
            rows = zip(columns[0], self._cells(columns[1:4]), _rows(columns[4:]), strict=True)
            for start, bucket in groupby(rows, key=lambda row: int(row[0])):
                yield start, columns_of({cell: counts for _, cell, counts in bucket})

    def _before(self, counted: list[dict[int, int]], waiting: list[dict[int, int]]) -> Columns:
        """What was counted before any history that is kept."""
        columns: list[dict[int, int]] = []
        for by_account in counted:
            left = {number: count for number, count in by_account.items() if count}
            columns.append({cell_key(self._campaign_named(number, ""), 0): count for number, count in left.items()})
        return [*columns, *({cell: count for cell, count in state.items() if count} for state in waiting)]

    def _accounted(self, counted: list[dict[int, int]], waiting: list[dict[int, int]]) -> dict[int, int]:
        """Recipients by account that are accounted for."""
        accounted: dict[int, int] = {}
        for column in (counted[SUCCESS], counted[FAIL]):
            for account, count in column.items():
                accounted[account] = accounted.get(account, 0) + count
        for state in waiting:
            for cell, count in state.items():
                account = self._owners[cell >> ISP_BITS]
                accounted[account] = accounted.get(account, 0) + count
        return accounted

    def _balances(self, accounted: dict[int, int]) -> Iterator[Batch]:
        """What was accepted and removed; of accounts that the host has not told of what is ``accounted`` for."""
        try:
            found = self._client.ask(balances_question(self._client.place, self._mine))
        except ClusterRefused as error:
            if error.code != UNKNOWN_TABLE:
                raise
            found = []
        told = {each.account_id: each for each in balances([""] * len(found[0]), found)} if found else {}
        self._number_accounts(sorted(told.keys() - {0}))
        yield self._new_names()
        numbers = {0: 0} | self._accounts
        accepted = accounted | {numbers[id_]: each.accepted for id_, each in told.items() if id_}
        yield Batch(
            accepted={number: count for number, count in accepted.items() if count},
            removed={numbers[id_]: each.removed for id_, each in told.items() if id_ and each.removed},
        )
        off = {numbers[id_]: each.since for id_, each in told.items() if each.since is not None}
        if off:
            yield Batch(off_since=off)

    def _causes(self) -> Iterator[Batch]:
        keys, parts = "account_id, campaign_id, isp_id", "text, count, first_seen, last_seen, last_reply"
        found = self._client.ask(
            f"SELECT {keys}, {parts} FROM {self._table('causes')} WHERE {self._mine} "
            f"ORDER BY version DESC LIMIT 1 BY {keys}"
        )
        cells = self._cells(found[:3])
        yield self._new_names()
        for cell, arrays in zip(cells, _rows(found[3:]), strict=True):
            yield Batch(
                causes={
                    CauseKey(cell, text.decode()): CauseDelta(count, first, last, reply.decode())
                    for text, count, first, last, reply in zip(*arrays, strict=True)
                }
            )

    def _messages(self) -> Iterator[Batch]:
        found = self._client.ask(
            "SELECT account_id, campaign_id, id, isps, numbers, state FROM (SELECT account_id, campaign_id, id, isps, "
            f"numbers, state FROM {self._table('messages')} WHERE {self._mine} ORDER BY version DESC LIMIT 1 BY id) "
            "WHERE notEmpty(isps)"
        )
        if not found:
            return
        cells = self._cells([found[0], found[1], [0] * len(found[0])])
        self._number_isps(sorted({isp for isps in found[3] for isp in isps}))
        yield self._new_names()
        messages: dict[bytes, bytes | None] = {}
        places: dict[bytes, Place] = {}
        for cell, (id_, isps, numbers, state) in zip(cells, _rows(found[2:]), strict=True):
            messages[id_], place = self._renumbered(state, cell, dict(zip(numbers, isps, strict=True)))
            if place is not None:
                places[id_] = place
            if len(messages) >= _ROWS_AT_ONCE:
                yield Batch(messages=messages, places=places)
                messages, places = {}, {}
        if messages:
            yield Batch(messages=messages, places=places)

    def _renumbered(self, state: bytes, cell: int, isps: dict[int, int]) -> tuple[bytes, Place | None]:
        """A message with our numbers in place of its host's; whose it is is not asked again."""
        message = decode_message(state)
        message.cell, message.credits = cell, None
        for recipient, unit in message.units.items():
            isp = unit >> STATE_BITS & ISP_MASK
            number = self._isps[isps[isp]]
            message.units[recipient] = unit + (number - isp << STATE_BITS)
        return encode_message(message), message.place

    def _cells(self, columns: list[Column]) -> list[int]:
        """The keys of cells: columns of accounts, campaigns and ISPs, by id."""
        if not columns:
            return []
        accounts, campaigns, isps = columns
        keys = list(zip(accounts, campaigns, strict=True))
        self._number_campaigns(sorted(set(keys) - self._campaigns.keys()))
        self._number_isps(sorted(set(isps) - self._isps.keys()))
        return [cell_key(self._campaigns[key], self._isps[isp]) for key, isp in zip(keys, isps, strict=True)]

    def _number_campaigns(self, keys: list[tuple[int, int]]) -> None:
        self._number_accounts(sorted({account for account, _ in keys}))
        names = self._names(CAMPAIGN_NAME, sorted({campaign for _, campaign in keys}))
        for account, campaign in keys:
            name = names.get((campaign, account), f"({campaign})")
            self._campaigns[account, campaign] = self._campaign_named(self._accounts[account], name)

    def _number_isps(self, ids: list[int]) -> None:
        ids = [id_ for id_ in ids if id_ not in self._isps]
        names = self._names(ISP_NAME, ids)
        for id_ in ids:
            self._isps[id_] = self._new.isps[names.get((id_, 0), f"({id_})")] = len(self._isps)

    def _number_accounts(self, ids: list[int]) -> None:
        ids = [id_ for id_ in ids if id_ not in self._accounts]
        names = self._names(ACCOUNT_NAME, ids)
        for id_ in ids:
            self._accounts[id_] = self._new.accounts[names.get((id_, 0), f"({id_})")] = len(self._accounts) + 1

    def _campaign_named(self, account: int, name: str) -> int:
        number = self._by_name.get((account, name))
        if number is None:
            number = self._by_name[account, name] = self._new.campaigns[account, name] = len(self._by_name) + 1
            self._owners[number] = account
        return number

    def _new_names(self) -> Batch:
        """The names that were numbered since the last call."""
        new, self._new = self._new, Batch(accounts={}, campaigns={}, isps={})
        return new

    def _names(self, kind: int, ids: list[int]) -> dict[tuple[int, int], str]:
        """The names of ids of a kind, by id and account; an id that nobody named has none."""
        names: dict[tuple[int, int], str] = {}
        for place in range(0, len(ids), _ROWS_AT_ONCE):
            some = ", ".join(map(str, ids[place : place + _ROWS_AT_ONCE]))
            found = self._client.ask(
                f"SELECT DISTINCT id, account_id, name FROM {self._table('names')} "
                f"WHERE kind = {kind} AND id IN ({some})"
            )
            names.update({(id_, account): name.decode(errors="replace") for id_, account, name in _rows(found)})
        return names

    def _table(self, name: str) -> str:
        return everywhere(self._client.place, name)


def _rows(columns: list[Column]) -> list[list[Any]]:
    return [list(row) for row in zip(*columns, strict=True)]
