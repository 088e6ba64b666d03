"""The whole screen as text, beside what it should be; ``MAILTOP_SNAPSHOTS=write`` writes down what it is."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.balances import OFF_SINCE
from tests.ui.fleet import fleet
from tests.ui.screens import UTF8, Looker, running
from tests.ui.scripted import FIRST, LIVE, ScriptedLink, World
from tui.hub.protocol import Balanced
from tui.model import Freshness

FOLDER = Path(__file__).parent / "snapshots"
C_LOCALE = {"LC_ALL": "C", "LANG": "en_US.UTF-8"}
NO_COLOR = {**UTF8, "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ERROR = replace(
    LIVE, name="cp-eu", type="cpanel", freshness=Freshness.ERROR, age_seconds=190.0, error="the token is refused."
)
STALE = replace(LIVE, freshness=Freshness.STALE, age_seconds=75.0, error="mx1 does not answer; it is asked again.")
OFF = Balanced(asked=1, told=1, off=3, since=OFF_SINCE, off_count=1, off_hosts=["mx1"])
WORLDS = {
    "error": World(sources=[LIVE, ERROR]),
    "stale": World(sources=[STALE], queue_freshness=Freshness.STALE, balance=Balanced(asked=1, told=0)),
    "empty": World(cells=[], files=0, panes=lambda request: []),
    "first": World(sources=[FIRST], queue_known=False, totals_known=False, balance=None),
    **{name: World(balance=OFF) for name in ("off", "off-detail", "off-ascii", "off-60x15")},
    "off-hosts": dataclasses.replace(fleet(), balance=Balanced(asked=5, told=4, off=12, since=OFF_SINCE, off_count=2)),
    **{f"fleet{suffix}": fleet() for suffix in ("", "-hosts", "-140x45", "-60x15", "-ascii", "-no-color")},
    "fleet-200": fleet(200, away=1, stale=2),
}


@pytest.mark.parametrize(
    ("name", "size", "environ", "keys"),
    [
        ("80x24", (80, 24), UTF8, ()),
        ("140x45", (140, 45), UTF8, ("c",)),
        ("60x15", (60, 15), UTF8, ("down", "enter")),
        ("ascii", (80, 24), C_LOCALE, ("down", "enter")),
        ("no-color", (140, 45), NO_COLOR, ("i",)),
        ("help", (80, 24), UTF8, ("question_mark",)),
        ("help-ascii", (140, 45), C_LOCALE, ("question_mark",)),
        ("error", (80, 24), UTF8, ()),
        ("stale", (80, 24), UTF8, ()),
        ("empty", (80, 24), UTF8, ()),
        ("first", (80, 24), UTF8, ()),
        ("detail", (80, 24), UTF8, ("d",)),
        ("detail-140x45", (140, 45), UTF8, ("d",)),
        ("detail-60x15", (60, 15), UTF8, ("d",)),
        ("accounts", (80, 24), UTF8, ("shift+tab", "z")),
        ("accounts-140x45", (140, 45), UTF8, ("shift+tab", "z")),
        ("accounts-60x15", (60, 15), UTF8, ("shift+tab",)),
        ("trend-60x15", (60, 15), UTF8, ("tab",)),
        ("panes", (80, 24), UTF8, ("shift+tab", "right")),
        ("trend", (80, 24), UTF8, ("tab", "z")),
        ("filter", (80, 24), UTF8, ("slash", *"acme")),
        ("marks", (80, 24), UTF8, ("space", "space", "exclamation_mark")),
        ("commands", (80, 24), UTF8, ("colon", *"sp")),
        ("off", (80, 24), UTF8, ()),
        ("off-detail", (80, 24), UTF8, ("d",)),
        ("off-ascii", (80, 24), C_LOCALE, ("d",)),
        ("off-60x15", (60, 15), UTF8, ()),
        ("off-hosts", (140, 45), UTF8, ()),
        ("fleet", (80, 24), UTF8, ()),
        ("fleet-hosts", (80, 24), UTF8, ("H",)),
        ("fleet-140x45", (140, 45), UTF8, ("H",)),
        ("fleet-60x15", (60, 15), UTF8, ("H",)),
        ("fleet-ascii", (80, 24), C_LOCALE, ("H",)),
        ("fleet-no-color", (140, 45), NO_COLOR, ("c",)),
        ("fleet-200", (140, 45), UTF8, ("H", "down")),
        ("too-small", (59, 14), UTF8, ()),
    ],
)
async def test_the_screen_looks_like_this(
    name: str, size: tuple[int, int], environ: dict[str, str], keys: tuple[str, ...]
) -> None:
    async with running(ScriptedLink(WORLDS.get(name)), size=size, environ=environ) as look:
        await look.wait_for(lambda: is_shown(look) or "needs a terminal" in look.text())
        for key in keys:
            await look.press(key)
            await look.wait_for(lambda: is_shown(look))
        await look.pilot.pause()
        seen = look.text() + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("MAILTOP_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen)
    assert seen == path.read_text()
    assert seen.isascii() or environ is not C_LOCALE


def is_shown(look: Looker) -> bool:
    """Whether the answer to the last request is shown, and nothing more is asked."""
    main = look.app._main
    return (
        bool(look.link.sent)
        and main.asked == look.link.request
        and main.view == look.link.world.view(look.link.request)
    )
