"""The README says what the code does: every command, option, exit code, configuration key and key of the screen."""

from __future__ import annotations

import argparse
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tui.cli.arguments import EXIT_MEANINGS, Exit, parser
from tui.config import SOURCES, Config, load
from tui.config.example import example
from tui.model import STATES
from tui.ui import commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_parsers(
    each: argparse.ArgumentParser | None = None, name: str = "mailtop"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser, but for those that help does not list."""
    each = each or parser()
    yield name, each
    for action in each._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, inner in action.choices.items():
                if not command.startswith("_"):
                    yield from all_parsers(inner, f"{name} {command}")


def command_rows() -> list[str]:
    leaves = [(name, each) for name, each in all_parsers() if not each._subparsers]
    return [f"| `{name}` | {str(each.description)[0].lower()}{str(each.description)[1:-1]} |" for name, each in leaves]


def option_rows() -> list[str]:
    told: dict[str, list[str]] = {}
    for name, each in all_parsers():
        for action in each._actions:
            if action.option_strings and action.dest not in ("help", "version"):
                value = action.metavar or ("\\|".join(action.choices) if action.choices else "")
                option = f"{action.option_strings[-1]} {value}".strip()
                told.setdefault(f"| `{option}` | {{}} | {action.help} |", []).append(f"`{name}`")
    every = len([name for name, each in all_parsers() if not each._subparsers]) + 1
    return [row.format("all" if len(names) == every else ", ".join(names)) for row, names in told.items()]


def exit_rows() -> list[str]:
    return [f"| {code.value} | {EXIT_MEANINGS[code]} |" for code in Exit]


def key_rows(struct: type[msgspec.Struct]) -> list[str]:
    rows = []
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        meta: msgspec.Meta = hints[field.name].__metadata__[0]
        default = "" if field.default is None or field.name in ("isp", "keys", "source") else toml(field.default)
        rows.append(f"| `{field.name}` | {meta.description} | {meta.title} | {default} |".replace("|  |", "| |"))
    return rows


def toml(value: object) -> str:
    """A default as one writes it in the file."""
    return f"`{json.dumps(value)}`"


def lines_of(text: str) -> list[str]:
    return [re.sub(r" +", " ", line) for line in text.splitlines()]


@pytest.mark.parametrize("row", [*command_rows(), *option_rows()])
def test_every_command_and_option_stands_in_the_readme(row: str) -> None:
    assert row in lines_of(README)


@pytest.mark.parametrize("row", exit_rows())
def test_every_exit_code_stands_in_the_readme(row: str) -> None:
    assert row in lines_of(README)


@pytest.mark.parametrize("row", [row for struct in (Config, *SOURCES.values()) for row in key_rows(struct)])
def test_every_configuration_key_stands_in_the_readme(row: str) -> None:
    assert row in lines_of(README)


def test_no_configuration_key_is_told_that_does_not_exist() -> None:
    section = README[README.index("\n## Configuration") : README.index("\n## Rights")]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert told == {key for struct in (Config, *SOURCES.values()) for key in struct.__struct_fields__}


@pytest.mark.parametrize(
    "block", [block for page in PAGES for block in re.findall(r"(?ms)^```toml\n(.*?)^```", page.read_text())]
)
def test_every_configuration_that_is_told_is_valid(block: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(block)
    assert load(path).source


def test_the_example_of_a_configuration_is_what_the_code_makes() -> None:
    assert (ROOT / "docs" / "config.example.toml").read_text() == example(), (
        "remove it and make it again: scripts/run config init --config docs/config.example.toml"
    )


def test_every_key_of_the_screen_stands_in_the_readme() -> None:
    assert commands.key_table() in README


def test_every_state_and_count_stands_in_the_readme() -> None:
    for word in (*STATES, "send", "success", "defer", "fail", "in_progress", "defer_fail", "total_size"):
        assert f"| `{word}` |" in README


def test_no_option_or_exit_code_is_told_that_does_not_exist() -> None:
    options = {option for _, each in all_parsers() for action in each._actions for option in action.option_strings}
    for page in PAGES:
        told = set(re.findall(r"`(?:mailtop [a-z ]*)?(--[a-z-]+)", page.read_text()))
        assert told <= options, page.name
    codes = re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
    assert [int(code) for code in codes] == [code.value for code in Exit]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_first_commands_of_the_readme_can_be_run() -> None:
    first = re.search(r"```\n(.*?)```", README, re.DOTALL)
    assert first is not None
    for line in first[1].splitlines():
        script = ROOT / line.split()[0]
        assert script.stat().st_mode & 0o111, line
        assert script.read_text().startswith("#!/bin/sh\n")
