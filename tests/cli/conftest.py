"""What several tests of the command line begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.postfix_in_files import PostfixInFiles
from tui import config
from tui.config import LocalSource


@pytest.fixture
def source(tmp_path: Path) -> LocalSource:
    [source] = config.load(PostfixInFiles(tmp_path).config).source
    assert isinstance(source, LocalSource)
    return source
