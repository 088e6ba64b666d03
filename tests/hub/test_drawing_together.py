"""Charts and panes of several sources: what is added up is asked of all, and nobody waits for who fails."""

from __future__ import annotations

from tests.hub.scripted import ScriptedSource
from tests.hub.test_hub import ISPS, quick, screen
from tui.hub.accounts import Ranking
from tui.hub.drawing import is_of, wanted
from tui.hub.poller import Trend
from tui.hub.protocol import AccountKey, ViewRequest
from tui.model import MailTotals, QueueQuery, RowKey
from tui.sources.source import SourceError

__all__ = ["quick"]

BOB = MailTotals(account="bob", account_id=-1, send_count=5)


def test_what_is_added_up_is_asked_of_all_that_have_it() -> None:
    parts = {"bob": {"one": BOB, "two": BOB}}
    ranking = Ranking([("", BOB)], 1, parts)
    request = ViewRequest(
        serial=1,
        query=ISPS,
        selected=RowKey(isp="Gmail"),
        detail=True,
        panes=1,
        pane_width=9,
        pane_height=2,
        together=True,
    )
    chart, pane = Trend(QueueQuery(isp="Gmail"), 3600), Trend(QueueQuery(account_id=-1), 3600)
    listed = [AccountKey("", "eve")]
    for source in ("one", "two"):
        found = wanted(request, source, ranking, listed=listed)
        assert (found.trends, found.accounts) == ((chart, pane), ("bob", "eve"))
    found = wanted(request, "three", ranking, listed=listed)
    assert (found.trends, found.accounts) == ((chart,), ("eve",))
    assert [is_of(RowKey("one"), source) for source in ("one", "two")] == [True, False]


async def test_panes_of_accounts_together_have_the_rates_of_all() -> None:
    one, two, bad = ScriptedSource("one"), ScriptedSource("two"), ScriptedSource("bad")
    bad.trouble = SourceError("It is locked.")
    async with screen(one, two, bad) as shown:
        shown.ask(panes=2, pane_width=20, pane_height=2, together=True)
        view = await shown.until(
            lambda view: view.panes and view.panes[0].chart and view.panes[0].totals.send_count == 14
        )
        assert view.panes[0].key == AccountKey("", "alice") and view.pane_count == 1
        assert view.panes[0].rate_per_minute == 2 * 59, "their histories tell of 59 messages in the last minute"
        shown.ask(panes=2, pane_width=20, pane_height=2)
        view = await shown.until(lambda view: len(view.panes) == 2 and all(pane.chart for pane in view.panes))
        assert [(pane.source, pane.rate_per_minute) for pane in view.panes] == [("one", 59), ("two", 59)]


async def test_the_chart_of_rows_together_is_of_all_who_answer() -> None:
    one, two, bad = ScriptedSource("one"), ScriptedSource("two"), ScriptedSource("bad")
    bad.trouble = SourceError("It is locked.")
    async with screen(one, two, bad) as shown:
        shown.ask(query=ISPS, selected=RowKey(isp="isp2"), chart_width=60, chart_height=8, together=True)
        view = await shown.until(lambda view: view.chart and "118" in "".join(span.text for span in view.chart[0]))
        assert view.problems == []
