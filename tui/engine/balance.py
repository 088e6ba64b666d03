"""The second book: recipients that were accepted, and those that were removed, whatever became of the others. The queue
state enters, and the tracker where speed counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from tui.engine.batch import ISP_BITS
from tui.engine.counts import COLUMNS, FAIL, SUCCESS
from tui.engine.messages import Message

REMOVED = len(COLUMNS)
"""The column of credits for recipients that were removed: they are no column of the ledger's cells."""

_ENDS = (SUCCESS, FAIL, REMOVED)


class Accounting:
    """Counts recipients by cell, and keeps what each message owes (``Message.owed``).

    A recipient is accepted when an arrival, a line or a listing first tells of it, whatever becomes of it; one that
    addresses of its own replace, as those of an alias, is accepted no longer. What the queue state calls ``vanished``
    and ``unlogged`` are messages that a listing and the log do not agree on; all that such a message owes is in
    ``Balance.difference``, with what the lines of other messages leave open.

    A cell appended to ``taken_on`` counts one accepted recipient more, which is the cheapest way.
    """

    def __init__(self) -> None:
        self.taken_on: list[int] = []
        self._accepted: Counter[int] = Counter()
        self._removed: Counter[int] = Counter()

    def count(self, cell: int, recipients: int) -> None:
        """So many recipients of a cell more are accepted; below zero: no longer."""
        self._accepted[cell] += recipients

    def remove(self, cell: int, recipients: int) -> None:
        """So many recipients of a cell ended without delivery or failure, and a line said so."""
        self._removed[cell] += recipients

    def accept(self, message: Message, recipients: int) -> None:
        """So many recipients more wait, or waited, beyond doubt: those that were owed, and new ones."""
        new = recipients - min(max(message.owed, 0), recipients)
        message.owed -= recipients - new
        if new:
            message.unnamed = max(0, message.unnamed - new)
            self.count(message.cell, new)

    def gain(self, message: Message, recipients: Collection[bytes]) -> None:
        """A listing shows these recipients, which did not wait. Whoever was replaced or had failed is shown once more,
        and is none of those that were owed."""
        again = self._known(message, recipients)
        self.count(message.cell, again)
        self.accept(message, len(recipients) - again)

    def meet(self, message: Message) -> None:
        """A line tells of a recipient that was not known to wait. Where the arrival named all it is nobody's, or one
        that was owed; else it is new."""
        if message.owed > 0 or message.declared:
            message.owed -= 1
        else:
            self.taken_on.append(message.cell)
            if message.unnamed:
                message.unnamed -= 1

    def lose(self, message: Message, recipients: Collection[bytes]) -> None:
        """These recipients wait no longer, and no line says how they ended; but for those that were replaced, and those
        that had failed before a listing showed them once more."""
        replaced = self._known(message, recipients)
        self.count(message.cell, -replaced)
        message.owed += len(recipients) - replaced

    def _known(self, message: Message, recipients: Collection[bytes]) -> int:
        """How many of the recipients were replaced or had failed."""
        known = {*(message.aliases or ()), *(message.failed or ())}
        return sum(recipient in known for recipient in recipients)

    def end(self, message: Message) -> None:
        """A line ended the message. Of one with an alias, whoever is left was replaced: two recipients that lead to
        one address have one line."""
        self.close(message)
        self.lose(message, message.units)
        if message.aliases and message.owed > 0:
            self.count(message.cell, -message.owed)
            message.owed = 0

    def replace(self, message: Message, alias: bytes, address: bytes) -> None:
        """An address that a recipient stood for had an outcome: unless it waited too it is accepted for itself. The
        recipient is no longer, when it waits no longer: at once if it was owed already."""
        if not message.awaits(address):
            self.taken_on.append(message.cell)
        message.aliases = aliases = message.aliases or set()
        if alias not in aliases:
            aliases.add(alias)
            if message.owed > 0 and not message.awaits(alias):
                message.owed -= 1
                self.count(message.cell, -1)

    def close(self, message: Message) -> None:
        """The message left the queue with all its recipients. Those that no line has named were accepted all the
        same."""
        if message.unnamed:
            self.count(message.cell, message.unnamed)
            message.owed += message.unnamed
            message.unnamed = 0

    def move(self, message: Message, old: int) -> None:
        """The message belongs to another cell than to ``old``: so does all of it that can still move."""
        new, accepted = message.cell, len(message.units) + message.owed
        for _, _, column, amount in message.credits or ():
            if column in _ENDS:
                accepted += amount
            if column == REMOVED:
                self.remove(old, -amount)
                self.remove(new, amount)
        if accepted:
            self.count(old, -accepted)
            self.count(new, accepted)

    def take(self, owners: Mapping[int, int]) -> tuple[dict[int, int], dict[int, int]]:
        """Recipients accepted and removed since the last call, by account; ``owners`` gives a campaign's."""
        self._accepted.update(self.taken_on)
        self.taken_on.clear()
        both = _by_account(self._accepted, owners), _by_account(self._removed, owners)
        self._accepted, self._removed = Counter(), Counter()
        return both


def _by_account(cells: Mapping[int, int], owners: Mapping[int, int]) -> dict[int, int]:
    accounts: dict[int, int] = {}
    for cell, count in cells.items():
        account = owners[cell >> ISP_BITS]
        accounts[account] = accounts.get(account, 0) + count
    return {account: count for account, count in accounts.items() if count}
