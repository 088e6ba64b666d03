"""What `mailtop --version` says: the version, the commit where it is known, the Python. Only `arguments` enters."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import tui

_PACKAGE = Path(tui.__file__).parent


def version() -> str:
    """The version of mailtop and what it runs on, in one line."""
    commit = _commit()
    known = f" ({commit})" if commit else ""
    return f"mailtop {tui.__version__}{known}, Python {platform.python_version()}"


def _commit() -> str:
    """The commit that this was built from, as the build noted it or the checkout says; empty when nobody knows."""
    try:
        return (_PACKAGE / "COMMIT").read_text().strip()
    except FileNotFoundError:
        pass
    if not (_PACKAGE.parent / ".git").exists():
        return ""
    try:
        told = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=_PACKAGE.parent, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""  # no git here
    return told.stdout.strip()
