"""Reads the one secret of a source, and keeps it from being printed. Sources get a function that reads it."""

from __future__ import annotations

from typing import Final

from tui.config.declared import HttpSource


class SecretError(Exception):
    """A secret cannot be had; one sentence that says why and what to do, without the secret."""


class Secret:
    """A token or password. Only ``reveal`` gives it; printing, formatting, pickling and comparing do not."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The secret itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


def read_secret(source: HttpSource, name: str) -> Secret:
    """The secret of the source called ``name``, by the one ``token_…`` key that is given. May take seconds (a command,
    a keyring). Raises ``SecretError``."""
    raise SecretError(f'the source "{name}" has no secret: {source.url}')
