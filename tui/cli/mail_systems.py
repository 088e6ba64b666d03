"""What reads each mail system: its log, its queue. Another mail system is another entry here. Only `collecting` and
`looking` enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from tui.engine.accounts import Accounts
from tui.engine.feeds import FirstThatWorks
from tui.engine.find import FoundMta
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader
from tui.engine.queues.command import shown
from tui.engine.queues.exim_bp import EximBp
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import QueueLister
from tui.engine.queues.postqueue import Postqueue


class MailSystem(msgspec.Struct, frozen=True):
    """``title`` is its name; ``log`` makes what reads its log, whose stamps without a zone are in the one given, or in
    this host's; ``queue`` makes what lists its queue, and ``queue_place`` says in words where that is."""

    title: str
    log: Callable[[Accounts, ZoneInfo | None], LogReader]
    queue: Callable[[FoundMta, Accounts], QueueLister]
    queue_place: Callable[[FoundMta], str]


def _exim_queue(found: FoundMta, accounts: Accounts) -> QueueLister:
    listers: list[QueueLister] = [EximBp(found.exim or "exim", accounts)]
    if found.spool is not None:
        listers.insert(0, EximSpool(found.spool, accounts))
    return FirstThatWorks(listers)


def _exim_queue_place(found: FoundMta) -> str:
    return f"spool {found.spool}" if found.spool is not None else f"queue by {shown([found.exim or 'exim', '-bp'])}"


def _postfix_queue(found: FoundMta, accounts: Accounts) -> QueueLister:
    return Postqueue(accounts, found.postqueue) if found.postqueue else Postqueue(accounts)


def _postfix_queue_place(found: FoundMta) -> str:
    return f"queue by {shown(found.postqueue or [])}"


MAIL_SYSTEMS: Mapping[str, MailSystem] = {
    "exim": MailSystem("Exim", EximLog, _exim_queue, _exim_queue_place),
    "postfix": MailSystem("Postfix", PostfixLog, _postfix_queue, _postfix_queue_place),
}
"""By the name that a configuration has for it (``mta``)."""
