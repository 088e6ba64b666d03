"""Where one is, as the command that prints the same: what ``y`` copies. Pure; no Textual in here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tui.hub.protocol import ViewRequest
from tui.model import Grouping
from tui.sorts import ROW_NAMES


def place_command(
    asked: ViewRequest,
    *,
    totals: bool = False,
    campaigns_by_id: bool = False,
    several_sources: bool = False,
    several_hosts: bool = False,
    options: Sequence[str] = (),
) -> str:
    """The ``mailtop show …`` command for what is asked for, quoted for a shell; ``totals`` for the table of accounts.
    ``campaigns_by_id``: a campaign without a name is not no campaign, but one whose name nobody tells.
    ``several_sources``: the one that is asked for has to be named. ``several_hosts``: whether they are added up makes
    a difference. ``options`` are those that mailtop was started with."""
    words = ["totals"] if totals else ["queue", *_queue(asked, campaigns_by_id)]
    if several_sources and asked.source:
        words += _option("--source", asked.source)
    if several_hosts and asked.together and (totals or asked.query.grouping is not Grouping.HOST):
        words.append("--together")
    return shlex.join(["mailtop", "show", *words, *options])


def _queue(asked: ViewRequest, campaigns_by_id: bool) -> list[str]:
    query = asked.query
    campaign = query.campaign or (str(query.campaign_id) if campaigns_by_id else "")
    words = ["--group", query.grouping.value]
    if query.sender_id is not None:
        words += ["--sender", str(query.sender_id)]
    if query.account_id is not None:
        words += _option("--account", query.account or str(query.account_id))
    if query.campaign_id is not None:
        words += _option("--campaign", campaign)
    if query.isp is not None:
        words += _option("--isp", query.isp)
    if asked.filter:
        words += _option("--filter", asked.filter)
    if asked.problems:
        words.append("--problems")
    if asked.sort != "total":
        words += ["--sort", asked.sort]
    if asked.descending != (asked.sort not in ROW_NAMES):
        words.append("--reverse")
    return words


def _option(name: str, value: str) -> list[str]:
    """A value that begins with a dash would be taken for another option."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
