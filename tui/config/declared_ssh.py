"""Sources that are asked over SSH. `declared` enters."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tui.config.declared_keys import PATH, Color, MaxAnswerMib, Name, Text, only

_WORDS = "a list of one or more words, the command and its arguments"


class SshSource(msgspec.Struct, frozen=True, kw_only=True, tag="ssh", forbid_unknown_fields=True):
    """What `mailtop show` prints on another host, asked over SSH."""

    name: Name = "ssh"
    host: Annotated[
        Annotated[str, Meta(pattern=only(r"(?!-)(?!.*@-)[A-Za-z0-9._:@%+/\\\[\],=~-]+"))] | None,
        Meta(
            title='a host as ssh takes it: an alias of its configuration, "mx1.example" or "user@mx1.example"',
            description="whom to ask",
            examples=["mailtop@mx1.example"],
        ),
    ] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(
            title="a whole number from 1 to 65535",
            description="the port of its SSH server; without it what ssh takes",
            examples=[22],
        ),
    ] = None
    identity_file: Annotated[
        Annotated[str, Meta(pattern=PATH)] | None,
        Meta(
            title="an absolute path",
            description="the private key to log in with, and no other; without it what ssh takes",
            examples=["/etc/mailtop/id_ed25519"],
        ),
    ] = None
    source: Annotated[
        Annotated[str, Meta(pattern=only(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"))] | None,
        Meta(
            title="1 to 64 letters, digits, dots, dashes or underscores",
            description="which of the sources there, where mailtop has several",
            examples=["local"],
        ),
    ] = None
    ssh: Annotated[
        tuple[Text, ...],
        Meta(min_length=1, title=_WORDS, description="OpenSSH's program here, with options of your own"),
    ] = ("ssh",)
    command: Annotated[
        tuple[Text, ...],
        Meta(min_length=1, title=_WORDS, description="mailtop there, with options of your own"),
    ] = ("mailtop",)
    keep_connection: Annotated[
        bool,
        Meta(
            title="true or false",
            description="whether one connection serves look after look; else there is a login for each",
        ),
    ] = True
    timeout_seconds: Annotated[
        float,
        Meta(ge=1, le=300, title="a number of seconds from 1 to 300", description="how long one answer may take"),
    ] = 20.0
    interval_seconds: Annotated[
        float,
        Meta(
            ge=0.2,
            le=3600,
            title="a number of seconds from 0.2 to 3600",
            description="seconds between two looks at this source; each starts a process here and there",
        ),
    ] = 10.0
    max_answer_mib: MaxAnswerMib = 64
    color: Color = None
