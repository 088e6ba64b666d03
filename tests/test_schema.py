"""What is printed with --format json is what docs/show.schema.json says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tui.cli.main import main

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "show.schema.json").read_text())
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}

CONFIG = """
[[source]]
type = "demo"
accounts = 3
ledger = "sqlite://{ledger}"
"""


def problems(value: Any, rule: dict[str, Any], at: str = "$") -> list[str]:
    """What does not keep to a rule, as far as our schema uses the language."""
    known = {"$ref", "type", "const", "anyOf", "properties", "required", "additionalProperties", "items"}
    assert rule.keys() <= known | {"title", "description", "default", "format"}, "teach this test the rest"
    if "$ref" in rule:
        return problems(value, SCHEMA["$defs"][rule["$ref"].removeprefix("#/$defs/")], at)
    if "anyOf" in rule:
        return [] if not all(problems(value, each, at) for each in rule["anyOf"]) else [f"{at}: none of anyOf"]
    if "const" in rule:
        return [] if value == rule["const"] else [f"{at}: not {rule['const']}"]
    names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    if not any(is_of(value, name) for name in names):
        return [f"{at}: {value!r} is no {names}"]
    if isinstance(value, list):
        return [each for index, item in enumerate(value) for each in problems(item, rule["items"], f"{at}[{index}]")]
    return in_object(value, rule, at) if isinstance(value, dict) else []


def is_of(value: Any, name: str) -> bool:
    if name == "null":
        return value is None
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def in_object(value: dict[str, Any], rule: dict[str, Any], at: str) -> list[str]:
    properties, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    found = [f"{at}: {key} is missing" for key in rule.get("required", ()) if key not in value]
    for key, each in value.items():
        if key in properties:
            found += problems(each, properties[key], f"{at}.{key}")
        elif others is False:
            found.append(f"{at}: {key} is not told")
        elif others is not True:
            found += problems(each, others, f"{at}.{key}")
    return found


def printed(arguments: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(ledger=tmp_path / "demo.sqlite"))
    main(["--config", str(config), *arguments.split(), "--format", "json"])
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    "arguments, name",
    [
        ("show totals", "show totals"),
        ("show totals --together", "show totals"),
        ("show queue --group account_campaign", "show queue"),
        ("show queue --group isp --together", "show queue"),
        ("show queue --group host", "show queue --group host"),
        ("show balance", "show balance"),
        ("check", "check"),
        ("token list --tokens {folder}/tokens.json", "token list"),
    ],
)
def test_what_is_printed_keeps_to_the_schema(
    arguments: str, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if name == "token list":
        main(["token", "new", "look", "--tokens", str(tmp_path / "tokens.json"), "--account", "bob"])
        capfd.readouterr()
    told = printed(arguments.format(folder=tmp_path), tmp_path, capfd)
    assert problems(told, SCHEMA["$defs"][name]) == []
    assert told.get("rows", told.get("sources", told.get("tokens")))


def test_a_ledgers_facts_keep_to_the_schema(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    printed("show totals", tmp_path, capfd)  # fills the ledger
    told = printed(f"ledger info sqlite://{tmp_path / 'demo.sqlite'}", tmp_path, capfd)
    assert problems(told, SCHEMA["$defs"]["ledger info"]) == []
    assert told["hosts"]


def test_the_rules_find_what_is_wrong() -> None:
    row = {"account": "bob"}
    assert problems(row, SCHEMA["$defs"]["QueueRow"])
    assert problems({"counted": True, "hosts": 1}, SCHEMA["$defs"]["Partial"]) == ["$.counted: True is no ['integer']"]
    assert problems({"counted": 1, "hosts": 1}, SCHEMA["$defs"]["Partial"]) == []
