"""Runs a part of a test without root's rights, for what a folder that cannot be entered does. Tests enter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def shut_out_of(folder: Path) -> Iterator[None]:
    """Within the block this process may not enter ``folder``, whoever runs the tests."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    is_root = os.getuid() == 0
    if is_root:
        os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        folder.chmod(mode)
