"""Standard output is data, standard error is talk: writing both so that a closed pipe or a full disk is an answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


class OutputError(Exception):
    """Standard output could not be written; the text says why."""


class PipeClosed(Exception):
    """Whoever read standard output has gone, which is no error of anybody's."""


def say(sentence: str) -> None:
    """One sentence to standard error, after the program's name."""
    if sys.stderr is None:  # print would take standard output instead
        return
    try:
        print(f"mailtop: {sentence}", file=sys.stderr, flush=True)
    except OSError:
        _give_up(2)  # nobody is left who could be told


def write(texts: Iterable[str], *, utf8: bool) -> None:
    """Write ``texts`` to standard output: in UTF-8 for programs, else as the terminal reads it, with ``?`` for what it
    cannot show. Raises ``OutputError`` and ``PipeClosed``."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    out = sys.stdout
    if hasattr(out, "reconfigure"):
        out.reconfigure(encoding="utf-8" if utf8 else out.encoding, errors="replace")
    try:
        for text in texts:
            out.write(text)
    except OSError as error:
        raise _failure(error) from None
    flush()


def flush() -> None:
    """Write out what is still kept back. Raises ``OutputError`` and ``PipeClosed``."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        raise _failure(error) from None


def _failure(error: OSError) -> OutputError | PipeClosed:
    _give_up(1)
    if isinstance(error, BrokenPipeError):
        return PipeClosed()
    return OutputError(f"the output could not be written: {error.strerror}")


def _give_up(descriptor: int) -> None:
    """Lead the descriptor nowhere, so that the interpreter does not fail on it again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
