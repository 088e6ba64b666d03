"""Campaigns from queue files: what ``postcat`` shows is read within bounds, and what it does wrong is one sentence."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tui.engine.queues.listing import ListingError
from tui.engine.queues.postcat import Postcat

SHOWN = r"""
show() {
    printf '*** ENVELOPE RECORDS deferred/%s/%s ***\nsender: a@b.test\nX-Campaign-ID: envelope\n' "${1%"${1#?}"}" "$1"
    printf '*** MESSAGE CONTENTS deferred/%s ***\nReceived: by mx\n\tid 1\n' "$1"
    printf "$2"
    printf '*** HEADER EXTRACTED deferred/%s ***\nX-Campaign-ID: extracted\n*** MESSAGE FILE END %s ***\n' "$1" "$1"
}
"""
POSTCAT = rf"""
{SHOWN}
for id; do
    case "$id" in
    GONE*) echo "postcat: fatal: open queue file $id: No such file or directory" >&2; exit 1;;
    BAD*) echo "postcat: fatal: deferred/$id: uncrecognized record type" >&2; exit 1;;
    MINE*) echo "postcat: fatal: open queue file $id: Permission denied" >&2; exit 1;;
    SLOW*) sleep 600;;
    NONE*) show "$id" 'Subject: x\nX-Mailer: X-Campaign-ID: no\n';;
    BARE*) show "$id" 'X-Campaign-ID:\nSubject: x\n';;
    FOLD*) show "$id" 'x-campaign-id:\n folded\n\tname\nSubject: x\n';;
    CUT*) show "$id" 'X-Campaign-ID: cut\n' | head -5; kill -9 $$;;
    *) show "$id" "X-Campaign-ID: camp $id\nX-Campaign-ID: second\n";;
    esac
done
"""


def postcat(log: Path | None = None, **options: float) -> Postcat:
    """A ``postcat`` that writes each id it is asked for to ``log``."""
    noted = f"for id; do echo $id >>{shlex.quote(str(log))}; done\n" if log is not None else ""
    command = ("sh", "-c", noted + POSTCAT, "postcat")
    return Postcat(command, int(options.pop("limit", 100)), **{"timeout_seconds": 30.0, **options})


def test_campaigns_are_read_from_headers_alone() -> None:
    ids = [b"1A", b"NONE1", b"FOLD1", b"BARE1", b"2A", b"-rf", b""]
    assert postcat().campaigns(ids) == {b"1A": b"camp 1A", b"FOLD1": b"folded name", b"2A": b"camp 2A"}


def test_each_message_is_asked_for_once(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    headers = postcat(log)
    ids = [b"1A", b"NONE1", b"2A"]
    assert headers.campaigns(ids).keys() == {b"1A", b"2A"}
    assert headers.campaigns(ids) == {}
    assert headers.campaigns([*ids, b"3A"]).keys() == {b"3A"}
    assert log.read_text().split() == ["1A", "NONE1", "2A", "3A"]


def test_a_queue_id_that_comes_again_is_another_message(tmp_path: Path) -> None:
    headers = postcat()
    assert headers.campaigns([b"1A"]).keys() == {b"1A"}
    assert headers.campaigns([]) == {}
    assert headers.campaigns([b"1A"]).keys() == {b"1A"}


def test_many_messages_are_asked_for_over_many_calls() -> None:
    ids = [b"%dA" % number for number in range(25)]
    headers = postcat(limit=10)
    found = [headers.campaigns(ids) for _ in range(4)]
    assert [len(each) for each in found] == [10, 10, 5, 0]
    assert {id_ for each in found for id_ in each} == set(ids)


def test_messages_that_left_or_are_damaged_do_not_hide_the_others(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    headers = postcat(log)
    ids = [b"GONE1", b"1A", b"GONE2", b"GONE3", b"2A", b"BAD1", b"3A", b"GONE4"]
    assert headers.campaigns(ids).keys() == {b"1A", b"2A", b"3A"}
    log.unlink()
    assert headers.campaigns(ids) == {}
    assert not log.exists()


def test_time_is_bounded_and_what_was_read_counts() -> None:
    headers = postcat(timeout_seconds=1.0)
    assert headers.campaigns([b"1A", b"SLOW", b"2A"]).keys() == {b"1A"}
    with pytest.raises(ListingError, match="did not end in time"):
        headers.campaigns([b"1A", b"SLOW", b"2A"])


def test_a_message_that_is_shown_in_part_tells_nothing() -> None:
    with pytest.raises(ListingError, match="campaigns are known from the log alone"):
        postcat().campaigns([b"CUT1"])


def test_without_the_right_it_is_left_alone_for_a_while(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    headers = postcat(log)
    for _ in range(3):
        with pytest.raises(ListingError, match="needs root, or the user postfix"):
            headers.campaigns([b"MINE1", b"MINE2", b"MINE3"])
    assert log.read_text().split() == ["MINE1", "MINE2", "MINE3"]
    assert headers.campaigns([b"MINE1"]) == {}  # nothing new to ask for


def test_after_the_pause_it_is_tried_again() -> None:
    headers = postcat(pause_seconds=0.0)
    assert headers.campaigns([b"MINE1", b"2A"]) == {}
    assert headers.campaigns([b"MINE1", b"2A"]).keys() == {b"2A"}


def test_a_postcat_that_cannot_be_run_is_named() -> None:
    headers = Postcat(("no-such-command-here", "-qeh"))
    with pytest.raises(ListingError, match=r"`no-such-command-here -qeh` cannot be run \(.+\)"):
        headers.campaigns([b"1A"])


def test_what_it_says_is_cleaned_and_one_sentence() -> None:
    with pytest.raises(ListingError) as caught:
        Postcat(("sh", "-c", "printf 'a\\nb \\033]52;c;x\\007\\n' >&2; exit 1")).campaigns([b"1A"])
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("alone: b �]52;c;x�.")
