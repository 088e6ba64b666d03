"""Who may import whom, looked at in running processes and by the contracts in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCREEN = ("textual", "rich", "tui.ui")
HEAVY = (
    "msgspec",
    "sqlite3",
    "asyncio",
    "plotext",
    "httpx",
    "httpcore",
    "platformdirs",
    "tui.engine",
    "tui.hub",
    "tui.sources",
)


def imported_by(statement: str) -> set[str]:
    """All modules that are loaded after `statement` ran in a process of its own."""
    program = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def those(modules: set[str], forbidden: Sequence[str]) -> set[str]:
    return {module for module in modules if any(f"{module}.".startswith(f"{each}.") for each in forbidden)}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["show", "queue", "--help"], ["--bogus"]])
def test_help_loads_nothing_but_the_command_line(arguments: list[str]) -> None:
    modules = imported_by(f"from tui.cli.main import main; main({arguments!r})")
    assert "tui.cli.arguments" in modules
    assert those(modules, (*SCREEN, *HEAVY, "_colorize", "dataclasses")) == set()


@pytest.mark.parametrize(
    "room", ["model", "text", "isp", "series", "config", "engine", "sources", "hub", "serve", "cli.show", "cli.check"]
)
def test_nothing_but_the_screen_knows_textual(room: str) -> None:
    folder = ROOT / "tui" / room
    modules = [f"tui.{room}"]
    if folder.is_dir():
        modules = [
            ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for path in folder.rglob("*.py")
            if path.name != "__init__.py"
        ]
    loaded = imported_by(f"import {', '.join(modules)}")
    # httpx has a command line of its own, which loads Rich wherever that is installed.
    assert those(loaded, SCREEN if "httpx" not in loaded else ("textual", "tui.ui")) == set()


def test_ledgers_in_files_need_no_http() -> None:
    modules = imported_by(
        "import tui.cli.check, tui.cli.compose, tui.cli.collect, tui.cli.collecting, tui.cli.debug, tui.cli.show"
    )
    assert "tui.sources.ledger" in modules
    servers = ("httpx", "httpcore", "tui.sources.http", "tui.sources.cpanel", "tui.sources.sender_queue")
    assert (
        those(modules, (*servers, "http.client", "tui.engine.clickhouse_client", "tui.engine.clickhouse_spool"))
        == set()
    )


def test_only_a_server_that_runs_needs_what_serves() -> None:
    modules = imported_by("import tui.cli.serve, tui.cli.token, tui.cli.monitor, tui.cli.hub")
    assert "tui.serve.tokens" in modules
    assert those(modules, ("starlette", "uvicorn", "h11", "anyio")) == set()


def test_the_screen_reaches_only_protocol_model_and_text() -> None:
    modules = imported_by("import tui.ui.app")
    forbidden = (
        "httpx",
        "httpcore",
        "sqlite3",
        "plotext",
        "tui.engine",
        "tui.sources",
        "tui.config",
        "tui.isp",
        "tui.cli",
    )
    assert those(modules, forbidden) == set()
    assert those(modules, ["tui.hub"]) == {"tui.hub", "tui.hub.protocol"}


def test_the_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
