"""What can be configured: each key is declared once, and messages, documents, the example and the schema come from
here. Holds values only; what keys demand of each other is in `checks`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tui.config.declared_here import DemoSource as DemoSource
from tui.config.declared_here import HostSource as HostSource
from tui.config.declared_here import LocalSource as LocalSource
from tui.config.declared_http import CpanelSource as CpanelSource
from tui.config.declared_http import HttpSource as HttpSource
from tui.config.declared_http import SenderQueueSource as SenderQueueSource
from tui.config.declared_keys import SecretSource as SecretSource
from tui.config.declared_ledger import SharedLedgerSource as SharedLedgerSource
from tui.config.declared_ssh import SshSource as SshSource

CollectedSource = LocalSource | DemoSource
"""What a collector reads into a ledger."""

SourceConfig = LocalSource | DemoSource | SharedLedgerSource | CpanelSource | SenderQueueSource | SshSource

SOURCES: dict[str, type[SourceConfig]] = {
    "local": LocalSource,
    "demo": DemoSource,
    "ledger": SharedLedgerSource,
    "cpanel": CpanelSource,
    "sender_queue": SenderQueueSource,
    "ssh": SshSource,
}
"""The values of a source's ``type`` and the struct of each."""


class General(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user can set that is of no source. ``interval`` in seconds."""

    interval: Annotated[
        float,
        Meta(
            ge=0.2,
            le=3600,
            title="a number of seconds from 0.2 to 3600",
            description="seconds between two looks at the sources",
        ),
    ] = 2.0
    theme: Annotated[str, Meta(min_length=1, title="the name of a theme", description="the colours of the screen")] = (
        "mailtop-dark"
    )
    mouse: Annotated[
        bool,
        Meta(
            title="true or false",
            description="whether clicks and the wheel are the screen's; else the terminal selects text with them",
        ),
    ] = True
    lite: Annotated[
        bool,
        Meta(
            title="true or false",
            description="whether little is sent to the terminal: few colours, no charts, a new view every 5 seconds",
        ),
    ] = False
    keys: Annotated[
        dict[str, tuple[str, ...]],
        Meta(
            title='names of commands with lists of keys, such as {"zoom" = ["w", "F2"]}',
            description="keys of the screen's commands in place of the usual ones; the table of keys has their names",
            examples=[{"zoom": ["w", "F2"]}],
        ),
    ] = {}


class Config(General, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a user can set."""

    source: Annotated[
        tuple[SourceConfig, ...],
        Meta(
            title="tables that are each headed [[source]]",
            description="where the numbers come from; without any, this host's mail system is looked for",
        ),
    ] = ()
