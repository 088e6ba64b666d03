"""The readers of a ledger on ClickHouse: sums over all hosts, from roll-ups. ``sources`` and ``serve`` enter."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from tui.config.ledger_place import Place
from tui.engine import clickhouse_waiting, coverage
from tui.engine.clickhouse_balances import all_balances
from tui.engine.clickhouse_client import UNKNOWN_DATABASE, UNKNOWN_TABLE, ClusterRefused
from tui.engine.clickhouse_hosts import (
    Standing,
    away,
    by_host,
    host_states,
    host_statuses,
    hosts_question,
    not_counted,
    outcomes_question,
    standing,
    together,
    worst_question,
)
from tui.engine.clickhouse_names import ACCOUNT_NAME, CAMPAIGN_NAME, ISP_NAME, NameBook, host_id
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_schema import (
    ACCOUNT,
    CAMPAIGN,
    CELL,
    COUNTS,
    DAY_SECONDS,
    HOUR_SECONDS,
    ISP,
    MINUTE_SECONDS,
    STATES,
    TOTAL,
    everywhere,
)
from tui.engine.clickhouse_scope import EVERY_HOST, Scope, everyone, filters, is_host, one_host, where
from tui.engine.clickhouse_shards import Shards
from tui.engine.ledger import LedgerError, LedgerStatus
from tui.model import (
    Balance,
    Cause,
    Counts,
    Grouping,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    WaitingMessage,
)
from tui.text import clean

LATE_SECONDS = 30.0
"""A host that has not written for so long is late: it ships every two seconds, and every fifteen after a failure."""

_DIMENSIONS: dict[Grouping, tuple[str, ...]] = {
    Grouping.TOTAL: (),
    Grouping.HOST: ("host",),
    Grouping.ACCOUNT: ("account_id",),
    Grouping.ACCOUNT_CAMPAIGN: ("account_id", "campaign_id"),
    Grouping.ISP: ("isp_id",),
}
_LEVELS = (  # the smallest first
    (TOTAL, frozenset[str]()),
    (ACCOUNT, frozenset({"account_id"})),
    (ISP, frozenset({"isp_id"})),
    (CAMPAIGN, frozenset({"account_id", "campaign_id"})),
    (CELL, frozenset({"account_id", "campaign_id", "isp_id"})),
)
_NAMED_IN = {
    ACCOUNT_NAME: ("account_id", ACCOUNT),
    CAMPAIGN_NAME: ("campaign_id", CAMPAIGN),
    ISP_NAME: ("isp_id", ISP),
}
_SUMMED_STATES = ", ".join(f"sum({state}) AS sum_{state}" for state in STATES)
_WAITING = " + ".join(f"sum_{state}" for state in STATES)
_NOTHING = (0,) * len(COUNTS)


class ClickhouseReader:
    """Reads the ledger at ``place``, all of whose hosts together are known as ``sender_id``, and each by the number of
    its name; ``host`` is the one to tell of where not all are meant. A host that has not written for ``late_seconds``
    by ``clock``, or cannot list its queue, is left out of sums of what waits while any other does better. One thread at
    a time.

    Each answer is from one state of each server; two answers may be from different ones, as mail goes on. What waits
    now and what changed meanwhile are two questions of ``history``, so its points may be off by the last batch.

    Raises ``LedgerError``, as every method does.
    """

    def __init__(
        self,
        place: Place,
        password: Callable[[], str] = str,
        *,
        sender_id: int = 1,
        host: str | None = None,
        late_seconds: float = LATE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._shards = Shards(place, password)
        self._sender_id = sender_id
        self._rows = EVERY_HOST if host is None else is_host(host)
        self._late_seconds = late_seconds
        self._clock = clock
        self._names = NameBook(self._find_names, self._summed_names)
        self._states: dict[str, HostState] = {}
        self._away: set[str] = set()
        self._waited: dict[str, tuple[int, ...]] = {}

    def version(self) -> int:
        """A number that changes whenever anything was written."""
        found = self._ask(
            f"SELECT sum(newest) FROM (SELECT max(version) AS newest FROM {everywhere(self._place, 'hosts')} "
            f"WHERE {self._rows} GROUP BY host)"
        )
        return int(found[0][0])

    def status(self) -> LedgerStatus:
        """How the ledger stands by the word of the hosts that count; ``notes["hosts"]`` names the others,
        ``notes["shards"]`` the servers whose rows are missing: then it is partial. A cell of two hosts is two."""
        scope = self._everyone()
        state, all_hosts = scope.counted(), together(scope.hosts)
        notes = {"hosts": not_counted(scope.without, len(scope.hosts))} if scope.without else {}
        notes |= {"shards": self._shards.missing} if self._shards.missing else {}
        # A server that looks for a table on another one finds none while that is away: it tells of itself then.
        parts = f"cluster({self._place.cluster}, system, parts)" if self._place.cluster else "system.parts"
        parts = "system.parts" if self._shards.missing else parts
        size = self._ask(f"SELECT sum(bytes) FROM {parts} WHERE active AND database = '{self._place.database}'")
        return LedgerStatus(
            updated=state.updated,
            collector=state.collector,
            counters=all_hosts.counters,
            gauges=state.gauges,
            notes={**state.notes, **notes},
            size=int(size[0][0]),
            cells=all_hosts.cells,
        )

    def hosts(self) -> list[HostStatus]:
        """How each host is that writes it, by name."""
        standings = self._standings(self.states())
        outcomes = by_host(self._ask(outcomes_question(self._place, self._rows)))
        worst = by_host(self._ask(worst_question(self._place, self._rows)))
        isps = self._names.names(ISP_NAME, [isp for isp, _ in worst.values()])
        return host_statuses(standings, outcomes, dict(zip(worst, isps, strict=True)), worst)

    def states(self) -> dict[str, HostState]:
        """How each host stands, by name; those of a shard that is away as they stood before."""
        found = host_states(self._ask(hosts_question(self._place, self._rows)))
        if self._shards.missing is None:
            self._states, self._away = found, set()
        else:
            self._states, self._away = {**self._states, **found}, self._states.keys() - found.keys()
        return dict(sorted(self._states.items()))

    def totals(self) -> list[MailTotals]:
        """Mail totals by account, of every account that has any: what happened on every host, and what waits on those
        that count."""
        scope = self._everyone()
        sums = ", ".join(scope.sums(COUNTS))
        found = self._ask(
            f"SELECT account_id, {sums} FROM {self._table('sums')} WHERE {where({'level': ACCOUNT}, scope.rows)} "
            f"GROUP BY account_id HAVING {' OR '.join(f'sum({name}) != 0' for name in COUNTS)} ORDER BY account_id"
        )
        if not found:
            return []
        ids = found[0]
        return [
            MailTotals(
                account=account,
                account_id=account_id,
                send_count=send,
                success_count=success,
                defer_count=defer,
                fail_count=fail,
                in_progress_count=sum(waiting),
                total_size=size,
            )
            for account, account_id, send, success, defer, fail, size, *waiting in zip(
                self._names.names(ACCOUNT_NAME, ids), *found, strict=True
            )
        ]

    def balances(self, accounts: Collection[int] | None = None) -> list[Balance]:
        """Whether all mail is accounted for, on all hosts: of everybody first, then of each account that ever had any,
        or of ``accounts`` (ids) and those that are off; ``since`` is when the first host went off. Nothing where hosts
        do not tell yet."""
        return all_balances(
            self._shards.ask, partial(self._names.names, ACCOUNT_NAME), self._place, self._rows, accounts
        )

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        """Rows of the query's grouping where mail waits, the longest queues first; ``limit`` rows at the most. Totals
        and filters are exact whatever the limit. ``Grouping.TOTAL`` is one row, also when nothing waits, and
        ``Grouping.HOST`` one of each host, also of those that sums leave out."""
        scope = self._scope(query)
        if scope is None:
            return QueueTable(query=query)
        if query.grouping is Grouping.HOST:
            return self._by_host(query, scope, limit)
        dimensions = _DIMENSIONS[query.grouping]
        found = self._ask(self._queue_question(dimensions, filters(query), scope.counted_rows, limit))
        columns = [list(column) for column in found] or [[] for _ in range(len(dimensions) + 4)]
        length = len(columns[-1])
        ids = dict(zip(dimensions, columns, strict=False))
        accounts, campaigns, isps = (ids.get(name) for name in ("account_id", "campaign_id", "isp_id"))
        nameless = [""] * length
        return QueueTable(
            query=query,
            sender_id=[scope.sender_id] * length,
            sender=[scope.sender] * length if scope.sender else [],
            account_id=accounts or [0] * length,
            account=nameless if accounts is None else self._names.names(ACCOUNT_NAME, accounts),
            campaign_id=campaigns or [0] * length,
            campaign=nameless if campaigns is None else self._names.names(CAMPAIGN_NAME, campaigns, accounts),
            isp=nameless if isps is None else self._names.names(ISP_NAME, isps),
            new=columns[-4],
            proc=columns[-3],
            retry=columns[-2],
            hold=columns[-1],
            files=scope.counted().gauges.get("queue_files"),
        )

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        """Counts over the ``span_seconds`` before ``end`` of all cells that the query's filters select, in minutes
        when the span is a day at the most and they are kept, else in hours."""
        scope = self._scope(query)
        state = together({} if scope is None else scope.hosts)
        step = MINUTE_SECONDS if span_seconds <= DAY_SECONDS else HOUR_SECONDS
        start, stop = _window(end, span_seconds, step)
        if step == MINUTE_SECONDS and start < state.minutes_from:
            step = HOUR_SECONDS
            start, stop = _window(end, span_seconds, step)
        if scope is None:
            return History(start, step, [None] * ((stop - start) // step))
        points = self._points(filters(query), scope, start, stop, step, state.covered)
        forgotten = min(max(0, (state.hours_from - start) // step), len(points))
        return History(start, step, [*[None] * forgotten, *points[forgotten:]])

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        """Why the mail that the query's filters select waits, most frequent first."""
        scope = self._scope(query)
        if scope is None:
            return []
        waiting = where(filters(query), scope.counted_rows)
        return clickhouse_waiting.causes(self._ask(clickhouse_waiting.causes_question(self._place, waiting, limit)))

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        """The oldest messages that wait among what the query's filters select, a recipient each, the oldest first;
        before them those whose arrival nobody told."""
        scope = self._scope(query)
        if scope is None:
            return []
        selected = filters(query)
        waiting = self._ask(self._queue_question((), selected, scope.counted_rows, None))
        most = min(limit, sum(int(column[0]) for column in waiting))
        if most <= 0:
            return []
        isp = selected.pop("isp_id", None)
        rows = scope.counted_rows
        question = clickhouse_waiting.messages_question(self._place, rows, where(selected, rows), isp, most)
        return clickhouse_waiting.messages(self._ask(question), isp)[:most]

    def close(self) -> None:
        """Give back the connections."""
        self._shards.close()

    def _by_host(self, query: QueueQuery, scope: Scope, limit: int | None) -> QueueTable:
        selected = filters(query)
        found = by_host(self._ask(self._queue_question(("host",), selected, scope.rows, None)))
        waiting = {**dict.fromkeys(scope.hosts.keys() - self._away, (0,) * len(STATES)), **found}
        if not selected:
            # Of a shard that is away the last numbers stay.
            self._waited = waiting = {**self._waited, **waiting}
        rows = sorted((-sum(waiting[host]), host, waiting[host]) for host in scope.hosts.keys() & waiting.keys())
        rows = rows[:limit]
        new, proc, retry, hold = ([counts[state] for *_, counts in rows] for state in range(len(STATES)))
        length = len(rows)
        return QueueTable(
            query=query,
            sender_id=[host_id(host) for _, host, _ in rows],
            sender=[clean(host) for _, host, _ in rows],
            account_id=[0] * length,
            account=[""] * length,
            campaign_id=[0] * length,
            campaign=[""] * length,
            isp=[""] * length,
            new=new,
            proc=proc,
            retry=retry,
            hold=hold,
            files=scope.counted().gauges.get("queue_files"),
        )

    def _queue_question(self, dimensions: Sequence[str], selected: dict[str, int], rows: str, limit: int | None) -> str:
        wanted = (selected.keys() | dimensions) - {"host"}
        level = next(level for level, known in _LEVELS if wanted <= known)
        parts = [
            *("SELECT", ", ".join([*dimensions, _SUMMED_STATES]), "FROM", self._table("sums")),
            *("WHERE", where({"level": level, **selected}, rows)),
        ]
        if dimensions:
            parts += ["GROUP BY", ", ".join(dimensions), "HAVING", _WAITING, "> 0"]
            parts += ["ORDER BY", _WAITING, "DESC,", dimensions[-1]]
        return " ".join([*parts, *([] if limit is None else [f"LIMIT {limit}"])])

    def _points(
        self, selected: dict[str, int], scope: Scope, start: int, stop: int, step: int, covered: coverage.Ranges
    ) -> list[Counts | None]:
        # What waited at the end of a bucket is what waits now less all that changed since: never less than nothing,
        # though where a clock was set back mail left before it came.
        found = self._ask(self._queue_question((), selected, scope.counted_rows, None))
        waiting = [int(column[0]) for column in found]
        sums = self._sums_since(selected, scope, start, step)
        for later in [bucket for bucket in sums if bucket >= stop]:
            _take_back(waiting, sums[later])
        points: list[Counts | None] = []
        for bucket in range(stop - step, start - step, -step):
            counts = sums.get(bucket, _NOTHING)
            minute = bucket // MINUTE_SECONDS
            seen = coverage.covered(covered, minute, minute + step // MINUTE_SECONDS - 1)
            points.append(Counts(*counts[:5], *[max(count, 0) for count in waiting]) if seen else None)
            _take_back(waiting, counts)
        points.reverse()
        return points

    def _sums_since(self, selected: dict[str, int], scope: Scope, since: int, step: int) -> dict[int, Sequence[int]]:
        """The nine counts of each bucket from ``since`` on, by its start."""
        level = next(level for level, known in _LEVELS if selected.keys() <= known and level != CAMPAIGN)
        table = "minutes" if step == MINUTE_SECONDS else "hours"
        found = self._ask(
            f"SELECT start, {', '.join(scope.sums(COUNTS))} FROM {self._table(table)} "
            f"WHERE {where({'level': level, **selected}, scope.rows)} AND start >= {max(since, 0)} GROUP BY start"
        )
        return {start: counts for start, *counts in zip(*found, strict=True)}

    def _scope(self, query: QueueQuery) -> Scope | None:
        """What the query is about; ``None``: nothing is known here by its sender."""
        if query.sender_id is None or query.sender_id == self._sender_id:
            return self._everyone()
        return one_host(self.states(), query.sender_id)

    def _everyone(self) -> Scope:
        states = self.states()
        return everyone(states, self._standings(states), self._sender_id, self._rows)

    def _standings(self, states: dict[str, HostState]) -> dict[str, Standing]:
        now, why = self._clock(), self._shards.missing or ""
        return {
            host: away(state, now, why) if host in self._away else standing(state, now, self._late_seconds)
            for host, state in states.items()
        }

    def _find_names(self, kind: int, condition: str) -> list[Column]:
        return self._ask(
            f"SELECT DISTINCT id, account_id, name FROM {self._table('names')} WHERE kind = {kind} AND {condition}"
        ) or [(), (), ()]

    def _summed_names(self, kind: int) -> str:
        # Each server looks into its own sums: whoever sums a name has named it there.
        column, level = _NAMED_IN[kind]
        return f"id IN (SELECT {column} FROM {self._place.database}.sums WHERE level = {level})"

    def _ask(self, question: str) -> list[Column]:
        whole = self._shards.missing is None
        try:
            answer = self._shards.ask(question)
        except ClusterRefused as error:
            if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
                raise LedgerError(
                    f"there is no ledger in the database {self._place.database}; 'mailtop collect' makes it ({error})"
                ) from error
            raise
        if whole and self._shards.missing is not None:
            self.states()  # whose rows are not here any more?
        return answer

    def _table(self, name: str) -> str:
        return everywhere(self._place, name)


def _window(end: int, span_seconds: int, step: int) -> tuple[int, int]:
    """The buckets of the span: from, and up to but without; the last is the one that ``end`` falls in or closes."""
    stop = -(-end // step) * step
    return stop + -span_seconds // step * step, stop


def _take_back(waiting: list[int], counts: Sequence[int]) -> None:
    for place, change in enumerate(counts[5:]):
        waiting[place] -= change
