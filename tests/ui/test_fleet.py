"""Many hosts on one screen: a row each, added up or apart, and how far what is added up can be trusted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.ui.fleet import fleet
from tests.ui.screens import Looker, running
from tests.ui.scripted import APART, CELLS, LIVE, ScriptedLink, World
from tui.hub.protocol import Jump, Jumped, View, ViewRequest
from tui.model import Freshness, Grouping, QueueQuery


async def at_start(look: Looker) -> None:
    await look.wait_for(lambda: "all 5 hosts ▸ by account" in look.text() and "H host" in look.text())


def source(look: Looker) -> str | None:
    """The source that is asked for."""
    return look.link.request.source


async def test_the_walk_goes_through_the_hosts_and_back() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await at_start(look)
        await look.press("t", "enter")
        await look.wait_for("all 5 hosts ▸ by account")
        await look.press("down", "enter")
        await look.wait_for("all 5 hosts ▸ alice@acme.test ▸ by campaign")
        assert source(look) is None
        await look.press("H")
        await look.wait_for("all 5 hosts ▸ alice@acme.test ▸ by host")
        await look.press("down", "down")
        host = look.cursor_line().split()[0]
        await look.press("enter")
        await look.wait_for(f"queue of {host} ▸ alice@acme.test ▸ by campaign")
        assert source(look) == host
        await look.press("enter")
        await look.wait_for(f"queue of {host} ▸ alice@acme.test ▸ spring-2024 ▸ by isp")
        await look.press("escape", "escape")
        await look.wait_for("all 5 hosts ▸ alice@acme.test ▸ by host")
        await look.wait_for(lambda: look.cursor_line().startswith(f"{host} "))
        assert source(look) is None
        await look.press("escape")
        await look.wait_for("all 5 hosts ▸ by account")
        await look.wait_for(lambda: look.cursor_line().startswith("alice@acme.test"))


async def test_within_a_host_the_way_to_all_of_them_stays() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await at_start(look)
        await look.press("5")
        await look.wait_for("all 5 hosts ▸ by host")
        await look.press("enter")
        await look.wait_for(lambda: look.link.request.source is not None)
        await look.wait_for("H host")
        await look.press("i")
        await look.wait_for("by isp")
        await look.press("H")
        await look.wait_for("all 5 hosts ▸ by host")
        assert look.link.request.query == QueueQuery(Grouping.HOST)


async def test_a_sender_is_a_host_where_a_source_has_several() -> None:
    cells = [replace(CELLS[0], sender_id=119, sender="bulk"), replace(CELLS[5], sender_id=7)]
    async with running(ScriptedLink(World(cells=cells))) as look:
        await look.wait_for("all 2 hosts ▸ by account")
        await look.press("H")
        await look.wait_for("sender 7  ")
        await look.press("down", "enter")
        await look.wait_for("queue of bulk ▸ by account")
        assert (look.link.request.query.sender_id, look.link.request.query.sender) == (119, "bulk")
        await look.press("y")
        assert "--together" not in look.app.clipboard


async def test_hosts_are_told_apart_and_added_up_again() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await at_start(look)
        assert not look.line("source")
        await look.press("down", "S")
        await look.wait_for("5 hosts, apart by host ▸ by account")
        await look.wait_for(lambda: look.line("source") != "")
        assert look.app.asked.together is False
        assert look.cursor_line().split()[0].startswith("mx")
        account = look.cursor_line().split()[1]
        await look.press("S")
        await at_start(look)
        await look.wait_for(lambda: look.cursor_line().startswith(account))
        await look.press("S", "down", "down", "enter")
        await look.wait_for("queue of mx")
        await look.press("escape", "S")
        await at_start(look)


async def test_accounts_are_told_apart_too() -> None:
    async with running(ScriptedLink(fleet()), size=(140, 45)) as look:
        await at_start(look)
        assert "▎alice@acme.test   " in look.text() and "alice@acme.test mx" not in look.text()
        await look.press("shift+tab", "z")
        await look.wait_for("all 4 accounts")
        assert "source" not in look.text()
        await look.press("S")
        await look.wait_for("source")
        assert look.app.asked.together is False


async def test_an_account_of_all_hosts_is_gone_in_to_on_all() -> None:
    world = fleet()
    totals = replace(world.panes(APART)[1].totals, account_id=CELLS[0].account_id, account="alice@acme.test")
    world.panes = lambda request: [replace(fleet().panes(request)[0], source="", totals=totals)]
    async with running(ScriptedLink(world)) as look:
        await at_start(look)
        await look.press("shift+tab", "enter")
        await look.wait_for("all 5 hosts ▸ alice@acme.test ▸ by campaign")
        assert look.link.request.source is None


async def test_what_one_has_of_several_is_not_offered_for_one() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        assert "H host" not in look.text() and "together" not in look.lines()[-1]
        for key in ("H", "S"):
            await look.press(key)
            assert "there is but one host here" in look.lines()[-1]
        assert look.link.request.query.grouping is Grouping.ACCOUNT


async def test_hosts_are_never_added_up_to_themselves() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await at_start(look)
        await look.press("H", "S")
        assert "each row is a host here" in look.lines()[-1]
        await look.press("enter")
        await look.wait_for("queue of mx")
        await look.wait_for(lambda: shown(look).host_count == 1)
        await look.press("S")
        assert "this is one host's own" in look.lines()[-1]
        assert look.link.request.together


@pytest.mark.parametrize("size", [(60, 15), (60, 24), (80, 24), (140, 45), (200, 50)])
@pytest.mark.parametrize("key", ["t", "a", "c", "i", "H"])
async def test_sums_say_that_hosts_are_missing_at_every_size(size: tuple[int, int], key: str) -> None:
    async with running(ScriptedLink(fleet()), size=size) as look:
        await look.wait_for("all 5 hosts")
        await look.press(key)
        await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.link.request))
        tabs = next(line for line in look.lines() if "t total" in line)
        assert "◐ 4/5" in tabs or "◐ partial 4/5" in tabs
        sums = [line for line in look.lines() if line.startswith("  ◐ ")]
        assert len(sums) == 1 and "partial 4/5" in sums[0]
        assert all(len(line) <= size[0] for line in look.lines())


async def test_a_filter_does_not_hide_that_hosts_are_missing() -> None:
    async with running(ScriptedLink(fleet()), size=(140, 45)) as look:
        await look.wait_for("all 5 hosts")
        await look.press("slash", *"acme", "enter")
        await look.wait_for("  ◐ 1 of 5 accounts, partial 4/5")


async def test_a_host_that_is_not_counted_is_dimmed_and_says_why() -> None:
    world = fleet()
    async with running(ScriptedLink(world), size=(140, 45)) as look:
        await look.wait_for("all 5 hosts")
        await look.press("H")
        await look.wait_for("✖ error")
        row = next(line for line in look.lines() if "mx3" in line and "71.0%" in line)
        assert row[4:].split()[:4] == ["mx3", "✖", "error", "12m"]
        drawn = next(line for line in look.app._main.table._drawn if any("mx3" in span.text for span in line))
        roles = {role for span in drawn if span.text.strip() for role in span.role.split()}
        assert roles <= {"muted", "error", "axis", "problem", "cursor"}
        others = [line for line in look.lines() if "● live" in line and "mx" in line]
        assert len(others) == 4 and all("12.3%" in line for line in others)
        assert "mx3: the server at https://mx3.example.test refuses the token" in look.text()


async def test_a_detail_of_all_hosts_says_what_it_lacks() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await look.wait_for("all 5 hosts")
        await look.press("d")
        await look.wait_for("◐ partial 4/5")


async def test_a_host_can_be_jumped_to() -> None:
    class Jumping(World):
        def jumped(self, jump: Jump) -> Jumped:
            assert jump.dimension == "host"
            return Jumped(serial=jump.serial, query=QueueQuery(Grouping.ACCOUNT), source=jump.text)

    world = Jumping(**{name: getattr(fleet(), name) for name in World.__dataclass_fields__})
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("all 5 hosts")
        await look.press("colon")
        await look.wait_for("go to this host")
        look.app._main.paste("host mx2")
        await look.press("enter")
        await look.wait_for("queue of mx2 ▸ by account")
        await look.press("escape")
        await look.wait_for("all 5 hosts")


async def test_a_place_of_all_hosts_is_copied_as_such() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await look.wait_for("all 5 hosts")
        for key, words in (
            ("a", "--group account --together"),
            ("H", "--group host"),
            ("S", "--group host"),
        ):
            await look.press(key, "y")
            assert look.app.clipboard == f"mailtop show queue {words}"
        await look.press("enter")
        await look.wait_for("queue of mx")
        await look.press("y")
        assert look.app.clipboard.endswith(f" --source {look.link.request.source}")
        assert "--together" not in look.app.clipboard


async def test_a_sort_by_host_ends_with_the_hosts() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await look.wait_for("all 5 hosts")
        await look.press("H")
        await look.wait_for("by host")
        look.app._main.sort_by("source")
        await look.wait_for(lambda: look.link.request.sort == "source")
        await look.press("a")
        await look.wait_for("by account")
        assert (look.link.request.sort, look.link.request.descending) == ("total", True)


async def test_the_number_of_hosts_stays_while_one_is_within_one_of_them() -> None:
    async with running(ScriptedLink(fleet())) as look:
        await look.wait_for("all 5 hosts")
        await look.press("H", "enter")
        await look.wait_for("queue of mx")
        await look.wait_for(lambda: shown(look).host_count == 1)
        await look.press("escape")
        assert "all 5 hosts ▸ by host" in look.text()


def shown(look: Looker) -> View:
    """The view that is shown now."""
    assert look.app._main.view is not None
    return look.app._main.view


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (60, " mailtop  200: ● 197 ◌ 2 ✖ 1  ✖ mx3 12m  +2 more"),
        (80, " mailtop  200 hosts: ● 197 live, ◌ 2 stale 3m, ✖ 1 error "),
        (90, "✖ 1 error  ✖ mx3 12m  +2 more"),
        (140, "✖ 1 error  ✖ mx3 12m  ◌ mx4 3m  ◌ mx5 3m "),
    ],
)
async def test_two_hundred_hosts_are_counted_and_the_worst_named(width: int, text: str) -> None:
    async with running(ScriptedLink(fleet(200, away=1, stale=2)), size=(width, 24)) as look:
        await look.wait_for("all 200 hosts")
        assert text in look.lines()[0]
        assert len(look.lines()[0]) <= width
        await look.wait_for("partial 197/200" if width > 60 else "197/200")


async def test_hosts_of_which_nothing_is_known_yet_are_waited_for() -> None:
    world = fleet(8, away=0)
    world.sources[7] = replace(LIVE, name="mx8", freshness=Freshness.STALE, age_seconds=None)
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("8 hosts: ● 7 live, … 1 waiting")
        look.app._main.show_silence(20)
        await look.wait_for("8 hosts: ◌ 7 stale")


async def test_what_was_chosen_is_asked_for_first() -> None:
    async with running(ScriptedLink(fleet()), start=APART) as look:
        await look.wait_for("5 hosts, apart by host ▸ by account")
        assert not look.app.asked.together
    async with running(ScriptedLink(fleet()), start=ViewRequest(serial=0, together=True)) as look:
        await look.wait_for("all 5 hosts ▸ in total")
        assert look.app.asked.together
