"""The questions a cPanel server is asked, whichever way they reach it; every failure is a sentence. The cPanel source
enters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from tui.sources.cpanel_place import Place
from tui.sources.cpanel_wire import Call, NoAnswer, Totals, Trouble, decode_all, decode_list, decode_stats
from tui.sources.cpanel_words import sentence
from tui.sources.masking import clean
from tui.sources.source import SourceError

Answer = TypeVar("Answer")

PASSWORD_PAUSE_SECONDS = 60.0
"""How long a server that refused a password is left alone: cPanel's brute-force protection (cPHulk) locks out whoever
tries the same wrong one again and again."""


class Reach(Protocol):
    """A way to the server: over HTTP with one of the logins, or by its own commands."""

    async def ask(self, call: Call, account: str | None = None) -> bytes:
        """The body of the answer to ``call``, of ``account`` or of the user who asks. Raises ``NoAnswer`` and
        ``SourceError``."""
        ...

    def begin(self) -> None:
        """A new look begins: what was tried in vain in the last one may be tried again."""
        ...

    def forget(self) -> None:
        """Use the credentials no more that the server has refused; read them anew."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class Unanswered(SourceError):
    """The server did answer, but not with what ``call`` gives; ``trouble`` says how."""

    def __init__(self, place: Place, call: Call, error: NoAnswer) -> None:
        super().__init__(clean(sentence(place, error, call)))
        self.call = call
        self.trouble = error.trouble
        self.reason = error.reason


class Calls:
    """Asks through ``reach`` and decodes. Raises ``SourceError``, ``Unanswered`` where the server said something
    else."""

    def __init__(self, reach: Reach, place: Place) -> None:
        self._reach = reach
        self._place = place

    async def all(self) -> Totals:
        """The totals of all accounts at once, without in-progress counts."""
        return await self._decoded(Call.ALL, None, decode_all)

    async def list(self) -> list[str]:
        """The names of all accounts."""
        return await self._decoded(Call.LIST, None, decode_list)

    async def stats(self, account: str) -> Totals:
        """The totals of one account."""
        return await self._decoded(Call.STATS, account, lambda body: decode_stats(body, account))

    async def own(self, user: str) -> Totals:
        """The totals of the account that asks, which is called ``user``."""
        return await self._decoded(Call.STATS, None, lambda body: decode_stats(body, user))

    async def _decoded(self, call: Call, account: str | None, decode: Callable[[bytes], Answer]) -> Answer:
        try:
            return decode(await self._reach.ask(call, account))
        except NoAnswer as error:
            raise Unanswered(self._place, call, error) from None


def together(place: Place, failures: list[Unanswered]) -> SourceError:
    """One failure for several calls that failed one after the other: all that were refused, else the last. A server
    that refuses a password is left alone for a while."""
    if failures[-1].trouble is not Trouble.REFUSED:
        return failures[-1]
    refused = [failure for failure in failures if failure.trouble is Trouble.REFUSED]
    calls = dict.fromkeys(failure.call for failure in refused)
    pause = PASSWORD_PAUSE_SECONDS if place.login == "basic" else None
    return SourceError(sentence(place, NoAnswer(Trouble.REFUSED, refused[0].reason), *calls), pause)
