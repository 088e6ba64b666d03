"""Asks all shards of a cluster, and where some are away those that are there: never without saying so. The reader
enters, and the command line to name who is away."""

from __future__ import annotations

import time
from collections.abc import Callable

from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import Client, ClusterAway, ClusterRefused, address
from tui.engine.clickhouse_native import Column

ASK_AGAIN_SECONDS = 15.0
"""So often a shard that was away is asked again, at the price of one slow answer."""

_ANSWER_SECONDS = 12.0
_LONGEST_SECONDS = 10  # the server gives up before its client does
_PING_SECONDS = 1.0

AWAY = {32, 198, 209, 210, 279, 1000}
"""ClickHouse's errors where another server ended, has no address, is silent, cannot be reached, or broke off."""

_EVERY_SHARD = {
    "max_execution_time": f"{_LONGEST_SECONDS}",
    "connect_timeout_with_failover_ms": "1000",
    "connections_with_failover_max_tries": "2",
    "receive_timeout": "4",
}
_SHARDS_THERE = {
    "max_execution_time": f"{_LONGEST_SECONDS}",
    "skip_unavailable_shards": "1",
    "connect_timeout_with_failover_ms": "300",
    "connections_with_failover_max_tries": "1",
    "receive_timeout": "1",
}


class Shards:
    """Asks the ledger at ``place``; ``clock`` counts seconds. ``missing`` is a sentence while what some shard has is
    not in the answers.

    Nothing is left out before a question to all shards has failed: so an answer without ``missing`` is whole.
    """

    def __init__(
        self, place: Place, password: Callable[[], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._place = place
        self._password = password
        self._clock = clock
        self._client = Client(place, password, answer_seconds=_ANSWER_SECONDS)
        self._again = 0.0
        self.missing: str | None = None

    def ask(self, question: str) -> list[Column]:
        """The columns of the answer. Raises ``ClusterAway``, ``ClusterRefused``."""
        if self._place.cluster is None:
            return self._client.ask(question)
        if self.missing is None or self._clock() >= self._again:
            try:
                answer = self._client.ask(question, **_EVERY_SHARD)
            except ClusterAway as error:
                silent = self._silent()
                if len(silent) == len(self._place.nodes):
                    raise
                # Servers of before 2020 wait as long as their own profile says for one that hangs.
                raise ClusterAway(f"the ClickHouse servers wait for {', '.join(silent) or 'each other'}") from error
            except ClusterRefused as error:
                if error.code not in AWAY:
                    raise
                self.missing = self._reason(error)
                self._again = self._clock() + ASK_AGAIN_SECONDS
            else:
                self.missing = None
                return answer
        return self._client.ask(question, **_SHARDS_THERE)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _reason(self, error: ClusterRefused) -> str:
        silent = self._silent()
        if not silent:
            return f"What a shard of the cluster has is missing in all numbers: {error}"
        one = len(silent) == 1
        return (
            f"The ClickHouse server{'' if one else 's'} {', '.join(silent)} {'does' if one else 'do'} not answer: "
            f"what {'it has' if one else 'they have'} is missing in all numbers."
        )

    def _silent(self) -> list[str]:
        return silent(self._place, self._password)


def silent(place: Place, password: Callable[[], str]) -> list[str]:
    """The addresses of the servers that do not answer."""
    return [address(node) for node in place.nodes if not _answers(place, password, node)]


def _answers(place: Place, password: Callable[[], str], node: str) -> bool:
    client = Client(place, password, only=node, connect_seconds=_PING_SECONDS, answer_seconds=_PING_SECONDS)
    try:
        client.ask("SELECT 1")
    except ClusterRefused:
        return True
    except ClusterAway:
        return False
    finally:
        client.close()
    return True
