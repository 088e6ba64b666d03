"""Makes every part of the documentation that the code says: tables between marks, the man page, the schema of what
`show` prints, the example of a configuration. With --check it only names what is not current. Run by scripts/docs."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

import manpage

from tui.cli import check, ledger_info, token
from tui.cli.arguments import EXIT_MEANINGS, Exit, parser
from tui.config import SOURCES, Config
from tui.config.example import example
from tui.config.messages import meta_of
from tui.config.writing import keys_of
from tui.hub import formats
from tui.hub.protocol import HostFacts
from tui.model import Balance, MailTotals, QueueRow
from tui.ui.commands import COMMANDS, Command, Scope

ROOT = Path(__file__).parents[1]
MARKS = re.compile(r"(?ms)^(<!-- made by scripts/reference\.py: (\S+) -->\n).*?^(<!-- end -->\n)")

FIRST_KEYS = (
    *("up", "down", "in", "out", "focus", "total", "account", "campaign", "isp", "host", "together", "details"),
    *("filter", "problems", "sort-left", "sort-right", "reverse", "jump", "mark", "zoom", "span-shorter"),
    *("span-longer", "pause", "refresh", "copy", "export", "theme", "help", "quit"),
)
"""The commands of the screen that the README tells; all of them stand in docs/keys.md."""


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


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines).replace("| --- ", "|---")


def commands() -> str:
    """Each command and what it does."""
    leaves = [(name, str(each.description)) for name, each in all_parsers() if not each._subparsers]
    return table(("command", "what it does"), ((f"`{name}`", text[0].lower() + text[1:-1]) for name, text in leaves))


def options() -> str:
    """Each option, the commands that have it, and what it does."""
    told: dict[tuple[str, str], list[str]] = {}
    for name, each in all_parsers():
        for action in each._actions:
            if action.option_strings and action.dest not in ("help", "version"):
                value = action.metavar or ("\\|".join(action.choices) if action.choices else "")
                option = f"`{action.option_strings[-1]} {value}".strip() + "`"
                told.setdefault((option, str(action.help)), []).append(f"`{name}`")
    every = len([name for name, each in all_parsers() if not each._subparsers]) + 1
    return table(
        ("option", "of", "what it does"),
        ((option, "all" if len(of) == every else ", ".join(of), text) for (option, text), of in told.items()),
    )


def exits() -> str:
    """Each exit code and what it says."""
    return table(("exit code", "what it says"), ((str(code.value), EXIT_MEANINGS[code]) for code in Exit))


def keys() -> str:
    """Each command of the screen with its keys, by what it is for."""
    parts = []
    for scope in Scope:
        rows = ((f"`{each.name}`", shown(each), each.help) for each in COMMANDS if each.scope is scope)
        parts.append(f"**{scope.value}**\n\n{table(('command', 'keys', 'what it does'), rows)}")
    return "\n".join(parts)


def first_keys() -> str:
    """The keys that one begins with."""
    by_name = {each.name: each for each in COMMANDS}
    return table(("keys", "what they do"), ((shown(by_name[name]), by_name[name].help) for name in FIRST_KEYS))


def shown(command: Command) -> str:
    """A command's keys as a table shows them."""
    return " ".join(f"`{key}`" for key in command.shown_keys.split())


def configuration() -> str:
    """Each key of the configuration: those of the whole, then those of each type of source."""
    parts = ["## Of the whole\n\n" + table(("key", "what it does", "value", "default"), key_rows(Config))]
    for name, struct in SOURCES.items():
        rows = key_rows(struct)
        parts.append(f'## `type = "{name}"`\n\n' + table(("key", "what it does", "value", "default"), rows))
    return "\n".join(parts)


