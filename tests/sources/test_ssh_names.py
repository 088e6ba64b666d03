"""By which word an id is asked for: its name where that means nothing else."""

from __future__ import annotations

import pytest

from tui.sources import ssh_names
from tui.sources.source import SourceError
from tui.sources.ssh_names import Names
from tui.sources.ssh_wire import Words


def learned(*rows: Words) -> Names:
    names = Names()
    names.learn(rows)
    return names


def test_names_are_asked_by() -> None:
    names = learned((5, "bob", 8, "spring"), (6, "eve", 9, "spring"), (6, "eve", 10, ""))
    assert names.account(5) == "bob"
    assert names.campaign(8) == ("bob", "spring")
    assert names.campaign(9) == ("eve", "spring")
    assert names.campaign(10) == ("eve", "")
    assert names.account(7) is None
    assert names.campaign(5) is None


def test_numbers_are_asked_by_where_there_is_no_name_or_two_have_it() -> None:
    names = learned((5, None, 8, None), (6, "bob", 9, "a"), (7, "bob", 0, ""))
    assert names.account(5) == "5"
    assert names.campaign(8) == (None, "8")
    assert names.account(6) == "6"
    assert names.campaign(9) == ("6", "a")


def test_a_number_that_is_a_name_too_is_refused() -> None:
    names = learned((5, None, 0, ""), (6, "5", 0, ""))
    assert names.account(6) == "5"
    with pytest.raises(SourceError, match="it is a name there, too"):
        names.account(5)


def test_a_name_that_changes() -> None:
    names = learned((5, "bob", 0, ""))
    names.learn([(5, "robert", 0, "")])
    assert names.account(5) == "robert"


def test_names_without_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_names, "MAX_NAMES", 3)
    names = learned(*((number, f"user{number}", 0, "") for number in range(1, 5)))
    assert names.account(1) is None
    assert names.account(4) == "user4"
