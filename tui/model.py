"""The words of mail as values: totals, queue cells, groupings, the query. Everyone may enter; nothing here does I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from tui.sorts import STATES as STATES

UNKNOWN_ACCOUNT = "(unknown)"
"""The account of mail whose sender neither the log nor the queue has told yet."""

NO_CAMPAIGN_NAME = "(no campaign)"
"""How mail without a campaign, whose campaign's name is ``""``, is shown."""

NO_ACCOUNT_NAME = "(no account)"
NO_ISP_NAME = "(no isp)"
"""How rows are shown that have neither name nor number there."""


class Grouping(enum.StrEnum):
    """How queue cells are added up (the ``group`` parameter of the sender-queue API), and by host, which is a sending
    system: a row a source, or a row each of its senders where it has several."""

    TOTAL = "total"
    ACCOUNT = "account"
    ACCOUNT_CAMPAIGN = "account_campaign"
    ISP = "isp"
    HOST = "host"


API_GROUPINGS = (Grouping.TOTAL, Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN, Grouping.ISP)
"""Those that the sender-queue API knows."""


class Freshness(enum.StrEnum):
    """How far a number can be trusted: its age and completeness."""

    LIVE = "live"
    STALE = "stale"
    PARTIAL = "partial"
    ERROR = "error"
    PAUSED = "paused"
    REPLAY = "replay"


DOUBTFUL = (Freshness.ERROR, Freshness.STALE, Freshness.PARTIAL)
"""What is not as it should be, the worst first."""


class MailTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What one account has sent (cPanel ``EmailTrack::stats``); ``None`` is unknown, never zero.

    ``send_count`` counts messages, ``success_count`` and ``fail_count`` recipients, ``defer_count`` deferral events,
    ``in_progress_count`` recipients that still wait, ``total_size`` bytes of the messages sent. ``quotas`` are the
    limits that the account has reached, in words: "emails 150/150" (WHM ``REACHED_MAXEMAILS``,
    ``REACHED_MAXDEFERFAIL``).
    """

    account: str
    account_id: int = 0
    send_count: int | None = None
    success_count: int | None = None
    defer_count: int | None = None
    fail_count: int | None = None
    in_progress_count: int | None = None
    total_size: int | None = None
    quotas: tuple[str, ...] = ()

    @property
    def defer_fail_count(self) -> int | None:
        """``defer_count + fail_count``, always (cPanel ``DEFERFAILCOUNT``)."""
        if self.defer_count is None or self.fail_count is None:
            return None
        return self.defer_count + self.fail_count

    @property
    def success_share(self) -> float | None:
        """Which part of the recipients that were finished with got their mail; ``None`` while nobody was."""
        return _part(self.success_count, self.fail_count)

    @property
    def defer_share(self) -> float | None:
        """Which part of all attempts was put off; ``None`` where there was none."""
        if self.success_count is None or self.fail_count is None:
            return None
        return _part(self.defer_count, self.success_count + self.fail_count)


def _part(some: int | None, others: int | None) -> float | None:
    """``some`` as a part of both; ``None`` where either is unknown or both are 0."""
    return some / (some + others) if some is not None and others is not None and some + others else None


class RowKey(msgspec.Struct, frozen=True):
    """Which row of a queue table this is, whatever the grouping was; dimensions that the grouping lacks are 0 or
    ``""``."""

    source: str = ""
    sender_id: int = 0
    account_id: int = 0
    campaign_id: int = 0
    isp: str = ""


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a queue table: recipients waiting in each of the four states. ``sender`` is the sending system's
    name, where it is known."""

    source: str = ""
    sender_id: int = 0
    sender: str = ""
    account_id: int = 0
    account: str = ""
    campaign_id: int = 0
    campaign: str = ""
    isp: str = ""
    new: int = 0
    proc: int = 0
    retry: int = 0
    hold: int = 0

    @property
    def total(self) -> int:
        """``new + proc + retry + hold``, always."""
        return self.new + self.proc + self.retry + self.hold

    @property
    def key(self) -> RowKey:
        """The row's identity across refreshes."""
        return RowKey(self.source, self.sender_id, self.account_id, self.campaign_id, self.isp)


