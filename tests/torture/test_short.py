"""Every attack of `scripts/torture`, for one round: that what it promises is kept, and that the attacks themselves
work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.attack import Attack, attacks, attempt

PARTS = sorted(
    file.stem for file in Path(__file__).parent.glob("*.py") if "ATTACKS" in file.read_text() and file != Path(__file__)
)


@pytest.mark.parametrize(
    "attack",
    [pytest.param(each, id=f"{part}: {each.promise}") for part in PARTS if part != "attack" for each in attacks(part)],
)
def test_a_promise_is_kept(attack: Attack) -> None:
    if missing := attack.needs():
        pytest.skip(missing)
    assert attempt(attack, seed=1) > 0
