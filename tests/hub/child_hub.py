"""The hub's child process for tests: a scripted source behind ``serve``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.hub.scripted import ScriptedSource
from tui.hub.collectors import Collectors
from tui.hub.hub import Hub
from tui.hub.process import inherited_socket, serve

ROOT = str(Path(__file__).parents[2])


def argv(*collector: str) -> list[str]:
    """How to start it, with a collector of its own if one is given."""
    code = f"import sys; sys.path.insert(0, {ROOT!r}); from tests.hub.child_hub import main; main({collector!r})"
    return [sys.executable, "-c", code]


def main(collector: tuple[str, ...]) -> None:
    """Serve until the socket closes."""
    asyncio.run(_serve(Collectors({"one": collector} if collector else {})))


async def _serve(collectors: Collectors) -> None:
    await serve(Hub([ScriptedSource(interval_seconds=0.1)], collectors), inherited_socket())
