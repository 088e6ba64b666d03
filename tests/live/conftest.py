"""Where a real mail system cannot be run, live tests are skipped with a word; ``MAILTOP_LIVE=required`` fails them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.live.packages import Unavailable

pytest.register_assert_rewrite("tests.live.story", "tests.live.namespace")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """A fixture that finds no real mail system skips all that asks for it, where its failure is remembered too."""
    try:
        return (yield)
    except Unavailable as why:
        if os.environ.get("MAILTOP_LIVE") == "required":
            raise
        pytest.skip(f"no real mail system: {why}")
