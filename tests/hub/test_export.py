"""An export is what the place shows, in a new file or in none, and holds nobody up."""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import json
import os
import resource
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.scripted import ScriptedSource, until
from tests.ordinary_user import unprivileged
from tui.hub import export as exports
from tui.hub import formats
from tui.hub.export import Material, Stopped, export, write_new
from tui.hub.history import Recent
from tui.hub.hub import Hub
from tui.hub.protocol import AccountsRequest, Export, Exported, View, ViewRequest
from tui.hub.roll import Roll, Told
from tui.hub.sheet import Sheet
from tui.model import Grouping, MailTotals, QueueQuery, QueueTable
from tui.sources.worker import Worker

QUERY = QueueQuery(Grouping.ACCOUNT, isp="Gmail")
ERROR = formats.ShownSource(name="b", type="local", freshness="error", age_seconds=1, error="away", queue_files=None)
FINE = formats.ShownSource(name="a", type="local", freshness="live", age_seconds=1, error=None, queue_files=3)


def sheet(names: list[str], query: QueueQuery = QUERY, ids: list[int] | None = None) -> Sheet:
    rows, numbers = len(names), ids or list(range(1, len(names) + 1))
    by_campaign = query.grouping is Grouping.ACCOUNT_CAMPAIGN
    table = QueueTable(
        query=query,
        sender_id=[1] * rows,
        account_id=numbers,
        account=names,
        campaign_id=numbers if by_campaign else [0] * rows,
        campaign=[""] * rows,
        isp=[""] * rows,
        new=numbers,
        proc=[0] * rows,
        retry=[0] * rows,
        hold=[0] * rows,
    )
    return Sheet(query, [Recent().part("a", query, table, 0.0)])


def material(made: Sheet | None = None, roll: Roll | None = None, **rest: Any) -> Material:
    known: dict[str, Any] = {"time": 1_750_003_200.0, "sheet": made, "roll": roll, "sources": [FINE]}
    return Material(**(known | rest))


async def exported(path: Path, known: Material, form: Any = "csv", **asked: Any) -> Exported:
    usual: dict[str, Any] = {"serial": 1, "query": QUERY, "sort": "account", "descending": False}
    request = ViewRequest(**(usual | asked))
    workers = Worker("hub"), Worker("writer")
    try:
        return await export(Export(serial=9, request=request, format=form, path=str(path)), known, *workers)
    finally:
        for worker in workers:
            worker.stop()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def records(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def as_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


async def test_all_rows_that_are_shown_are_written_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv"
    made = sheet(["bob", "alice", "eve", "bert"])
    told = await exported(path, material(made), rows=1, first=2, filter="b")
    assert told == Exported(serial=9, sentence=f"2 rows written to {path}")
    assert [row["account"] for row in records(path)] == ["bert", "bob"]
    one = await exported(tmp_path / "one", material(made), filter="eve")
    assert one.sentence == f"1 row written to {tmp_path / 'one'}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files(tmp_path) == ["mail.csv", "one"]


async def test_the_three_forms_are_those_of_show(tmp_path: Path) -> None:
    made = sheet(["bob", "alice"])
    rows = [formats.queue_row(made.row(index)) for index in (1, 0)]
    for form in ("text", "csv", "json"):
        await exported(tmp_path / form, material(made), form)
    assert (tmp_path / "text").read_text().split() == [
        *("account", "new", "proc", "retry", "hold", "total"),
        *("alice", "2", "0", "0", "0", "2", "bob", "1", "0", "0", "0", "1", "total", "3", "0", "0", "0", "3"),
    ]
    assert [row["account"] for row in records(tmp_path / "csv")] == ["alice", "bob"]
    told = json.loads((tmp_path / "json").read_text())
    assert told["rows"] == rows
    assert told["time"] == "2025-06-15T16:00:00Z"
    assert (told["query"]["group"], told["query"]["isp"], told["query"]["sort"]) == ("account", "Gmail", "account")
    assert told["sources"][0]["queue_files"] == 3


async def test_names_that_nobody_knows_are_empty_as_in_show(tmp_path: Path) -> None:
    query = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)
    await exported(tmp_path / "named", material(sheet([""], query)), "json", query=query)
    await exported(tmp_path / "nameless", material(sheet([""], query), nameless={"a"}), "json", query=query)
    [named] = json.loads((tmp_path / "named").read_text())["rows"]
    [nameless] = json.loads((tmp_path / "nameless").read_text())["rows"]
    assert (named["account"], named["campaign"]) == (None, "")
    assert (nameless["account"], nameless["campaign"]) == (None, None)


