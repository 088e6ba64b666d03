"""Configuration: TOML to frozen structs, with one precise sentence for each mistake. Knows nothing of who uses it."""

from __future__ import annotations

import msgspec


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file, the path of the key and what was expected."""


class LocalSource(msgspec.Struct, frozen=True, kw_only=True, tag="local", forbid_unknown_fields=True):
    """A mail system on this host. Paths that are ``None`` are looked for in the usual places."""

    name: str = "local"
    mta: str = "auto"
    log: str | None = None
    spool: str | None = None
    postqueue: tuple[str, ...] = ("postqueue", "-j")
    exim: str | None = None
    ledger: str | None = None
    isp: dict[str, tuple[str, ...]] = {}
    sender_id: int = 1


class DemoSource(msgspec.Struct, frozen=True, kw_only=True, tag="demo", forbid_unknown_fields=True):
    """A simulated mail system: many accounts, campaigns and ISPs, and an incident now and then."""

    name: str = "demo"
    seed: int = 1
    accounts: int = 2000
    ledger: str | None = None
    sender_id: int = 1


SourceConfig = LocalSource | DemoSource


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a user can set. ``interval`` in seconds."""

    interval: float = 2.0
    theme: str = "mailtop-dark"
    source: tuple[SourceConfig, ...] = ()
