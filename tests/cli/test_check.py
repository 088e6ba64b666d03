"""`mailtop check`: a line a source, what is wrong and how to mend it, and an exit code that says so."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.postfix_in_files import PostfixInFiles
from tests.cli.scripted import ScriptedSource
from tui.cli import check, compose
from tui.cli.arguments import Exit
from tui.cli.check import as_json, as_table, check_all, patience
from tui.cli.main import main
from tui.cli.sources import collected
from tui.config import CpanelSource, LocalSource, SourceConfig
from tui.model import Checkup


@pytest.fixture
def postfix(tmp_path: Path) -> PostfixInFiles:
    return PostfixInFiles(tmp_path)


def checked(postfix: PostfixInFiles, *arguments: str, code: Exit = Exit.OK) -> list[dict[str, Any]]:
    done = postfix.run("check", "--format", "json", *arguments)
    assert (done.returncode, done.stderr) == (code, ""), done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1
    sources: list[dict[str, Any]] = answer["sources"]
    return sources


class Checked(ScriptedSource):
    def __init__(self, name: str, checkup: Checkup | None) -> None:
        super().__init__(name)
        self._checkup = checkup

    async def check(self) -> Checkup:
        if self._checkup is None:
            await asyncio.Event().wait()
        assert self._checkup is not None
        return self._checkup


async def test_every_source_gets_a_line_and_what_is_wrong_stands_below_it() -> None:
    good = Checkup(reached="WHM at h:2087", identity="root, API token", seconds=0.1234, rights=("all", "list"))
    bad = Checkup(reached="https://q\x1b[31m", problems=("the token\nis refused; make another",), notes=("by the way",))
    found = await check_all([(Checked("whm", good), 5), (Checked("queues", bad), 5)])
    assert "".join(as_table(found)).splitlines() == [
        "ok     whm     local  WHM at h:2087; root, API token; 0.12 s; all, list",
        "wrong  queues  local  https://q�[31m",
        "       ! the token�is refused; make another",
        "       by the way",
    ]
    answer = json.loads("".join(as_json(found)))
    assert [(each["name"], each["ok"], each["seconds"]) for each in answer["sources"]] == [
        ("whm", True, 0.123),
        ("queues", False, None),
    ]


async def test_source_that_hangs_is_told_and_keeps_nobody_waiting() -> None:
    hanging = Checked("q", None)
    found = await check_all([(hanging, 0.05), (Checked("whm", Checkup(reached="x")), 5)])
    assert [each.ok for each in found] == [False, True]
    assert "has not answered" in found[0].problems[0]
    assert hanging.closed


def test_server_gets_its_own_timeout_and_a_margin() -> None:
    slow = CpanelSource(url="https://h.example", user="root", token_env="X", timeout_seconds=60)
    assert patience(slow) == 60 + check.MARGIN_SECONDS
    assert patience(LocalSource()) == check.LOCAL_SECONDS


def test_local_mail_system_is_read_and_nothing_is_collected(postfix: PostfixInFiles) -> None:
    [source] = checked(postfix)
    assert (source["ok"], source["name"], source["type"]) == (True, "mx", "local")
    assert source["reached"] == f"Postfix: log {postfix.log}, queue by `cat {postfix.queue}`"
    assert source["rights"] == ["mail totals", "queue"]
    assert source["identity"].startswith("user ")
    assert source["seconds"] >= 0
    assert source["notes"] == ["Nothing was collected yet; mailtop does so while it runs."]
    assert not postfix.ledger.exists()
    assert not postfix.ledger.with_name(f"{postfix.ledger.name}.lock").exists()


def test_ledger_and_its_age_are_told(postfix: PostfixInFiles) -> None:
    assert postfix.run("collect", "--once").returncode == Exit.OK
    [source] = checked(postfix)
    assert source["notes"][0] == "No collector runs; the numbers are less than a minute old."
    assert source["notes"][-1].startswith("The ledger takes ")


def test_what_cannot_be_read_is_wrong_and_the_rest_is_still_told(postfix: PostfixInFiles) -> None:
    postfix.queue.unlink()
    [source] = checked(postfix, code=Exit.SOURCE)
    assert (source["ok"], source["rights"]) == (False, ["mail totals"])
    assert "cat" in source["problems"][0]
    postfix.log.unlink()
    [source] = checked(postfix, code=Exit.SOURCE)
    assert source["rights"] == []
    assert any(str(postfix.log) in problem for problem in source["problems"])
    done = postfix.run("check")
    assert done.returncode == Exit.SOURCE
    assert done.stdout.startswith("wrong  mx  local  Postfix: ")
    assert "\n       ! " in done.stdout


def test_old_trouble_of_a_collector_that_has_ended_is_no_trouble_now(postfix: PostfixInFiles) -> None:
    kept = postfix.queue.read_text()
    postfix.queue.unlink()
    assert postfix.run("collect", "--once").returncode == Exit.SOURCE
    postfix.queue.write_text(kept)
    [source] = checked(postfix)
    assert source["problems"] == []


def test_one_source_can_be_checked_alone(tmp_path: Path) -> None:
    one, other = PostfixInFiles(tmp_path, "one"), PostfixInFiles(tmp_path, "other")
    one.config.write_text(one.table + other.table)
    other.queue.unlink()
    assert [source["ok"] for source in checked(one, code=Exit.SOURCE)] == [True, False]
    assert [source["name"] for source in checked(one, "--source", "one")] == ["one"]
    done = one.run("check", "--source", "third")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == 'mailtop: --source: no source is called "third"; there is one, other\n'


def test_keys_that_clash_are_told_beside_sources_that_are_well(postfix: PostfixInFiles) -> None:
    with postfix.config.open("a") as file:
        file.write('\n[keys]\nrefresh = ["p"]\n')
    done = postfix.run("check")
    assert (done.returncode, done.stdout[:3]) == (Exit.USAGE, "ok ")
    assert done.stderr == (
        'mailtop: keys.refresh: "p" is a key of pause too, which goes without it; give pause another one.\n'
    )


def test_demo_is_well(postfix: PostfixInFiles) -> None:
    ledger = postfix.ledger.with_name("demo.sqlite")
    postfix.config.write_text(f'[[source]]\ntype = "demo"\naccounts = 20\nledger = "sqlite://{ledger}"\n')
    [source] = checked(postfix)
    assert (source["ok"], source["reached"]) == (True, "a simulated mail system of 20 accounts")


def test_demo_without_a_ledger_of_its_own_is_not_taken_for_one_that_was_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SourceConfig] = []

    def make_source(source: SourceConfig, interval_seconds: float) -> ScriptedSource:
        made.append(source)
        return Checked(source.name, Checkup(reached="a demo"))

    monkeypatch.setattr(compose, "make_source", make_source)
    config = tmp_path / "config.toml"
    config.write_text('[[source]]\ntype = "demo"\n')
    assert main(["check", "--config", str(config)]) == Exit.OK
    [demo] = collected(made)
    assert demo.ledger is not None and not Path(demo.ledger.removeprefix("sqlite://")).parent.exists()


def test_check_of_a_mail_system_loads_neither_the_screen_nor_http(postfix: PostfixInFiles) -> None:
    program = (
        "import sys; from tui.cli.main import main; code = main(sys.argv[1:]); "
        "print(sorted({'textual', 'rich', 'plotext', 'httpx', 'httpcore'} & set(sys.modules))); sys.exit(code)"
    )
    done = postfix.run("check", argv=[sys.executable, "-c", program])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (Exit.OK, "[]")
