"""The demo: a seeded mail platform that makes the same events and listings as a real one. Whoever feeds a tracker may
enter; nothing here does I/O or looks at a clock."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Any

from tui.engine.events import (
    NEW,
    Arrived,
    CampaignSeen,
    Deferred,
    Delivered,
    Event,
    Failed,
    Gone,
    Held,
    Released,
)
from tui.engine.queues.listing import Listing, Waiting
from tui.engine.simulate_world import LOCAL_PARTS, Isp, Message, Run, Trouble, make_world, queue_id

HISTORY_SECONDS = 2 * 3600
"""What the first step covers, and the most that any step does: a longer sleep is not made up for."""

LISTING_SECONDS = 5
MOST_UNITS = 50_000
"""With more waiting, the platform takes no new mail."""

EXPIRY_SECONDS = 6 * 3600
_WARM_UP_SECONDS = 2400
"""At first much of the mail goes to full mailboxes, so that the queue soon is as long as on an old platform."""

_WARM_UP_FULL = 0.7

_SINGLE_MAILS_A_SECOND = 1.0
_CAMPAIGN_EVERY_SECONDS = 60.0
_CAMPAIGN_SPREAD_SECONDS = 240.0
_UNITS_A_SECOND = 6.5
"""About what all that comes to."""

_SPARE = 1.2
"""Providers take so many times as much; what comes in bursts waits for its turn."""


_ISP_TROUBLE_EVERY_SECONDS = 1200.0
_COMPROMISE_EVERY_SECONDS = 2700.0
_HOLD_EVERY_SECONDS = 2400.0
_STAYS_FULL = 0.97
_RETRY_SECONDS = (300, 900, 2700, 7200)


class _Chance(Random):
    """What happens by chance; nothing here is a secret."""


class _Refusals:
    """How an ISP answers recipients that it sees for the first time, ``full`` of them having full mailboxes."""

    def __init__(self, isp: Isp, full: float) -> None:
        self.full_reply = isp.full_reply
        self.limit_reply = isp.limit_reply
        self._bounds = tuple(accumulate((isp.unknown, full, isp.greylists, 0.01)))
        self._replies = (isp.unknown_reply, isp.full_reply, isp.greylist_reply, isp.limit_reply, None)
        self._abuse_replies = (isp.unknown_reply, isp.blocked_reply, isp.limit_reply, None)

    def first(self, chance: float) -> bytes | None:
        """The answer to honest mail, by a number from 0 to 1."""
        return self._replies[bisect(self._bounds, chance)]

    def abuse(self, chance: float) -> bytes | None:
        """The answer to the mail of a stolen account."""
        return self._abuse_replies[int(chance * 4)]


class Simulation:
    """A mail platform with so many ``accounts`` that has run for some hours at ``start`` (seconds since 1970).

    The events are the same for the same ``seed``, ``accounts`` and ``start`` however time is divided into steps. A unit
    that arrived is delivered, failed, or in the listing.
    """

    def __init__(self, seed: int, accounts: int, start: int) -> None:
        self._random = _Chance(seed)
        self._world = make_world(self._random, accounts)
        self._began = start - HISTORY_SECONDS
        self._now = self._began
        self._slept = 0
        self._listed_at = 0
        self._events: list[Event] = []
        self._messages: dict[bytes, Message] = {}
        self._units = 0
        self._count = 0
        self._serial = 0
        self._agenda: list[tuple[float, int, Callable[[float, Any], None], Any]] = []
        isps = self._world.isps
        self._sizes = [int(self._random.lognormvariate(9.6, 1.1)) + 600 for _ in range(1000)]
        self._refusals = [_Refusals(isp, isp.full) for isp in isps]
        self._warm_up_refusals = [_Refusals(isp, _WARM_UP_FULL) for isp in isps]
        self._free_at = [float(self._began)] * len(isps)
        self._trouble: dict[int, Trouble] = {}
        self._frozen: set[tuple[int, bytes]] = set()
        self._busyness = min(1.25, max(0.05, (accounts / 2000) ** 0.5))
        speed = _SPARE * _UNITS_A_SECOND * self._busyness
        self._pauses = [1 / (speed * isp.share + 0.05) for isp in isps]
        self._domains = [(isp.domains[:1] * 8 + isp.domains[1:] + isp.domains[:1] * 2)[:10] for isp in isps]
        self._latencies = [isp.latency_seconds for isp in isps]
        self._plan(start)

    def step(self, now: int) -> tuple[list[Event], Listing | None]:
        """The events since the last step up to ``now`` (seconds since 1970) in their order, and every few seconds the
        whole queue as it is then."""
        if now <= self._now:
            return [], None
        self._slept += max(0, now - self._now - HISTORY_SECONDS)
        self._now = now
        agenda, until = self._agenda, now - self._slept
        while agenda[0][0] <= until:
            time, _, happen, subject = heappop(agenda)
            happen(time, subject)
        events, self._events = self._events, []
        if now < self._listed_at + LISTING_SECONDS:
            return events, None
        self._listed_at = now
        return events, self.listing()

    def listing(self) -> Listing:
        """The whole queue as it is after the last step."""
        until = self._now - self._slept
        return Listing(self._now, {id_: self._waiting(message, until) for id_, message in self._messages.items()})

    def _plan(self, start: int) -> None:
        began, bulk = self._began, self._world.bulk
        for number in range(14):
            account = bulk[number % len(bulk)]
            campaign = self._world.accounts[account].campaigns[0]
            time, units = (began + 100 * number, 1000) if number else (start - 1200, 6000)
            run = Run(account, campaign, int(units * self._busyness), 30, 20_000 / units)
            self._at(time, self._pour, run)
        self._at(began, self._single_mail, None)
        self._at(began, self._campaign, None)
        self._at(began + _HOLD_EVERY_SECONDS, self._hold, None)
        self._at(start - 600, self._isp_trouble, None)
        self._at(start - 4000, self._isp_trouble, None)
        self._at(start + 150, self._compromise, None)

    def _at(self, time: float, happen: Callable[[float, Any], None], subject: object) -> None:
        self._serial += 1
        heappush(self._agenda, (time, self._serial, happen, subject))

    def _after(self, time: float, mean_seconds: float) -> float:
        return time + self._random.expovariate(self._busyness / mean_seconds)

    def _logged(self, time: float) -> int:
        return int(time) + self._slept

    def _warming_up(self, time: float) -> bool:
        return time < self._began + _WARM_UP_SECONDS

    # Mail comes in

    def _single_mail(self, time: float, _: None) -> None:
        """An account, the active ones more often, writes to one or a few people."""
        self._at(self._after(time, 1 / _SINGLE_MAILS_A_SECOND), self._single_mail, None)
        if self._units >= MOST_UNITS:
            return
        random, activity = self._random, self._world.activity
        account = bisect(activity, random.random() * activity[-1])
        recipients = 1 if random.random() < 0.8 else random.randint(2, 5)
        self._arrive(time, Run(account, b"", recipients, recipients, 0.0))

    def _campaign(self, time: float, _: None) -> None:
        """An account begins to send a campaign."""
        random, bulk = self._random, self._world.bulk
        account = bulk[min(int(random.expovariate(6 / len(bulk))), len(bulk) - 1)]
        units = min(int(random.lognormvariate(5.0, 1.2)), 6000)
        most = random.choice((3, 10, 10, 40))
        pause = _CAMPAIGN_SPREAD_SECONDS * (most + 1) / 2 / max(units, 30)
        campaign = random.choice(self._world.accounts[account].campaigns)
        self._at(time, self._pour, Run(account, campaign, units, most, pause))
        self._at(self._after(time, _CAMPAIGN_EVERY_SECONDS), self._campaign, None)

    def _pour(self, time: float, run: Run) -> None:
        if self._units < MOST_UNITS:
            self._arrive(time, run)
        else:
            run.units -= run.most_recipients
        if run.units > 0:
            self._at(time + run.pause_seconds * (0.5 + self._random.random()), self._pour, run)

    def _arrive(self, time: float, run: Run) -> None:
        """The next message of a run is in the queue."""
        random, world = self._random, self._world
        account = world.accounts[run.account]
        logged = self._logged(time)
        self._count += 1
        message = Message(
            id=queue_id(int(time), self._count),
            account=run.account,
            campaign=run.campaign,
            size=self._sizes[int(random.random() * 1000)],
            arrived=time,
            logged=logged,
            recipients=self._recipients(account.audience, min(run.units, random.randint(1, run.most_recipients))),
            refused={},
            abuse=run.abuse,
        )
        run.units -= len(message.recipients)
        if run.campaign:
            self._events.append(CampaignSeen(logged, message.id, run.campaign))
        self._events.append(
            Arrived(
                logged,
                message.id,
                account.name,
                account.domain,
                message.size,
                tuple(message.recipients),
                NEW,
                account.sender,
            )
        )
        self._messages[message.id] = message
        self._units += len(message.recipients)
        if (run.account, run.campaign) in self._frozen:
            self._freeze(time, message)
        else:
            self._schedule(message, self._turn(time, message))

    def _recipients(self, audience: int, count: int) -> dict[bytes, int]:
        random, shares, domains = self._random.random, self._world.audiences[audience], self._domains
        every_name, of_all = len(LOCAL_PARTS) * 1000, shares[-1]
        found = {}
        for _ in range(count):
            isp = bisect(shares, random() * of_all)
            local, number = divmod(int(random() * every_name), 1000)
            found[b"%s%d@%s" % (LOCAL_PARTS[local], number, domains[isp][number % 10])] = isp
        return found

    def _turn(self, time: float, message: Message) -> float:
        """When the first attempt begins: each ISP takes mail at its own speed, and the rest waits for its turn, but for
        thieves, who push ahead."""
        if message.abuse:
            return time + 1
        turn, free_at = time + 1, self._free_at
        for isp in message.recipients.values():
            free = free_at[isp]
            free_at[isp] = free = (free if free > time else time) + self._pauses[isp]
            if free > turn:
                turn = free
        return turn

    # Mail goes out

    def _schedule(self, message: Message, begins: float) -> None:
        latency = max([self._latencies[isp] for isp in message.recipients.values()])
        message.begins = begins
        message.ends = begins + latency * (1 + self._random.random())
        self._at(message.ends, self._attempt, message)

    def _attempt(self, time: float, message: Message) -> None:
        """An attempt ends: each recipient got the message, was put off, or failed."""
        if message.held or message.ends != time or not message.recipients:
            return  # frozen or cancelled meanwhile, or released again: then another attempt is due
        id_, events, logged = message.id, self._events, self._logged(time)
        expired = time > message.arrived + EXPIRY_SECONDS
        left = {}
        for recipient, isp in message.recipients.items():
            reply = self._refusal(time, message, recipient, isp)
            if reply is None:
                events.append(Delivered(logged, id_, recipient, recipient))
            elif reply.startswith(b"5"):
                events.append(Failed(logged, id_, recipient, recipient, reply))
            elif expired:
                events.append(Failed(logged, id_, recipient, recipient, b"retry timeout exceeded: " + reply))
            else:
                left[recipient] = isp
                events.append(Deferred(logged, id_, recipient, recipient, reply, True))
        self._units -= len(message.recipients) - len(left)
        message.recipients = left
        message.attempts += len(_RETRY_SECONDS) if self._warming_up(time) else 1
        message.listed = None
        if left:
            wait = _RETRY_SECONDS[min(message.attempts, len(_RETRY_SECONDS)) - 1]
            self._schedule(message, time + wait * (0.8 + 0.4 * self._random.random()))
        else:
            self._leave(logged, message)

    def _refusal(self, time: float, message: Message, recipient: bytes, isp: int) -> bytes | None:
        """What the ISP has against this recipient now; ``None`` when it takes the mail."""
        chance = self._random.random()
        trouble = self._trouble.get(isp)
        if trouble is not None and time < trouble.until and chance < trouble.share:
            return trouble.reply
        if message.attempts == 0:
            refusals = self._warm_up_refusals[isp] if self._warming_up(time) else self._refusals[isp]
            reply = refusals.abuse(self._random.random()) if message.abuse else refusals.first(self._random.random())
            if reply is refusals.full_reply:
                message.refused[recipient] = reply
            return reply
        if recipient in message.refused:
            return message.refused[recipient] if chance < _STAYS_FULL else None
        return self._refusals[isp].limit_reply if message.abuse and chance < 0.5 else None

    def _leave(self, logged: int, message: Message) -> None:
        self._events.append(Gone(logged, message.id))
        del self._messages[message.id]

    # Incidents

    def _isp_trouble(self, time: float, _: None) -> None:
        """An ISP defers nearly everything for a while."""
        random, shares = self._random, self._world.audiences[0]
        isp = bisect(shares, random.random() * shares[-1])
        reply = random.choice((self._world.isps[isp].limit_reply, b"Connection timed out"))
        self._trouble[isp] = Trouble(time + random.uniform(600, 2400), random.uniform(0.6, 0.97), reply)
        self._at(self._after(time, _ISP_TROUBLE_EVERY_SECONDS), self._isp_trouble, None)

    def _compromise(self, time: float, _: None) -> None:
        """Somebody got an account's password and pours mail; later the abuse desk freezes what is left, then cancels
        it."""
        account = self._random.randrange(len(self._world.accounts))
        units = int(self._random.uniform(1200, 3500) * min(1.0, self._busyness))
        seconds = self._random.uniform(500, 1100)
        self._at(time, self._pour, Run(account, b"", units, 10, seconds * 5.5 / units, abuse=True))
        stopped = time + seconds + self._random.uniform(60, 600)
        self._at(stopped, self._freeze_all, (account, b""))
        self._at(stopped + self._random.uniform(900, 2700), self._cancel_all, (account, b""))
        self._at(self._after(time, _COMPROMISE_EVERY_SECONDS), self._compromise, None)

    def _hold(self, time: float, _: None) -> None:
        """Somebody holds the campaign with the most mail waiting, and thinks better of it later."""
        waiting: dict[tuple[int, bytes], int] = {}
        for message in self._messages.values():
            if message.campaign and not message.held:
                key = message.account, message.campaign
                waiting[key] = waiting.get(key, 0) + len(message.recipients)
        if waiting:
            key = max(waiting, key=lambda key: waiting[key])
            self._freeze_all(time, key)
            self._at(time + self._random.uniform(1800, 7200), self._release_all, key)
        self._at(self._after(time, _HOLD_EVERY_SECONDS), self._hold, None)

    def _freeze_all(self, time: float, key: tuple[int, bytes]) -> None:
        self._frozen.add(key)
        for message in self._messages_of(key):
            if not message.held:
                self._freeze(time, message)

    def _freeze(self, time: float, message: Message) -> None:
        message.held = True
        self._events.append(Held(self._logged(time), message.id))

    def _release_all(self, time: float, key: tuple[int, bytes]) -> None:
        self._frozen.discard(key)
        for message in self._messages_of(key):
            message.held = False
            self._events.append(Released(self._logged(time), message.id))
            self._schedule(message, time + self._random.uniform(1, 300))

    def _cancel_all(self, time: float, key: tuple[int, bytes]) -> None:
        self._frozen.discard(key)
        logged = self._logged(time)
        for message in self._messages_of(key):
            for recipient in message.recipients:
                self._events.append(Failed(logged, message.id, recipient, recipient, b"cancelled by the administrator"))
            self._units -= len(message.recipients)
            message.recipients = {}
            self._leave(logged, message)

    def _messages_of(self, key: tuple[int, bytes]) -> list[Message]:
        return [message for message in self._messages.values() if (message.account, message.campaign) == key]

    # The queue

    def _waiting(self, message: Message, now: float) -> Waiting:
        """The message as the listing shows it; the same object as long as nothing changed."""
        state = message.state(now)
        listed = message.listed
        if listed is None or listed.state != state:
            account = self._world.accounts[message.account]
            message.listed = listed = Waiting(
                id=message.id,
                state=state,
                recipients=tuple(message.recipients),
                account=account.name,
                fallback=account.domain,
                campaign=message.campaign,
                size=message.size,
                arrived=message.logged,
                sender=account.sender,
            )
        return listed
