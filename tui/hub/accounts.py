"""Who needs attention first: the accounts of all sources, ranked. The hub's loop enters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tui.hub.poller import Poller
from tui.hub.protocol import ViewRequest
from tui.hub.sheet import ordered
from tui.model import MailTotals, QueueQuery
from tui.sources.worker import Worker


class Ranking(msgspec.Struct, frozen=True):
    """The accounts that a query selects, those that sent most first, each with the name of its source."""

    accounts: list[tuple[str, MailTotals]]


class Accounts:
    """The newest ranking of what all pollers know. ``update`` makes it in the worker's thread; only one task may call
    it."""

    def __init__(self, pollers: Sequence[Poller], worker: Worker) -> None:
        self.ranking: Ranking | None = None
        self._pollers = pollers
        self._worker = worker
        self._totals: list[list[MailTotals]] = []
        self._ranked: tuple[str | None, int | None, str] = (None, None, "")

    @property
    def totals_offered(self) -> bool:
        """Whether any source tells mail totals, or may do once it answers."""
        return any(poller.offers_totals for poller in self._pollers)

    def shows_totals(self, request: ViewRequest, poller: Poller) -> bool:
        """Whether accounts of this source may be shown: those of the source that the request asks for, and where it has
        none, those of the others."""
        if not request.panes:
            return False
        own = [poller for poller in self._pollers if request.source in (None, poller.source.name)]
        panes = self.ranking.accounts[: request.panes] if self.ranking is not None else []
        return (
            poller in own
            or not any(asked.offers_totals for asked in own)
            or any(source == poller.source.name for source, _ in panes)
        )

    async def update(self, request: ViewRequest) -> None:
        """Bring the ranking up to what is known now, for this request."""
        answers = [(poller.source.name, poller.totals) for poller in self._pollers if poller.totals is not None]
        asked = request.source, request.query.account_id, request.query.account
        same = [id(totals) for totals in self._totals] == [id(totals) for _, totals in answers]
        if not answers:
            self.ranking = None
        elif self.ranking is None or not same or asked != self._ranked:
            self.ranking = await self._worker.run(lambda: rank(answers, request.query, request.source))
            self._totals, self._ranked = [totals for _, totals in answers], asked


def rank(
    totals: Sequence[tuple[str, Sequence[MailTotals]]], query: QueueQuery, only_source: str | None = None
) -> Ranking:
    """The accounts of all sources (name, totals) that ``query`` in ``only_source`` selects, most messages sent first,
    unknown last; equals by name.

    One source may tell what waits and another the totals: where the query's source has none, those of the others
    stand. An account is known by its id in the query's source, and by its name in others, whose ids are their own.
    """
    own = [(source, answer) for source, answer in totals if only_source in (None, source)]
    accounts = _selected(own, query, by_id=bool(query.account_id)) or _selected(totals, query, by_id=False)
    names = [account.account for _, account in accounts]
    sent = [-1 if account.send_count is None else account.send_count for _, account in accounts]
    by_name = ordered(list(range(len(accounts))), names)
    return Ranking([accounts[index] for index in ordered(by_name, sent, descending=True)])


def _selected(
    totals: Sequence[tuple[str, Sequence[MailTotals]]], query: QueueQuery, *, by_id: bool
) -> list[tuple[str, MailTotals]]:
    if query.account_id is None:
        return [(source, account) for source, answer in totals for account in answer]
    return [
        (source, account)
        for source, answer in totals
        for account in answer
        if (account.account_id == query.account_id if by_id else query.account and account.account == query.account)
    ]
