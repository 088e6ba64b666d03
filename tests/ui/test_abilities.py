"""What terminals can show, by what they say of themselves."""

from __future__ import annotations

import pytest
from rich.console import Console

from tui.ui.abilities import MILLIONS, Abilities, abilities, speaks_utf8, tell_textual

UTF8 = {"LANG": "C.UTF-8"}
FULL = {**UTF8, "COLORTERM": "truecolor"}


@pytest.mark.parametrize(
    ("environ", "utf8"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LC_CTYPE": "de_DE.UTF-8", "LANG": "C"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "POSIX"}, False),
        ({}, False),
    ],
)
def test_the_locale_says_whether_there_is_unicode(environ: dict[str, str], utf8: bool) -> None:
    assert speaks_utf8(environ) is utf8
    assert abilities({**environ, "TERM": "xterm-256color"}).ascii is not utf8


@pytest.mark.parametrize(
    ("term", "able"),
    [
        ("xterm-256color", Abilities(ascii=False, colours=256, lite=False)),
        ("tmux-256color", Abilities(ascii=False, colours=256, lite=False)),
        ("xterm-kitty", Abilities(ascii=False, colours=256, lite=False)),
        ("xterm", Abilities(ascii=False, colours=16, lite=False)),
        ("screen", Abilities(ascii=False, colours=16, lite=False)),
        ("vte-256color", Abilities(ascii=False, colours=256, lite=False)),
        ("linux", Abilities(ascii=True, colours=16, lite=False)),
        ("linux-16color", Abilities(ascii=True, colours=16, lite=False)),
        ("ansi", Abilities(ascii=True, colours=16, lite=False)),
        ("vt100", Abilities(ascii=True, colours=0, lite=True)),
        ("vt220", Abilities(ascii=True, colours=0, lite=True)),
        ("xterm-mono", Abilities(ascii=False, colours=0, lite=False)),
        ("dumb", Abilities(ascii=True, colours=0, lite=False)),
        ("", Abilities(ascii=False, colours=256, lite=False)),
    ],
)
def test_the_terminals_name_says_the_rest(term: str, able: Abilities) -> None:
    assert abilities({**UTF8, "TERM": term}) == able


@pytest.mark.parametrize("term", ["xterm", "xterm-256color", "screen.xterm-256color", "foot", "xterm-kitty", "tmux"])
@pytest.mark.parametrize("more", [{}, {"COLORTERM": "truecolor"}, {"COLORTERM": "24bit"}, {"COLORTERM": "1"}])
def test_colours_are_counted_as_rich_does(term: str, more: dict[str, str]) -> None:
    rich = Console(force_terminal=True, _environ={"TERM": term, **more}).color_system
    counts = {"standard": 16, "256": 256, "truecolor": MILLIONS}
    assert rich is not None
    assert abilities({**UTF8, "TERM": term, **more}).colours == counts[rich]


def test_the_user_can_ask_for_less() -> None:
    assert abilities(FULL) == Abilities(ascii=False, colours=MILLIONS, lite=False)
    assert abilities(FULL, ascii=True, lite=True) == Abilities(ascii=True, colours=MILLIONS, lite=True)
    assert not abilities({**FULL, "NO_COLOR": "1"}).colour
    assert abilities({**FULL, "NO_COLOR": ""}).colour, "https://no-color.org: an empty one does not count"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"TERM": "xterm"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True),
        ({"TERM": "vt100"}, True),
    ],
)
def test_textual_is_told_what_we_see(environ: dict[str, str], told: bool) -> None:
    tell_textual(abilities(environ), environ)
    assert ("NO_COLOR" in environ) is told
