"""Sources that are asked over HTTP. `declared` enters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from tui.config.declared_keys import PATH, Color, IntervalSeconds, MaxAnswerMib, Name, SecretSource, only


class HttpSource(SecretSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every source has that is asked over HTTP: where it is, which secret opens it, how it is trusted.

    Exactly one of the four ``token_…`` keys is given.
    """

    url: Annotated[
        Annotated[str, Meta(pattern=only(r"https?://[^\x00-\x20\x7f/?#@]+(/[^\x00-\x20\x7f?#]*)?"))] | None,
        Meta(
            title='an address such as "https://host.example:2087", without a name or password in it',
            description="where the server is: scheme, host, port, and the folder where it has one",
            examples=["https://host.example:2087"],
        ),
    ] = None
    ca_file: Annotated[
        Annotated[str, Meta(pattern=PATH)] | None,
        Meta(
            title="an absolute path",
            description="a file of certificates (PEM) to trust besides the system's",
            examples=["/etc/mailtop/ca.pem"],
        ),
    ] = None
    fingerprint: Annotated[
        Annotated[str, Meta(pattern=only(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}"))] | None,
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
        Annotated[str, Meta(pattern=only(r"https?://[^\x00-\x20\x7f/?#@]+/?"))] | None,
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
    interval_seconds: IntervalSeconds = None
    max_answer_mib: MaxAnswerMib = 64
    color: Color = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("url", self.url)]


class CpanelSource(HttpSource, frozen=True, kw_only=True, tag="cpanel"):
    """A cPanel server's account mail totals (``EmailTrack::stats``)."""

    name: Name = "cpanel"
    login: Annotated[
        str,
        Meta(
            pattern=only("whm|cpanel|basic|session|cli"),
            title='"whm", "cpanel", "basic", "session" or "cli"',
            description="how to log in: with an API token of WHM or of a cPanel account, with a password (`basic`, "
            "`session`), or not at all, by `cpapi2` and `whmapi1` on the server itself (`cli`)",
        ),
    ] = "whm"
    user: Annotated[
        Annotated[str, Meta(pattern=only(r"[!-9;-~]+"))] | None,
        Meta(
            title="a user name of printable ASCII without blanks and colons",
            description="the user that the token or password belongs to",
            examples=["root"],
        ),
    ] = None
    accounts: Annotated[
        Literal["all"] | Annotated[tuple[Annotated[str, Meta(pattern=only(r"[!-~]+"))], ...], Meta(min_length=1)],
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
        Meta(pattern=only("json|xml"), title='"json" or "xml"', description="the language of questions and answers"),
    ] = "json"
    token_in: Annotated[
        str,
        Meta(
            pattern=only("header|body"),
            title='"header" or "body"',
            description="where the token is sent; the header stays out of most logs",
        ),
    ] = "header"
