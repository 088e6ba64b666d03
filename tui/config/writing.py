"""Values as TOML, and keys in the order in which people read them. `example` and `provenance` enter."""

from __future__ import annotations

from typing import Any

import msgspec

from tui.config.declared import HostSource, HttpSource, SecretSource
from tui.text import clean


def toml(value: Any) -> str:
    """A value as one writes it in the file; no character that a terminal would obey stands in it as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{"".join(map(_char, value))}"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return repr(value)


def _char(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if clean(char) == char:
        return char
    return f"\\u{ord(char):04X}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08X}"


def keys_of(struct: type[msgspec.Struct]) -> list[str]:
    """The keys of a source: its name, where it is, what only this type has, and the rest."""
    keys = struct.__struct_fields__
    if not issubclass(struct, SecretSource):
        return list(keys)
    shared = next(each.__struct_fields__ for each in (HttpSource, HostSource, SecretSource) if issubclass(struct, each))
    own = [key for key in keys if key not in shared]
    where = "url" if "url" in keys else "ledger"
    if where in shared:
        return ["name", where, *own[1:], *(key for key in shared if key != where)]
    place = own.index(where) + 1
    last = [key for key in shared if key in ("sender_id", "color")]
    return [*own[:place], *(key for key in shared if key not in last), *own[place:], *last]
