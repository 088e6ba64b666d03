"""The JSON Schema of the configuration, made from the declarations. `mailtop config schema` enters."""

from __future__ import annotations

from typing import Any

import msgspec

from tui.config.declared import SOURCES, Config
from tui.config.messages import purpose

_NULL = {"type": "null"}


def schema() -> dict[str, Any]:
    """What editors need to complete, explain and check a configuration file."""
    made = _without_null(msgspec.json.schema(Config))
    for struct in (Config, *SOURCES.values()):
        made["$defs"][struct.__name__]["description"] = purpose(struct)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mailtop's configuration", **made}


def _without_null(part: Any) -> Any:
    """The schema without ``null``, which TOML does not have: a key that is not set is left out. Also without msgspec's
    ``discriminator``, which is no word of JSON Schema."""
    if isinstance(part, list):
        return [_without_null(each) for each in part if each != _NULL]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _without_null(value)
        for key, value in part.items()
        if key != "discriminator" and not (key == "default" and value is None)
    }
    if len(kept.get("anyOf", ())) == 1:
        kept |= kept.pop("anyOf")[0]
    return kept
