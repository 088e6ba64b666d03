"""The source that reads a ledger which others write. `declared` enters."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tui.config.declared_keys import HOST_NAME, Color, HostName, IntervalSeconds, Name, SecretSource, SenderId


class SharedLedgerSource(SecretSource, frozen=True, kw_only=True, tag="ledger", forbid_unknown_fields=True):
    """A ledger that collectors of other hosts write, or of this one; it is read and never made."""

    name: Name = "fleet"
    ledger: Annotated[
        str | None,
        Meta(
            title='"clickhouse://USER@HOST:PORT/DATABASE?cluster=NAME", or "sqlite:///" and an absolute path',
            description="the ledger that is read",
            examples=["clickhouse://mailtop@ch1.example:8123/mail"],
        ),
    ] = None
    host: Annotated[
        HostName | None,
        Meta(
            title=HOST_NAME,
            description="the one host of a ledger on ClickHouse whose mail is shown; without it that of all",
            examples=["mx1"],
        ),
    ] = None
    interval_seconds: IntervalSeconds = None
    sender_id: SenderId = 1
    color: Color = None
