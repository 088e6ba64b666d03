"""What the screen showed last is kept for each set of sources, in a small private file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ordinary_user import shut_out_of
from tui.config.remembered import (
    MOST_BYTES,
    MOST_VIEWS,
    Remembered,
    RememberedError,
    recall,
    remember,
)
from tui.model import Grouping

ISP = Remembered(grouping=Grouping.ISP, sort="retry", descending=False, filter="gmail", theme="mailtop-paper")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mailtop" / "views.json"


def test_each_set_of_sources_has_its_own(path: Path) -> None:
    assert recall(path, ["a"]) is None
    remember(path, ["a", "b"], ISP)
    remember(path, ["a"], Remembered(filter="x"))
    assert recall(path, ["b", "a"]) == ISP
    assert recall(path, ["a"]) == Remembered(filter="x")
    assert recall(path, ["b"]) is None


def test_the_file_is_private_and_nothing_lies_beside_it(path: Path) -> None:
    remember(path, ["a"], ISP)
    remember(path, ["a"], Remembered())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_it_stays_small(path: Path) -> None:
    for number in range(MOST_VIEWS + 5):
        remember(path, [f"source-{number}"], Remembered(filter="x" * 500))
    assert path.stat().st_size <= 2 * MOST_BYTES
    assert recall(path, ["source-0"]) is None
    assert recall(path, [f"source-{MOST_VIEWS + 4}"]) is not None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"views": 7}', '{"views": {"a": {"grouping": "none"}}}', '{"views": {"a": {"span_seconds": 1}}}'],
)
def test_a_damaged_file_is_told_and_made_anew(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RememberedError, match=r"views\.json cannot be read: it is damaged\.$"):
        recall(path, ["a"])
    remember(path, ["a"], ISP)
    assert recall(path, ["a"]) == ISP


def test_an_endless_file_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b" " * 10_000_000 + b"{}")
    with pytest.raises(RememberedError):
        recall(path, ["a"])


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    remember(path, ["a"], ISP)
    with shut_out_of(path.parent), pytest.raises(RememberedError, match="Permission denied"):
        recall(path, ["a"])


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(path, ["a"], ISP)

    def full(source: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        remember(path, ["a"], Remembered())
    assert recall(path, ["a"]) == ISP
    assert list(path.parent.iterdir()) == [path]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_a_sentence(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "views.json"
        path.write_bytes(content)
        try:
            recall(path, ["a"])
        except RememberedError as error:
            assert str(path) in str(error)
        remember(path, ["a"], ISP)
        assert msgspec.json.decode(path.read_bytes())["views"]["a"]["sort"] == "retry"
