"""mailtop beside a real Postfix: it says what Postfix's own listing and the far end say, live and by keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import story
from tests.live.mta import RealMta
from tests.live.postfix import RealPostfix

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=["short", "long"])
def mta(request: pytest.FixtureRequest) -> Iterator[RealMta]:
    """Postfix with short and with long queue ids, after mail of every sort."""
    with RealPostfix(long_ids=request.param == "long") as mta:
        story.begin(mta)
        yield mta


@pytest.fixture
def config(mta: RealMta, request: pytest.FixtureRequest) -> str:
    """A configuration with a fresh ledger."""
    return mta.configure(request.function.__name__)


def test_the_numbers_are_the_mail_systems_own(mta: RealMta, config: str) -> None:
    story.same_numbers(mta, config)
    story.drilled_down(mta, config)


def test_frozen_thawed_and_removed_mail(mta: RealMta, config: str) -> None:
    story.frozen_and_removed(mta, config)


def test_a_collector_beside_incoming_mail(mta: RealMta, config: str) -> None:
    story.while_mail_comes_in(mta, config)


def test_a_campaign_beyond_ascii(mta: RealMta, config: str) -> None:
    story.beyond_ascii(mta, config)


def test_the_screen_by_keys_alone(mta: RealMta, config: str) -> None:
    story.on_screen(mta, config)


def test_no_configuration_is_needed(mta: RealMta) -> None:
    story.without_configuration(mta)
