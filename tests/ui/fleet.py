"""A scripted fleet: several hosts that know the same accounts, one of which cannot be read."""

from __future__ import annotations

from msgspec.structs import replace

from tests.ui.scripted import CELLS, LIVE, World, panes
from tui.hub.protocol import AccountPane, Balanced, HostFacts, ViewRequest
from tui.model import Freshness, QueueRow, SourceStatus

AWAY = SourceStatus(
    name="mx3",
    type="sender_queue",
    freshness=Freshness.ERROR,
    age_seconds=725.0,
    error="the server at https://mx3.example.test refuses the token; give it another one.",
)


def fleet(count: int = 5, away: int = 1, stale: int = 0) -> World:
    """``count`` hosts, the third and those after it ``away`` or ``stale``, so that no sum holds them."""
    sources, cells, facts = [], [], {}
    for number in range(1, count + 1):
        name = f"mx{number}"
        status, cell = LIVE, CELLS[number % 3 :: 1] if count < 10 else CELLS[:2]
        if 3 <= number < 3 + away:
            status = AWAY
        elif 3 + away <= number < 3 + away + stale:
            status = replace(AWAY, freshness=Freshness.STALE, age_seconds=200.0, error="it does not answer.")
        sources.append(replace(status, name=name))
        cells += [replace(one, source=name, sender_id=0, retry=one.retry + 7 * number) for one in cell]
        facts[name] = _facts(status, cells[-1])
    balance = Balanced(asked=count, told=count - away - stale)
    world = World(sources=sources, cells=cells, hosts=facts, panes=_together, balance=balance)
    if away or stale:
        world.queue_freshness = Freshness.PARTIAL
    return world


def _facts(status: SourceStatus, cell: QueueRow) -> HostFacts:
    return HostFacts(
        freshness=status.freshness,
        age_seconds=status.age_seconds,
        error=status.error,
        defer_share=0.123 if status is LIVE else 0.71,
        worst_isp=cell.isp,
        worst_waiting=cell.retry + cell.hold,
        counted=status is LIVE,
    )


def _together(request: ViewRequest) -> list[AccountPane]:
    """Accounts that are added up belong to no source."""
    return [replace(pane, source="") if request.together else pane for pane in panes(request)]
