"""The example of a configuration, made from the declarations. `mailtop config init` enters, and a test that compares
the copy in `docs`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

import msgspec

from tui.config.declared import SOURCES, Config, HttpSource
from tui.config.messages import meta_of, purpose
from tui.config.writing import keys_of, toml

_COLUMNS = 100
_HEAD = """\
Configuration of mailtop. Everything in here is commented out, and what a key shows is its default or an example.
To use a block, take away the first "# " of its lines, from [[source]] on. A secret never stands in this file.
"""
_ALTERNATIVES = "One of the four keys token_... says where the token is."
_PASSWORD = "For a ledger on ClickHouse: one of the four keys token_... says where its password is, if it has one."
_USED = {
    "ledger": {"ledger": "clickhouse://mailtop@ch1.example:8123/mail"},
    "cpanel": {"url": "https://panel.example:2087", "user": "root", "token_file": "/etc/mailtop/panel.token"},
    "sender_queue": {"url": "https://platform.example", "token_file": "/etc/mailtop/platform.token"},
    "ssh": {"host": "mailtop@mx1.example"},
}
"""The keys that a source cannot do without: they are in use as soon as the block is."""


def example() -> str:
    """The text of the example: TOML in which every key stands with its description and its default."""
    blocks = ["\n".join(_comment(_HEAD))]
    blocks += ["\n".join(_key(Config, key, {})) for key in Config.__struct_fields__ if key != "source"]
    blocks += [textwrap.indent("\n".join(_source(name)), "# ", lambda _: True) for name in SOURCES]
    return "\n\n".join(blocks).replace("# \n", "#\n") + "\n"


def _source(name: str) -> Iterator[str]:
    struct = SOURCES[name]
    yield from _comment(purpose(struct))
    yield "[[source]]"
    yield f"type = {toml(name)}"
    for key in keys_of(struct):
        yield ""
        if key == "token_file":
            yield from _comment(_ALTERNATIVES if issubclass(struct, HttpSource) else _PASSWORD)
        yield from _key(struct, key, _USED.get(name, {}))


def _key(struct: type[msgspec.Struct], key: str, used: Mapping[str, str]) -> Iterator[str]:
    meta = meta_of(struct, key)
    yield from _comment(f"{meta.description} ({meta.title})")
    yield f"{key} = {toml(used[key])}" if key in used else f"# {key} = {toml(_value(struct, key))}"


def _value(struct: type[msgspec.Struct], key: str) -> object:
    """The default of a key, else what is declared as an example of it."""
    default = next(field.default for field in msgspec.structs.fields(struct) if field.name == key)
    examples = meta_of(struct, key).examples
    return examples[0] if examples else default


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _COLUMNS, break_on_hyphens=False):
        yield f"# {line}"
