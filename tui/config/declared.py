"""What can be configured: each key is declared once, and messages, documents, the example and the schema come from
here. Holds values only; what keys demand of each other is in `checks`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


def _only(pattern: str) -> str:
    """The pattern for texts that are this and nothing else; unlike `$` it lets no line end follow."""
    return rf"^(?:{pattern})(?![\s\S])"


_PATH = r"^/"
_DOMAIN = _only(r"[^@\s]+")
_COLORS = ("black", "blue", "cyan", "gray", "green", "magenta", "orange", "pink", "purple", "red", "white", "yellow")

# `title` is what a message says was expected, `description` what the README says a key does, and `examples` hold what
# the example file shows for a key that has no default.
#
# Never a text with a pattern beside a list or table (`S | tuple[…]`): with that msgspec 0.22 crashes the process when
# it collects garbage.
Name = Annotated[
    str,
    Meta(
        pattern=_only(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        title="1 to 64 letters, digits, dots, dashes or underscores",
        description="what the source is called on the screen, in `show` and in the name of its ledger if it has one",
    ),
]
SenderId = Annotated[
    int,
    Meta(ge=1, title="a whole number from 1", description="the number of this sending system, for `--sender`"),
]
Color = Annotated[
    Annotated[str, Meta(pattern=_only(f"#[0-9A-Fa-f]{{6}}|{'|'.join(_COLORS)}"))] | None,
    Meta(
        title=f'a colour: six hexadecimal digits such as "#d08770", or one of {", ".join(_COLORS)}',
        description="the colour of the source's name, to tell sources apart",
        examples=["#d08770"],
    ),
]
_LEDGER = '"sqlite:///" and an absolute path, such as "sqlite:///var/lib/mailtop/local.sqlite"'


class LocalSource(msgspec.Struct, frozen=True, kw_only=True, tag="local", forbid_unknown_fields=True):
    """A mail system on this host. Paths that are ``None`` are looked for in the usual places."""

    name: Name = "local"
    mta: Annotated[
        str,
        Meta(
            pattern=_only("exim|postfix|auto"),
            title='"exim", "postfix" or "auto"',
            description="which mail system it is",
        ),
    ] = "auto"
    log: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="the mail system's log (Exim: `mainlog`; Postfix: `mail.log`)",
            examples=["/var/log/exim4/mainlog"],
        ),
    ] = None
    spool: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="Exim's spool folder, the one that holds `input`",
            examples=["/var/spool/exim4"],
        ),
    ] = None
    postqueue: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            min_length=1,
            title="a list of one or more words, the command and its arguments",
            description="the command that lists Postfix's queue as JSON",
        ),
    ] = ("postqueue", "-j")
    postcat: Annotated[
        Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)] | None,
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
            description="the file that keeps the counts; without it `/var/lib/mailtop/NAME.sqlite` as root, "
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
    ] = {}
    sender_id: SenderId = 1
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
    color: Color = None


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
        Meta(
            title=_LEDGER,
            description="the file that keeps the counts; without it one that goes with the screen",
            examples=["sqlite:///var/lib/mailtop/demo.sqlite"],
        ),
    ] = None
    sender_id: SenderId = 1
    color: Color = None


_Text = Annotated[str, Meta(min_length=1)]


class HttpSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every source has that is asked over HTTP: where it is, which secret opens it, how it is trusted.

    Exactly one of the four ``token_…`` keys is given. The secret itself is never in here.
    """

    url: Annotated[
        Annotated[str, Meta(pattern=_only(r"https?://[^\x00-\x20\x7f/?#@]+(/[^\x00-\x20\x7f?#]*)?"))] | None,
        Meta(
            title='an address such as "https://host.example:2087", without a name or password in it',
            description="where the server is: scheme, host, port, and the folder where it has one",
            examples=["https://host.example:2087"],
        ),
    ] = None
    token_file: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="the file that holds the token (or password) alone; refused when others may read it",
            examples=["/etc/mailtop/token"],
        ),
    ] = None
    token_env: Annotated[
        Annotated[str, Meta(pattern=_only(r"[A-Za-z_][A-Za-z0-9_]*"))] | None,
        Meta(
            title="the name of an environment variable",
            description="the variable that holds the token",
            examples=["MAILTOP_TOKEN"],
        ),
    ] = None
    token_command: Annotated[
        Annotated[tuple[_Text, ...], Meta(min_length=1)] | None,
        Meta(
            title="a list of one or more words, the command and its arguments",
            description="the command that prints the token; run without a shell",
            examples=[["pass", "show", "mail/token"]],
        ),
    ] = None
    token_keyring: Annotated[
        Annotated[str, Meta(pattern=_only(r"[^/]+/.+"))] | None,
        Meta(
            title='"SERVICE/USER", an entry of the keyring',
            description="where the system's keyring has the token (needs the extra `keyring`)",
            examples=["mailtop/root"],
        ),
    ] = None
    ca_file: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(
            title="an absolute path",
            description="a file of certificates (PEM) to trust besides the system's",
            examples=["/etc/mailtop/ca.pem"],
        ),
    ] = None
    fingerprint: Annotated[
        Annotated[str, Meta(pattern=_only(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}"))] | None,
        Meta(
            title="a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons",
            description="the one certificate that is trusted, whoever signed it",
            examples=[":".join(["5F"] * 32)],
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
        Annotated[str, Meta(pattern=_only(r"https?://[^\x00-\x20\x7f/?#@]+/?"))] | None,
        Meta(
            title='an address such as "http://proxy.example:3128"',
            description="the HTTP proxy to go through",
            examples=["http://proxy.example:3128"],
        ),
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
        Annotated[float, Meta(ge=0.2, le=3600)] | None,
        Meta(
            title="a number of seconds from 0.2 to 3600",
            description="seconds between two looks at this source; without it `interval`",
            examples=[10.0],
        ),
    ] = None
    max_answer_mib: Annotated[
        int,
        Meta(
            ge=1, le=4096, title="a whole number of MiB from 1 to 4096", description="the longest answer that is read"
        ),
    ] = 64
    color: Color = None

    def __repr__(self) -> str:
        # without the other keys: the words of a command may hold a secret, and tracebacks print what is at hand
        return f"{type(self).__name__}(url={self.url!r}, …)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("url", self.url)]


class CpanelSource(HttpSource, frozen=True, kw_only=True, tag="cpanel"):
    """A cPanel server's account mail totals (``EmailTrack::stats``)."""

    name: Name = "cpanel"
    login: Annotated[
        str,
        Meta(
            pattern=_only("whm|cpanel|basic|session|cli"),
            title='"whm", "cpanel", "basic", "session" or "cli"',
            description="how to log in: with an API token of WHM or of a cPanel account, with a password (`basic`, "
            "`session`), or not at all, by `cpapi2` on the server itself (`cli`)",
        ),
    ] = "whm"
    user: Annotated[
        Annotated[str, Meta(pattern=_only(r"[!-9;-~]+"))] | None,
        Meta(
            title="a user name of printable ASCII without blanks and colons",
            description="the user that the token or password belongs to",
            examples=["root"],
        ),
    ] = None
    accounts: Annotated[
        Literal["all"] | Annotated[tuple[Annotated[str, Meta(pattern=_only(r"[!-~]+"))], ...], Meta(min_length=1)],
        Meta(
            title='"all" or a list of account names',
            description="whose totals are shown; with `cpanel` as login the user's own",
        ),
    ] = "all"
    concurrency: Annotated[
        int,
        Meta(ge=1, le=64, title="a whole number from 1 to 64", description="how many requests are under way at once"),
    ] = 16


class SenderQueueSource(HttpSource, frozen=True, kw_only=True, tag="sender_queue"):
    """The sender-queue statistics of a sending platform (the Altcraft Platform's admin API, and ``mailtop serve``)."""

    name: Name = "queue"
    senders: Annotated[
        Literal["all"] | Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)],
        Meta(title='"all" or a list of sender numbers such as [119, 7]', description="which senders' queues are shown"),
    ] = "all"
    format: Annotated[
        str,
        Meta(pattern=_only("json|xml"), title='"json" or "xml"', description="the language of questions and answers"),
    ] = "json"
    token_in: Annotated[
        str,
        Meta(
            pattern=_only("header|body"),
            title='"header" or "body"',
            description="where the token is sent; the header stays out of most logs",
        ),
    ] = "header"


CollectedSource = LocalSource | DemoSource
"""What a collector reads into a ledger."""

SourceConfig = LocalSource | DemoSource | CpanelSource | SenderQueueSource

SOURCES: dict[str, type[SourceConfig]] = {
    "local": LocalSource,
    "demo": DemoSource,
    "cpanel": CpanelSource,
    "sender_queue": SenderQueueSource,
}
"""The values of a source's ``type`` and the struct of each."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a user can set. ``interval`` in seconds."""

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
    source: Annotated[
        tuple[SourceConfig, ...],
        Meta(
            title="tables that are each headed [[source]]",
            description="where the numbers come from; without any, this host's mail system is looked for",
        ),
    ] = ()
