"""Who a message belongs to, with and without cPanel's table of owners."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.engine.accounts import BOUNCE, Accounts, read_userdomains

OWNED = Accounts({b"example.test": b"bobuser", b"xn--bcher-kva.test": b"eve"})


@pytest.mark.parametrize(
    ("sender", "account"),
    [
        (b"news@example.org", b"example.org"),
        (b"News@EXAMPLE.org", b"example.org"),
        (b'"a@b"@example.org', b"example.org"),
        (b"root", b"root"),
        (b"", BOUNCE),
        (b"<>", BOUNCE),
    ],
)
def test_sender_names_its_domain(sender: bytes, account: bytes) -> None:
    assert Accounts().by_sender(sender) == account


def test_owner_of_the_domain_is_the_account() -> None:
    assert OWNED.by_sender(b"x@EXAMPLE.test") == b"bobuser"
    assert OWNED.by_sender(b"x@other.test") == b"other.test"
    assert OWNED.by_sender(b"") == BOUNCE
    assert OWNED.authenticated(b"info@Example.test") == b"bobuser"


def test_authenticated_user_without_an_owner_stays_as_logged() -> None:
    assert Accounts().authenticated(b"Info@Example.test") == b"Info@Example.test"
    assert OWNED.authenticated(b"bobuser") == b"bobuser"
    assert OWNED.authenticated(b"info@other.test") == b"info@other.test"


def test_userdomains_file_is_read_without_its_catch_all(tmp_path: Path) -> None:
    file = tmp_path / "userdomains"
    file.write_bytes(b"Example.test: bobuser\nother.test:eve\n*: nobody\n\n# no line\nbroken\nempty.test: \n")
    assert read_userdomains(file) == {b"example.test": b"bobuser", b"other.test": b"eve"}
    with pytest.raises(FileNotFoundError):
        read_userdomains(tmp_path / "none")
