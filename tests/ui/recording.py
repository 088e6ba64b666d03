"""What a program sends to its terminal, kept byte by byte."""

from __future__ import annotations

import re

import pytest

from tests.pty_driver import Terminal

_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_^X][^\x1b]*\x1b\\|[@-Z\\-_]|[ -/][0-~]|[0-~])"
)


class Recording:
    """The output of ``terminal``, from now on."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._decoder = terminal._decoder
        self._data = b""
        monkeypatch.setattr(terminal, "_decoder", self)

    def decode(self, data: bytes) -> str:
        """What the terminal's own decoder makes of it."""
        self._data += data
        return self._decoder.decode(data)

    @property
    def text(self) -> str:
        """All of it, which is UTF-8."""
        return self._data.decode()

    @property
    def words(self) -> str:
        """It without escape sequences."""
        return _SEQUENCE.sub("", self.text)

    @property
    def styles(self) -> set[str]:
        """The parameters of all sequences that set a style."""
        return {code for codes in re.findall(r"\x1b\[([0-9;:]*)m", self.text) for code in _whole(codes)}


def _whole(codes: str) -> list[str]:
    """The single styles of one sequence: ``1;38;5;7`` is ``1`` and ``38;5;7``."""
    return re.findall(r"[34]8;5;\d+|[34]8;2;\d+;\d+;\d+|\d+", codes)
