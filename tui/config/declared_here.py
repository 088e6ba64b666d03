"""Sources whose mail a collector on this host reads into a ledger. `declared` enters."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tui.config.declared_keys import HOST_NAME, PATH, Color, HostName, Name, SecretSource, SenderId, Text, only

_DOMAIN = only(r"[^@\s]+")
_LEDGER = (
    '"sqlite:///" and an absolute path, such as "sqlite:///var/lib/mailtop/local.sqlite", or a ledger of many hosts, '
    'such as "clickhouse://mailtop@ch1.example:8123/mail"'
)


class HostSource(SecretSource, frozen=True, kw_only=True):
    """What every source has that a collector reads into a ledger.

    With a ledger on ClickHouse the host keeps its own in SQLite too. One of the ``token_…`` keys says where its
    password is; none: there is no password.
    """

    host: Annotated[
        HostName | None,
        Meta(
            title=HOST_NAME,
            description="what this host is called in a ledger on ClickHouse, where each has a name of its own; without "
            "it the machine's name",
            examples=["mx1"],
        ),
    ] = None
    local_ledger: Annotated[
        str | None,
        Meta(
            title='"sqlite:///" and an absolute path',
            description="the file of this host's own ledger beside one on ClickHouse; without it "
            "`/var/lib/mailtop/NAME.sqlite` as root, else `mailtop/NAME.sqlite` in your state folder",
            examples=["sqlite:///var/lib/mailtop/mx1.sqlite"],
        ),
    ] = None
    spool_mib: Annotated[
        int,
        Meta(
            ge=1,
            title="a whole number of MiB from 1",
            description="how much may wait on this host's disk while ClickHouse is away; when it is full the log is "
            "read on only after that answers again, and nothing is lost",
        ),
    ] = 1024
    sender_id: SenderId = 1
    color: Color = None


class LocalSource(HostSource, frozen=True, kw_only=True, tag="local", forbid_unknown_fields=True):
    """A mail system on this host. Paths that are ``None`` are looked for in the usual places."""

    name: Name = "local"
    mta: Annotated[
        str,
        Meta(
            pattern=only("exim|postfix|auto"),
            title='"exim", "postfix" or "auto"',
            description="which mail system it is",
        ),
    ] = "auto"
    log: Annotated[
        Annotated[str, Meta(pattern=PATH)] | None,
        Meta(
            title="an absolute path",
            description="the mail system's log (Exim: `mainlog`; Postfix: `mail.log`)",
            examples=["/var/log/exim4/mainlog"],
        ),
    ] = None
    spool: Annotated[
        Annotated[str, Meta(pattern=PATH)] | None,
        Meta(
            title="an absolute path",
            description="Exim's spool folder, the one that holds `input`",
            examples=["/var/spool/exim4"],
        ),
    ] = None
    postqueue: Annotated[
        tuple[Text, ...],
        Meta(
            min_length=1,
            title="a list of one or more words, the command and its arguments",
            description="the command that lists Postfix's queue as JSON",
        ),
    ] = ("postqueue", "-j")
    postcat: Annotated[
        Annotated[tuple[Text, ...], Meta(min_length=1)] | None,
        Meta(
            title="a list of one or more words, the command and its arguments",
            description="the command that shows envelope and header of Postfix's queue files, for campaigns that the "
            "log does not tell; without it `postcat -qeh` beside `postqueue`",
            examples=[["postcat", "-qeh"]],
        ),
    ] = None
    exim: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            title="a command or the path of one",
            description="Exim's program, which lists the queue where the spool cannot be read",
            examples=["/usr/sbin/exim4"],
        ),
    ] = None
    ledger: Annotated[
        str | None,
        Meta(
            title=_LEDGER,
            description="what keeps the counts; without it `/var/lib/mailtop/NAME.sqlite` as root, "
            "else `mailtop/NAME.sqlite` in your state folder",
            examples=["sqlite:///var/lib/mailtop/local.sqlite"],
        ),
    ] = None
    isp: Annotated[
        dict[
            Annotated[str, Meta(min_length=1)],
            Annotated[tuple[Annotated[str, Meta(pattern=_DOMAIN)], ...], Meta(min_length=1)],
        ],
        Meta(
            title='provider names with lists of recipient domains, such as {"Gmail" = ["gmail.test"]}',
            description="mailbox providers that are added to the built-in table, or override it",
            examples=[{"Gmail": ["gmail.test"]}],
        ),
    ] = msgspec.field(default_factory=dict)
    time_zone: Annotated[
        str | None,
        Meta(
            title='a time zone this host knows, such as "Europe/Berlin"',
            description="the zone that the log's times are in, when it is not this host's",
            examples=["Europe/Berlin"],
        ),
    ] = None
    minutes_kept_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=24 * 31,
            title="a whole number of hours from 1 to 744",
            description="how long history is kept by the minute",
        ),
    ] = 24
    hours_kept_days: Annotated[
        int,
        Meta(
            ge=1,
            le=3660,
            title="a whole number of days from 1 to 3660",
            description="how long history is kept by the hour",
        ),
    ] = 90
    max_ledger_mib: Annotated[
        int,
        Meta(
            ge=16,
            title="a whole number of MiB from 16",
            description="the size at which the ledger drops its oldest history; totals stay",
        ),
    ] = 2048


class DemoSource(HostSource, frozen=True, kw_only=True, tag="demo", forbid_unknown_fields=True):
    """A simulated mail system: many accounts, campaigns and ISPs, and an incident now and then."""

    name: Name = "demo"
    seed: Annotated[
        int,
        Meta(
            ge=0,
            le=2**32 - 1,
            title="a whole number from 0 to 4294967295",
            description="the same seed gives the same accounts and incidents",
        ),
    ] = 1
    accounts: Annotated[
        int,
        Meta(ge=1, le=1_000_000, title="a whole number from 1 to 1000000", description="how many accounts send"),
    ] = 2000
    ledger: Annotated[
        str | None,
        Meta(
            title=_LEDGER,
            description="what keeps the counts; without it a file that goes with the screen",
            examples=["sqlite:///var/lib/mailtop/demo.sqlite"],
        ),
    ] = None
