"""One ledger gives the same numbers directly and through the two APIs and their clients, in every grouping and
filter."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.ledger_model import BASE, CELLS, batches_of
from tests.serve.served import SENDER, Served, ledger_source, served, write_ledger
from tui.cli.asking import Asked, ask_all
from tui.cli.show import make_report
from tui.config import CpanelSource, SenderQueueSource
from tui.config.secrets import Secret
from tui.hub import formats
from tui.model import API_GROUPINGS
from tui.sources.cpanel import Cpanel
from tui.sources.sender_queue import SenderQueue
from tui.sources.source import Source

COUNTS = st.tuples(*[st.integers(0, 5)] * 4, st.integers(0, 3 << 32), *[st.integers(-3, 9)] * 4)
DELTAS = st.dictionaries(
    st.integers(BASE, BASE + 200), st.dictionaries(CELLS, COUNTS, min_size=2, max_size=9), min_size=1, max_size=3
)
Cells = dict[str, formats.Cell]
UNTOLD = ("source", "sender", "campaign")
"""What differs by nature: names of sources and senders, and of campaigns, which the sender-queue API has not."""


def questions() -> Iterator[Asked]:
    """Every grouping with every filter that the APIs know, and with all of them; some select nothing."""
    filters = product((None, "alice", "bob"), (None, "4"), (None, "Gmail", "nobody"))
    for (account, campaign, isp), grouping in product(filters, API_GROUPINGS):
        yield Asked(what="queue", grouping=grouping, sender=SENDER.id, account=account, campaign=campaign, isp=isp)


class Unclosed:
    """A source that a question leaves open for the next one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.type, self.interval_seconds = source.name, source.type, source.interval_seconds
        self.status, self.totals, self.queue = source.status, source.totals, source.queue
        self.history, self.causes, self.messages = source.history, source.causes, source.messages
        self.hosts, self.changed, self.check = source.hosts, source.changed, source.check
        self.balances = source.balances

    async def close(self) -> None:
        pass


async def shown(source: Source, asked: Asked) -> list[Cells]:
    """The rows that `mailtop show --format json` prints."""
    answers = await ask_all(asked, [Unclosed(source)], {})
    assert not any(answer.failed for answer in answers), answers
    report = make_report(asked, answers, datetime.now(UTC))
    rows: list[Cells] = json.loads("".join(formats.as_json(report)))["rows"]
    return rows


def told(rows: list[Cells]) -> list[Cells]:
    return [{key: cell for key, cell in row.items() if key not in UNTOLD} for row in rows]


def by_account(rows: list[Cells]) -> dict[str, Cells]:
    return {str(row["account"]): {key: cell for key, cell in row.items() if key not in UNTOLD} for row in rows}


def cpanel(server: Served, login: str = "whm", user: str = "root") -> Cpanel:
    config = CpanelSource(url=server.url, login=login, user=user, token_env="TOKEN")
    return Cpanel(config, lambda: Secret(server.token), interval_seconds=1.0)


def sender_queue(server: Served, form: str) -> SenderQueue:
    config = SenderQueueSource(url=server.url, format=form, token_env="TOKEN")
    return SenderQueue(config, lambda: Secret(server.token), interval_seconds=1.0)


async def check_queue(server: Served, direct: Source) -> None:
    others = [sender_queue(server, form) for form in ("json", "xml")]
    for asked in questions():
        expected = await shown(direct, asked)
        for other in others:
            assert sorted(told(await shown(other, asked)), key=str) == sorted(told(expected), key=str), asked
    for other in others:
        await other.close()


async def check_totals(server: Served, direct: Source) -> None:
    expected = by_account(await shown(direct, Asked(what="totals")))
    everyone = cpanel(server)
    found = by_account(await shown(everyone, Asked(what="totals")))
    assert found == {name: row | {"in_progress_count": None} for name, row in expected.items()}
    filled = {each.account: each.in_progress_count for each in await everyone.totals(list(expected)) or ()}
    assert filled == {name: row["in_progress_count"] for name, row in expected.items()}
    await everyone.close()
    for login, user in product(("cpanel", "session"), expected):
        source = cpanel(server, login, user)
        rows = by_account(await shown(source, Asked(what="totals")))
        assert rows[user] | {"in_progress_count": 0} == expected[user] | {"in_progress_count": 0}
        if login == "cpanel":
            assert rows == {user: expected[user]}
        await source.close()


@settings(max_examples=5, deadline=None)
@given(drawn=st.lists(DELTAS, min_size=1, max_size=3))
def test_the_same_numbers_on_every_way(drawn: list[dict[int, dict[int, tuple[int, ...]]]]) -> None:
    async def check(path: Path) -> None:
        async with served(path, tick_seconds=60) as server:
            direct = ledger_source(path)
            await check_totals(server, direct)
            await check_queue(server, direct)
            await direct.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mx.ledger"
        write_ledger(path, batches_of([(deltas, {}) for deltas in drawn]))
        asyncio.run(check(path))
