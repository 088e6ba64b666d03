"""What must hold of mailtop on any real mail system; the tests of Exim and of Postfix tell it of theirs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from tests.live.mail import ACCOUNT, CAMPAIGN, ISP, RETRY, SPECIAL, Cell, Message, Rows, Sent, Totals, grouped, plan
from tests.live.mta import MAILTOP, RealMta
from tests.live.screen_table import rows_on
from tests.pty_driver import Terminal
from tui.cli.arguments import Exit

GROUPINGS = {"total": (), "account": (ACCOUNT,), "account_campaign": (ACCOUNT, CAMPAIGN), "isp": (ISP,)}
"""Which parts of a cell each grouping tells apart."""

SECONDS = 10.0
"""How long mailtop may take to see what the mail system already says: log lines and listings may come late."""

Queue = tuple[int, Rows]
"""How many messages there are, and rows of counts (the states and their sum) by name."""

Value = TypeVar("Value")


def begin(mta: RealMta) -> None:
    """Send mail of every sort: 60 messages by the plan and the special ones over SMTP, one by a local user (whose
    campaign Postfix does not log: only the header tells it)."""
    mta.send([*plan(7, 60), *SPECIAL])
    recipients = ("ok.cli@corp.test", "defer.cli@corp.test")
    mta.submit("www-data", "Subject: cli\nX-Campaign-ID: cli\n\nx\n", *recipients)
    mta.settle()
    id_ = next(id_ for id_, listed in mta.listing().items() if listed.waiting == recipients[1:])
    mta.truth.add([Sent(Message(sender="", user="www-data", recipients=recipients, campaign="cli"), id_)])


def same_numbers(mta: RealMta, config: str) -> None:
    """``mailtop show`` says of a mail system at rest what its own listing, the sink and the mailbox say, and that all
    mail is accounted for."""
    listing = mta.listing()
    _comes_to(lambda: _shown_totals(mta, config), mta.totals())
    cells = mta.truth.cells(listing)
    for grouping, parts in GROUPINGS.items():
        _comes_to(partial(_shown_queue, mta, config, grouping), (len(listing), grouped(cells, *parts)))
    balanced: dict[str, int] = {}
    _comes_to(partial(_off_balance, mta, config), balanced)


def drilled_down(mta: RealMta, config: str) -> None:
    """Filters on the command line select what the listing has of an account, a campaign and an ISP."""
    cells = mta.truth.cells(mta.listing())
    account, campaign, isp = max(cells, key=lambda cell: (bool(cell[1]), sum(cells[cell])))
    filters = ["--account", account, "--campaign", campaign]
    assert _shown_queue(mta, config, "isp", *filters)[1] == grouped(_only(cells, account, campaign), ISP)
    assert _shown_queue(mta, config, "total", *filters, "--isp", isp)[1] == grouped(
        _only(cells, account, campaign, isp)
    )


def frozen_and_removed(mta: RealMta, config: str) -> None:
    """What is frozen, thawed, deleted and tried again is seen as such."""
    retry = [id_ for id_, listed in sorted(mta.listing().items()) if listed.state == RETRY]
    ids = [id_ for id_ in retry if mta.truth.by_plan(id_)]
    mta.hold(*ids[:3])
    mta.remove(*ids[3:5])
    same_numbers(mta, config)
    mta.release(*ids[:2])
    mta.retry()
    mta.truth.retried()
    same_numbers(mta, config)


def while_mail_comes_in(mta: RealMta, config: str) -> None:
    """A collector that runs meanwhile, is killed and started again comes to the mail system's numbers."""
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(mta.send, plan(8, 40, first=1000))
        with _collector(mta, config, signal.SIGKILL):
            _looks(mta, config, 2)
        with _collector(mta, config, signal.SIGTERM) as ended:
            while not sending.done():
                _looks(mta, config, 1)
            sending.result()
            mta.settle()
            known_in_part: list[str] = []
            _comes_to(partial(_errors, mta, config), known_in_part)
            same_numbers(mta, config)
        assert ended() == 0


def beyond_ascii(mta: RealMta, config: str) -> None:
    """A campaign whose name goes encoded over the wire has its own name in the end."""
    account, recipient = "carol@shop.test", "defer.beyond@gmail.test"
    mta.send([Message(sender=account, user=account, recipients=(recipient,), campaign="Grüße ✓")])
    mta.settle()
    same_numbers(mta, config)


