"""The whole screen as text, beside what it should be; ``MAILTOP_SNAPSHOTS=write`` writes down what it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.screens import UTF8, running

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
    ],
)
async def test_the_screen_looks_like_this(
    name: str, size: tuple[int, int], environ: dict[str, str], keys: tuple[str, ...]
) -> None:
    async with running(size=size, environ=environ) as look:
        await look.wait_for("all 5 accounts")
        for key in keys:
            await look.press(key)
            await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.link.request))
        seen = look.text() + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("MAILTOP_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen)
    assert seen == path.read_text()
    assert seen.isascii() or environ is not C_LOCALE
