"""How a command line is parsed: help without colours, and a sentence for whatever is wrong. `arguments` enters."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

_USAGE = 2
"""What argparse itself ends with where a command line is wrong; `Exit.USAGE` is the same."""


class _NoColours:
    """A theme of argparse in which nothing has a colour."""

    def __getattr__(self, name: str) -> str:
        return ""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help without colours: to know of them takes Python 3.14 longer than all else that help needs."""

    def _set_color(self, *_: object, **_more: object) -> None:  # argparse of Python 3.14 calls it wherever it formats
        self._theme, self._decolor = _NoColours(), str


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as everything else here does, and names the help of the command meant."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse does, but nothing may be left over."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:  # said here, since the parser above would name its own help
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """End with the sentence that ``message`` becomes."""
        self.exit(_USAGE, f"mailtop: {message}; see: {self.prog} --help\n")
