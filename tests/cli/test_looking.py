"""What `check` sees of a host, where that is not plain from the command."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.ordinary_user import shut_out_of
from tui import config
from tui.cli import looking
from tui.config import LocalSource
from tui.engine.ledger_lock import LedgerLock


def test_ledger_that_this_user_could_not_write_is_wrong_unless_another_writes_it(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, access = config.ledger_path(source), os.access
    assert looking.look(source).problems == ()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    [problem] = looking.look(source).problems
    assert problem.startswith(f"the ledger {path} cannot be written: {path.parent} is closed to user ")
    lock = LedgerLock(path)
    assert looking.look(source).problems == ()
    lock.release()


def test_ledger_in_a_folder_that_cannot_be_entered_is_wrong(source: LocalSource, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    source = msgspec.structs.replace(source, ledger=f"sqlite://{folder}/mx.sqlite")
    with shut_out_of(folder):
        problems = looking.look(source).problems
    assert any(problem.startswith(f"cannot tell who writes the ledger {folder}/mx.sqlite") for problem in problems)
