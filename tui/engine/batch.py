"""What goes from the tracker to the ledger in one transaction: signed deltas, names, live messages and the place in
the log."""

from __future__ import annotations

import msgspec

from tui.engine.counts import Columns

ISP_BITS = 24
"""A cell key is ``campaign_id << ISP_BITS | isp_id``; a campaign belongs to one account, so the key names all three."""

ISP_MASK = (1 << ISP_BITS) - 1
"""The ISP's part of a cell key."""

ISP_MARKS = 62
"""So many bits say for which ISPs a message waits: as many as an SQLite integer has."""

Place = tuple[int, int, int]
"""How a message that waits is found: since when (seconds since 1970; 0: nobody told), its campaign's id, and a bit for
each ISP that it waits for, ``isp_id % ISP_MARKS``: other ISPs may share it."""


def cell_key(campaign_id: int, isp_id: int) -> int:
    """The key of the cell of a campaign (and so of its account) and an ISP."""
    return campaign_id << ISP_BITS | isp_id


class Names(msgspec.Struct):
    """The numbers of names, as the ledger keeps them. Ids begin at 1; the ISP ``""`` has id 0 (a message as such,
    which has no
    recipient domain). Each account has a campaign of its own named ``""``: mail without a campaign."""

    accounts: dict[str, int] = {}
    campaigns: dict[tuple[int, str], int] = {}
    isps: dict[str, int] = {}


class CauseKey(msgspec.Struct, frozen=True):
    """Why mail of one cell waits: the cell and the normalised reply."""

    cell: int
    text: str


class CauseDelta(msgspec.Struct):
    """How often a cause came in this batch; first and last time in seconds since 1970; the last reply in full
    (cleaned)."""

    count: int
    first_seen: int
    last_seen: int
    last_reply: str


class LogPosition(msgspec.Struct, frozen=True):
    """How far a log has been read: which file (device, inode, fingerprint of its head) and the offset in bytes."""

    path: str
    device: int
    inode: int
    head: bytes
    offset: int


class Batch(msgspec.Struct):
    """One transaction. ``deltas`` by minute (seconds since 1970 // 60), column and cell key. ``messages`` holds the new
    state of each message that changed, ``None`` where it is gone; ``places`` those of them that wait. ``counters`` are
    added to the ledger's counters of the same name (what could not be explained); ``gauges`` replace theirs
    (``queue_files``, ``listed_at``, ``log_time``). ``accepted`` and ``removed`` are recipients by account
    (``model.Balance``); ``off_since``, in copies of ledgers only, when an account (0: everybody) went off balance
    (seconds since 1970)."""

    deltas: dict[int, Columns] = {}
    accounts: dict[str, int] = {}
    campaigns: dict[tuple[int, str], int] = {}
    isps: dict[str, int] = {}
    causes: dict[CauseKey, CauseDelta] = {}
    messages: dict[bytes, bytes | None] = {}
    places: dict[bytes, Place] = {}
    counters: dict[str, int] = {}
    gauges: dict[str, int] = {}
    positions: list[LogPosition] = []
    accepted: dict[int, int] = {}
    removed: dict[int, int] = {}
    off_since: dict[int, int] = {}