def key_rows(struct: type[msgspec.Struct]) -> Iterator[tuple[str, ...]]:
    """Each key of a table of the configuration, what it does, what it may be, and what it is when it is not there."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    for key in keys_of(struct):
        meta, default = meta_of(struct, key), defaults[key]
        unsaid = default in (None, msgspec.NODEFAULT) or key in ("isp", "keys", "source")
        yield (f"`{key}`", str(meta.description), str(meta.title), "" if unsaid else f"`{json.dumps(default)}`")


def schema() -> dict[str, Any]:
    """The JSON Schema of each command that prints JSON: what it prints is one of these."""
    printed = (formats.ShownSource, formats.Partial, check.Checked, token.Listed, ledger_info.Facts)
    _, structs = msgspec.json.schema_components(printed, ref_template="#/$defs/{name}")
    for each in structs.values():  # some Pythons leave a docstring as it was indented
        each["description"] = inspect.cleandoc(each["description"])
    answer = {"schema": {"const": formats.SCHEMA}, "time": {"type": "string", "format": "date-time"}}
    sources = {"type": "array", "items": {"$ref": "#/$defs/ShownSource"}}

    def shows(row: str) -> dict[str, Any]:
        rows = {"type": "array", "items": {"$ref": f"#/$defs/{row}"}}
        properties = {**answer, "query": {"type": "object"}, "sources": sources, "rows": rows}
        return closed({**properties, "partial": {"$ref": "#/$defs/Partial"}}, required=list(properties))

    def lists(key: str, struct: str, version: int) -> dict[str, Any]:
        return closed({"schema": {"const": version}, key: {"type": "array", "items": {"$ref": f"#/$defs/{struct}"}}})

    facts = structs["Facts"]
    whole: dict[str, Any] = {
        "show totals": shows("TotalsRow"),
        "show queue": shows("QueueRow"),
        "show queue --group host": shows("HostRow"),
        "show balance": shows("BalanceRow"),
        "check": lists("sources", "Checked", check.SCHEMA),
        "token list": lists("tokens", "Listed", token.SCHEMA),
        "ledger info": facts | {"properties": {"schema": {"const": ledger_info.SCHEMA}, **facts["properties"]}},
    }
    rows = {
        "TotalsRow": row_of(formats.TOTALS_KEYS),
        "QueueRow": row_of(formats.QUEUE_KEYS),
        "HostRow": row_of(formats.HOST_KEYS),
        "BalanceRow": row_of(formats.BALANCE_KEYS),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What mailtop prints with --format json",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in whole],
        "$defs": {**{name: {"title": f"mailtop {name}", **each} for name, each in whole.items()}, **rows, **structs},
    }


def closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An object with these keys and no others."""
    needed = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def row_of(keys: Iterable[str]) -> dict[str, Any]:
    """A row with these keys: any but the states that mail waits in may be null, which is unknown, or not one's own."""
    types = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "Freshness": "string"}
    told = {"host": "str", "total": "int", "quotas": "str", "defer_fail_count": "int", "difference": "int"}
    told |= {"since": "str"}
    for struct in (QueueRow, MailTotals, HostFacts, Balance):
        for name, hint in typing.get_type_hints(struct).items():
            plain = next((each for each in typing.get_args(hint) if each is not type(None)), hint)
            told.setdefault(name, getattr(plain, "__name__", ""))
    sure = {*formats.HOST_KEYS} & {"host", "counted", "freshness"} | {"quotas", "worst_isp", "isp"}
    sure |= {"new", "proc", "retry", "hold", "total", *formats.BALANCE_COUNTS}
    return closed(
        {key: {"type": types[told[key]] if key in sure else [types[told[key]], "null"]} for key in dict.fromkeys(keys)}
    )


PARTS = {
    "commands": commands,
    "options": options,
    "exits": exits,
    "keys": keys,
    "first-keys": first_keys,
    "configuration": configuration,
}
"""What stands between the marks of a page, by the name that its mark has."""


def current() -> Iterator[tuple[Path, str]]:
    """Each file that is made here, whole or in part, and what it should say."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        if MARKS.search(text):
            yield page, MARKS.sub(lambda mark: f"{mark[1]}\n{PARTS[mark[2]]()}\n{mark[3]}", text)
    yield ROOT / "docs" / "mailtop.1", "\n".join(manpage.page()) + "\n"
    yield ROOT / "docs" / "config.example.toml", example()
    yield ROOT / "docs" / "show.schema.json", json.dumps(schema(), indent=2) + "\n"


def main() -> int:
    """Make what is not current, or with --check only name it; 1 when there was anything to name."""
    check_only = sys.argv[1:] == ["--check"]
    stale = [(path, text) for path, text in current() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)} {'is not current' if check_only else 'made anew'}")
        if not check_only:
            path.write_text(text)
    return 1 if check_only and stale else 0


if __name__ == "__main__":
    sys.exit(main())
