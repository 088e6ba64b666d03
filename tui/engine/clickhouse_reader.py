"""The readers of a ledger on ClickHouse: sums over all hosts, from roll-ups. ``sources`` and ``serve`` enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.engine import clickhouse_waiting, coverage
from tui.engine.clickhouse_client import UNKNOWN_DATABASE, UNKNOWN_TABLE, Client, ClusterRefused
from tui.engine.clickhouse_hosts import host_states, hosts_question, together
from tui.engine.clickhouse_names import ACCOUNT_NAME, CAMPAIGN_NAME, ISP_NAME, NameBook, isp_id
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_place import Place
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
from tui.engine.clickhouse_text import quoted
from tui.engine.ledger import LedgerError, LedgerStatus
from tui.model import Cause, Counts, Grouping, History, HostStatus, MailTotals, QueueQuery, QueueTable, WaitingMessage
from tui.text import clean

_DIMENSIONS: dict[Grouping, tuple[str, ...]] = {
    Grouping.TOTAL: (),
    Grouping.HOST: (),
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
_SUMMED_STATES = ", ".join(f"sum({state})" for state in STATES)
_WAITING = f"sum({' + '.join(STATES)})"
_NOTHING = (0,) * len(COUNTS)


class ClickhouseReader:
    """Reads the ledger at ``place``, all of whose mail systems are known as ``sender_id``; ``host`` is the one to tell
    of where not all are meant. One thread at a time.

    Each answer is from one state of each server; two answers may be from different ones, as mail goes on. What waits
    now and what changed meanwhile are two questions of ``history``, so its points may be off by the last batch.

    Raises ``LedgerError``, as every method does.
    """

    def __init__(
        self, place: Place, password: Callable[[], str] = str, *, sender_id: int = 1, host: str | None = None
    ) -> None:
        self._place = place
        self._client = Client(place, password)
        self._sender_id = sender_id
        self._host = host
        self._names = NameBook(self._find_names)

    def version(self) -> int:
        """A number that changes whenever anything was written."""
        found = self._ask(
            f"SELECT sum(newest) FROM (SELECT max(version) AS newest FROM {everywhere(self._place, 'hosts')} "
            f"WHERE {self._where({})} GROUP BY host)"
        )
        return int(found[0][0])

    def status(self) -> LedgerStatus:
        """How the ledger stands; a cell of two hosts is two."""
        state = self._state()
        parts = f"cluster({self._place.cluster}, system, parts)" if self._place.cluster else "system.parts"
        size = self._ask(f"SELECT sum(bytes) FROM {parts} WHERE active AND database = '{self._place.database}'")
        return LedgerStatus(
            updated=state.updated,
            collector=state.collector,
            counters=state.counters,
            gauges=state.gauges,
            notes=state.notes,
            size=int(size[0][0]),
            cells=state.cells,
        )

    def hosts(self) -> list[HostStatus] | None:
        """How each host is that writes it."""
        raise NotImplementedError

    def states(self) -> dict[str, HostState]:
        """How each host stands, by name."""
        return host_states(self._ask(hosts_question(self._place, self._where({}))))

    def totals(self) -> list[MailTotals]:
        """Mail totals by account, of every account that has any."""
        sums = ", ".join(f"sum({name})" for name in COUNTS)
        found = self._ask(
            f"SELECT account_id, {sums} FROM {self._table('sums')} WHERE {self._where({'level': ACCOUNT})} "
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

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        """Rows of the query's grouping where mail waits, the longest queues first; ``limit`` rows at the most. Totals
        and filters are exact whatever the limit. ``Grouping.TOTAL`` is one row, also when nothing waits."""
        if not self._is_here(query):
            return QueueTable(query=query)
        dimensions = _DIMENSIONS[query.grouping]
        found = self._ask(self._queue_question(dimensions, _filters(query), limit))
        columns = [list(column) for column in found] or [[] for _ in range(len(dimensions) + 4)]
        length = len(columns[-1])
        ids = dict(zip(dimensions, columns, strict=False))
        accounts, campaigns, isps = (ids.get(name) for name in ("account_id", "campaign_id", "isp_id"))
        nameless = [""] * length
        files = together(self.states()).gauges.get("queue_files")
        return QueueTable(
            query=query,
            sender_id=[self._sender_id] * length,
            account_id=accounts or [0] * length,
            account=nameless if accounts is None else self._names.names(ACCOUNT_NAME, accounts),
            campaign_id=campaigns or [0] * length,
            campaign=nameless if campaigns is None else self._names.names(CAMPAIGN_NAME, campaigns, accounts),
            isp=nameless if isps is None else self._names.names(ISP_NAME, isps),
            new=columns[-4],
            proc=columns[-3],
            retry=columns[-2],
            hold=columns[-1],
            files=files,
        )

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        """Counts over the ``span_seconds`` before ``end`` of all cells that the query's filters select, in minutes
        when the span is a day at the most and they are kept, else in hours."""
        state = self._state()
        step = MINUTE_SECONDS if span_seconds <= DAY_SECONDS else HOUR_SECONDS
        start, stop = _window(end, span_seconds, step)
        if step == MINUTE_SECONDS and start < state.minutes_from:
            step = HOUR_SECONDS
            start, stop = _window(end, span_seconds, step)
        if not self._is_here(query):
            return History(start, step, [None] * ((stop - start) // step))
        points = self._points(_filters(query), start, stop, step, state.covered)
        forgotten = min(max(0, (state.hours_from - start) // step), len(points))
        return History(start, step, [*[None] * forgotten, *points[forgotten:]])

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        """Why the mail that the query's filters select waits, most frequent first."""
        if not self._is_here(query):
            return []
        where = self._where(_filters(query))
        return clickhouse_waiting.causes(self._ask(clickhouse_waiting.causes_question(self._place, where, limit)))

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        """The oldest messages that wait among what the query's filters select, a recipient each, the oldest first;
        before them those whose arrival nobody told."""
        if not self._is_here(query):
            return []
        filters = _filters(query)
        most = min(limit, sum(int(column[0]) for column in self._ask(self._queue_question((), filters, None))))
        if most <= 0:
            return []
        isp = filters.pop("isp_id", None)
        question = clickhouse_waiting.messages_question(self._place, self._where({}), self._where(filters), isp, most)
        return clickhouse_waiting.messages(self._ask(question), isp)[:most]

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _queue_question(self, dimensions: Sequence[str], filters: dict[str, int], limit: int | None) -> str:
        wanted = filters.keys() | dimensions
        level = next(level for level, known in _LEVELS if wanted <= known)
        parts = [
            *("SELECT", ", ".join([*dimensions, _SUMMED_STATES]), "FROM", self._table("sums")),
            *("WHERE", self._where({"level": level, **filters})),
        ]
        if dimensions:
            parts += ["GROUP BY", ", ".join(dimensions), "HAVING", _WAITING, "> 0"]
            parts += ["ORDER BY", _WAITING, "DESC,", dimensions[-1]]
        return " ".join([*parts, *([] if limit is None else [f"LIMIT {limit}"])])

    def _points(
        self, filters: dict[str, int], start: int, stop: int, step: int, covered: coverage.Ranges
    ) -> list[Counts | None]:
        # What waited at the end of a bucket is what waits now less all that changed since.
        waiting = [int(column[0]) for column in self._ask(self._queue_question((), filters, None))]
        sums = self._sums_since(filters, start, step)
        for later in [bucket for bucket in sums if bucket >= stop]:
            _take_back(waiting, sums[later])
        points: list[Counts | None] = []
        for bucket in range(stop - step, start - step, -step):
            counts = sums.get(bucket, _NOTHING)
            minute = bucket // MINUTE_SECONDS
            seen = coverage.covered(covered, minute, minute + step // MINUTE_SECONDS - 1)
            points.append(Counts(*counts[:5], *waiting) if seen else None)
            _take_back(waiting, counts)
        points.reverse()
        return points

    def _sums_since(self, filters: dict[str, int], since: int, step: int) -> dict[int, Sequence[int]]:
        """The nine counts of each bucket from ``since`` on, by its start."""
        level = next(level for level, known in _LEVELS if filters.keys() <= known and level != CAMPAIGN)
        table = "minutes" if step == MINUTE_SECONDS else "hours"
        found = self._ask(
            f"SELECT start, {', '.join(f'sum({name})' for name in COUNTS)} FROM {self._table(table)} "
            f"WHERE {self._where({'level': level, **filters})} AND start >= {max(since, 0)} GROUP BY start"
        )
        return {start: counts for start, *counts in zip(*found, strict=True)}

    def _state(self) -> HostState:
        return together(self.states())

    def _find_names(self, kind: int, condition: str) -> list[Column]:
        return self._ask(
            f"SELECT DISTINCT id, account_id, name FROM {self._table('names')} WHERE kind = {kind} AND {condition}"
        ) or [(), (), ()]

    def _ask(self, question: str) -> list[Column]:
        try:
            return self._client.ask(question)
        except ClusterRefused as error:
            if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
                raise LedgerError(
                    f"there is no ledger in the database {self._place.database}; 'mailtop collect' makes it ({error})"
                ) from error
            raise

    def _table(self, name: str) -> str:
        return everywhere(self._place, name)

    def _where(self, values: dict[str, int]) -> str:
        conditions = [f"{column} = {value}" for column, value in values.items()]
        conditions += [] if self._host is None else [f"host = {quoted(self._host)}"]
        return " AND ".join(conditions) or "1"

    def _is_here(self, query: QueueQuery) -> bool:
        return query.sender_id is None or query.sender_id == self._sender_id


def _filters(query: QueueQuery) -> dict[str, int]:
    """The query's filters by column."""
    filters = {}
    for column, number in (("account_id", query.account_id), ("campaign_id", query.campaign_id)):
        if number is not None:
            # Nothing has the largest id of all: that is the filter for what no id can be.
            filters[column] = number if 0 <= number < 1 << 63 else (1 << 64) - 1
    if query.isp is not None:
        filters["isp_id"] = isp_id(clean(query.isp))
    return filters


def _window(end: int, span_seconds: int, step: int) -> tuple[int, int]:
    """The buckets of the span: from, and up to but without; the last is the one that ``end`` falls in or closes."""
    stop = -(-end // step) * step
    return stop + -span_seconds // step * step, stop


def _take_back(waiting: list[int], counts: Sequence[int]) -> None:
    for place, change in enumerate(counts[5:]):
        waiting[place] -= change
