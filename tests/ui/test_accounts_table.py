"""What the table of accounts shows of a view, and where its cursor stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.scripted import LIVE, World, panes
from tests.ui.tables import changed, shown
from tui.hub.protocol import AccountKey, AccountPane, AccountsRequest, ViewRequest
from tui.model import MailTotals
from tui.text import cell_width
from tui.ui.account_columns import AccountFacts, account_columns
from tui.ui.columns import EDGE, GAP, MARGIN
from tui.ui.glyphs import ASCII, UNICODE
from tui.ui.widgets.accounts_table import AccountsTable

counts = st.none() | st.integers(0, 10**12)
rates = st.none() | st.floats(0, 1e7)


@given(
    st.integers(40, 250),
    st.booleans(),
    st.tuples(counts, counts, counts, counts, counts, counts),
    st.text("aé日", max_size=60),
    st.lists(st.text("日 /1", max_size=30), max_size=3),
    st.tuples(rates, rates),
    st.sampled_from([(), ("mx1",), ("mx1", "mail.with-a-long-name.test")]),
    st.booleans(),
)
def test_cells_have_exactly_their_width(
    width: int,
    is_ascii: bool,
    values: tuple[int | None, ...],
    name: str,
    quotas: list[str],
    rates: tuple[float | None, float | None],
    sources: tuple[str, ...],
    summed: bool,
) -> None:
    glyphs = ASCII if is_ascii else UNICODE
    names = ("send_count", "success_count", "defer_count", "fail_count", "in_progress_count", "total_size")
    totals = replace(MailTotals(account=name, quotas=tuple(quotas)), **dict(zip(names, values, strict=True)))
    pane = AccountPane(source="mx1", totals=totals, rate_per_minute=rates[0], defer_rate_per_minute=rates[1])
    columns = account_columns(width, glyphs, dict.fromkeys(sources))
    for column in columns:
        text = "".join(span.text for span in column.cell(AccountFacts(pane, summed), column.width, glyphs))
        assert cell_width(text) == column.width
        assert column.width > len(column.header) or column.key
    assert MARGIN + sum(column.width + GAP for column in columns) - GAP + EDGE <= width


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (40, ["account", "sent", "failed"]),
        (60, ["account", "sent", "delivered", "deferred", "failed"]),
        (80, ["account", "sent", "delivered", "deferred", "failed", "success", "deferral"]),
        (
            140,
            [
                *("account", "sent", "delivered", "deferred", "failed", "waiting", "bytes", "success", "deferral"),
                *("sent/min", "defer/min", " quota"),
            ],
        ),
    ],
)
def test_what_goes_wrong_stays_longest(width: int, headers: list[str]) -> None:
    assert [column.header for column in account_columns(width, UNICODE, {})] == headers


class Shower:
    """Shows a table what a world answers."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.table = AccountsTable(UNICODE, interval_seconds=1000)
        self.asked = AccountsRequest(rows=30)
        self.serial = 0

    def begin(self, **changes: object) -> None:
        self.asked = self.table.begin(replace(self.asked, **changes))

    def show(self, *, latest: bool = True) -> None:
        if not self.table.state.awaiting:
            self.asked = replace(self.asked, selected=self.table.selected, anchor=None)
        self.serial += latest
        view = self.world.view(ViewRequest(serial=self.serial, accounts=self.asked))
        self.table.show(view, latest=latest)


async def test_accounts_stand_with_their_sums_and_unknown_is_never_zero() -> None:
    shower = Shower()
    async with shown(shower.table, size=(140, 10)) as (host, _):
        shower.begin()
        shower.show()
        lines = [line.split() for line in host.lines()]
        assert lines[1] == [
            *("▌", "alice@acme.test", "12,345", "11,890", "2,431", "213", "2,368", "412", "MB"),
            *("98.2%", "16.7%", "128", "12"),
        ]
        assert lines[3] == ["bob@initech.test", "96", "31", "0", "0", "–", "1.90", "MB", "100.0%", "0.0%", "0", "0"]
        assert lines[4] == ["carol", *("–",) * 10]
        assert lines[-1][:4] == ["all", "4", "accounts", "1,216,559"]
        assert lines[-1].count("–") == 7, "of rates there is no sum, and so no sign either"


async def test_the_cursor_stays_on_its_account_in_another_order() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin()
        shower.show()
        shower.table.move_to(2)
        shower.show()
        key = AccountKey("mx1", "bob@initech.test")
        assert shower.table.selected == key
        shower.begin(sort="sent", selected=key)
        shower.show()
        assert host.lines()[0].split()[1] == "▼sent"
        assert shower.table.selected == key and shower.table.state.row is not None
        assert [line[:8] for line in host.lines()[1:5]] == ["    news", "    alic", "▌   bob@", "    caro"]


