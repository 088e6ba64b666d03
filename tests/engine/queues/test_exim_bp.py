"""``exim -bp`` as a listing: captured outputs, what real Exims print of damaged and untrusted mail, and failures."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import EXIM_RUNS, exim_bp_units, exim_capture
from tui.engine.accounts import Accounts
from tui.engine.events import HOLD, RETRY
from tui.engine.queues.exim_bp import EximBp
from tui.engine.queues.listing import Listing, ListingError, Waiting

CAPTURED = [(run, listing) for run in EXIM_RUNS for listing in exim_capture(run).listings]

DAMAGED = b"""\
      1xUu07-0000000000Z-1D2w
    *** spool format error: size=0 ***

 0m   305 1xUu07-0000000000b-1U8z <carol@shop.test>
    *** spool format error: size=669 ***
          ok.new@gmail.test

 0m   305 1xUu07-0000000000c-1gbB <carol@shop.test>
          ok.new@gmail.test

"""
"""As Exim 4.98 prints a spool with an empty ``-H`` file and one with rubbish behind its headers."""


class Exim:
    """A program that does as ``exim -bp`` did."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "exim"
        self.output = folder / "output"

    def list(self, printed: bytes, script: str = 'test "$1" = -bp && cat "$0.out"') -> Listing:
        self.path.write_text(f"#!/bin/sh\n{script}\n")
        self.path.chmod(0o755)
        self.path.with_suffix(".out").write_bytes(printed)
        return EximBp(str(self.path), Accounts(), timeout_seconds=20).list()


@pytest.fixture
def exim(tmp_path: Path) -> Exim:
    return Exim(tmp_path)


@pytest.mark.parametrize(("run", "name"), CAPTURED)
def test_captured_listings(run: str, name: str, exim: Exim) -> None:
    capture = exim_capture(run)
    listed = exim.list(capture.bp(name))
    assert listed.problem is None
    assert {id_: (one.state == HOLD, list(one.recipients)) for id_, one in listed.messages.items()} == exim_bp_units(
        capture.bp(name)
    )
    assert {one.state for one in listed.messages.values()} <= {HOLD, RETRY}
    if name in capture.quiet:
        assert len(listed.messages) == capture.count(name)


@pytest.mark.parametrize(
    ("head", "account", "fallback", "size", "age_seconds"),
    [
        (b" 0m   305 1xUr5N-00000U-31 <a@B.test>", None, b"b.test", 305, 0),
        (b"25m  2.9K 1xUr5N-00000U-31 <a@b.test> *** frozen ***", None, b"b.test", 2969, 1500),
        (b"74h   12M 1xUsvm-0000000000W-1XFj <a@b.test> (www)", b"www", b"b.test", 12 << 20, 266_400),
        (b"74h   12M 1xUr5N-00000U-31 <a@b.test> (www) *** frozen ***", b"www", b"b.test", 12 << 20, 266_400),
        (b"12d  2.0G 1xUr5N-00000U-31 <>", b"<>", b"<>", 2 << 30, 1_036_800),
        (b"12d  2.0G 1xUr5N-00000U-31 <> *** frozen ***", b"<>", b"<>", 2 << 30, 1_036_800),
        (b' 0m     1 1xUr5N-00000U-31 <"a > (b) c"@d.test>', None, b"d.test", 1, 0),
    ],
)
def test_the_first_line_of_a_message(
    head: bytes, account: bytes | None, fallback: bytes, size: int, age_seconds: int, exim: Exim
) -> None:
    before = int(time.time())
    listed = exim.list(head + b'\n        D x@y.test\n          A@B.test\n          "c d"@e.test\n\n')
    [one] = listed.messages.values()
    assert before <= listed.taken <= time.time()
    assert one == Waiting(
        head.split()[2],
        HOLD if b"frozen" in head else RETRY,
        (b"A@b.test", b'"c d"@e.test'),
        account,
        fallback,
        None,
        size,
        listed.taken - age_seconds,
        sender=head[head.index(b"<") + 1 : head.rindex(b">")],
    )


def test_damaged_messages_are_counted_and_named(exim: Exim) -> None:
    listed = exim.list(DAMAGED)
    assert {id_: (one.state, one.recipients) for id_, one in listed.messages.items()} == {
        b"1xUu07-0000000000Z-1D2w": (HOLD, ()),
        b"1xUu07-0000000000b-1U8z": (HOLD, (b"ok.new@gmail.test",)),
        b"1xUu07-0000000000c-1gbB": (RETRY, (b"ok.new@gmail.test",)),
    }
    assert listed.problem is not None
    assert "2 damaged messages (1xUu07-0000000000Z-1D2w" in listed.problem


def test_a_message_that_waits_on_is_the_same_in_the_next_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, program = tmp_path / "printed", tmp_path / "exim"
    program.write_text(f"#!/bin/sh\ncat '{printed}'\n")
    program.chmod(0o755)
    lister, now = EximBp(str(program), Accounts()), 1_800_000_000.0
    seen: list[Waiting] = []
    monkeypatch.setattr(time, "time", lambda: now)
    for age, later in (("12h", 0), ("12h", 700), ("12h", 2800), ("13h", 120), ("2d", 36 * 3600)):
        now += later
        printed.write_text(f"{age}  2.9K 0t5C6f-0000c8-00 <a@b.test> *** frozen ***\n          c@d.test\n\n")
        seen += lister.list().messages.values()
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert abs(seen[4].arrived - seen[0].arrived) <= 86_400


def test_an_empty_queue_is_empty(exim: Exim) -> None:
    assert exim.list(b"").messages == {}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'exim: permission denied' >&2; exit 1", "may not list the queue"),
        ("exit 3", "exit status 3"),
        ('cat "$0.out"; exit 1', "exit status 1"),
        ("echo 'something else'", "not a queue listing"),
        ("echo ' 0m  305 not-an-id <a@b.test>'", "not a queue listing"),
        ("echo ' 0x  305 1xUr5N-00000U-31 <a@b.test>'", "not a queue listing"),
    ],
)
def test_a_command_that_fails_is_no_empty_queue(script: str, words: str, exim: Exim) -> None:
    with pytest.raises(ListingError, match=words):
        exim.list(DAMAGED, script)


def test_a_command_that_is_not_there_or_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(ListingError, match="nowhere"):
        EximBp(str(tmp_path / "nowhere"), Accounts()).list()
    sleeper = tmp_path / "exim"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    with pytest.raises(ListingError, match="did not end within"):
        EximBp(str(sleeper), Accounts(), timeout_seconds=0.3).list()


@given(st.binary(max_size=100), st.integers(0, 400))
def test_no_output_is_too_strange(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    exim = Exim(tmp_path_factory.mktemp("exim"))
    try:
        exim.list(DAMAGED[:at] + noise + DAMAGED[at:])
    except ListingError as error:
        assert str(error)
