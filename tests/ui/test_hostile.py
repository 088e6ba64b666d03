"""Hostile text in every place where text from outside can appear: shown harmlessly, and what stands beside it stays in
its column. Cleaned, as a source hands it on, and as it came, should a source forget."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import wcwidth
from textual import events

from tests.pty_driver import Terminal
from tests.ui.hostile import HOSTILE, MARK, HostileWorld
from tests.ui.recording import Recording
from tests.ui.screens import UTF8, Looker, running
from tests.ui.scripted import ScriptedLink
from tui.hub.protocol import Exported, HubRestarted, Jumped
from tui.text import clean, shown

ROOT = Path(__file__).parent.parent.parent
ASCII = {"LC_ALL": "C", "TERM": "xterm-256color"}
UNICODE = {**UTF8, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
CUT_BY_PYTE = [
    name
    for name in HOSTILE
    if any(wcwidth.wcwidth(char) == 0 and not unicodedata.combining(char) for char in shown(clean(name)))
]
"""Names of which pyte leaves out what follows a mark that takes no cell."""

HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def look_at(look: Looker) -> list[str]:
    """The screen's lines; fails where one has anything that a terminal obeys, or not just its cells."""
    width = look.app.size.width
    lines = []
    for strip in look.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip)
        assert not {unicodedata.category(char) for char in text} & HARMFUL, ascii(text)
        assert wcwidth.wcswidth(text) == strip.cell_length == width, ascii(text)
        assert text.isascii() or not look.app.glyphs.ascii
        lines.append(text)
    return lines


def places_of_mark(lines: list[str]) -> list[int]:
    """The cells at which the rows' number stands."""
    return [wcwidth.wcswidth(line[: line.index(f"{MARK:,}")]) for line in lines if f"{MARK:,}" in line]


@pytest.mark.parametrize(
    ("size", "environ", "cleaned"),
    [
        ((140, 45), UNICODE, True),
        ((140, 45), UNICODE, False),
        ((80, 24), ASCII, False),
        ((60, 15), UNICODE, False),
    ],
    ids=["cleaned", "raw", "ascii", "small"],
)
async def test_columns_stay_in_their_place_whatever_names_are(
    size: tuple[int, int], environ: dict[str, str], cleaned: bool
) -> None:
    link = ScriptedLink(HostileWorld(cleaned=cleaned))
    async with running(link, size, environ) as look:
        await look.wait_for(f"{MARK:,}")
        await look.press("z")
        for key in ("a", "c", "i"):
            await look.press(key)
            await look.wait_for(lambda: look.app._main.view == link.world.view(link.request))
            seen = []
            for _ in range(0, len(HOSTILE), max(look.app._main.table.state.height, 1)):
                seen += places_of_mark(look_at(look))
                await look.press("pagedown")
            assert len(seen) >= len(HOSTILE)
            assert len(set(seen)) == 1, seen


@pytest.mark.parametrize("keys", [[], ["enter"], ["d"], ["d", "z"], ["shift+tab", "z"]], ids="-".join)
async def test_no_place_on_any_screen_obeys_a_text(keys: list[str]) -> None:
    world = HostileWorld(cleaned=False)
    link = ScriptedLink(world)
    async with running(link, (100, 35), UNICODE) as look:
        await look.wait_for(f"{MARK:,}")
        await look.press(*keys)
        for text in HOSTILE:
            world.text = text
            link.push()
            await look.pilot.pause()
            look_at(look)


async def test_what_is_said_once_is_said_harmlessly() -> None:
    link = ScriptedLink(HostileWorld(cleaned=False))
    async with running(link, (80, 24), UNICODE) as look:
        await look.wait_for(f"{MARK:,}")
        for text in HOSTILE:
            for answer in (HubRestarted(text), Exported(serial=1, sentence=text), Jumped(serial=1, sentence=text)):
                link._answers.put_nowait(answer)
                await look.pilot.pause()
                look_at(look)


@pytest.mark.parametrize("key", ["slash", "colon"])
async def test_what_is_pasted_into_a_prompt_is_typed_and_not_obeyed(key: str) -> None:
    async with running(ScriptedLink(HostileWorld(cleaned=True)), (80, 24), UNICODE) as look:
        await look.wait_for(f"{MARK:,}")
        await look.press(key)
        for some in (HOSTILE[:10], HOSTILE[10:20], HOSTILE[20:]):
            look.app.post_message(events.Paste("".join(text[:15] for text in some)))
            await look.pilot.pause()
            look_at(look)
        for edit in ("left", "home", "right", "end", "enter", key, "up", "escape", "escape"):
            await look.press(edit)
            look_at(look)


async def test_what_is_copied_cannot_be_more_than_one_line() -> None:
    async with running(ScriptedLink(HostileWorld(cleaned=False)), (140, 45), UNICODE) as look:
        await look.wait_for(f"{MARK:,}")
        for _ in HOSTILE[:7]:
            await look.press("enter", "y")
            look_at(look)
            assert not {unicodedata.category(char) for char in look.app.clipboard} & {"Cc", "Zl", "Zp"}
            await look.press("escape", "down")


@pytest.mark.parametrize("cleaned", ["cleaned", "raw"])
def test_nothing_of_it_reaches_a_terminal_as_a_command(cleaned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "tests.ui.hostile_app", cleaned]
    with Terminal(argv, columns=140, rows=45, env=environ) as terminal:
        recording = Recording(terminal, monkeypatch)
        terminal.wait_for(f"all {len(HOSTILE)} accounts")
        for key, seen in (
            ("z", f"all {len(HOSTILE)} accounts"),
            ("i", "by isp"),
            ("c", "by campaign"),
            ("end", f"row {len(HOSTILE)} of"),
            ("home", "row 1 of"),
            ("d", "more"),
            ("backspace", f"all {len(HOSTILE)} campaigns"),
        ):
            terminal.press(key)
            terminal.wait_for(seen)
        places = Counter(
            x
            for row in terminal._screen.buffer.values()
            for x in range(120)
            if "".join(row[x + step].data for step in range(5)) == f"{MARK:,}"
        )
        assert places.most_common(1)[0][1] == len(HOSTILE) - len(CUT_BY_PYTE)
        terminal.press("q", "q", "q")
        assert terminal.wait_exit() == 0
        text = recording.text
        assert set(re.findall(r"\x1b\][^\x07\x1b]*", text)) <= {"\x1b]22;default"}, "the pointer's shape, by Textual"
        assert "\x1b[2J\x1b[1;1Hx" not in text
        assert not {char for char in text if unicodedata.category(char) in HARMFUL} - set("\x1b\r\n\x07")