def on_screen(mta: RealMta, config: str) -> None:
    """The screen, driven by keys alone, shows the same numbers in all groupings, and those of one account and one
    campaign by ISP after going in; ``q`` goes back, then leaves nothing of it."""
    listing = mta.listing()
    cells = mta.truth.cells(listing)
    waiting = sum(map(sum, cells.values()))
    with mta.screen(config) as terminal:
        terminal.wait_for(f"{waiting} recipients in {len(listing)} queue files", SECONDS)
        for key, grouping in zip("tacit", (*GROUPINGS, "total"), strict=True):
            terminal.press(key)
            _shows(terminal, grouped(cells, *GROUPINGS[grouping]))
        terminal.press("enter")
        accounts = grouped(cells, ACCOUNT)
        account = next(iter(_shows(terminal, accounts)))[0]
        terminal.press("enter")
        campaigns = grouped(_only(cells, account), CAMPAIGN)
        campaign = next(iter(_shows(terminal, campaigns)))[0].replace("(no campaign)", "")
        terminal.press("enter")
        _shows(terminal, grouped(_only(cells, account, campaign), ISP))
        terminal.press("escape")
        _shows(terminal, campaigns)
        terminal.press("escape")
        _shows(terminal, accounts)
        terminal.press("q")
        _shows(terminal, grouped(cells, *GROUPINGS["total"]))
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.survivors() == []


def without_configuration(mta: RealMta) -> None:
    """With nothing said, mailtop finds the mail system of this host."""
    listing = mta.listing()
    expected = len(listing), grouped(mta.truth.cells(listing), ACCOUNT)
    _comes_to(lambda: _shown_queue(mta, None, "account"), expected)


def _looks(mta: RealMta, config: str, times: int) -> None:
    """Look at the queue while it changes: whatever it is, no count is negative."""
    for _ in range(times):
        answer = mta.show(config, "queue", "--group", "account_campaign", ok=(Exit.OK, Exit.SOURCE))
        assert all(row[count] >= 0 for row in answer["rows"] for count in ("new", "proc", "retry", "hold", "total"))


def _errors(mta: RealMta, config: str) -> list[str]:
    """Why the sources do not know all; of a log that is still being read they do not yet."""
    answer = mta.show(config, "queue", ok=(Exit.OK, Exit.SOURCE))
    return [source["error"] for source in answer["sources"] if source["error"] is not None]


@contextmanager
def _collector(mta: RealMta, config: str, end: signal.Signals) -> Iterator[Callable[[], int | None]]:
    """``mailtop collect`` for as long as the block, ended by a signal; gives a function that tells its exit code."""
    process = mta.world.start([*MAILTOP, "collect", "--config", config])
    yield process.poll
    os.kill(mta.world.inner_pid(process), end)
    process.wait(timeout=SECONDS)


def _comes_to(measure: Callable[[], Value], expected: Value) -> None:
    """Measure until it is as expected, or time is up and the difference is an answer."""
    deadline = time.monotonic() + SECONDS
    while (seen := measure()) != expected and time.monotonic() < deadline:
        pass
    assert seen == expected


def _shown_totals(mta: RealMta, config: str | None) -> dict[str, Totals]:
    answer = mta.show(config, "totals")
    assert [source["error"] for source in answer["sources"]] == [None]
    rows = {row["account"]: row for row in answer["rows"]}
    assert all(row["defer_fail_count"] == row["defer_count"] + row["fail_count"] for row in rows.values())
    keys = ("send_count", "success_count", "defer_count", "fail_count", "total_size", "in_progress_count")
    return {account: Totals(*(row[key] for key in keys)) for account, row in rows.items()}


def _off_balance(mta: RealMta, config: str | None) -> dict[str, int]:
    rows = mta.show(config, "balance", "--all")["rows"]
    assert rows
    return {row["account"]: row["difference"] for row in rows if row["difference"]}


def _shown_queue(mta: RealMta, config: str | None, grouping: str, *filters: str) -> Queue:
    answer = mta.show(config, "queue", "--group", grouping, *filters)
    assert [source["error"] for source in answer["sources"]] == [None]
    rows: Rows = {}
    for row in answer["rows"]:
        counts = [row[count] for count in ("new", "proc", "retry", "hold", "total")]
        assert counts[-1] == sum(counts[:-1])
        rows[tuple(row[("account", "campaign", "isp")[part]] for part in GROUPINGS[grouping])] = counts
    return answer["sources"][0]["queue_files"], rows


def _only(cells: Mapping[Cell, list[int]], *chosen: str) -> dict[Cell, list[int]]:
    """The cells of an account, or of an account's campaign."""
    return {cell: counts for cell, counts in cells.items() if cell[: len(chosen)] == chosen}


def _shows(terminal: Terminal, rows: Rows) -> Rows:
    """Wait until the table on the screen has these rows; gives them from top to bottom."""
    named = {tuple(name or "(no campaign)" for name in names): counts for names, counts in rows.items()}
    terminal.wait_for(lambda terminal: rows_on(terminal) == named, SECONDS)
    return rows_on(terminal) or {}