async def test_a_table_in_the_old_order_is_not_taken_for_the_new_one() -> None:
    shower = Shower()
    async with shown(shower.table) as (_, __):
        shower.begin()
        shower.show()
        old = shower.world.view(ViewRequest(serial=9, accounts=shower.asked))
        shower.begin(sort="sent")
        shower.table.show(old, latest=True)
        assert shower.table.state.awaiting


async def test_an_account_that_has_reached_a_limit_has_a_sign_in_any_width() -> None:
    def full(request: ViewRequest) -> list[AccountPane]:
        one, *others = panes(request)
        return [replace(one, totals=replace(one.totals, quotas=("emails 150/150", "bytes 1/1"))), *others]

    for width, quota in ((60, ""), (140, "2 quotas hit"), (180, "emails 150/150, bytes 1/1")):
        shower = Shower(World(panes=full))
        async with shown(shower.table, size=(width, 10)) as (host, _):
            shower.begin()
            shower.show()
            assert host.lines()[1].startswith("▌ ✖ alice@acme")
            assert host.lines()[1].endswith(quota)


async def test_several_sources_are_told_apart() -> None:
    shower = Shower(World(sources=[LIVE, replace(LIVE, name="mx2")]))
    async with shown(shower.table, size=(140, 10)) as (host, _):
        shower.begin()
        shower.show()
        assert host.lines()[0].split()[:2] == ["account", "source"]
        assert host.lines()[1].split()[1:3] == ["alice@acme.test", "mx1"]


async def test_only_what_is_known_is_shown() -> None:
    for world, changes, sentence in (
        (World(totals_offered=False, totals_known=False), {}, "no source tells what accounts have sent"),
        (World(totals_known=False), {}, "waiting for the first totals of accounts"),
        (World(panes=lambda _: []), {}, "no account has sent mail yet"),
        (World(), {"filter": "zz"}, "no account matches 'zz'; Esc clears the filter"),
    ):
        shower = Shower(world)
        async with shown(shower.table) as (host, _):
            shower.begin(**changes)
            shower.show()
            assert host.lines()[2].strip() == sentence


async def test_a_filter_says_how_many_of_how_many() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin(filter="o")
        shower.show()
        assert host.lines()[-1].split()[:3] == ["3", "of", "4"]


async def test_a_count_that_changed_is_marked() -> None:
    shower = Shower()
    async with shown(shower.table) as (_, __):
        shower.begin()
        shower.show()

        def more(request: ViewRequest) -> list[AccountPane]:
            one, *others = panes(request)
            return [replace(one, totals=replace(one.totals, fail_count=214)), *others]

        shower.world.panes = more
        shower.show()
        assert changed(shower.table) == ["214"]


async def test_clicks_sort_choose_and_go_in() -> None:
    shower = Shower()
    async with shown(shower.table, size=(140, 10)) as (host, pilot):
        shower.begin()
        shower.show()
        for name in ("account", "sent ", "waiting", "defer/min", "quota"):
            await pilot.click(shower.table, offset=(host.lines()[0].index(name), 0))
        await pilot.click(shower.table, offset=(20, 2))
        await pilot.click(shower.table, offset=(20, 2))
        assert host.said == ["account", "sent", "progress", "defer_rate", "attention", False, True]
        assert shower.table.selected == AccountKey("mx1", "news@globex.test")


async def test_a_table_with_the_old_filter_is_not_taken_for_the_new_one() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin(sort="account", descending=False)
        shower.show()
        shower.table.move_to(3)
        shower.show()
        old = shower.world.view(ViewRequest(serial=9, accounts=shower.asked))
        shower.begin(filter="test", selected=shower.table.selected)
        shower.table.show(old, latest=True)
        assert shower.table.state.awaiting
        shower.show()
        assert shower.table.state.cursor == 2, "news is left, and the cursor stays on it"
        shower.begin(filter="acme", selected=shower.table.selected)
        shower.show()
        assert shower.table.state.cursor == 0
        assert host.lines()[1].startswith("▌   alice@acme.test")


async def test_a_page_that_is_made_later_does_not_move_the_cursor_back() -> None:
    shower = Shower()
    async with shown(shower.table) as (_, __):
        shower.begin()
        shower.show()
        before = shower.world.view(
            ViewRequest(serial=9, accounts=replace(shower.asked, selected=shower.table.selected))
        )
        shower.table.move_to(2)
        shower.table.show(before, latest=True)
        assert shower.table.selected == AccountKey("mx1", "bob@initech.test")
        assert shower.table.state.cursor == 2


async def test_an_account_that_needs_attention_has_a_sign() -> None:
    shower = Shower()
    async with shown(shower.table) as (host, _):
        shower.begin()
        shower.show()
        signs = {line.split("@")[0].split()[-1]: "✖" in line for line in host.lines()[1:4]}
        assert signs == {"alice": False, "news": False, "bob": False}
        late = [replace(pane, rate_per_minute=2.0, defer_rate_per_minute=30.0) for pane in panes(ViewRequest(serial=0))]
        shower.world.panes = lambda _request: late
        shower.show()
        assert all(line[2] == "✖" for line in host.lines()[1:4])
