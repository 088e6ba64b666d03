"""What accounts and campaigns are called on another host, by its ids for them: `show` there is asked by names. The ssh
source enters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from tui.sources.source import SourceError
from tui.sources.ssh_wire import Words

MAX_NAMES = 500_000
"""So many are remembered; then all are forgotten, and learned anew as they are needed."""

Owner = TypeVar("Owner", bound=Hashable)


class _Kind(Generic[Owner]):
    """Words by id, and ids by word: ``None`` where two ids have one. ``Owner`` is whose word it is."""

    def __init__(self) -> None:
        self.words: dict[int, tuple[Owner, str | None]] = {}
        self.ids: dict[tuple[Owner, str], int | None] = {}

    def learn(self, id_: int, owner: Owner, word: str | None) -> None:
        if self.words.get(id_) == (owner, word):
            return
        if len(self.words) >= MAX_NAMES:
            self.words.clear()
            self.ids.clear()
        self.words[id_] = owner, word
        if word is not None:
            known = self.ids.setdefault((owner, word), id_)
            self.ids[owner, word] = id_ if known == id_ else None

    def word(self, id_: int) -> str:
        """The word that means this id and no other; raises ``SourceError`` where none does."""
        owner, word = self.words[id_]
        if word is not None and self.ids[owner, word] == id_:
            return word
        if (owner, str(id_)) in self.ids:
            raise SourceError(f"The number {id_} cannot be asked for alone: it is a name there, too. Go back out.")
        return str(id_)


class Names:
    """Grows with every answer."""

    def __init__(self) -> None:
        self._accounts: _Kind[None] = _Kind()
        self._campaigns: _Kind[int] = _Kind()

    def learn(self, rows: Iterable[Words]) -> None:
        """Remember what the rows of an answer are called."""
        for account_id, account, campaign_id, campaign in rows:
            if account_id:
                self._accounts.learn(account_id, None, account)
            if campaign_id:
                self._campaigns.learn(campaign_id, account_id, campaign)

    def account(self, account_id: int) -> str | None:
        """The word for an account; ``None`` while it is not known."""
        return self._accounts.word(account_id) if account_id in self._accounts.words else None

    def campaign(self, campaign_id: int) -> tuple[str | None, str] | None:
        """The words for a campaign's account, where it belongs to one, and for it; ``None`` while it is not known."""
        if campaign_id not in self._campaigns.words:
            return None
        owner, name = self._campaigns.words[campaign_id]
        return None if name is None else self.account(owner), self._campaigns.word(campaign_id)
