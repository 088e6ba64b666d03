"""Postfix's queue as ``postqueue -j`` lists it: a captured run's listings in full, and every way in which the command
can fail."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import postfix_capture as capture
from tui.engine.accounts import Accounts
from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.engine.queues.listing import Listing, ListingError, Waiting
from tui.engine.queues.postqueue import Postqueue

STATES = {"incoming": NEW, "maildrop": NEW, "active": PROC, "deferred": RETRY, "hold": HOLD}
DEFERRED = capture.listing("q1")


def listed(*command: str, timeout_seconds: float = 30.0) -> Listing:
    return Postqueue(Accounts(), command, timeout_seconds).list()


def shell(script: str, timeout_seconds: float = 30.0) -> Listing:
    return listed("sh", "-c", script, timeout_seconds=timeout_seconds)


def refusal(script: str, timeout_seconds: float = 30.0) -> str:
    with pytest.raises(ListingError) as caught:
        shell(script, timeout_seconds)
    return str(caught.value)


def message(path: Path, **changes: object) -> str:
    """A file with one message more in the captured form."""
    row = {
        "queue_name": "deferred",
        "queue_id": "4jX6QD6tt6zJc5t",
        "arrival_time": 1795300324,
        "message_size": 261,
        "forced_expire": False,
        "sender": "carol@Shop.test",
        "recipients": [{"address": "a@b.test", "delay_reason": "later"}, {"address": "c@d.test"}],
    }
    with path.open("a") as file:
        file.write(json.dumps(row | changes) + "\n")
    return str(path)


@pytest.mark.parametrize("name", capture.LISTINGS)
def test_every_captured_listing_is_read_in_full(name: str) -> None:
    rows = [json.loads(line) for line in capture.listing(name).read_text().splitlines()]
    before = int(time.time())
    listing = listed("cat", str(capture.listing(name)))
    assert before <= listing.taken <= time.time()
    expected = {
        row["queue_id"].encode(): Waiting(
            id=row["queue_id"].encode(),
            state=STATES[row["queue_name"]],
            recipients=tuple(recipient["address"].encode() for recipient in row["recipients"]),
            account=None,
            fallback=row["sender"].rpartition("@")[2].encode(),
            campaign=None,
            size=row["message_size"],
            arrived=row["arrival_time"],
            transient=row["queue_name"] == "maildrop",
            sender=row["sender"].encode(),
        )
        for row in rows
    }
    assert listing.messages == expected


@pytest.mark.parametrize("name", capture.QUIET)
def test_a_quiet_listing_has_as_many_messages_as_the_queue_has_files(name: str) -> None:
    files: Counter[int] = Counter()
    for queue, count in capture.queue_files(name).items():
        files[STATES.get(queue, HOLD)] += count
    messages = listed("cat", str(capture.listing(name))).messages.values()
    assert Counter(message.state for message in messages) == +files


def test_a_bounce_belongs_to_nobody(tmp_path: Path) -> None:
    message(tmp_path / "q", sender="MAILER-DAEMON", queue_id="1A")
    message(tmp_path / "q", sender="MAILER-DAEMON@mx.test", queue_id="2A")
    messages = listed("cat", message(tmp_path / "q", queue_id="3A")).messages
    assert [(m.account, m.fallback) for m in messages.values()] == [
        (b"<>", b"<>"),
        (None, b"mx.test"),
        (None, b"shop.test"),
    ]


def test_of_a_message_that_moved_the_later_line_stands(tmp_path: Path) -> None:
    message(tmp_path / "q", queue_name="active")
    messages = listed("cat", message(tmp_path / "q", queue_name="deferred")).messages
    assert [waiting.state for waiting in messages.values()] == [RETRY]


def test_addresses_that_are_no_ascii_or_no_utf_8_are_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(
        b'{"queue_name": "hold", "queue_id": "1A", "arrival_time": 1, "message_size": 2, "forced_expire": false, '
        b'"sender": "\xff@b", "recipients": [{"address": "\xc3\xa9@b"}, {"address": "\\u00e9@c"}], "more": [{}]}\n'
    )
    (waiting,) = listed("cat", str(tmp_path / "q")).messages.values()
    assert waiting.recipients == ("é@b".encode(), "é@c".encode())
    assert waiting.fallback == b"b"


def test_an_empty_queue_is_empty_and_warnings_are_no_failure() -> None:
    assert shell("true").messages == {}
    down = "postqueue: warning: Mail system is down -- accessing queue directly (Connect to the Postfix showq service)"
    assert len(shell(f"echo '{down}' >&2; cat '{DEFERRED}'").messages) == 22


def test_much_said_on_standard_error_blocks_nothing() -> None:
    assert len(shell(f"head -c 1000000 /dev/zero >&2; cat '{DEFERRED}'").messages) == 22


# --- Faults


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("postqueue: fatal: User nobody(65534) is not allowed to view the mail queue", "authorized_mailq_users"),
        ("postqueue: fatal: Queue report unavailable - mail system is down", "Postfix is not running"),
        ("postqueue: fatal: usage: postqueue -f | postqueue -p | postqueue -s site", "Postfix 3.1"),
        ("postqueue: invalid option -- 'j'", "Postfix 3.1"),
        ("noise\npostqueue: fatal: malformed showq server response\n", "malformed showq server response"),
        ("", "exit status 69, so the queue is not known; it said nothing."),
    ],
)
def test_a_command_that_fails_is_no_empty_queue(said: str, words: str) -> None:
    for output in ("true", f"cat '{DEFERRED}'", f"head -c 300 '{DEFERRED}'"):
        sentence = refusal(f"{output}; printf %s {shlex.quote(said)} >&2; exit 69")
        assert words in sentence
        assert "\n" not in sentence


def test_a_command_that_is_killed_is_no_empty_queue() -> None:
    assert "signal 9" in refusal(f"cat '{DEFERRED}'; kill -9 $$")


def test_what_the_command_says_is_cleaned() -> None:
    assert "\x1b" not in refusal("printf '\\033]52;c;x\\007' >&2; exit 1")
    assert "\x1b" not in refusal("printf '\\033]52;c;x\\007\\n'")


@pytest.mark.parametrize("command", ["no-such-command-here", "/etc/passwd", "/"])
def test_a_command_that_cannot_be_run_is_named(command: str) -> None:
    with pytest.raises(ListingError, match=rf"`{command} -j` cannot be run \(.+\)"):
        listed(command, "-j")


def test_a_queue_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(ListingError, match="a queue named limbo"):
        listed("cat", message(tmp_path / "q", queue_name="limbo"))


@pytest.mark.parametrize("line", ["Mail queue is empty", "{}", "[]", '{"queue_name": "hold"}', "null", " "])
def test_output_that_is_no_message_in_json_is_no_empty_queue(line: str) -> None:
    assert "not known" in refusal(f"echo '{line}'; cat '{DEFERRED}'")


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_listing_that_is_cut_short_is_no_shorter_queue(data: st.DataObject) -> None:
    text = DEFERRED.read_bytes()
    length = data.draw(st.integers(1, len(text)))
    whole_lines = text[:length].endswith(b"}") or text[:length].endswith(b"}\n")
    script = f"head -c {length} '{DEFERRED}'"
    if whole_lines and json_lines(text[:length]):
        assert len(shell(script).messages) == text[:length].count(b'"queue_id"')
    else:
        assert "cut short" in refusal(script)


def json_lines(text: bytes) -> bool:
    try:
        return all(isinstance(json.loads(line), dict) for line in text.splitlines())
    except ValueError:
        return False


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f"cat '{DEFERRED}'; sleep 600 & echo $! >'{child}.new'; mv '{child}.new' '{child}'; wait"
    assert "did not end within 1 seconds" in refusal(script, timeout_seconds=1.0)
    pid = int(child.read_text())
    deadline = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_command_that_closes_its_output_but_stays_is_ended() -> None:
    assert "did not end" in refusal("exec >&-; sleep 600", timeout_seconds=0.3)


def test_a_message_to_very_many_is_one_long_line_and_read_in_little_time(tmp_path: Path) -> None:
    recipients = [{"address": f"{number:0200}@b.test"} for number in range(100_000)]
    path = message(tmp_path / "q", recipients=recipients)
    before = time.process_time()
    (waiting,) = listed("cat", path).messages.values()
    assert len(waiting.recipients) == 100_000
    assert time.process_time() - before < 1.5


def test_a_line_without_end_is_no_queue_and_fills_no_memory() -> None:
    assert "printed a line of more than 64 MiB" in refusal("cat /dev/zero")


def test_no_room_for_a_temporary_file_is_a_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    assert refusal("true").startswith("`sh -c true` cannot be run, since there is no room for a temporary file (")
