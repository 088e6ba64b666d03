"""The example, the schema and the origins of values say what the declarations say."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.config import SOURCES, Config, HttpSource
from tui.config.declared import HostSource
from tui.config.example import example
from tui.config.messages import TOKEN_KEYS, meta_of
from tui.config.provenance import explained, explained_source, key_lines
from tui.config.reading import decode, read
from tui.config.schema import schema
from tui.config.writing import keys_of, toml
from tui.text import clean

FULL = Path(__file__).parent / "data" / "config" / "valid" / "full.toml"


def plain(value: object) -> object:
    """A value as TOML gives it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^# ?", "", text)


@functools.cache
def blocks() -> dict[str, str]:
    """The example's block of each type of source, with its first comment signs taken away."""
    pieces = [uncommented(piece) for piece in re.split(r"\n\n(?=# # )", example())[1:]]
    return {tomllib.loads(piece)["source"][0]["type"]: piece for piece in pieces}


def test_example_changes_nothing() -> None:
    assert decode(tomllib.loads(example())) == Config()
    assert set(blocks()) == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_block_without_its_first_comment_signs_is_a_source(name: str) -> None:
    [source] = decode(tomllib.loads(blocks()[name])).source
    assert type(source) is SOURCES[name]


def test_all_blocks_stand_together() -> None:
    assert len(decode(tomllib.loads("\n".join(blocks().values()))).source) == len(SOURCES)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, each in SOURCES.items() for key in keys_of(each)])
def test_every_key_of_a_block_is_told_and_can_be_used_as_it_stands(name: str, key: str) -> None:
    block = blocks()[name]
    assert str(meta_of(SOURCES[name], key).description) in " ".join(re.sub("(?m)^#", "", block).split())
    found = re.search(rf"(?m)^(?:# )?({key} = .*)$", block)
    assert found is not None
    value = tomllib.loads(found[1])[key]
    default = next(each.default for each in msgspec.structs.fields(SOURCES[name]) if each.name == key)
    if default not in (None, msgspec.NODEFAULT):
        assert value == plain(default)
    if key in TOKEN_KEYS:
        block = re.sub(r"(?m)^(?=token_file = )", "# ", block)
    used = block.replace(f"# {found[1]}", found[1])
    if issubclass(SOURCES[name], HostSource) and key in ("host", "local_ledger", *TOKEN_KEYS):
        used = re.sub(r"(?m)^# ledger = .*$", 'ledger = "clickhouse://ch1.example/mail"', used)
    [source] = decode(tomllib.loads(used)).source
    assert plain(getattr(source, key)) == value


def test_keys_are_ordered_and_complete() -> None:
    for struct in SOURCES.values():
        assert sorted(keys_of(struct)) == sorted(struct.__struct_fields__)
        if issubclass(struct, HttpSource):
            assert keys_of(struct)[:2] == ["name", "url"]


def test_schema_describes_every_key_without_null() -> None:
    made = schema()
    text = json.dumps(made)
    assert '"null"' not in text
    assert "null" not in text.replace('"null"', "")
    for struct in (Config, *SOURCES.values()):
        properties = made["$defs"][struct.__name__]["properties"]
        for key in struct.__struct_fields__:
            assert properties[key]["description"] == meta_of(struct, key).description
            assert properties[key]["title"] == meta_of(struct, key).title
    assert made["$defs"]["CpanelSource"]["properties"]["type"] == {"enum": ["cpanel"]}
    assert made["$defs"]["CpanelSource"]["required"] == ["type"]
    assert made["$defs"]["CpanelSource"]["properties"]["token_file"]["type"] == "string"
    assert all(not each["additionalProperties"] for each in made["$defs"].values())


def test_patterns_of_the_schema_hold_for_the_examples() -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "pattern" in part:
                re.compile(part["pattern"])
                for text in part.get("examples", ()):
                    assert re.search(part["pattern"], text)
            for each in part.values():
                walk(each)
        elif isinstance(part, list):
            for each in part:
                walk(each)

    walk(schema())


def test_every_value_says_the_line_of_its_key() -> None:
    settings, text = read(FULL)
    lines = text.splitlines()
    told = explained(settings, [], FULL, text)
    for index in range(len(settings.source)):
        told += explained_source(settings, index, FULL, text)
    for key, value, origin in told:
        if not origin.startswith("default"):
            line = lines[int(re.sub(r"full\.toml:(\d+).*", r"\1", origin)) - 1]
            assert line.startswith(f"{key} = "), origin
            assert value is not None
    said = [line.split(" = ")[0] for line in lines if " = " in line]
    assert [key for key, _, origin in told if not origin.startswith("default")].sort() == said.sort()


def test_options_go_before_the_file() -> None:
    told = {each.key: each for each in explained(Config(interval=9.0, theme="x"), ["theme"], None, "interval = 9")}
    assert told["theme"].origin == "option --theme"
    assert (told["interval"].value, told["interval"].origin) == ("9.0", "default")


def test_lines_are_found_however_the_file_is_written() -> None:
    text = '''# a = 1
"theme" = """
interval = 3
[[source]]
"""
  interval = 2 # [[source]]

[[ source ]]   # the first
type = 'local'
postqueue = [
  "sh", # "name =
  """name = 1""",
]
isp.Gmail = ["a.test"]
isp.Other = ["b.test"]

[[source]]
name = "two"
type = "local"
[source.isp]
Gmail = [
  "a.test"]
'''
    decode(tomllib.loads(text))
    expected = {
        (None, "theme"): 2,
        (None, "interval"): 6,
        (0, "type"): 9,
        (0, "postqueue"): 10,
        (0, "isp"): 14,
        (1, "name"): 18,
        (1, "type"): 19,
        (1, "isp"): 20,
    }
    assert key_lines(text) == expected
    assert key_lines(text.replace("\n", "\r\n")) == expected
    assert key_lines('theme="a"\nsource = [{type="demo"},\n {type="local"}]') == {
        (None, "theme"): 1,
        (None, "source"): 2,
    }


def test_keys_of_inline_sources_have_the_line_of_all() -> None:
    text = 'source = [{ type = "demo", seed = 3 }]\n'
    told = explained_source(decode(tomllib.loads(text)), 0, Path("c.toml"), text)
    assert {each.key: each.origin for each in told if each.key in ("type", "seed")} == {
        "type": "c.toml:1",
        "seed": "c.toml:1",
    }


def test_arguments_of_a_command_are_not_shown() -> None:
    text = '[[source]]\ntype = "sender_queue"\nurl = "https://a.example"\ntoken_command = ["pass", "hunter2"]\n'
    told = explained_source(decode(tomllib.loads(text)), 0, Path("c.toml"), text)
    assert next(each for each in told if each.key == "token_command") == (
        "token_command",
        '["pass", "…"]',
        "c.toml:4, its arguments are not shown",
    )
    assert "hunter2" not in str(told)


@given(
    st.recursive(
        st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="ab \"'.\\é\x1b"), inner),
        max_leaves=8,
    )
)
def test_values_are_written_as_toml_that_no_terminal_obeys(value: object) -> None:
    written = toml(value)
    assert tomllib.loads(f"key = {written}") == {"key": value}
    assert clean(written) == written
