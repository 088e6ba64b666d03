"""Whether all mail is accounted for, in words: what they say, what gives way to what, and that they stand still."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.balances import OFF_SINCE, balance
from tests.ui.screens import Looker, running
from tests.ui.scripted import LIVE, NOON, ScriptedLink, World
from tests.ui.test_quiet import settled
from tui.hub.protocol import Balanced
from tui.model import Balance, Freshness
from tui.sources.accounting import LAST_DAY
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.widgets.balance import WARNING, balance_words, equation

WELL = Balanced(asked=1, told=1)
OFF = Balanced(asked=1, told=1, off=3, since=OFF_SINCE, off_count=1, off_hosts=["mx1"])


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def words(shown: Balanced | None, now: float = NOON, glyphs: Glyphs = UNICODE, *, brief: bool = False) -> str:
    return "".join(span.text for span in balance_words(shown, now, glyphs, brief=brief))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (None, ""),
        (WELL, "✓ balanced"),
        (replace(WELL, asked=3), "✓ 1 of 3 balanced"),
        (replace(WELL, told=0), "◌ was balanced"),
        (OFF, "✖ off by 3 since 01:54"),
        (replace(OFF, off=1234, since=None), "✖ off by 1,234"),
        (replace(OFF, told=0), "✖ was off by 3 since 01:54"),
        (replace(OFF, since=OFF_SINCE - 86400), "✖ off by 3 since 2025-11-20"),
        (replace(OFF, asked=9, told=9), "✖ off by 3 on mx1 since 01:54"),
        (replace(OFF, asked=9, told=9, off_count=4), "✖ off by 3 on 4 hosts since 01:54"),
    ],
)
def test_what_the_words_say(shown: Balanced | None, said: str) -> None:
    assert words(shown) == said


def test_the_last_day_of_all_can_be_told() -> None:
    assert words(replace(OFF, since=LAST_DAY)) == "✖ off by 3 since 9999-12-30"


def test_briefly_only_what_is_off_is_told() -> None:
    assert (words(WELL, brief=True), words(OFF, brief=True)) == ("", "✖ off by 3")


def test_what_is_off_has_the_colour_of_a_warning_and_signs_of_its_own() -> None:
    assert [span.role for span in balance_words(OFF, NOON, UNICODE)] == [WARNING]
    assert words(WELL, glyphs=ASCII) == "ok balanced" and words(OFF, glyphs=ASCII) == "! off by 3 since 01:54"


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        (balance(accepted=9), "accepted 9 = delivered 7 + failed 1 + removed 0 + waiting 1"),
        (balance(lost=2), "accepted 9 = delivered 5 + failed 1 + removed 0 + waiting 1 + unexplained 2"),
        (balance(lost=-2), "accepted 9 = delivered 9 + failed 1 + removed 0 + waiting 1 - unexplained 2"),
    ],
)
def test_the_equation_always_holds(sums: Balance, said: str) -> None:
    shown = Balanced(asked=1, told=1, sums=sums)
    assert " ".join("".join(span.text for span in piece) for piece in equation(shown)) == said


def test_without_numbers_there_is_no_equation() -> None:
    assert equation(WELL) == [] and equation(None) == []


def first(look: Looker) -> str:
    return look.lines()[0]


async def test_sources_matter_more_than_that_all_is_well_and_less_than_that_it_is_not() -> None:
    stale = [replace(LIVE, name=f"mail-{n}", freshness=Freshness.STALE, age_seconds=99.0) for n in range(3)]
    world = World(sources=stale, balance=replace(WELL, asked=3, told=3))
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("mail-2 stale")
        assert "balanced" not in first(look)
        world.balance = replace(OFF, asked=3, told=3)
        look.link.push()
        await settled(look)
        assert "mail-2 stale" in first(look) and "off" not in first(look)
        world.sources = stale[:2]
        look.link.push()
        await look.wait_for("off by 3")
        assert "mail-1 stale" in first(look) and "since" not in first(look)
        world.sources = [LIVE]
        look.link.push()
        await look.wait_for("off by 3 on mx1 since 01:54")


async def test_a_silent_hub_knows_nothing_of_now() -> None:
    async with running(ScriptedLink(World())) as look:
        await look.wait_for("✓ balanced")
        look.app._main.show_silence(7)
        await look.wait_for("◌ was balanced")
        look.link.push()
        await look.wait_for("✓ balanced")


async def test_of_many_sources_the_balance_stands_beside_their_count() -> None:
    world = World(sources=[replace(LIVE, name=f"mx{n}") for n in range(40)], balance=replace(OFF, asked=40, told=40))
    async with running(ScriptedLink(world)) as look:
        await look.wait_for("40 hosts: ● 40 live  ✖ off by 3 on mx1 since 01:54")
