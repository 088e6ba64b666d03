"""What the keys of the main screen do to the request that the hub is asked: pure steps from one request to the next."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tui.hub.protocol import AccountKey, AccountPane, AccountsRequest, ViewRequest
from tui.model import Grouping, QueueQuery, RowKey
from tui.ui.palette import SPANS_SECONDS

_KEY_SORTS = ("account", "campaign", "isp")
_WHOSE_SORTS = ("source", "sender")


class Places:
    """Remembers the row the cursor left each place on, the way one went in, and the place before this one, so that one
    comes back to the very place."""

    def __init__(self) -> None:
        self._rows: dict[tuple[QueueQuery, str | None, bool], RowKey] = {}
        self._way: list[ViewRequest] = []
        self.last: ViewRequest | None = None

    def leave(self, asked: ViewRequest, row: RowKey | None) -> None:
        """Remember the place that one leaves, and where the cursor stood."""
        self.last = asked
        if row is not None:
            self._rows[asked.query, asked.source, asked.together] = row

    def row(self, place: ViewRequest) -> RowKey | None:
        """Where the cursor stood when this place was left."""
        return self._rows.get((place.query, place.source, place.together))

    def go_in(self, asked: ViewRequest) -> None:
        """Remember the place that one goes in from."""
        self._way.append(asked)

    def come_out(self) -> ViewRequest | None:
        """The place that one last went in from; ``None`` when one has come out as often."""
        return self._way.pop() if self._way else None

    @property
    def is_inside(self) -> bool:
        """Whether there is a way to come out."""
        return bool(self._way)


def go_to(asked: ViewRequest, query: QueueQuery, source: str | None) -> ViewRequest:
    """Ask for another query. A sort by name ends with its grouping."""
    if query.grouping is not asked.query.grouping:
        from_hosts = Grouping.HOST in (query.grouping, asked.query.grouping)
        if asked.sort in _KEY_SORTS or (from_hosts and asked.sort in _WHOSE_SORTS):
            asked = replace(asked, sort="total", descending=True)
    return replace(asked, query=query, source=source)


def back_to(asked: ViewRequest, place: ViewRequest) -> ViewRequest:
    """Ask again for what ``place`` asked for, in its order and with its filter."""
    asked = replace(asked, query=place.query, source=place.source, sort=place.sort, descending=place.descending)
    return replace(asked, filter=place.filter, problems=place.problems, together=place.together)


def standing_on(asked: ViewRequest, row: RowKey | None) -> ViewRequest:
    """The same, with the cursor on ``row`` if it is known."""
    return replace(asked, selected=row, anchor=row, first=0)


def by_host(query: QueueQuery) -> QueueQuery:
    """What ``query`` is of, by host: of all hosts, with the same filters."""
    return replace(query, grouping=Grouping.HOST, sender_id=None, sender="")


def together_or_apart(asked: ViewRequest) -> ViewRequest:
    """The rows of all hosts added up, or apart again; a sort by whose they are ends with that."""
    if asked.sort in _WHOSE_SORTS:
        asked = replace(asked, sort="total", descending=True)
    return replace(asked, together=not asked.together)


def added_up(row: RowKey | None) -> RowKey | None:
    """The row of all hosts together that this one is a part of."""
    return None if row is None else RowKey(account_id=row.account_id, campaign_id=row.campaign_id, isp=row.isp)


def unfiltered(asked: ViewRequest) -> ViewRequest:
    """All rows again."""
    return anchored(replace(asked, filter="", problems=False))


def sorted_by(asked: ViewRequest, name: str, *, descending: bool) -> ViewRequest:
    """In the order of this column; turned around where it is in its order already."""
    if asked.sort == name:
        return reversed_order(asked)
    return anchored(replace(asked, sort=name, descending=descending))


def sorted_by_next(asked: ViewRequest, step: int, names: Sequence[tuple[str, bool]]) -> ViewRequest:
    """Sort by the column ``step`` columns to the right of the present one among ``names`` (each with whether it is a
    number), in the order that suits it: numbers from the top, names from A."""
    place = next((i for i, (name, _) in enumerate(names) if name == asked.sort), -1)
    name, number = names[(place + step) % len(names)]
    return anchored(replace(asked, sort=name, descending=number))


def reversed_order(asked: ViewRequest) -> ViewRequest:
    """The same order turned around."""
    return anchored(replace(asked, descending=not asked.descending))


def anchored(asked: ViewRequest) -> ViewRequest:
    """The same, with the selected row where it stands on the screen."""
    return replace(asked, anchor=asked.selected)


def accounts_sorted_by(asked: AccountsRequest, name: str) -> AccountsRequest:
    """Accounts in the order of this column, turned around where they are in its order already."""
    descending = not asked.descending if asked.sort == name else name != "account"
    return replace(asked, sort=name, descending=descending, anchor=asked.selected)


def accounts_sorted_by_next(asked: AccountsRequest, step: int, names: Sequence[tuple[str, bool]]) -> AccountsRequest:
    """Accounts in the order of the next of the columns ``names``; from who needs attention first to the first or
    last."""
    place = next((i for i, (name, _) in enumerate(names) if name == asked.sort), -1 if step > 0 else 0)
    name, number = names[(place + step) % len(names)]
    return replace(asked, sort=name, descending=number, anchor=asked.selected)


def accounts_together(asked: AccountsRequest, *, together: bool) -> AccountsRequest:
    """Accounts of all hosts together, with the cursor on the one that the selected is a part of; or apart."""
    account = asked.selected.account if asked.selected is not None and together else None
    return replace(asked, selected=None if account is None else AccountKey("", account), first=0)


def spanned(asked: ViewRequest, step: int) -> ViewRequest:
    """The next shorter or longer span of the chart."""
    place = SPANS_SECONDS.index(asked.span_seconds) if asked.span_seconds in SPANS_SECONDS else 1
    return replace(asked, span_seconds=SPANS_SECONDS[min(max(place + step, 0), len(SPANS_SECONDS) - 1)])


def into_account(query: QueueQuery, pane: AccountPane, sources: Sequence[str]) -> QueueQuery | None:
    """The queue of a pane's account, by campaign; ``None`` where only the hub can tell which account of the queue has
    that name: ids belong to their source, and those of all together to none."""
    if not pane.totals.account_id or (pane.source and pane.source not in sources):
        return None
    return QueueQuery(
        grouping=Grouping.ACCOUNT_CAMPAIGN,
        sender_id=query.sender_id,
        sender=query.sender,
        account_id=pane.totals.account_id,
        account=pane.totals.account,
    )
