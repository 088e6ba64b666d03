"""What is sent in the live tests, and what must follow from it: the truth to compare mailtop with."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import msgspec

ISPS = {"Gmail": ["gmail.test"], "Yahoo": ["yahoo.test"], "Outlook": ["outlook.test"]}
"""The names of the sink's providers, as the configuration gives them; the other domains are their own."""

LOCAL_DOMAINS = ("acme.test", "shop.test", "news.test")
UNREACHABLE = ("down.test", "nodns.test")
UNROUTEABLE = ("unroute.test",)
PROVIDERS = ("gmail.test", "yahoo.test", "outlook.test", "corp.test")
ACCOUNTS = ("alice@acme.test", "bob@acme.test", "carol@shop.test", "dave@news.test")
CAMPAIGNS = ("spring-2024", "welcome", "", "newsletter/7", "Sale 50%")
KINDS = ("ok",) * 8 + ("grey", "defer", "reject", "ddefer", "dreject")
LIST = "list@acme.test"
LIST_MEMBERS = ("ok.list@gmail.test", "defer.list@yahoo.test", "reject.list@corp.test")

NEW, PROC, RETRY, HOLD = range(4)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be sent: ``user`` authenticates it (``None``: nobody does), ``lines`` is its length."""

    sender: str
    user: str | None
    recipients: tuple[str, ...]
    campaign: str = ""
    subject: str = "hello"
    lines: int = 10

    @property
    def account(self) -> str:
        """Who it belongs to, as the documentation defines it."""
        return self.user or self.sender.partition("@")[2] or "<>"


class Sent(msgspec.Struct, frozen=True):
    """A message and the id under which the mail system took it (``""``: refused)."""

    message: Message
    id: str


class Listed(msgspec.Struct, frozen=True):
    """A message as the mail system's own command lists it: its state and who still waits."""

    state: int
    waiting: tuple[str, ...]


class Totals(msgspec.Struct):
    """An account's mail totals: ``size`` in bytes, ``waiting`` recipients."""

    send: int = 0
    success: int = 0
    defer: int = 0
    fail: int = 0
    size: int = 0
    waiting: int = 0


Cell = tuple[str, str, str]
"""Account, campaign, ISP."""

ACCOUNT, CAMPAIGN, ISP = range(3)
"""The parts of a cell."""

Rows = dict[tuple[str, ...], list[int]]
"""Counts new, proc, retry, hold and total, by the names of a row."""


def plan(seed: int, count: int, first: int = 0) -> list[Message]:
    """``count`` messages of four accounts, numbered from ``first``, to recipients of every kind."""
    rng, messages = random.Random(seed), []
    for number in range(first, first + count):
        account, recipients = rng.choice(ACCOUNTS), []
        for place in range(rng.choice((1, 1, 1, 2, 3, 5))):
            kind = rng.choice(KINDS) if place == 0 or rng.random() < 0.5 else "ok"
            recipients.append(f"{kind}.{number}.{place}@{rng.choice(PROVIDERS)}")
        messages.append(
            Message(
                sender=account,
                user=account,
                recipients=tuple(recipients),
                campaign=rng.choice(CAMPAIGNS),
                subject=f'Offer {number} "for" you <= => = A=b for x@y.test',
                lines=rng.randrange(1, 300),
            )
        )
    return messages


def _special(*recipients: str, subject: str = "hello", campaign: str = "", sender: str = "alice@acme.test") -> Message:
    return Message(sender=sender, user=sender or None, recipients=recipients, subject=subject, campaign=campaign)


SPECIAL = [
    Message(sender="eve@plain.test", user=None, recipients=("ok.plain@gmail.test", "defer.plain@gmail.test")),
    _special("ok.held@gmail.test", "ok.held2@yahoo.test", subject="HOLDME", campaign="held"),
    _special("defer.queued@gmail.test", "ok.queued@corp.test", subject="QUEUEME"),
    _special("ok.virus@gmail.test", subject="VIRUS"),
    _special("x@forbidden.test"),
    _special("x@down.test", campaign="unreachable"),
    _special("x@nodns.test", campaign="unreachable"),
    _special("x@unroute.test", "ok.beside@corp.test"),
    _special(LIST, "bob@acme.test", campaign="list"),
    _special("defer.campaign@yahoo.test", campaign='say "hi" \\ 50%'),
]


class Truth:
    """What was sent, who it belongs to and what the far end answered."""

    def __init__(self) -> None:
        self._sent: dict[str, Message] = {}
        self._retries: dict[str, int] = {}

    def add(self, sent: Iterable[Sent]) -> None:
        """Learn which messages the mail system took; each was tried once."""
        self._sent.update((each.id, each.message) for each in sent if each.id)

    def retried(self) -> None:
        """Learn that all mail for domains that cannot be reached was tried once more."""
        for message in self._sent.values():
            for recipient in message.recipients:
                if recipient.partition("@")[2] in UNREACHABLE:
                    self._retries[recipient] = self._retries.get(recipient, 0) + 1

    def by_plan(self, id_: str) -> bool:
        """Whether a message is none of the special ones."""
        return self._sent[id_].subject.startswith("Offer")

    def totals(
        self, answers: Iterable[tuple[str, str]], sizes: Mapping[str, int], bounces: int, listing: Mapping[str, Listed]
    ) -> dict[str, Totals]:
        """Every account's totals that follow from what was sent, the sink's ``answers`` (each a recipient and ``ok``,
        ``defer`` or ``reject``), the sizes of messages by id, the bounces in the local mailbox and the listing."""
        sums: dict[str, Totals] = {}
        owner: dict[str, Totals] = {}
        for id_, message in self._sent.items():
            account = sums.setdefault(message.account, Totals())
            account.send += 1
            account.size += sizes[id_]
            account.waiting += len(listing[id_].waiting) if id_ in listing else 0
            for recipient in message.recipients:
                owner.update(dict.fromkeys(LIST_MEMBERS if recipient == LIST else (recipient,), account))
                domain = recipient.partition("@")[2]
                account.success += domain in LOCAL_DOMAINS and recipient != LIST
                account.fail += domain in UNROUTEABLE
                account.defer += domain in UNREACHABLE and 1 + self._retries.get(recipient, 0)
        for recipient, result in answers:
            owner[recipient].success += result == "ok"
            owner[recipient].defer += result == "defer"
            owner[recipient].fail += result == "reject"
        others = sum(size for id_, size in sizes.items() if id_ not in self._sent)
        return {**sums, "<>": Totals(send=bounces, success=bounces, size=others)} if bounces else sums

    def cells(self, listing: Mapping[str, Listed]) -> dict[Cell, list[int]]:
        """The queue cells that follow from a listing: recipients in each of the four states."""
        cells: dict[Cell, list[int]] = {}
        for id_, listed in listing.items():
            message = self._sent[id_]
            for recipient in listed.waiting:
                cell = cells.setdefault((message.account, message.campaign, isp_of(recipient)), [0, 0, 0, 0])
                cell[listed.state] += 1
        return cells


def isp_of(recipient: str) -> str:
    """The name of a recipient's provider."""
    domain = recipient.partition("@")[2]
    return next((name for name, domains in ISPS.items() if domain in domains), domain)


def grouped(cells: Mapping[Cell, Sequence[int]], *parts: int) -> Rows:
    """Cells added up by some of their parts."""
    rows: Rows = {}
    for cell, counts in cells.items():
        row = rows.setdefault(tuple(cell[part] for part in parts), [0] * 5)
        row[:] = map(sum, zip(row, [*counts, sum(counts)], strict=True))
    return rows
