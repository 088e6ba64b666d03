"""The list of a server's accounts: asked seldom, and kept while a new one is not to be had."""

from __future__ import annotations

import pytest

from tests.sources.cpanel_case import Clock
from tui.sources.cpanel_calls import Calls
from tui.sources.cpanel_list import LIST_SECONDS, AccountList
from tui.sources.cpanel_place import Place
from tui.sources.cpanel_wire import Call
from tui.sources.source import SourceError


class Scripted:
    """A way to a server that lists what it is told to."""

    def __init__(self) -> None:
        self.names = ["alice", "bob"]
        self.trouble: SourceError | None = None
        self.asked = 0

    async def ask(self, call: Call, account: str | None = None) -> bytes:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        acct = ",".join(f'{{"user":"{name}"}}' for name in self.names)
        return f'{{"metadata":{{"result":1,"command":"listaccts"}},"data":{{"acct":[{acct}]}}}}'.encode()

    def begin(self) -> None: ...

    def forget(self) -> None: ...

    async def close(self) -> None: ...


def asked_by(reach: Scripted, clock: Clock) -> AccountList:
    return AccountList(Calls(reach, Place("WHM", "host:2087", "root", "whm")), clock)


async def test_a_list_is_good_for_minutes() -> None:
    reach, clock = Scripted(), Clock()
    listed = asked_by(reach, clock)
    assert await listed.names() == ("alice", "bob")
    reach.names = ["alice", "carol"]
    clock.now += LIST_SECONDS - 1
    assert await listed.names() == ("alice", "bob") and reach.asked == 1
    clock.now += 1
    assert await listed.names() == ("alice", "carol") and reach.asked == 2


async def test_an_old_list_stands_and_says_why_while_a_new_one_is_not_to_be_had() -> None:
    reach, clock = Scripted(), Clock()
    reach.trouble = SourceError("It is away.")
    listed = asked_by(reach, clock)
    with pytest.raises(SourceError, match=r"It is away\."):
        await listed.names()
    assert listed.failure is None, "there is no old one"
    reach.trouble = None
    await listed.names()
    reach.trouble = SourceError("It is away.")
    clock.now += LIST_SECONDS
    assert await listed.names() == ("alice", "bob") and str(listed.failure) == "It is away."
    reach.trouble = None
    assert await listed.names() == ("alice", "bob") and listed.failure is None
