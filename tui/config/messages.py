"""Words for mistakes in the configuration: where, what was expected, what stands there. Never shows what may be a
secret. The rest of this package enters."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from tui.config.declared import SOURCES
from tui.config.writing import keys_of
from tui.text import clean


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file, the path of the key and what was expected."""


TOKEN_KEYS = ("token_file", "token_env", "token_command", "token_keyring")
"""The keys that say where a source's secret is."""

_SHOWN_CHARS = 60


def place(index: int, table: dict[str, Any], key: str = "") -> str:
    """Where a key of the source in ``table`` is, or the source itself, as in ``source[1].mta (the source named
    "web")``."""
    name = table.get("name")
    called = f' (the source named "{clean(name)}")' if isinstance(name, str) and key != "name" else ""
    return f"source[{index}]{'.' if key else ''}{key}{called}"


def meta_of(struct: type[msgspec.Struct], key: str) -> msgspec.Meta:
    """What is declared of a key beyond its type and default."""
    meta: msgspec.Meta = _hints(struct)[key].__metadata__[0]
    return meta


@functools.cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def purpose(struct: type[msgspec.Struct]) -> str:
    """What a table is for: the first sentence of its declaration."""
    return re.split(r"(?<=\.)\s", str(struct.__doc__).replace("``", "`"), maxsplit=1)[0]


def expected(struct: type[msgspec.Struct], key: str) -> str:
    """What a key takes, in words."""
    return str(meta_of(struct, key).title)


def mismatch(struct: type[msgspec.Struct], key: str, value: object) -> str:
    """That a key takes something else than ``value``."""
    return f"expected {expected(struct, key)}, not {shown(key, value)}"


def alternatives(words: Iterable[str], joined_by: str = "or") -> str:
    """Words in a sentence: ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} {joined_by} {last}" if first else last


def shown(key: str, value: object) -> str:
    """The value of a key as a message may show it: cleaned, shortened, and without what may be a secret."""
    if key.startswith("token"):
        return "what stands there (it is not shown, since it may be the secret itself)"
    if key == "source":
        return f"{_kind(value)} headed [source]" if isinstance(value, dict) else _kind(value)
    if key in ("url", "proxy", "ledger"):
        return _quoted(_without_secrets(value)) if isinstance(value, str) else _kind(value)
    if key == "user" and isinstance(value, str):
        value = re.sub(":.*", ":…", value, flags=re.DOTALL)
    return _quoted(value)


def unknown_key(key: str, struct: type[msgspec.Struct]) -> str:
    """That ``struct`` has no such key, and what may have been meant."""
    known = [*(["type"] if struct in SOURCES.values() else []), *keys_of(struct)]
    return f"{clean(key)} is not a known key{_hint(key, known, struct)}"


def _hint(key: str, known: list[str], struct: type[msgspec.Struct]) -> str:
    import difflib  # only a mistake needs it

    if struct not in SOURCES.values() and any(key in each.__struct_fields__ for each in SOURCES.values()):
        return f": {key} belongs in a [[source]] table"
    if re.search("token|pass|secret|api_?key|auth|credential", key, re.IGNORECASE) and "token_file" in known:
        names = alternatives(TOKEN_KEYS)
        return f": a secret never stands in this file; take it out and say where it is, with {names}"
    near = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {near[0]}?" if near else f"; the keys here are {', '.join(known)}"


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _quoted(value: object) -> str:
    import json  # only a mistake needs it

    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment, however it is written."""
    url = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1…@", url, flags=re.DOTALL)
    return re.sub(r"[?#].*", "?…", url, flags=re.DOTALL)