class QueueQuery(msgspec.Struct, frozen=True):
    """A place in the drill-down, and so what to ask a source, what the command line says and what the breadcrumb shows.

    ``None`` is no filter. ``sender_id`` names the sending system; the others narrow the queue cells that are added up.
    Names stand beside the ids so that the breadcrumb can be read.
    """

    grouping: Grouping = Grouping.TOTAL
    sender_id: int | None = None
    account_id: int | None = None
    campaign_id: int | None = None
    isp: str | None = None
    account: str = ""
    campaign: str = ""
    sender: str = ""

    def grouped(self, grouping: Grouping) -> QueueQuery:
        """The same filters, added up another way."""
        return msgspec.structs.replace(self, grouping=grouping)

    def into(self, row: QueueRow, *, by_sender: bool = False) -> QueueQuery | None:
        """Go in on a row: its dimensions become filters, its sender too where rows are told apart ``by_sender``, and
        the next grouping of the walk total -> account -> account_campaign -> isp that still tells rows apart is shown.
        ``None`` when there is none."""
        query = self._narrowed(row)
        if by_sender:
            query = msgspec.structs.replace(query, sender_id=row.sender_id, sender=row.sender)
        walk = [
            (Grouping.ACCOUNT, query.account_id is None),
            (Grouping.ACCOUNT_CAMPAIGN, query.campaign_id is None),
            (Grouping.ISP, query.isp is None),
        ]
        for grouping, open_ in walk:
            if open_:
                return query.grouped(grouping)
        return None

    def out(self) -> QueueQuery:
        """Go out: drop the innermost filter and show the grouping it was chosen in; the total at last. The way out of a
        query that nobody went into; who did go in remembers where from."""
        replace = msgspec.structs.replace
        if self.campaign_id is not None:
            return replace(self, grouping=Grouping.ACCOUNT_CAMPAIGN, campaign_id=None, campaign="")
        if self.account_id is not None:
            return replace(self, grouping=Grouping.ACCOUNT, account_id=None, account="")
        if self.isp is not None:
            return replace(self, grouping=Grouping.ISP, isp=None)
        return self.grouped(Grouping.TOTAL)

    def _narrowed(self, row: QueueRow) -> QueueQuery:
        replace = msgspec.structs.replace
        if self.grouping is Grouping.ACCOUNT:
            return replace(self, account_id=row.account_id, account=row.account)
        if self.grouping is Grouping.ACCOUNT_CAMPAIGN:
            return replace(
                self,
                account_id=row.account_id,
                account=row.account,
                campaign_id=row.campaign_id,
                campaign=row.campaign,
            )
        if self.grouping is Grouping.ISP:
            return replace(self, isp=row.isp)
        return self


class QueueTable(msgspec.Struct, kw_only=True):
    """What a source answers to a ``QueueQuery``: parallel columns, one entry a row, so that 100,000 rows stay cheap.

    Every list has the same length, but ``sender``, the names of the sending systems, which may be empty when none is
    known. ``files`` is the number of queue files the MTA itself counts (``exim -bpc``,
    ``postqueue``), ``None`` where the source does not know it.
    """

    query: QueueQuery
    sender_id: list[int] = []
    sender: list[str] = []
    account_id: list[int] = []
    account: list[str] = []
    campaign_id: list[int] = []
    campaign: list[str] = []
    isp: list[str] = []
    new: list[int] = []
    proc: list[int] = []
    retry: list[int] = []
    hold: list[int] = []
    files: int | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.new)

    def row(self, index: int, source: str = "") -> QueueRow:
        """Row ``index`` (from 0) as a value of its own."""
        return QueueRow(
            source=source,
            sender_id=self.sender_id[index],
            sender=self.sender[index] if self.sender else "",
            account_id=self.account_id[index],
            account=self.account[index],
            campaign_id=self.campaign_id[index],
            campaign=self.campaign[index],
            isp=self.isp[index],
            new=self.new[index],
            proc=self.proc[index],
            retry=self.retry[index],
            hold=self.hold[index],
        )

    def rows(self, source: str = "") -> Iterator[QueueRow]:
        """All rows, in the table's order."""
        return (self.row(index, source) for index in range(len(self)))


