"""The clockwork of the generated logs: who sends what to whom, when it is tried, and what comes of it."""

from __future__ import annotations

import datetime
import heapq
import random
from collections.abc import Iterator
from itertools import accumulate

LINES_PER_DAY = 2_000_000
ACCOUNTS = 2_000
CAMPAIGNS = 5_000
DOMAINS = 5_000
PROVIDERS = ("gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "icloud.com", "aol.com", "gmx.de", "web.de")
REFUSALS = (
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the address",
    "554 5.7.1 Message rejected because of its content",
    "552 5.2.2 Mailbox full",
)
DELAYS = (
    "451 4.7.1 Try again later",
    "421 4.7.0 Our system has detected an unusual rate of unsolicited mail from your IP address, 1 {n} - gsmtp",
    "450 4.2.0 Greylisted for 300 seconds",
    "452 4.2.2 The recipient's inbox is out of storage space",
)

Step = tuple[int, int, list[str]]
"""When (seconds since 1970), a serial that keeps the order, and the lines without their time stamps."""


def base(digits: str, number: int, width: int) -> str:
    """``number`` in the number system that ``digits`` spell, at least ``width`` digits long."""
    out = ""
    while number or len(out) < width:
        number, digit = divmod(number, len(digits))
        out = digits[digit] + out
    return out


class Draw:
    """Indexes 0..``size``-1 by Zipf's law, drawn in bulk."""

    def __init__(self, rng: random.Random, size: int, exponent: float) -> None:
        self._rng, self._indexes = rng, range(size)
        self._weights = list(accumulate((rank + 1) ** -exponent for rank in range(size)))
        self._drawn: list[int] = []

    def __call__(self) -> int:
        """The next index."""
        if not self._drawn:
            self._drawn = self._rng.choices(self._indexes, cum_weights=self._weights, k=20_000)
        return self._drawn.pop()


class World:
    """Who sends what to whom: accounts with campaigns of their own, and recipients' domains with their MX hosts."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = random.Random(seed)
        self.users = [f"acct{i:04}" for i in range(ACCOUNTS)]
        self.sender_domains = [f"{user}-shop.example" for user in self.users]
        owner = Draw(rng, ACCOUNTS, 0.7)
        self.campaigns = [
            (owner(), rng.choice(("spring sale", "news/", "welcome-")) + str(i)) for i in range(CAMPAIGNS)
        ]
        self.domains = [*PROVIDERS, *(f"company{i}.example.net" for i in range(DOMAINS - len(PROVIDERS)))]
        self.hosts = [f"mx{i % 4}.{domain}" for i, domain in enumerate(self.domains)]
        self.addresses = [f"203.0.{113 + i // 250}.{i % 250 + 1}" for i in range(DOMAINS)]
        self._account, self._campaign = Draw(rng, ACCOUNTS, 0.9), Draw(rng, CAMPAIGNS, 0.9)
        self._domain = Draw(rng, DOMAINS, 1.1)

    def sender(self) -> tuple[int, str]:
        """An account's index and the campaign, ``""`` for three messages in ten."""
        if self.rng.random() < 0.3:
            return self._account(), ""
        return self.campaigns[self._campaign()]

    def recipients(self) -> list[tuple[str, int]]:
        """Addresses with the index of their domain: mostly one, now and then a list."""
        rng = self.rng
        roll = rng.random()
        count = 1 if roll < 0.72 else rng.randrange(2, 6) if roll < 0.97 else rng.randrange(6, 30)
        domains = [self._domain() for _ in range(count)]
        return [(f"user{rng.randrange(900_000)}@{self.domains[domain]}", domain) for domain in domains]

    def outcomes(self, domain: int) -> list[str | None]:
        """What the attempts for one recipient come to: replies that put off, then ``None`` for a delivery or a
        refusal that begins with 5."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.86:
            return [None]
        if roll < 0.89:
            return [REFUSALS[domain % 3]]
        reply = DELAYS[domain % 4].format(n=rng.randrange(10**6))
        return [reply] * rng.randrange(1, 6) + [None if roll < 0.98 else "550 5.4.1 Recipient address rejected"]


class Mill:
    """The clockwork that both logs share: a heap of steps to come, arrivals at an even rate, time stamps by second."""

    lines_per_arrival = 1.0

    def __init__(self, seed: int, start: int) -> None:
        self.world, self.rng, self.start, self.clock = World(seed), random.Random(seed + 1), start, start
        self._heap: list[Step] = []
        self._serial = 0

    def plan(self, moment: int, lines: list[str]) -> None:
        """Have ``lines`` written at ``moment`` (seconds since 1970)."""
        self._serial += 1
        heapq.heappush(self._heap, (moment, self._serial, lines))

    def lines(self, count: int) -> Iterator[str]:
        """``count`` lines in the order of time, each ended by a newline; the same prefix for any count."""
        arrivals_per_second = LINES_PER_DAY / 86_400 / self.lines_per_arrival
        owed, heap, made = 0.0, self._heap, 0
        while True:
            owed += arrivals_per_second
            while owed >= 1:
                owed -= 1
                self.arrive(self.clock)
            self.tick(self.clock)
            stamp = self.stamp(datetime.datetime.fromtimestamp(self.clock, datetime.UTC))
            while heap and heap[0][0] <= self.clock:
                for line in heapq.heappop(heap)[2]:
                    yield f"{stamp}{line}\n"
                    made += 1
                    if made == count:
                        return
            self.clock += 1

    def retry_times(self, first: int, attempts: int) -> list[int]:
        """When each attempt is made: at ``first``, then at growing distances of an hour at the most."""
        times = [first]
        for attempt in range(1, attempts):
            times.append(times[-1] + min(3600, 300 * 2**attempt) + self.rng.randrange(60))
        return times

    def deliver(self, now: int, id_: str, sender: str, recipients: list[tuple[str, int]], again: list[str]) -> None:
        """Plan every attempt for every recipient, ``again`` before each but the first, a bounce when some are refused,
        and the message's end."""
        world, refused, first = self.world, False, now + self.rng.randrange(3)
        tries: dict[int, list[str]] = {}
        for address, domain in recipients:
            outcomes = world.outcomes(domain)
            for moment, outcome in zip(self.retry_times(first, len(outcomes)), outcomes, strict=True):
                tries.setdefault(moment, []).append(self.attempt(id_, address, domain, outcome, moment - now))
                refused |= outcome is not None and outcome.startswith("5")
        for moment, lines in tries.items():
            self.plan(moment, self.together(lines) if moment == first else [*again, *self.together(lines)])
        end = max(tries)
        if refused:
            self.bounce(end, id_, sender)
        self.plan(end, [self.end(id_)])

    def together(self, lines: list[str]) -> list[str]:
        """The attempts of one moment as they are logged."""
        return lines

    def stamp(self, moment: datetime.datetime) -> str:
        """What each line begins with."""
        raise NotImplementedError

    def arrive(self, now: int) -> None:
        """Plan a new message's whole life."""
        raise NotImplementedError

    def tick(self, now: int) -> None:
        """Plan what the mail system says every second or minute by itself."""
        raise NotImplementedError

    def attempt(self, id_: str, address: str, domain: int, outcome: str | None, age: int) -> str:
        """The line of one attempt ``age`` seconds after arrival, which came to ``outcome`` (see ``World.outcomes``)."""
        raise NotImplementedError

    def bounce(self, now: int, id_: str, sender: str) -> None:
        """Plan the message that tells ``sender`` of refusals."""
        raise NotImplementedError

    def end(self, id_: str) -> str:
        """The line that ends a message."""
        raise NotImplementedError
