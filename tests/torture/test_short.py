"""Every attack of `scripts/torture`, for one round: that what it promises is kept, and that the attacks themselves
work."""

from __future__ import annotations

import pytest

from tests.torture.attack import Attack, attacks, attempt
from tests.torture.table import parts


@pytest.mark.parametrize(
    "attack",
    [pytest.param(each, id=f"{part}: {each.promise}") for part in parts() for each in attacks(part)],
)
def test_a_promise_is_kept(attack: Attack) -> None:
    if missing := attack.needs():
        pytest.skip(missing)
    assert attempt(attack, seed=1) > 0
