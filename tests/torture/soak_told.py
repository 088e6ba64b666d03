"""What `mailtop show` says, as sums that can be compared with those of a simulation. The soak enters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

from tests.torture.soak_mail import Sums
from tui.model import STATES

TOTALS = ("send_count", "success_count", "defer_count", "fail_count", "total_size")


class Told:
    """Asks one source at a time by ``mailtop``, which runs it with some words."""

    def __init__(self, mailtop: Callable[..., CompletedProcess[str]]) -> None:
        self._mailtop = mailtop

    def totals(self, source: str) -> Sums:
        """What was sent, by account and column."""
        found: Sums = Counter()
        for each in self.json("totals", source)["rows"]:
            for column in TOTALS:
                found[each["account"], column] += each[column] or 0
        return without_zero(found)

    def balances(self, source: str) -> Sums:
        """Recipients accepted by account, and how many are not accounted for where there are any."""
        found: Sums = Counter()
        for each in self.json("balance", source, "--all")["rows"]:
            if each["account"]:
                found[each["account"], "accepted"] = each["accepted"]
            found[each["account"], "difference"] = each["difference"]
        return without_zero(found)

    def campaigns(self, source: str) -> Sums:
        """What waits, by account, campaign and state."""
        return self._queue(source, "account_campaign", ("account", "campaign"))

    def isps(self, source: str) -> Sums:
        """What waits, by ISP and state."""
        return self._queue(source, "isp", ("isp",))

    def json(self, what: str, source: str, *options: str) -> dict[str, Any]:
        """The whole answer of `mailtop show`."""
        done = self._mailtop("show", what, "--source", source, *options, "--format", "json")
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _queue(self, source: str, group: str, names: tuple[str, ...]) -> Sums:
        found: Sums = Counter()
        for each in self.json("queue", source, "--group", group)["rows"]:
            for state in STATES:
                found[(*(each[name] or "" for name in names), state)] += each[state]
        return without_zero(found)


def without(sums: Sums, *places: int) -> Sums:
    """Added up over some places of the key."""
    found: Sums = Counter()
    for key, count in sums.items():
        found[tuple(word for place, word in enumerate(key) if place not in places)] += count
    return found


def without_zero(sums: Sums) -> Sums:
    """Those that count something."""
    return Counter({key: count for key, count in sums.items() if count})