class Counts(msgspec.Struct, frozen=True):
    """One bucket of history: events that happened in it, and what waited at its end."""

    send: int = 0
    success: int = 0
    defer: int = 0
    fail: int = 0
    size: int = 0
    new: int = 0
    proc: int = 0
    retry: int = 0
    hold: int = 0


class History(msgspec.Struct, frozen=True):
    """Counts over time for one row: ``points[i]`` is the bucket that begins at ``start + i * step_seconds``
    (``start`` in seconds since 1970 UTC); ``None`` is a gap, which is never drawn as zero."""

    start: int
    step_seconds: int
    points: list[Counts | None]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why mail waits: one normalised reply, how often it came, and when first and last (seconds since 1970 UTC)."""

    text: str
    count: int
    first_seen: int
    last_seen: int
    last_reply: str


class WaitingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient that waits. ``id`` is what the mail system calls it, ``arrived`` when it came
    (seconds since 1970 UTC), ``attempts`` how often it was tried and put off, each ``None`` where nobody told.
    ``sender`` is its envelope sender, ``""`` for a bounce."""

    id: str
    sender: str | None
    recipient: str
    state: str
    arrived: int | None = None
    attempts: int | None = None


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a source is: what the screen's status line and ``show --format json`` say of it.

    ``age_seconds`` is the age of the newest good numbers, ``None`` before the first; ``error`` is one plain sentence.
    ``unverified`` says that nobody checked whom the numbers come from; ``color`` is what the user chose for the name.
    """

    name: str
    type: str
    freshness: Freshness
    age_seconds: float | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    unverified: bool = False
    color: str | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all mail is accounted for, of one account or (``account_id`` 0, no name) of everybody, in recipients.

    ``accepted`` are those that the mail system took on, ``removed`` those that ended without delivery or failure and of
    which a line says so, ``waiting`` the sum of the four states. ``since`` is when it went off balance (seconds since
    1970), ``None`` while it is balanced.
    """

    account: str = ""
    account_id: int = 0
    accepted: int
    delivered: int
    failed: int
    removed: int
    waiting: int
    since: int | None = None

    @property
    def difference(self) -> int:
        """Recipients that nobody can account for: above zero those that left the queue and no line said how, below zero
        outcomes of recipients that nobody accepted."""
        return self.accepted - self.delivered - self.failed - self.removed - self.waiting


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one of the hosts in a source that has several is: its name and number there, how far its numbers can be
    trusted and how old they are, and what became of its mail (as ``MailTotals`` counts it). ``worst_isp`` is where most
    of it waits that was put off or held, ``worst_waiting`` recipients; ``counted`` says whether sums over hosts hold
    what waits there."""

    name: str
    sender_id: int
    freshness: Freshness
    age_seconds: float | None = None
    error: str | None = None
    success_count: int | None = None
    defer_count: int | None = None
    fail_count: int | None = None
    worst_isp: str = ""
    worst_waiting: int = 0
    counted: bool = True


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What one try of a source found (``mailtop check``): what was reached, as whom, how long the answer took, what may
    be read, and what is wrong, a sentence each with its remedy (none: all is well). ``notes`` are sentences on what is
    worth knowing and not wrong."""

    reached: str
    identity: str = ""
    seconds: float | None = None
    rights: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
