"""The file of tokens: what is kept, who may read it, what happens when it is changed, damaged or watched."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.serve.tokens import Scope, TokenError, TokenNotWritten, TokenStore


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    umask = os.umask(0o000)  # whatever the user's is, the file is private
    yield tmp_path / "state" / "tokens.json"
    os.umask(umask)


def test_a_token_is_found_by_its_secret_alone(path: Path) -> None:
    store = TokenStore(path)
    secret = store.new("shop", [Scope.TOTALS], ["bob", "eve"])
    other = store.new("all")
    found = store.find(secret)
    assert found is not None
    assert (found.name, found.scopes, found.accounts) == ("shop", (Scope.TOTALS,), ("bob", "eve"))
    assert found.may(Scope.TOTALS) and not found.may(Scope.QUEUE)
    assert found.sees("bob") and not found.sees("Bob") and not found.sees("")
    everything = store.find(other)
    assert everything is not None and everything.sees("anyone") and everything.may(Scope.QUEUE)
    for wrong in ("", "shop", secret[:-1], secret + "x", secret.upper(), "\udc80", "é\x00", "x" * 100_000):
        assert store.find(wrong) is None


def test_the_file_holds_no_secret_and_is_private(path: Path) -> None:
    secret = TokenStore(path).new("shop")
    assert re.fullmatch(r"mailtop_[A-Za-z0-9_-]{43}", secret)
    files = [path, *(each for each in path.parent.iterdir() if each != path)]
    assert [each.name for each in files] == ["tokens.json", "tokens.json.lock"]
    for each in files:
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert secret.removeprefix("mailtop_").encode() not in each.read_bytes()


def test_another_process_makes_and_revokes(path: Path) -> None:
    store = TokenStore(path)
    assert store.find("x") is None
    program = "import sys; from pathlib import Path; from tui.serve.tokens import TokenStore; "
    made = subprocess.run(
        [sys.executable, "-c", program + "print(TokenStore(Path(sys.argv[1])).new('a'))", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert store.find(made) is not None
    subprocess.run([sys.executable, "-c", program + "TokenStore(Path(sys.argv[1])).revoke('a')", str(path)], check=True)
    assert store.find(made) is None
    assert store.problem is None


def test_names_are_unique_and_must_be_there(path: Path) -> None:
    store = TokenStore(path)
    with pytest.raises(TokenError, match='no token is called "a"; there is no token at all'):
        store.revoke("a")
    store.new("a")
    store.new("b")
    with pytest.raises(TokenError, match='a token called "a" already'):
        store.new("a")
    with pytest.raises(TokenError, match=r'no token is called "c"; there is a, b$'):
        store.revoke("c")
    store.revoke("a")
    assert [each.name for each in store.list()] == ["b"]


def test_many_at_once_lose_nothing(path: Path) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda name: made.append(TokenStore(path).new(name)), args=(str(number),))
        for number in range(12)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    store = TokenStore(path)
    assert {each.name for each in store.list()} == set(map(str, range(12)))
    assert all(store.find(secret) for secret in made)


def test_what_others_may_read_or_have_written_opens_nothing(path: Path) -> None:
    store = TokenStore(path)
    secret = store.new("a")
    assert store.find(secret) is not None
    path.chmod(0o640)
    assert store.find(secret) is None
    assert store.problem is not None and "is open to others than its owner" in store.problem
    with pytest.raises(TokenError, match="close it with: chmod 600 "):
        store.list()
    with pytest.raises(TokenError, match="is open to others"):
        store.new("b")
    path.chmod(0o600)
    assert store.find(secret) is not None
    assert store.problem is None


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    secret = TokenStore(elsewhere).new("a")
    path.parent.mkdir()
    path.symlink_to(elsewhere)
    store = TokenStore(path)
    assert store.find(secret) is None
    with pytest.raises(TokenError, match="it is a symbolic link"):
        store.new("b")
    assert len(TokenStore(elsewhere).list()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema":1}', b'{"schema":1,"tokens":[{"name":1}]}', b"\xff" * 9])
def test_a_damaged_file_opens_nothing_and_is_left_as_it_is(path: Path, content: bytes) -> None:
    store = TokenStore(path)
    secret = store.new("a")
    path.write_bytes(content)
    assert store.find(secret) is None
    for change in (lambda: store.new("b"), lambda: store.revoke("a"), store.list):
        with pytest.raises(TokenError, match="is damaged; remove it"):
            change()
    assert path.read_bytes() == content


def test_a_file_of_a_later_version_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"schema":2,"tokens":[]}')
    path.chmod(0o600)
    with pytest.raises(TokenError, match="another version of mailtop"):
        TokenStore(path).new("a")


def test_no_ordinary_file(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(TokenError, match="no ordinary file"):
        TokenStore(path).list()
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(TokenError, match="no ordinary file"):
        TokenStore(path).list()
    assert TokenStore(path).find("x") is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TokenNotWritten, match="cannot be written: File exists"):
        TokenStore(tmp_path / "file" / "tokens.json").new("a")


def test_a_full_disk_keeps_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TokenStore(path)
    secret = store.new("a")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.serve.tokens.os.fsync", full)
    with pytest.raises(TokenNotWritten, match="No space left on device"):
        store.new("b")
    assert [each.name for each in store.list()] == ["a"]
    assert store.find(secret) is not None
    assert sorted(each.name for each in path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_owner_of_the_folder(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65534)
    store = TokenStore(path)
    secret = store.new("a")
    for each in path.parent.iterdir():
        assert (each.stat().st_uid, stat.S_IMODE(each.stat().st_mode)) == (65534, 0o600)
    assert store.find(secret) is not None
    os.chown(path, 65533, 65533)
    assert store.find(secret) is None
    assert store.problem is not None and "belongs to another user (number 65533)" in store.problem
