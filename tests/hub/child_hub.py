"""The hub's child process for tests: a scripted source behind ``serve``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.hub.scripted import ScriptedSource
from tui.hub.hub import Hub
from tui.hub.process import inherited_socket, serve

ROOT = str(Path(__file__).parents[2])


def argv() -> list[str]:
    """How to start it."""
    code = f"import sys; sys.path.insert(0, {ROOT!r}); from tests.hub.child_hub import main; main()"
    return [sys.executable, "-c", code]


def main() -> None:
    """Serve until the socket closes."""
    asyncio.run(_serve())


async def _serve() -> None:
    await serve(Hub([ScriptedSource(interval_seconds=0.1)]), inherited_socket())
