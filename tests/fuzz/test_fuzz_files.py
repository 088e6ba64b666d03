"""Files of the user: configuration, themes, what was shown last. Any bytes are read or are a sentence."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest

from tests.fuzz.case import Room, attack_often
from tui.config import reading
from tui.config.example import example
from tui.config.messages import ConfigError
from tui.config.remembered import RememberedError, recall
from tui.ui.themes import ThemeError, read_theme, shipped_folder

FOLDER = tempfile.TemporaryDirectory(prefix="mailtop-fuzz-")
FILE = Path(FOLDER.name) / "x.toml"


def _written(data: bytes) -> Path:
    FILE.write_bytes(data)
    return FILE


def _config(data: bytes) -> object:
    config = reading.load(_written(data))
    assert math.isfinite(config.interval), "an interval that is no number"
    return None


def _theme(data: bytes) -> object:
    theme = read_theme(_written(data))
    theme.to_color_system().generate()
    return None


def _remembered(data: bytes) -> object:
    recall(_written(data), ["a"])
    return None


TOML = [
    b"[[source]]\n",
    b"[",
    b"]",
    b"{",
    b"= [[[[",
    b"= {a={",
    b" = nan\n",
    b" = inf\n",
    b" = 1e308\n",
    b"true",
    b'"""',
    b"0x",
]
TOML += [b"1979-05-27T07:32:00Z", b"a.b.c = 1\n", b'"\\u202e" = 1\n', b"= [", b"interval = ", b"token_command = []\n"]
CONFIG = example().replace("\n# ", "\n").encode()
BLOCKS = [
    b'[[source]]\ntype = "local"\nname = "a"\nledger = "clickhouse://u@h:8123,i:9/db?cluster=c"\nhost = "x"\n',
    b'[[source]]\ntype = "cpanel"\nurl = "https://panel.example:2087"\nuser = "root"\ntoken_env = "T"\n',
    b'interval = 2.5\ntheme = "x"\n[[source]]\ntype = "demo"\nseed = 3\n[[source]]\ntype = "ssh"\nhost = "a@b"\n',
    b'[[source]]\ntype = "sender_queue"\nurl = "http://[::1]:1/"\ntoken_command = ["a", "b"]\nsenders = [1, 2]\n',
    b'[[source]]\ntype = "ledger"\nledger = "sqlite:///a/b"\n',
]
VIEWS = (
    b'{"schema":1,"views":{"a":{"grouping":"isp","sort":"total","filter":"retry>1","span_seconds":3600,"theme":"x"}}}'
)
ROOMS = [
    Room(
        "configuration",
        _config,
        [
            *BLOCKS,
            *BLOCKS,
            CONFIG,
            *(path.read_bytes() for path in sorted((Path(__file__).parent.parent / "data" / "config").glob("*.toml"))),
        ],
        [
            *TOML,
            *BLOCKS,
            *(f"{key} = ".encode() for key in ("url", "user", "proxy", "ledger", "interval", "host", "isp", "name")),
        ],
        (ConfigError,),
        examples=100,
    ),
    Room(
        "themes",
        _theme,
        [path.read_bytes() for path in sorted(shipped_folder().glob("*.toml"))],
        [
            *TOML,
            b'primary = "#fff"\n',
            b"luminosity_spread = ",
            b"text_alpha = ",
            b'"auto 50%"',
            b'"rgb(1,2,3)"',
            b'"hsl(1,1%,1%)"',
        ],
        (ThemeError,),
        examples=60,
    ),
    Room(
        "remembered views",
        _remembered,
        [VIEWS],
        [b"[[[[", b'{"a":', b"null", b'"schema":2,', b'"views":', b"1e999"],
        (RememberedError,),
        examples=100,
    ),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_files(room: Room) -> None:
    attack_often(room)
