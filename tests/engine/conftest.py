"""A log, and tails that are closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.log_files import Follow


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mainlog"


@pytest.fixture
def follow() -> Iterator[Follow]:
    made = Follow()
    yield made
    for tail in made.tails:
        tail.close()
