"""The writer of a ledger on ClickHouse: the host's own ledger on disk, and a thread that ships it. Only the collector
enters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from tui.config.ledger_place import Place
from tui.engine.batch import Batch, LogPosition, Names
from tui.engine.clickhouse_client import ANSWER_SECONDS, Client
from tui.engine.clickhouse_shipper import Shipper
from tui.engine.clickhouse_spool import Spooled, SpoolingLedger

SHIP_SECONDS = 2.0
"""Servers like few large inserts: batches are shipped together, so long after the first."""

LEAVE_SECONDS = 5.0
"""How long a collector that ends waits for the rest to arrive."""


class ClickhouseWriter:
    """Writes for ``host`` to the ledger at ``place``, by way of the file ``path``: a write is done when it is on disk
    there, and shipped as soon as the server answers. The other arguments are those of ``SqliteWriter``; the spool may
    take ``max_spool_bytes``.

    Raises ``LedgerBusy`` when another process writes ``path``, ``LedgerError`` when that cannot be used. A server that
    does not answer is no error: the note ``cluster`` says since when and why.
    """

    def __init__(
        self,
        path: Path,
        place: Place,
        host: str,
        password: Callable[[], str] = str,
        *,
        minutes_kept_hours: int = 24,
        hours_kept_days: int = 90,
        max_bytes: int = 2 * 1024**3,
        max_spool_bytes: int = 1024**3,
        ship_seconds: float = SHIP_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._local = SpoolingLedger(
            path,
            minutes_kept_hours=minutes_kept_hours,
            hours_kept_days=hours_kept_days,
            max_bytes=max_bytes,
            max_spool_bytes=max_spool_bytes,
        )
        self._closed = False

        def connect(node: str) -> Client:
            return Client(place, password, only=node, answer_seconds=answer_seconds)

        self._shipper = Shipper(path, host, home(place, host), connect, ship_seconds)

    def names(self) -> Names:
        """Every name the host has numbered."""
        return self._local.names()

    def messages(self) -> dict[bytes, bytes]:
        """The stored states of live messages, by id."""
        return self._local.messages()

    def positions(self) -> list[LogPosition]:
        """How far each log was read when the last batch was written."""
        return self._local.positions()

    def write(self, batch: Batch) -> None:
        """Add a batch: it is on disk then, and on its way. Raises ``LedgerError`` (full disk or spool), and then
        nothing of it is stored."""
        self._note_trouble()
        self._local.write(batch)
        self._shipper.wake()

    def note(self, key: str, text: str | None) -> None:
        """Keep one sentence for readers under ``key``, or take it away."""
        self._local.note(key, text)
        self._shipper.wake()

    def maintain(self, now: float) -> None:
        """Roll old minutes into hours and drop old hours; totals stay."""
        self._local.maintain(now)
        self._shipper.wake()

    @property
    def trouble(self) -> str | None:
        """Why nothing gets to ClickHouse now, in one sentence."""
        return None if self._shipper.trouble is None else self._shipper.trouble[1]

    @property
    def trouble_since(self) -> float | None:
        """Since when nothing gets to ClickHouse (seconds since 1970)."""
        return None if self._shipper.trouble is None else self._shipper.trouble[0]

    def spooled(self) -> Spooled:
        """What waits to be shipped."""
        return self._local.spooled()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until all that was written has arrived; whether it has."""
        return self._shipper.flush(self._local.version(), timeout_seconds)

    def close(self) -> None:
        """Ship what can be shipped soon, and give up the lock and the file; the rest is shipped next time."""
        if self._closed:
            return
        self._closed = True
        try:
            self._local.leave()
            if self._shipper.trouble is None:
                self.flush(LEAVE_SECONDS)
        finally:
            self._shipper.close()
            self._local.close()

    def _note_trouble(self) -> None:
        trouble = self._shipper.trouble
        if trouble is None:
            self._local.note("cluster", None)
        else:
            since = datetime.fromtimestamp(trouble[0], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            self._local.note("cluster", f"since {since} nothing gets to ClickHouse, and waits here: {trouble[1]}")


def home(place: Place, host: str) -> str:
    """The server that a host's rows belong to: always the same one while the list stays, and of a longer list the same
    or the new one."""
    return max(place.nodes, key=lambda node: blake2b(f"{host}\0{node}".encode(), digest_size=8).digest())
