"""Sums of a bucket's cells by campaign, account and ISP, and what changed of what waits. Only the embedded ledger's
writer and history enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tui.engine.batch import ISP_BITS, ISP_MASK
from tui.engine.counts import COLUMNS, D_NEW, Columns, merged


class Sums(msgspec.Struct, frozen=True):
    """Nine columns by campaign, account and ISP; by cell only the last four, what waits."""

    campaigns: Columns
    accounts: Columns
    isps: Columns
    waiting: Columns

    @property
    def total(self) -> Sequence[int]:
        """The nine counts of everything."""
        return [sum(column.values()) for column in self.accounts]


def add_up(cells: Columns, owners: Mapping[int, int]) -> Sums:
    """The sums of ``cells``; ``owners`` gives a campaign's account. Raises ``KeyError`` for a campaign without."""
    campaigns: list[dict[int, int]] = [{} for _ in COLUMNS]
    isps: list[dict[int, int]] = [{} for _ in COLUMNS]
    for column, by_campaign, by_isp in zip(cells, campaigns, isps, strict=True):
        for cell, count in column.items():  # this loop is most of what a back-fill costs
            campaign, isp = cell >> ISP_BITS, cell & ISP_MASK
            by_campaign[campaign] = by_campaign.get(campaign, 0) + count
            by_isp[isp] = by_isp.get(isp, 0) + count
    return Sums(campaigns, _of_accounts(campaigns, owners), isps, cells[D_NEW:])


def together(parts: Sequence[Sums], owners: Mapping[int, int]) -> Sums:
    """The sums of several buckets (one at the least) as one."""
    if len(parts) == 1:
        return parts[0]
    campaigns = merged([part.campaigns for part in parts])
    isps = merged([part.isps for part in parts])
    return Sums(campaigns, _of_accounts(campaigns, owners), isps, merged([part.waiting for part in parts]))


def _of_accounts(campaigns: Columns, owners: Mapping[int, int]) -> Columns:
    accounts: list[dict[int, int]] = [{} for _ in COLUMNS]
    for column, by_account in zip(campaigns, accounts, strict=True):
        for campaign, count in column.items():
            account = owners[campaign]
            by_account[account] = by_account.get(account, 0) + count
    return accounts
