"""What can be configured of a source: each key is declared once, and messages, documents, the example and the schema
come from here."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

_PATH = r"^/"
_DOMAIN = r"^[^@\s]+$"

# Each key is declared once: `title` is what a message says was expected, `description` what the README says it does.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        title="1 to 64 letters, digits, dots, dashes or underscores",
        description="what the source is called on the screen, in `show` and in its ledger's file name",
    ),
]
SenderId = Annotated[
    int,
    Meta(ge=1, title="a whole number from 1", description="the number of this sending system, for `--sender`"),
]
_LEDGER = '"sqlite:///" and an absolute path, such as "sqlite:///var/lib/mailtop/local.sqlite"'


class LocalSource(msgspec.Struct, frozen=True, kw_only=True, tag="local", forbid_unknown_fields=True):
    """A mail system on this host. Paths that are ``None`` are looked for in the usual places."""

    name: Name = "local"
    mta: Annotated[
        str,
        Meta(
            pattern="^(exim|postfix|auto)$",
            title='"exim", "postfix" or "auto"',
            description="which mail system it is",
        ),
    ] = "auto"
    log: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(title="an absolute path", description="the mail system's log (Exim: `mainlog`; Postfix: `mail.log`)"),
    ] = None
    spool: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(title="an absolute path", description="Exim's spool folder, the one that holds `input`"),
    ] = None
    postqueue: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            min_length=1,
            title="a list of one or more words, the command and its arguments",
            description="the command that lists Postfix's queue as JSON",
        ),
    ] = ("postqueue", "-j")
    exim: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            title="a command or the path of one",
            description="Exim's program, which lists the queue where the spool cannot be read",
        ),
    ] = None
    ledger: Annotated[
        str | None,
        Meta(
            title=_LEDGER,
            description="the file that keeps the counts; without it `/var/lib/mailtop/NAME.sqlite` as root, "
            "else `mailtop/NAME.sqlite` in your state folder",
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
        ),
    ] = {}
    sender_id: SenderId = 1
    time_zone: Annotated[
        str | None,
        Meta(
            title='a time zone this host knows, such as "Europe/Berlin"',
            description="the zone that the log's times are in, when it is not this host's",
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


class DemoSource(msgspec.Struct, frozen=True, kw_only=True, tag="demo", forbid_unknown_fields=True):
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
        Meta(title=_LEDGER, description="the file that keeps the counts; without it one that goes with the screen"),
    ] = None
    sender_id: SenderId = 1


_Text = Annotated[str, Meta(min_length=1)]


class HttpSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every source has that is asked over HTTP: where it is, which secret opens it, how it is trusted.

    Exactly one of the four ``token_…`` keys is given. The secret itself is never in here.
    """

    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$")] | None,
        Meta(
            title='an address such as "https://host.example:2087", without a name or password in it',
            description="where the server is: scheme, host, port, and the folder where it has one",
        ),
    ] = None
    token_file: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="the file that holds the token (or password) alone; refused when others may read it",
        ),
    ] = None
    token_env: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None,
        Meta(title="the name of an environment variable", description="the variable that holds the token"),
    ] = None
    token_command: Annotated[
        Annotated[tuple[_Text, ...], Meta(min_length=1)] | None,
        Meta(
            title="a list of one or more words, the command and its arguments",
            description="the command that prints the token; run without a shell",
        ),
    ] = None
    token_keyring: Annotated[
        Annotated[str, Meta(pattern=r"^[^/]+/.+$")] | None,
        Meta(
            title='"SERVICE/USER", an entry of the keyring',
            description="where the system's keyring has the token (needs the extra `keyring`)",
        ),
    ] = None
    ca_file: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="a file of certificates (PEM) to trust besides the system's",
        ),
    ] = None
    fingerprint: Annotated[
        Annotated[str, Meta(pattern=r"^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")] | None,
        Meta(
            title="a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons",
            description="the one certificate that is trusted, whoever signed it",
        ),
    ] = None
    verify: Annotated[
        bool,
        Meta(
            title="true or false",
            description="whether the server's certificate is checked; the status line says when it is not",
        ),
    ] = True
    proxy: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/\s?#@]+/?$")] | None,
        Meta(title='an address such as "http://proxy.example:3128"', description="the HTTP proxy to go through"),
    ] = None
    timeout_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=300,
            title="a number of seconds from 0.1 to 300",
            description="how long one answer may take",
        ),
    ] = 10.0
    interval_seconds: Annotated[
        float | None,
        Meta(
            ge=0.2,
            le=3600,
            title="a number of seconds from 0.2 to 3600",
            description="seconds between two looks at this source; without it `interval`",
        ),
    ] = None
    max_answer_mib: Annotated[
        int,
        Meta(
            ge=1, le=4096, title="a whole number of MiB from 1 to 4096", description="the longest answer that is read"
        ),
    ] = 64
    color: Annotated[
        Annotated[str, Meta(pattern=r"^(#[0-9A-Fa-f]{6}|[a-z]+)$")] | None,
        Meta(
            title='a colour such as "#d08770" or "red"',
            description="the colour of the source's name, to tell sources apart",
        ),
    ] = None


class CpanelSource(HttpSource, frozen=True, kw_only=True, tag="cpanel"):
    """A cPanel server's account mail totals (``EmailTrack::stats``)."""

    name: Name = "cpanel"
    login: Annotated[
        str,
        Meta(
            pattern="^(whm|cpanel|basic|session|cli)$",
            title='"whm", "cpanel", "basic", "session" or "cli"',
            description="how to log in: with an API token of WHM or of a cPanel account, with a password (`basic`, "
            "`session`), or not at all, by `cpapi2` on the server itself (`cli`)",
        ),
    ] = "whm"
    user: Annotated[
        Annotated[str, Meta(pattern=r"^[^\s:]+$")] | None,
        Meta(title="a user name", description="the user that the token or password belongs to"),
    ] = None
    accounts: Annotated[
        Annotated[str, Meta(pattern="^all$")] | Annotated[tuple[_Text, ...], Meta(min_length=1)],
        Meta(title='"all" or a list of account names', description="whose totals are shown"),
    ] = "all"
    concurrency: Annotated[
        int,
        Meta(ge=1, le=64, title="a whole number from 1 to 64", description="how many requests are under way at once"),
    ] = 16


class SenderQueueSource(HttpSource, frozen=True, kw_only=True, tag="sender_queue"):
    """The sender-queue statistics of a sending platform (the Altcraft Platform's admin API, and ``mailtop serve``)."""

    name: Name = "queue"
    senders: Annotated[
        Annotated[str, Meta(pattern="^all$")] | Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)],
        Meta(title='"all" or a list of sender numbers such as [119, 7]', description="which senders' queues are shown"),
    ] = "all"
    format: Annotated[
        str,
        Meta(pattern="^(json|xml)$", title='"json" or "xml"', description="the language of questions and answers"),
    ] = "json"
    token_in: Annotated[
        str,
        Meta(
            pattern="^(header|body)$",
            title='"header" or "body"',
            description="where the token is sent; the header stays out of most logs",
        ),
    ] = "header"
