"""mailtop beside a real Exim: it says what Exim's own listing and the far end say, live and by keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import story
from tests.live.exim import RealExim
from tests.live.mta import RealMta

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=["exim", "exim-next"])
def mta(request: pytest.FixtureRequest) -> Iterator[RealMta]:
    """Exim 4.96 with 16-character ids, 4.98 with 23-character ids, after mail of every sort."""
    with RealExim(request.param) as mta:
        story.begin(mta)
        yield mta


@pytest.fixture
def config(mta: RealMta, request: pytest.FixtureRequest) -> str:
    """A configuration with a fresh ledger."""
    return mta.configure(request.function.__name__)


def test_the_numbers_are_the_mail_systems_own(mta: RealMta, config: str) -> None:
    story.same_numbers(mta, config)
    story.drilled_down(mta, config)


def test_the_number_of_messages_is_exims_own_count(mta: RealMta, config: str) -> None:
    answer = mta.show(config, "queue")
    assert answer["sources"][0]["queue_files"] == int(mta.world.run(["exim4", "-bpc"]).stdout) > 0


def test_frozen_thawed_and_removed_mail(mta: RealMta, config: str) -> None:
    story.frozen_and_removed(mta, config)


def test_a_collector_beside_incoming_mail(mta: RealMta, config: str) -> None:
    story.while_mail_comes_in(mta, config)


def test_the_screen_by_keys_alone(mta: RealMta, config: str) -> None:
    story.on_screen(mta, config)


def test_no_configuration_is_needed(mta: RealMta) -> None:
    story.without_configuration(mta)


def test_a_campaign_beyond_ascii(mta: RealMta, config: str) -> None:
    story.beyond_ascii(mta, config)
