"""What the screen showed last, for each set of sources: read at its start, written at its end. Only the command line
enters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import platformdirs
from msgspec import Meta

from tui.model import Grouping
from tui.text import clean

MOST_VIEWS = 50
MOST_BYTES = 65536


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """How rows were added up, those of all hosts ``together`` or apart, sorted and filtered, over which span, in which
    theme; ``configured_theme`` is the one that the configuration named then: when it names another one, that is
    newer."""

    grouping: Grouping = Grouping.ACCOUNT
    together: bool = True
    sort: Annotated[str, Meta(max_length=32)] = "total"
    descending: bool = True
    filter: Annotated[str, Meta(max_length=500)] = ""
    problems: bool = False
    span_seconds: Annotated[int, Meta(ge=60, le=86400)] = 3600
    theme: Annotated[str, Meta(max_length=100)] = ""
    configured_theme: Annotated[str, Meta(max_length=100)] = ""


class _File(msgspec.Struct, kw_only=True):
    schema: int = 1
    views: dict[str, Remembered] = {}


class RememberedError(Exception):
    """The file cannot be used; the text says which, and what becomes of it."""


def remembered_path() -> Path:
    """Where the views are kept: in the user's state folder, whoever keeps the ledgers."""
    return platformdirs.user_state_path("mailtop") / "views.json"


def recall(path: Path, sources: Iterable[str]) -> Remembered | None:
    """What was shown last of the sources with these names, ``None`` when nothing is known of that. Raises
    ``RememberedError``."""
    return _read(path).views.get(_key(sources))


def remember(path: Path, sources: Iterable[str], view: Remembered) -> None:
    """Keep ``view`` for the next time; the views kept longest without change go, so that the file stays small. Raises
    ``OSError``."""
    try:
        file = _read(path)
    except RememberedError:  # it was told at the start, and is made anew
        file = _File()
    views = {key: each for key, each in file.views.items() if key != _key(sources)}
    views[_key(sources)] = view
    while len(views) > MOST_VIEWS or len(content := msgspec.json.encode(_File(views=views))) > MOST_BYTES:
        del views[next(iter(views))]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path, msgspec.json.format(content, indent=1))


def _key(sources: Iterable[str]) -> str:
    return " ".join(sorted(sources))


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            content = file.read(2 * MOST_BYTES + 1)
        return msgspec.json.decode(content, type=_File)
    except FileNotFoundError:
        return _File()
    except NotADirectoryError:
        return _File()
    except OSError as error:
        why = str(error.strerror)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        why = "it is damaged"
    raise RememberedError(f"What you looked at last is not known: {clean(str(path))} cannot be read: {why}.")


def _replace(path: Path, content: bytes) -> None:
    """Another content, whole or not at all, that only its owner may read."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
