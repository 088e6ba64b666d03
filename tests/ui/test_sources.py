"""Several sources and senders on one screen: whose rows these are, how each source is, what is not known of whom."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.ui.screens import UTF8, running
from tests.ui.scripted import APART, CELLS, LIVE, TOTALS, ScriptedLink, World, panes
from tui.hub.protocol import AccountPane, ViewRequest
from tui.model import Freshness, Grouping, MailTotals, QueueQuery, SourceStatus

QUEUE = SourceStatus(name="queue", type="sender_queue", freshness=Freshness.LIVE, age_seconds=1.0)
CPANEL = SourceStatus(name="cp-eu", type="cpanel", freshness=Freshness.LIVE, age_seconds=1.0)


def senders() -> World:
    """Rows of two senders of one source, one of which has a name."""
    cells = [replace(one, sender_id=119, sender="bulk") for one in CELLS[:3]]
    return World(cells=[*cells, replace(CELLS[5], sender_id=7)])


async def test_rows_of_several_senders_say_whose_they_are_and_one_goes_in_on_theirs() -> None:
    async with running(ScriptedLink(senders()), start=APART) as look:
        await look.wait_for("all 2 rows")
        assert look.line("sender").split()[1] == "account"
        assert look.cursor_line().split()[:2] == ["7", "news@globex.test"]
        await look.press("down", "enter")
        await look.wait_for("queue of bulk ▸ alice@acme.test ▸ by campaign")
        inner = look.link.request.query
        assert (inner.sender_id, inner.sender) == (119, "bulk")
        await look.press("escape")
        await look.wait_for("2 hosts, apart by host ▸ by account")
        assert look.link.request.query == QueueQuery(Grouping.ACCOUNT)
        await look.press("t")
        await look.wait_for("all 2 queues")
        assert look.line("all mail of sender 7") or look.cursor_line().startswith("all mail of sende")
        await look.press("home", "enter")
        await look.wait_for("queue of sender 7 ▸ by account")


async def test_only_sources_that_have_a_queue_ask_for_a_column() -> None:
    world = World(sources=[replace(LIVE, name="mx1"), CPANEL])
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        assert not look.line("source")


async def test_accounts_without_names_have_their_ids() -> None:
    world = World(cells=[replace(CELLS[0], account="", account_id=306)])
    world.panes = lambda request: [AccountPane(source="mx1", totals=MailTotals(account="", account_id=306))]
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 1 account")
        assert look.cursor_line().startswith("account 306")
        assert look.lines()[1].startswith("▎account 306")
        await look.press("enter")
        await look.wait_for("queue ▸ account 306 ▸ by campaign")


async def test_panes_of_a_source_that_is_away_say_so() -> None:
    world = World(sources=[QUEUE, replace(CPANEL, freshness=Freshness.STALE, age_seconds=70.0)])
    accounts = [AccountPane(source=name, totals=MailTotals(account=name, send_count=5)) for name in ("cp-eu", "queue")]
    world.panes = lambda request: accounts
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("▎◌ cp-eu cp-eu")
        assert any("▎◌ cp-eu cp-eu " in line and "▎queue queue " in line for line in look.lines())


async def test_without_totals_their_place_belongs_to_the_rows() -> None:
    async with running(ScriptedLink(World(totals_known=False, totals_offered=False))) as look:
        await look.wait_for("all 5 accounts")
        await look.wait_for(lambda: look.lines()[1].startswith("▍t total"))
        assert look.link.request.panes == 0


async def test_an_account_whose_totals_nobody_knows_is_not_said_to_send_nothing() -> None:
    world = World(panes=lambda request: [] if request.query.account_id else panes(request))
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("enter")
        await look.wait_for("no mail totals are known of this account")


async def test_a_queue_that_nobody_tells_is_not_waited_for() -> None:
    async with running(ScriptedLink(World(sources=[CPANEL], queue_known=False))) as look:
        await look.wait_for("no queue is known of cp-eu")


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_quotas_that_are_reached_stand_beside_the_account(size: tuple[int, int]) -> None:
    def reached(request: ViewRequest) -> list[AccountPane]:
        quotas = [("emails 150/150",), ("emails 150/150", "deferrals and failures 5/5 (100%)")]
        return [
            replace(pane, totals=replace(totals, quotas=some))
            for pane, totals, some in zip(panes(request), TOTALS, quotas, strict=False)
        ]

    async with running(ScriptedLink(World(panes=reached)), size=size) as look:
        await look.wait_for("emails 150/150")
        assert "✖ quota" in look.text()
        assert "2 quotas" in look.text() or "emails 150/150, deferrals and failures 5/5 (100%)" in look.text()
        assert all(len(line) <= size[0] for line in look.lines())


async def test_an_unverified_server_is_marked_at_every_width() -> None:
    world = World(sources=[replace(CPANEL, unverified=True), QUEUE])
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("● cp-eu live <5s unverified  ● queue live <5s")
        world.sources += [replace(QUEUE, name=f"queue-{number}") for number in range(3)]
        look.link.push()
        await look.wait_for("● cp-eu!  ● queue  ● queue-0")
        world.sources[0] = replace(world.sources[0], freshness=Freshness.STALE, age_seconds=30.0)
        look.link.push()
        await look.wait_for("◌ cp-eu! stale 30s  ● queue  ● queue-0")


@pytest.mark.parametrize("width", [60, 80, 140, 200])
async def test_sixteen_sources_leave_the_layout_as_it_is(width: int) -> None:
    names = [f"mail-{number:02}.example.test" for number in range(16)]
    sources = [replace(LIVE, name=name, unverified=name.endswith("7.example.test")) for name in names]
    sources[9] = replace(sources[9], freshness=Freshness.ERROR, error="it refuses the token.", age_seconds=90.0)
    world = World(sources=sources, cells=[replace(CELLS[0], source=name) for name in names])
    async with running(ScriptedLink(world), size=(width, 24)) as look:
        await look.wait_for("16 hosts")
        status = look.lines()[0]
        assert len(status) <= width
        assert status.startswith(f" mailtop  16{'' if width < 80 else ' hosts'}: ● 15")
        assert "✖ 1" in status and ", 1 unverified" in status
        assert ("✖ mail-09.example.test 1m" in status) is (width >= 140)
        assert "mail-09.example.test: it refuses the token." in " ".join(look.text().split())


@pytest.mark.parametrize("environ", [UTF8, {**UTF8, "NO_COLOR": "1"}])
async def test_a_source_has_the_colour_that_its_user_chose(environ: dict[str, str]) -> None:
    colors = [("a", "#d08770"), ("b", "red"), ("c", "nosuchcolour"), ("d", "url(x)"), ("e", "[@click=app.quit]")]
    world = World(sources=[replace(LIVE, name=name, color=color) for name, color in colors])
    world.cells = [replace(CELLS[0], source=name) for name, _ in colors]
    async with running(ScriptedLink(world), environ=environ, start=APART) as look:
        await look.wait_for("all 5 rows")
        strips = look.app.screen._compositor.render_strips()
        seen = {
            segment.text.strip(): segment.style.color.triplet
            for strip in strips[1:]
            for segment in strip
            if segment.style and segment.style.color and segment.text.strip() in ("a", "b", "c", "d", "e")
        }
        if "NO_COLOR" in environ:
            assert not any(seen.values())
        else:
            assert str(seen["a"] and seen["a"].hex) == "#d08770"
            assert str(seen["b"] and seen["b"].hex) == "#ff0000"
            assert all(look.line(f"{name}  ") for name in "cde")


async def test_why_a_source_is_stale_or_partial_is_told() -> None:
    world = World(sources=[replace(QUEUE, freshness=Freshness.PARTIAL, notes=("Sender 7 did not answer.",))])
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("◐ queue: Sender 7 did not answer.")
        world.sources.append(replace(CPANEL, freshness=Freshness.STALE, age_seconds=20.0, error="cp-eu is away."))
        look.link.push()
        await look.wait_for("◌ cp-eu: cp-eu is away.")
        assert "◌ cp-eu stale 20s" in look.lines()[0]
        assert "◐ queue: Sender 7 did not answer." in look.lines()[2]
        world.sources = [QUEUE]
        look.link.push()
        await look.wait_for(lambda: "away" not in look.text() and "did not" not in look.text())


async def test_a_place_of_one_sender_can_be_started_at() -> None:
    query = QueueQuery(grouping=Grouping.ACCOUNT, sender_id=119, sender="bulk")
    async with running(ScriptedLink(senders()), start=ViewRequest(serial=0, query=query)) as look:
        await look.wait_for("queue of bulk ▸ by account")


async def test_rows_and_sums_say_how_far_they_can_be_trusted() -> None:
    world = World(sources=[LIVE, replace(QUEUE, freshness=Freshness.STALE, age_seconds=30.0, error="It is away.")])
    world.cells = [CELLS[5], replace(CELLS[0], source="queue")]
    world.queue_freshness = Freshness.STALE
    async with running(ScriptedLink(world), start=APART) as look:
        await look.wait_for("◌ 4,764")
        assert look.line("◌ queue   ").split()[2] == "alice@acme.test"
        assert look.cursor_line().startswith("mx1")
        await look.press("down")
        assert look.line("▌ ◌ queue")
        world.sources[1], world.queue_freshness = QUEUE, Freshness.LIVE
        look.link.push()
        await look.wait_for(lambda: "◌" not in look.text())


async def test_a_row_is_found_again_when_its_source_answers_last() -> None:
    world = World(sources=[LIVE, QUEUE], cells=[*CELLS, replace(CELLS[5], source="queue", retry=9000)])
    async with running(ScriptedLink(world), start=APART) as look:
        await look.wait_for("all 6 rows")
        await look.press("home", "enter")
        await look.wait_for("queue of queue ▸ news@globex.test ▸ by campaign")
        everything, world.cells = world.cells, CELLS
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        assert look.cursor_line().startswith("news@globex.test")
        world.cells = everything
        look.link.push()
        await look.wait_for(lambda: look.cursor_line().startswith("queue"))


async def test_ids_without_names_are_told_in_narrow_columns_too() -> None:
    cells = [
        replace(CELLS[0], source=source, campaign_id=9003, campaign="campaign 9003") for source in ("mx1", "queue")
    ]
    world = World(cells=[*cells, replace(cells[1], sender_id=7, campaign_id=9004, campaign="campaign 9004")])
    async with running(ScriptedLink(world), start=APART) as look:
        await look.press("c")
        await look.wait_for("all 3 rows")
        assert "9003" in look.text() and "9004" in look.text()
