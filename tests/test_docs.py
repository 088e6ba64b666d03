"""The pages say what the code does: parts that are made from it are current, and what is told can be done."""

from __future__ import annotations

import argparse
import html
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.cli.arguments import parser
from tui.config import load
from tui.engine import ledger_file
from tui.hub import formats
from tui.model import STATES, Grouping, QueueQuery
from tui.ui.columns import columns_for
from tui.ui.glyphs import UNICODE

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?ms)^```(\w*)\n(.*?)^```")


def all_options(each: argparse.ArgumentParser) -> Iterator[str]:
    """Every option of a command and of all below it."""
    for action in each._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from all_options(inner)


def told_commands() -> Iterator[tuple[str, str]]:
    """Each line of a page that begins with `mailtop`, up to a comment or to what takes its output, and the page."""
    for page in PAGES:
        for language, block in BLOCK.findall(page.read_text()):
            for line in block.splitlines():
                command = re.split(r"\s(?:#|\||>|&&)", line.removeprefix("$ "))[0]
                if not language and re.match(r"mailtop( |$)", command):
                    yield page.name, command


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    heads = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_part_that_is_made_from_the_code_is_current() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", "--check"], capture_output=True, text=True
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), "make it anew: scripts/docs"


def test_the_form_of_an_export_is_told_as_it_is() -> None:
    page = (ROOT / "docs" / "ledger.md").read_text().partition("## The form of an export")[2]
    assert f"`version` ({ledger_file.VERSION})" in page
    for struct in (ledger_file._First, ledger_file._Line):
        for key in struct.__struct_fields__:
            assert f"`{key}`" in page, key


def test_the_picture_shows_the_screen_as_it_is() -> None:
    shown = html.unescape(re.sub(r"<[^>]*>", " ", (ROOT / "docs" / "mailtop.svg").read_text())).replace("\xa0", " ")
    heads = [column.header for column in columns_for(QueueQuery(Grouping.ACCOUNT), 120, UNICODE)]
    for word in ("mailtop", "recipients in", "queue files", "by account", "last 60 min", *heads):
        assert word in shown, "draw it anew: scripts/docs --picture"


@pytest.mark.parametrize("page, command", list(told_commands()))
def test_every_command_that_is_told_is_understood(page: str, command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize(
    "block", [block for page in PAGES for language, block in BLOCK.findall(page.read_text()) if language == "toml"]
)
def test_every_configuration_that_is_told_is_valid(block: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block)
    assert load(path).source


def test_every_state_and_count_is_told() -> None:
    told = (ROOT / "docs" / "counts.md").read_text()
    for word in (*STATES, "send", "success", "defer", "fail", "in_progress", "defer_fail", "total_size"):
        assert f"| `{word}` |" in told


def test_every_key_of_the_json_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "show.md").read_text()))
    assert {*formats.QUEUE_KEYS, *formats.TOTALS_KEYS, *formats.HOST_KEYS, *formats.Partial.__struct_fields__} <= told
    assert {*formats.BALANCE_KEYS} <= told
    assert {*formats.ShownSource.__struct_fields__} <= told


def test_no_option_is_told_that_does_not_exist() -> None:
    options = set(all_options(parser()))
    for page in PAGES:
        told = set(re.findall(r"`(?:mailtop [a-z ]*)?(--[a-z-]+)", page.read_text()))
        assert told <= options, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        meant = page.parent / target if target else page
        assert meant.exists(), target
        assert not anchor or anchor in anchors(meant), f"{target}#{anchor}"


def test_every_page_is_found_from_the_first() -> None:
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        found.add(page)
        links = {(page.parent / target).resolve() for target in re.findall(r"\]\(([^)#:]+\.md)", page.read_text())}
        waiting += links - found
    assert set(PAGES) <= found, "link it from docs/README.md"


def test_the_first_commands_of_the_readme_can_be_run() -> None:
    _, first = next(iter(BLOCK.findall((ROOT / "README.md").read_text())))
    for line in first.splitlines():
        script = ROOT / line.split()[0]
        assert script.stat().st_mode & 0o111, line
        assert script.read_text().startswith("#!/bin/sh\n")
