"""The made-up world of the demo: accounts with their campaigns, providers with their refusals, messages. For the
simulation only."""

from __future__ import annotations

from itertools import accumulate, product
from random import Random

import msgspec

from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.engine.queues.listing import Waiting
from tui.isp import PROVIDERS


class Isp(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox provider. ``share`` of all recipients (1 in total); shares of its recipients: ``greylists`` at the
    first attempt, ``full`` mailboxes that stay so for hours, ``unknown`` users. ``latency_seconds`` of a delivery at
    the least. The rest are its replies."""

    name: str
    domains: tuple[bytes, ...]
    share: float
    latency_seconds: float = 2.0
    greylists: float = 0.02
    full: float = 0.08
    unknown: float = 0.012
    limit_reply: bytes = b"451 4.7.1 Too many messages from your network, try again later"
    greylist_reply: bytes = b"450 4.2.0 Recipient address rejected: Greylisted, try again in 300 seconds"
    full_reply: bytes = b"452 4.2.2 Mailbox is over quota"
    unknown_reply: bytes = b"550 5.1.1 User unknown"
    blocked_reply: bytes = b"554 5.7.1 Message rejected as spam"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends: ``name`` as authenticated, the ``domain`` of its senders and the address ``sender`` that it uses, its
    ``campaigns`` (none: single mails only), ``audience`` (an index of ``World.audiences``)."""

    name: bytes
    domain: bytes
    sender: bytes
    campaigns: tuple[bytes, ...]
    audience: int


class Message(msgspec.Struct, eq=False):
    """A message in the simulated queue. ``recipients`` wait: address -> index of its ISP; ``refused`` are those that
    will be put off for long, with the reply. The next attempt lasts from ``begins`` to ``ends``. These and ``arrived``
    are in the simulation's time, ``logged`` is the arrival as the log says it. ``listed`` is how the last listing
    showed it, ``None`` when its recipients have changed since."""

    id: bytes
    account: int
    campaign: bytes
    size: int
    arrived: float
    logged: int
    recipients: dict[bytes, int]
    refused: dict[bytes, bytes]
    abuse: bool
    begins: float = 0.0
    ends: float = 0.0
    attempts: int = 0
    held: bool = False
    listed: Waiting | None = None

    def state(self, now: float) -> int:
        """Its state in the queue at ``now``, the simulation's time."""
        if self.held:
            return HOLD
        if self.begins <= now:
            return PROC
        return RETRY if self.attempts else NEW


class Run(msgspec.Struct, eq=False):
    """Mail that an account pours in: so many ``units`` are left, a message every ``pause_seconds``."""

    account: int
    campaign: bytes
    units: int
    most_recipients: int
    pause_seconds: float
    abuse: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """An ISP puts off this ``share`` of all recipients ``until`` a time, with a ``reply``."""

    until: float
    share: float
    reply: bytes


class World(msgspec.Struct, frozen=True):
    """All of it. ``activity`` are cumulative weights of ``accounts``, the most active first; ``bulk`` the indexes of
    those with campaigns; ``audiences`` cumulative weights of ``isps``, one list for each mix of recipients."""

    accounts: list[Account]
    activity: list[float]
    bulk: list[int]
    isps: list[Isp]
    audiences: list[list[float]]


_YAHOO_LIMIT = (
    b"421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints"
)
_GMX_LIMIT = (
    b"421 4.7.0 Requested action not taken: service temporarily unavailable, IP address has been temporarily limited"
)

_MAJOR = (
    Isp(
        name="Gmail",
        domains=(),
        share=34,
        latency_seconds=1.0,
        greylists=0.0,
        limit_reply=b"421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP "
        b"address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.",
        full_reply=b"452 4.2.2 The recipient's inbox is out of storage space and inactive.",
        unknown_reply=b"550 5.1.1 The email account that you tried to reach does not exist.",
        blocked_reply=b"550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
    ),
    Isp(
        name="Outlook",
        domains=(),
        share=17,
        latency_seconds=2.0,
        limit_reply=b"451 4.7.500 Server busy. Please try again later from [192.0.2.25]. (S77719)",
        full_reply=b"452 4.2.2 Mailbox full (STOREDRV.Deliver)",
        unknown_reply=b"550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
        blocked_reply=b"550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Part of their network is on "
        b"our block list (S3150).",
    ),
    Isp(
        name="Yahoo",
        domains=(),
        share=9,
        latency_seconds=3.0,
        limit_reply=_YAHOO_LIMIT,
        full_reply=b"452 4.2.2 Mailbox over quota, try again later",
        unknown_reply=b"554 5.0.0 delivery error: dd This user doesn't have a yahoo.com account",
        blocked_reply=b"554 5.7.9 Message not accepted for policy reasons.",
    ),
    Isp(name="AOL", domains=(), share=3, limit_reply=_YAHOO_LIMIT),
    Isp(
        name="iCloud",
        domains=(),
        share=5,
        limit_reply=b"421 4.7.0 Blocked - too many connections from your host, see support.apple.com",
        full_reply=b"452 4.2.2 Mailbox is over quota",
        unknown_reply=b"550 5.1.1 Unknown or illegal alias",
    ),
    Isp(name="GMX", domains=(), share=4, limit_reply=_GMX_LIMIT, latency_seconds=1.5),
    Isp(name="WEB.DE", domains=(), share=3, limit_reply=_GMX_LIMIT, latency_seconds=1.5),
    Isp(name="T-Online", domains=(), share=2, limit_reply=b"421 4.7.0 Too many recipients in a short time, slow down"),
    Isp(
        name="Orange",
        domains=(),
        share=3,
        latency_seconds=6.0,
        limit_reply=b"421 4.7.0 Too many connections, slow down. OFR004_104 [104]",
        unknown_reply=b"550 5.1.1 Invalid recipient. OFR_416 [416]",
    ),
    Isp(
        name="Free",
        domains=(),
        share=2,
        greylists=0.3,
        greylist_reply=b"451 4.7.1 Greylisting in action, come back later",
    ),
    Isp(name="Mail.ru", domains=(), share=2, limit_reply=b"451 4.7.1 Ratelimit exceeded for your network, try later"),
    Isp(name="QQ", domains=(), share=2, latency_seconds=12.0, limit_reply=b"450 4.7.1 Connection frequency limited"),
    Isp(name="NetEase", domains=(), share=1.5, latency_seconds=12.0, limit_reply=b"421 4.7.0 HL:REP too many messages"),
    Isp(name="Comcast", domains=(), share=1.5, limit_reply=b"421 4.7.0 Try again later. See postmaster page. RL000003"),
)
"""Shares are relative until the world is made; domains are filled in from the provider table."""

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [bytes(pair) for pair in product(_DIGITS, repeat=2)]
_OTHER_SHARE = 0.8
_CORPORATE_SHARE = 9.0
_CORPORATE_ISPS = 31
_GREYLISTING_SHARE = 0.35


def _words(text: str) -> list[str]:
    return text.split()


_BUSINESSES = _words("""
    acme blueleaf borealis brightwater cascade cedarline cobalt copperfield dunmore eastgate evergreen fairview falcon
    glenwood granite halcyon harbour highland ironwood juniper kestrel lakeside lumen meridian northwind oakridge
    orchard pinecrest quarry redwood riverbend sandstone sequoia silverline stonebridge sunfield tamarack thornhill
    umbra valley vanguard westbrook wildrose willow windmill yarrow zephyr
""")
_TRADES = _words("""
    books cars clinic coffee dental design events foods games garden homes labs law media music shop toys travel
""")
_FIRST = _words("""
    alice amir anna ben bob carla carol chen clara dan dave emma erik eva fatima finn grace hana hugo ines ivan jana
    john julia karl kim lea leo lina lucas maria mark maya mia nadia nils nora olga omar paul petra rosa sam sara tom
    uma vera wang yuki zoe
""")
_LAST = _words("""
    adams becker bianchi brown costa diaz dubois fischer garcia gray hall ito jansen jones keller khan kim kowalski lee
    lopez martin meyer miller moreau nagy novak olsen park patel perez ricci rossi sato schmidt silva smith tanaka
    vogel wagner weber white wong young zhang
""")
_CAMPAIGNS = (
    b"spring-2024",
    b"summer-2024",
    b"newsletter/7",
    b"newsletter/8",
    b"Sale 50%",
    b"welcome",
    b"cart-reminder",
    b"invoice",
    b"password-reset",
    b"weekly-digest",
    b"product news",
    b"black-friday",
    b"win-back",
    b"survey/3",
    b"re-engage",
)

LOCAL_PARTS = [f"{first}.{last}".encode() for first in _FIRST for last in _LAST]
"""What stands before the ``@`` of recipients, but for a number."""


def queue_id(time: int, count: int) -> bytes:
    """The id of the message number ``count``, in Exim's form."""
    return b"%s-%s-%s" % (_six_digits(time), _six_digits(count), _PAIRS[time % 3844])


def _six_digits(number: int) -> bytes:
    return _PAIRS[number // 14_776_336 % 3844] + _PAIRS[number // 3844 % 3844] + _PAIRS[number % 3844]


def make_world(random: Random, accounts: int) -> World:
    """A world with so many ``accounts``, the same for the same state of ``random``."""
    isps = _isps()
    everywhere = [isp.share for isp in isps]
    business = [isp.share * (8 if isp.domains[0].endswith(b".example") else 0.6) for isp in isps]
    continental = [isp.share * (6 if isp.domains[0].endswith((b".de", b".fr", b".net")) else 0.8) for isp in isps]
    people: dict[bytes, Account] = {}
    while len(people) < accounts:
        account = _account(random, len(people))
        people.setdefault(account.name, account)
    senders = list(people.values())
    return World(
        accounts=senders,
        activity=list(accumulate(1 / (rank + 3) ** 0.9 for rank in range(accounts))),
        bulk=[number for number, account in enumerate(senders) if account.campaigns],
        isps=isps,
        audiences=[list(accumulate(shares)) for shares in (everywhere, business, continental)],
    )


def _isps() -> list[Isp]:
    replace = msgspec.structs.replace
    known = {isp.name: isp for isp in _MAJOR}
    found = []
    for name, domains in PROVIDERS.items():
        isp = known.get(name) or Isp(name=name, domains=(), share=_OTHER_SHARE)
        found.append(replace(isp, domains=tuple(domain.encode() for domain in domains[:3])))
    for rank, business in enumerate(_BUSINESSES[:_CORPORATE_ISPS]):
        domain = f"{business}.example"
        isp = Isp(name=domain, domains=(domain.encode(),), share=_CORPORATE_SHARE / (rank + 6), full=0.05)
        if rank % 6 == 5:
            isp = replace(isp, full=0.6, full_reply=b"Connection timed out")
        if rank % 3 == 1:
            isp = replace(isp, greylists=_GREYLISTING_SHARE)
        found.append(isp)
    total = sum(isp.share for isp in found)
    return [replace(isp, share=isp.share / total) for isp in found]


def _account(random: Random, number: int) -> Account:
    """The next candidate after ``number`` accounts; names get numbers only when the plain ones become rare."""
    business, trade, first = random.choice(_BUSINESSES), random.choice(_TRADES), random.choice(_FIRST)
    often = random.randrange(2, 100) if number > len(_FIRST) else ""
    domain = f"{business}{often if number > 500 else ''}-{trade}.{random.choice(('example', 'test'))}"
    names = (f"{first}{often}", f"{business[:5]}{trade[:3]}{often}", domain, f"{first}@{domain}", f"news@{domain}")
    (name,) = random.choices(names, (35, 15, 25, 15, 10))
    campaigns = random.sample(_CAMPAIGNS, random.randint(1, 6)) if random.random() < 0.3 or number < 3 else []
    return Account(
        name=name.encode(),
        domain=domain.encode(),
        sender=(name if "@" in name else f"{first}@{domain}").encode(),
        campaigns=tuple(campaigns),
        audience=random.choice((0, 0, 1, 2)),
    )
