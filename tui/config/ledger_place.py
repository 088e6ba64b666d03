"""Where a ClickHouse ledger is: ``clickhouse://user@host:port,host:port/db?cluster=NAME`` as a value. Pure; everyone
above may enter."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

import msgspec

SCHEMES = {"clickhouse": "http", "clickhouses": "https"}
"""How a ledger's URL begins, and how its servers are spoken to."""

_PORTS = {"http": 8123, "https": 8443}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<servers>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?", re.S
)
"""The parts of any address (RFC 3986, appendix B)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]+)(?::(\d{1,5}))?")
_SHAPE = "clickhouse://USER@HOST:PORT/DATABASE?cluster=NAME"


class Place(msgspec.Struct, frozen=True):
    """A ledger on ClickHouse: ``nodes`` are the servers' base URLs; a collector writes to one of them, and any of them
    answers readers. ``cluster`` is the servers' name for all shards together (``remote_servers`` in their
    configuration); ``None``: there is one server."""

    nodes: tuple[str, ...]
    user: str
    database: str
    cluster: str | None = None


def parse(url: str) -> Place:
    """The place that a ledger's URL names; without a port ClickHouse's own for HTTP, 8123, or HTTPS, 8443, when it
    begins with ``clickhouses:``. The password does not belong there. Raises ``ValueError``, a sentence that says what
    is wrong with it."""
    parts = _URL.fullmatch(url)  # urlsplit of some Pythons refuses several servers, if one is an IPv6 address
    scheme = SCHEMES.get(parts["scheme"].lower()) if parts else None
    if parts is None or scheme is None:
        raise ValueError(f"no address of a ClickHouse ledger; it looks like {_SHAPE}")
    login, _, servers = parts["servers"].rpartition("@")
    if ":" in login:
        raise ValueError("the password must not stand in the address; say where it is with one of the token_ keys")
    nodes = tuple(_node(scheme, server) for server in servers.split(","))
    database = parts["path"].removeprefix("/")
    if not _NAME.fullmatch(database):
        raise ValueError(f"the database must be named by letters, digits and underscores: {_SHAPE}")
    options = dict(parse_qsl(parts["query"] or "", keep_blank_values=True))
    cluster = options.pop("cluster", None)
    if cluster is not None and not _NAME.fullmatch(cluster):
        raise ValueError("the cluster must be named by letters, digits and underscores")
    if options or parts["fragment"]:
        raise ValueError(f"nothing but cluster=NAME may follow the database: {_SHAPE}")
    return Place(nodes, unquote(login) or "default", database, cluster)


def _node(scheme: str, server: str) -> str:
    found = _NODE.fullmatch(server)
    if found is None or not 0 < int(found[2] or _PORTS[scheme]) < 65536:
        raise ValueError(f"the server must be HOST or HOST:PORT, several of them with commas between: {_SHAPE}")
    return f"{scheme}://{found[1]}:{found[2] or _PORTS[scheme]}"