async def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv"
    names = ["=cmd()", "+1", "-1", "@sum", "＝1", "plain"]
    await exported(path, material(sheet(names)))
    assert {row["account"] for row in records(path)} == {"'=cmd()", "'+1", "'-1", "'@sum", "'＝1", "plain"}


async def test_a_sum_without_a_source_is_called_incomplete(tmp_path: Path) -> None:
    await exported(tmp_path / "x", material(sheet(["bob"]), sources=[FINE, ERROR]), "text")
    assert "total (incomplete)" in (tmp_path / "x").read_text()


async def test_a_filter_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    told = await exported(tmp_path / "x", material(sheet(["bob", "eve"])), filter="retry>")
    assert told.sentence.startswith(f"2 rows written to {tmp_path / 'x'}, and not filtered: ")


async def test_accounts_are_written_in_the_order_of_their_table(tmp_path: Path) -> None:
    totals = [MailTotals(account=name, send_count=count) for name, count in (("bob", 3), ("eve", None), ("al", 9))]
    roll = Roll([Told("a", totals, 0.0)], [0, 1, 2], {})
    asked = AccountsRequest(sort="sent", rows=1, first=1)
    told = await exported(tmp_path / "x", material(None, roll), accounts=asked)
    assert told.sentence.startswith("3 rows written")
    assert [(row["account"], row["send_count"]) for row in records(tmp_path / "x")] == [
        ("al", "9"),
        ("bob", "3"),
        ("eve", ""),
    ]
    asked = AccountsRequest(sort="account", descending=False, filter="b")
    await exported(tmp_path / "y", material(None, roll), "json", accounts=asked)
    told_json = json.loads((tmp_path / "y").read_text())
    assert [row["account"] for row in told_json["rows"]] == ["bob"]
    assert told_json["query"]["show"] == "totals"


async def test_nothing_is_written_of_what_is_not_known(tmp_path: Path) -> None:
    for accounts in (None, AccountsRequest()):
        told = await exported(tmp_path / "x", material(), accounts=accounts)
        assert told.failed
        assert "not known yet" in told.sentence
    assert files(tmp_path) == []


# Faults


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dead link"])
async def test_what_is_there_stays_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    other = tmp_path / "other"
    match kind:
        case "file":
            path.write_text("mine")
        case "folder":
            path.mkdir()
        case "link":
            other.write_text("mine")
            path.symlink_to(other)
        case _:
            path.symlink_to(other)
    before = files(tmp_path)
    told = await exported(path, material(sheet(["bob"])))
    assert told == Exported(
        serial=9, sentence=f"cannot write {path}: File exists; it was left as it is; give another name", failed=True
    )
    assert files(tmp_path) == before
    if kind in ("file", "link"):
        assert path.read_text() == "mine"


async def test_a_name_that_is_taken_meanwhile_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    for links in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(os.path, "lexists", lambda _: False)
            if not links:
                patch.setattr(os, "link", no_links)
            path.write_text("mine")
            told = await exported(path, material(sheet(["bob"])))
        assert told.failed
        assert path.read_text() == "mine"
        assert files(tmp_path) == ["x"]


def no_links(*_names: object, **_options: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


async def test_a_folder_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)
    told = await exported(tmp_path / "x", material(sheet(["bob"])))
    assert not told.failed
    assert [row["account"] for row in records(tmp_path / "x")] == ["bob"]
    assert files(tmp_path) == ["x"]


