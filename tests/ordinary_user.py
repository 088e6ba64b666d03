"""Runs a part of a test without root's rights, which know no closed folder. Tests enter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[None]:
    """Within the block this process is nobody, where root runs the tests."""
    is_root = os.getuid() == 0
    if is_root:
        os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


@contextmanager
def shut_out_of(folder: Path) -> Iterator[None]:
    """Within the block this process may not enter ``folder``, whoever runs the tests."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        with unprivileged():
            yield
    finally:
        folder.chmod(mode)
