"""Rows that are hosts, and rows that are added up over them, in a file: as `mailtop show` prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.hub.scripted import ScriptedSource, until
from tests.hub.test_export import as_json
from tests.hub.test_hub import Screen, quick, screen
from tui.hub import formats
from tui.hub.protocol import AccountsRequest, Export, ViewRequest
from tui.model import Grouping, QueueQuery
from tui.sources.source import SourceError

__all__ = ["quick"]


async def exported_by(shown: Screen, path: Path, **asked: Any) -> Any:
    """What the hub writes as JSON of the place that it shows."""
    serial, done = shown.ask(**asked), len(shown.replies)
    await shown.until(lambda view: view.serial == serial and view.queue_known and view.row_count)
    request = ViewRequest(serial=serial, **({"query": QueueQuery(Grouping.ACCOUNT)} | asked))
    shown.hub.send(Export(serial=serial, request=request, format="json", path=str(path)))
    await until(lambda: len(shown.replies) > done)
    return as_json(path)


async def test_hosts_and_rows_together_are_written_as_show_prints_them(tmp_path: Path) -> None:
    sources = ScriptedSource("mx1"), ScriptedSource("mx2"), ScriptedSource("mx3")
    for source in sources:
        source.rows = 1
    async with screen(*sources) as shown:
        await exported_by(shown, tmp_path / "first", query=QueueQuery(Grouping.HOST))
        sources[2].trouble = SourceError("It is locked.")
        await shown.until(lambda view: view.hosts_counted == 2 and len(view.rows) > 2)
        told = await exported_by(shown, tmp_path / "hosts", query=QueueQuery(Grouping.HOST), sort="source")
        assert told["partial"] == {"counted": 2, "hosts": 3}
        assert {(row["host"], row["counted"], row["freshness"]) for row in told["rows"]} == {
            ("mx1", True, "live"),
            ("mx2", True, "live"),
            ("mx3", False, "error"),
        }
        assert set(told["rows"][0]) == set(formats.HOST_KEYS)
        told = await exported_by(shown, tmp_path / "together", together=True)
        assert told["partial"] == {"counted": 2, "hosts": 3}
        assert [(row["account"], row["new"]) for row in told["rows"]] == [("user1", 2)]
        assert {(row["source"], row["sender_id"], row["account_id"]) for row in told["rows"]} == {(None, None, None)}
        told = await exported_by(shown, tmp_path / "apart")
        assert "partial" not in told and {row["account_id"] for row in told["rows"]} == {None}, "they are the hub's own"
        told = await exported_by(shown, tmp_path / "totals", together=True, accounts=AccountsRequest())
        assert [(row["source"], row["account"], row["send_count"]) for row in told["rows"]] == [(None, "alice", 21)]
        assert told["partial"] == {"counted": 2, "hosts": 3}
