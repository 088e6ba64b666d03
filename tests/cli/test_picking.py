"""`show queue --filter --sort`: as the screen filters and sorts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.scripted import ScriptedSource, asked
from tui.cli.arguments import Exit
from tui.cli.asking import Asked
from tui.cli.main import main
from tui.cli.picking import check_filter
from tui.config import ConfigError
from tui.hub.formats import Report
from tui.model import Grouping


async def shown(text: str | None = None, **words: Any) -> Report:
    report, _ = await asked(Asked(what="queue", grouping=Grouping.ACCOUNT_CAMPAIGN, filter=text, **words))
    return report


def names(report: Report) -> list[tuple[Any, Any]]:
    return [(row["account"], row["campaign"]) for row in report.rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, [("bob", "spring"), ("eve", "spring"), ("bob", ""), ("2", "news")]),
        ("bob", [("bob", "spring"), ("bob", "")]),
        ("(no campaign)", [("bob", "")]),
        ("!spring", [("bob", ""), ("2", "news")]),
        ("hold>0", [("eve", "spring")]),
        ("share>=50%", [("bob", "spring")]),
        ("nothing", []),
    ],
)
async def test_a_filter_leaves_rows_as_on_the_screen(text: str | None, expected: list[tuple[str, str]]) -> None:
    report = await shown(text)
    assert names(report) == expected
    assert report.query["filter"] == text


@pytest.mark.parametrize(
    ("sort", "reverse", "expected"),
    [
        ("account", False, ["2", "bob", "bob", "eve"]),
        ("account", True, ["eve", "bob", "bob", "2"]),
        ("new", False, ["bob", "2", "bob", "eve"]),
        ("share", True, ["2", "bob", "eve", "bob"]),
        (None, True, ["2", "bob", "eve", "bob"]),
    ],
)
async def test_rows_are_sorted_as_on_the_screen(sort: str | None, reverse: bool, expected: list[str]) -> None:
    report = await shown(sort=sort, reverse=reverse)
    assert [row["account"] for row in report.rows] == expected


async def test_rows_of_several_sources_are_filtered_and_sorted_together() -> None:
    question = Asked(what="queue", grouping=Grouping.ACCOUNT_CAMPAIGN, filter="source:b bob", sort="retry")
    report, _ = await asked(question, ScriptedSource("a"), ScriptedSource("b"), ScriptedSource("b2"))
    assert [(row["source"], row["retry"]) for row in report.rows] == [("b", 3), ("b2", 3), ("b", 0), ("b2", 0)]


async def test_problems_are_those_that_one_look_tells() -> None:
    report = await shown(problems=True)
    assert names(report) == [("eve", "spring")]
    assert report.query["problems"] is True
    assert names(await shown("bob", problems=True)) == []


async def test_files_of_the_whole_queue_are_not_told_of_a_part() -> None:
    assert (await shown()).sources[0].queue_files == 6
    assert (await shown("bob")).sources[0].queue_files is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("retry>", "--filter: retry> wants a number"), ("delta>5", "--filter: delta is not known from one look")],
)
def test_a_filter_that_cannot_be_used_ends_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_filter(text)


def test_a_column_that_is_none_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "queue", "--sort", "colour"]) == Exit.USAGE
    assert "colour" in capsys.readouterr().err
