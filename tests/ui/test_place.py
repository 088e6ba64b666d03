"""The place as a command: the real command line takes it for the same question."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tui.cli.arguments import parser
from tui.hub.protocol import ViewRequest
from tui.model import Grouping, QueueQuery
from tui.text import clean
from tui.ui.place import place_command

NAMES = st.text(min_size=1, max_size=30).map(clean)


@given(
    st.builds(
        QueueQuery,
        grouping=st.sampled_from(Grouping),
        sender_id=st.none() | st.integers(0, 9999),
        account_id=st.none() | st.integers(1, 9999),
        campaign_id=st.none() | st.integers(1, 9999),
        isp=st.none() | NAMES | st.just(""),
        account=NAMES,
        campaign=NAMES | st.just(""),
    ),
    NAMES | st.just(""),
    st.sampled_from(["total", "retry", "account", "delta"]),
    st.booleans(),
    st.booleans(),
)
def test_the_command_asks_the_same(query: QueueQuery, filter: str, sort: str, descending: bool, problems: bool) -> None:
    asked = ViewRequest(serial=3, query=query, filter=filter, sort=sort, descending=descending, problems=problems)
    words = shlex.split(place_command(asked))
    assert words[0] == "mailtop"
    options = parser().parse_args(words[1:])
    assert (options.command, options.what, options.group) == ("show", "queue", query.grouping.value)
    assert options.sender == query.sender_id
    assert options.account == (query.account if query.account_id is not None else None)
    assert options.campaign == (query.campaign if query.campaign_id is not None else None)
    assert options.isp == query.isp
    assert (options.filter, options.problems) == (filter or None, problems)
    assert (options.sort or "total") == sort
    assert (sort in ("account",)) is (descending is options.reverse)


@pytest.mark.parametrize("name", ["-remote-", "--help", "it's", "a b", "$(reboot)", "`x`", "a;b", "<>", "*", "zoë"])
def test_names_stay_what_they_are(name: str) -> None:
    asked = ViewRequest(serial=1, query=QueueQuery(account_id=1, account=name))
    assert parser().parse_args(shlex.split(place_command(asked))[1:]).account == name


def test_ids_stand_for_names_that_nobody_tells() -> None:
    query = QueueQuery(grouping=Grouping.ISP, account_id=7, campaign_id=9)
    asked = ViewRequest(serial=1, query=query)
    assert place_command(asked, campaigns_by_id=True) == "mailtop show queue --group isp --account 7 --campaign 9"
    assert place_command(asked) == "mailtop show queue --group isp --account 7 --campaign ''"
    assert place_command(replace(asked, query=QueueQuery())) == "mailtop show queue --group total"
    assert place_command(asked, totals=True) == "mailtop show totals"


def test_the_source_is_named_where_it_is_one_of_several() -> None:
    asked = ViewRequest(serial=1, query=QueueQuery(), source="mx1", filter="gmail")
    assert place_command(asked) == "mailtop show queue --group total --filter gmail"
    assert place_command(asked, several_sources=True).endswith("--filter gmail --source mx1")
    assert place_command(asked, several_sources=True, totals=True) == "mailtop show totals --source mx1"


def test_hosts_are_added_up_where_they_are_on_the_screen() -> None:
    asked = ViewRequest(serial=1, query=QueueQuery(grouping=Grouping.ISP), together=True)
    assert place_command(asked) == "mailtop show queue --group isp"
    assert place_command(asked, several_hosts=True) == "mailtop show queue --group isp --together"
    assert place_command(asked, several_hosts=True, totals=True) == "mailtop show totals --together"
    by_host = replace(asked, query=QueueQuery(grouping=Grouping.HOST))
    assert place_command(by_host, several_hosts=True) == "mailtop show queue --group host"
    assert "--together" not in place_command(replace(asked, together=False), several_hosts=True)


@pytest.mark.parametrize("totals", [False, True])
def test_the_command_line_takes_hosts_as_they_are_copied(totals: bool) -> None:
    asked = ViewRequest(serial=1, query=QueueQuery(), source="-mx 1", together=True)
    for source in ("-mx 1", None):
        place = replace(asked, source=source)
        command = place_command(place, totals=totals, several_sources=True, several_hosts=True)
        options = parser().parse_args(shlex.split(command)[1:])
        assert (options.source, options.together) == (source, True)


def test_what_mailtop_was_started_with_stays() -> None:
    asked = ViewRequest(serial=1, query=QueueQuery())
    words = shlex.split(place_command(asked, options=("--config", "/etc/my own.toml")))
    assert parser().parse_args(words[1:]).config == "/etc/my own.toml"
    assert place_command(asked, totals=True, options=("--config", "a")) == "mailtop show totals --config a"
