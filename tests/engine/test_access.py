from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from tui.engine import access
from tui.engine.access import refusal

USER = pwd.getpwuid(os.getuid()).pw_name
AS_OWNER = "run mailtop as root" if USER == "root" else f"run mailtop as root or as {USER}"
OWNER = f"{pwd.getpwuid(os.getuid()).pw_name}:{grp.getgrgid(os.getgid()).gr_name}"


def test_nothing_stands_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "mainlog"
    path.touch()
    assert refusal(path) is None


def test_names_owner_group_mode_and_the_group_that_may(tmp_path: Path) -> None:
    path = tmp_path / "mainlog"
    path.touch()
    path.chmod(0o640)
    assert refusal(path, lambda at, _: at != path) == (
        f"cannot read {path}: it belongs to {OWNER} with mode 0640; "
        f"run mailtop as root or add your user to the group {OWNER.split(':')[1]}"
    )


def test_a_group_without_the_right_is_no_advice(tmp_path: Path) -> None:
    path = tmp_path / "mainlog"
    path.touch()
    path.chmod(0o600)
    sentence = refusal(path, lambda at, _: at != path)
    assert sentence is not None and sentence.endswith(f"; {AS_OWNER}")


@pytest.mark.parametrize(("owner", "remedy"), [("root", "as root"), ("exim", "as root or as exim")])
def test_root_is_advised_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, remedy: str) -> None:
    path = tmp_path / "mainlog"
    path.touch(mode=0o600)
    monkeypatch.setattr(access, "_user", lambda uid: owner)
    sentence = refusal(path, lambda at, _: at != path)
    assert sentence is not None and sentence.endswith(f"; run mailtop {remedy}")


def test_the_first_folder_that_cannot_be_entered_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "exim4"
    folder.mkdir(mode=0o750)
    (folder / "input").mkdir()
    sentence = refusal(folder / "input" / "x", lambda at, mode: at != folder or not mode & os.X_OK)
    assert sentence is not None and sentence.startswith(f"cannot enter {folder}: it belongs to {OWNER} with mode 0750")


def test_a_folder_must_be_listable(tmp_path: Path) -> None:
    tmp_path.chmod(0o710)
    sentence = refusal(tmp_path, lambda at, mode: at != tmp_path or not mode & os.R_OK)
    assert sentence is not None and sentence.endswith(f"; {AS_OWNER}")


def test_what_is_not_there_is_another_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        refusal(tmp_path / "mainlog")