async def test_who_may_not_write_there_is_told_so() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.parent.chmod(0o555)
        with unprivileged():
            told = await exported(path, material(sheet(["bob"])))
        assert told.failed
        assert told.sentence == f"cannot write {path}: Permission denied; name another folder or file"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/nowhere/x", "cannot write /nowhere/x: No such file or directory; make the folder or name another one"),
        ("/dev/null/x", "cannot write /dev/null/x: Not a directory; name another folder or file"),
        ("/tmp/a\0b", "cannot write /tmp/a\ufffdb: "),
        ("/\x1b[2J\u202e/x", "cannot write /\ufffd[2J\ufffd/x: No such file or directory"),
        ("/tmp/" + "x" * 300, "cannot write /tmp/" + "x" * 300 + ": File name too long; give a shorter name"),
    ],
)
async def test_a_path_that_cannot_be_is_a_sentence(path: str, sentence: str) -> None:
    told = await exported(Path(path), material(sheet(["bob"])))
    assert told.failed
    assert told.sentence.startswith(sentence)


async def test_nothing_is_left_of_a_file_that_grows_too_large(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    known = material(sheet([f"account{number}" for number in range(5000)]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        told = await exported(tmp_path / "x", known)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.sentence == (
        f"cannot write {tmp_path / 'x'}: File too large; the system allows no file as large; filter the rows"
    )
    assert files(tmp_path) == []


async def test_nothing_is_left_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_report: formats.Report) -> Iterator[str]:
        yield "a" * 100_000
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(exports._FORMS, "csv", full)
    told = await exported(tmp_path / "x", material(sheet(["bob"])))
    assert told.sentence == (
        f"cannot write {tmp_path / 'x'}: No space left on device; free some room or name another folder"
    )
    assert files(tmp_path) == []


def test_nothing_is_left_of_what_is_not_wanted_any_more(tmp_path: Path) -> None:
    stop = threading.Event()

    def endless() -> Iterator[str]:
        yield "a"
        stop.set()
        while True:
            yield "b"

    with pytest.raises(Stopped):
        write_new(tmp_path / "x", endless(), stop)
    assert files(tmp_path) == []


async def test_nothing_is_left_when_the_hub_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = threading.Event()

    def endless(_report: formats.Report) -> Iterator[str]:
        while True:
            yield "a" * 1000
            writing.set()

    monkeypatch.setitem(exports._FORMS, "csv", endless)
    task = asyncio.create_task(exported(tmp_path / "x", material(sheet(["bob"]))))
    await until(writing.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


# In the hub


async def test_the_loop_runs_on_while_many_rows_are_written(tmp_path: Path) -> None:
    known = material(sheet([f"account{number}.example" for number in range(100_000)]))
    beats = 0
    task = asyncio.create_task(exported(tmp_path / "x", known, "json"))
    while not task.done():
        await asyncio.sleep(0.001)
        beats += 1
    assert (await task).sentence.startswith("100,000 rows written")
    assert len(json.loads((tmp_path / "x").read_text())["rows"]) == 100_000
    assert beats > 20


async def test_the_hub_writes_what_its_screen_asks_for(tmp_path: Path) -> None:
    source = ScriptedSource()
    source.accounts = [MailTotals(account="alice", send_count=3)]
    hub = Hub([source])
    await hub.start()
    told: list[Exported] = []
    views: list[View] = []

    async def read() -> None:
        async for answer in hub.answers():
            if isinstance(answer, Exported):
                told.append(answer)
            elif isinstance(answer, View):
                views.append(answer)

    reading = asyncio.create_task(read())
    request = ViewRequest(serial=1, query=QueueQuery(Grouping.ACCOUNT), rows=1, panes=1)
    hub.send(request)
    await until(lambda: views and views[-1].queue_known and views[-1].totals_known)
    hub.send(Export(serial=1, request=request, format="csv", path=str(tmp_path / "queue.csv")))
    accounts = ViewRequest(serial=2, query=QueueQuery(Grouping.ACCOUNT), accounts=AccountsRequest())
    hub.send(Export(serial=2, request=accounts, format="csv", path=str(tmp_path / "accounts.csv")))
    other = ViewRequest(serial=3, query=QueueQuery(Grouping.ISP))
    hub.send(Export(serial=3, request=other, format="csv", path=str(tmp_path / "other.csv")))
    await until(lambda: len(told) == 3)
    await hub.close()
    await reading
    assert [answer.failed for answer in sorted(told, key=lambda answer: answer.serial)] == [False, False, True]
    assert [row["account"] for row in records(tmp_path / "queue.csv")] == ["user3", "user2", "user1"]
    assert [row["send_count"] for row in records(tmp_path / "accounts.csv")] == ["3"]
