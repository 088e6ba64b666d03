"""Sums of a bucket's cells by campaign, account and ISP, and what changed of what waits. Only the embedded ledger's
writer and history enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tui.engine.batch import D_HOLD, D_NEW, D_PROC, D_RETRY, DEFER, FAIL, ISP_BITS, SEND, SIZE, SUCCESS
from tui.engine.sqlite_blocks import Rows, gathered, merged

ISP_MASK = (1 << ISP_BITS) - 1
"""The ISP's part of a cell key."""


class Sums(msgspec.Struct, frozen=True):
    """Nine counts by campaign, account and ISP; by cell only the last four, of those that change what waits."""

    campaigns: Rows
    accounts: Rows
    isps: Rows
    waiting: Rows

    @property
    def total(self) -> Sequence[int]:
        """The nine counts of everything."""
        return tuple(map(sum, zip(*self.accounts.values(), strict=True)))


def add_up(cells: Rows, owners: Mapping[int, int]) -> Sums:
    """The sums of ``cells``; ``owners`` gives a campaign's account. Raises ``KeyError`` for a campaign without."""
    campaigns: dict[int, list[int]] = {}
    isps: dict[int, list[int]] = {}
    waiting: dict[int, Sequence[int]] = {}
    # Most counts are zero: looking at each costs far less than adding it. The loop is most of what a back-fill costs.
    for cell, counts in cells.items():
        campaign = campaigns.get(cell >> ISP_BITS)
        if campaign is None:
            campaign = campaigns[cell >> ISP_BITS] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        isp = isps.get(cell & ISP_MASK)
        if isp is None:
            isp = isps[cell & ISP_MASK] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        send, success, defer, fail, size, new, proc, retry, hold = counts
        if send:
            campaign[SEND] += send
            isp[SEND] += send
        if success:
            campaign[SUCCESS] += success
            isp[SUCCESS] += success
        if defer:
            campaign[DEFER] += defer
            isp[DEFER] += defer
        if fail:
            campaign[FAIL] += fail
            isp[FAIL] += fail
        if size:
            campaign[SIZE] += size
            isp[SIZE] += size
        if new or proc or retry or hold:
            campaign[D_NEW] += new
            isp[D_NEW] += new
            campaign[D_PROC] += proc
            isp[D_PROC] += proc
            campaign[D_RETRY] += retry
            isp[D_RETRY] += retry
            campaign[D_HOLD] += hold
            isp[D_HOLD] += hold
            waiting[cell] = counts[D_NEW:]
    return Sums(campaigns, _of_accounts(campaigns, owners), isps, waiting)


def together(parts: Sequence[Sums], owners: Mapping[int, int]) -> Sums:
    """The sums of several buckets (one at the least) as one."""
    if len(parts) == 1:
        return parts[0]
    campaigns = merged([part.campaigns for part in parts])
    isps = merged([part.isps for part in parts])
    return Sums(campaigns, _of_accounts(campaigns, owners), isps, merged([part.waiting for part in parts]))


def _of_accounts(campaigns: Rows, owners: Mapping[int, int]) -> Rows:
    return gathered(map(owners.__getitem__, campaigns), campaigns.values())
