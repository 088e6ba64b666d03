"""The listing of Exim's spool against captured spools, against real locks, and against damage of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import EXIM_RUNS, exim_bp_units, exim_capture
from tui.engine.accounts import Accounts
from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.engine.queues.exim_header import HeaderError, waiting
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import ListingError, Waiting

ID, LONG_ID = b"1xUr5N-00000U-31", b"1xUsvm-0000000000W-1XFj"

OPTIONS = (
    b"-received_time_usec .1\n--helo_name client.test\n-host_address [127.0.0.1]:5\n"
    b"--aclm _campaign 14\n two\n\n-lines \n\n"
    b"-body_linecount 1\n--auth_id bob@acme.test\n-tls_resumption A\n"
)
"""An ACL variable may hold line ends, and lines that look like others."""

HEADERS = b"""\
040P Received: from x; id y
\tfor 027  X-Z: a
023F From: bob@acme.test
027  X-Campaign-ID: welcome
"""


def header(
    *recipients: bytes,
    id_: bytes = ID,
    sender: bytes = b"bob@acme.test",
    options: bytes = OPTIONS,
    tree: bytes = b"XX\n",
    headers: bytes = HEADERS,
) -> bytes:
    lines = b"".join(recipient + b"\n" for recipient in recipients)
    start = b"%b-H\nexim 9 9\n<%b>\n1795290676 0\n%b%b" % (id_, sender, options, tree)
    return start + b"%d\n%b\n%b" % (len(recipients), lines, headers)


def message(*recipients: bytes, journal: bytes = b"", accounts: Accounts | None = None, **parts: bytes) -> Waiting:
    return waiting(ID, header(*recipients, **parts), journal, accounts or Accounts())


class Spool:
    """A spool in a folder of its own, with a list of locks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.locks = folder / "locks"
        self.locks.write_text("")
        (folder / "input").mkdir()
        self.lister = EximSpool(folder, Accounts(), self.locks)

    def put(self, text: bytes, *, kind: str = "H", id_: bytes = ID, within: str = "input") -> Path:
        path = self.folder / within / f"{id_.decode()}-{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        return path

    def list(self) -> dict[bytes, Waiting]:
        return self.lister.list().messages

    def recipients(self) -> dict[bytes, tuple[bytes, ...]]:
        return {id_: waiting.recipients for id_, waiting in self.list().items()}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


# Captured spools

QUIET = [(run, listing) for run in EXIM_RUNS for listing in exim_capture(run).quiet]


@pytest.mark.parametrize(("run", "listing"), QUIET)
def test_a_spool_at_rest_is_listed_as_exim_lists_it(run: str, listing: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    capture.unpack_spool(listing, tmp_path)
    listed = EximSpool(tmp_path, Accounts()).list()
    assert listed.problem is None
    assert len(listed.messages) == capture.count(listing)
    units = {id_: (one.state == HOLD, sorted(one.recipients)) for id_, one in listed.messages.items()}
    printed = exim_bp_units(capture.bp(listing))
    assert units == {id_: (frozen, sorted(recipients)) for id_, (frozen, recipients) in printed.items()}


@pytest.mark.parametrize("run", EXIM_RUNS)
def test_attribution_is_that_of_the_submission(run: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    capture.unpack_spool("q1", tmp_path)
    messages = EximSpool(tmp_path, Accounts()).list().messages
    records = {record.reply.partition("id=")[2].encode(): record for record in capture.truth()}
    known = [(messages[id_], record) for id_, record in records.items() if id_ in messages]
    assert known
    for listed, record in known:
        assert listed.account == record.account.encode()
        assert listed.campaign == (record.campaign.encode() if record.campaign else None)
        assert abs(listed.arrived - record.t) < 2


def test_mail_that_nothing_was_tried_for_is_new(tmp_path: Path) -> None:
    exim_capture("exim-96-cpanel").unpack_spool("q2", tmp_path)
    messages = EximSpool(tmp_path, Accounts()).list().messages
    new = [listed for listed in messages.values() if listed.state == NEW]
    assert [listed.recipients for listed in new] == [(b"ok.new@gmail.test", b"ok.new2@yahoo.test")]
    assert [(listed.account, listed.fallback, listed.campaign) for listed in new] == [(b"root", b"shop.test", b"newc")]
    assert {listed.state for listed in messages.values()} == {NEW, RETRY}


def test_a_journal_finishes_recipients_before_the_header_does(tmp_path: Path) -> None:
    capture = exim_capture("exim-98-traps")
    capture.unpack_spool("s1", tmp_path)
    [journal] = tmp_path.rglob("*-J")
    id_ = journal.name[:-2].encode()
    with_journal = EximSpool(tmp_path, Accounts()).list().messages[id_].recipients
    journal.unlink()
    assert set(EximSpool(tmp_path, Accounts()).list().messages[id_].recipients) == {*with_journal, b"ok.2@yahoo.test"}


# The header file


def test_the_parts_of_a_header_file() -> None:
    assert message(b"a@b.test", b"c@d.test") == Waiting(
        ID,
        RETRY,
        (b"a@b.test", b"c@d.test"),
        b"bob@acme.test",
        b"acme.test",
        b"welcome",
        -1,
        1795290676,
        sender=b"bob@acme.test",
    )


@pytest.mark.parametrize(
    ("options", "state"),
    [
        (b"", RETRY),
        (b"-deliver_firsttime\n", NEW),
        (b"-frozen 1795290676\n", HOLD),
        (b"-deliver_firsttime\n-frozen 1795290676\n", HOLD),
        (b"-manual_thaw\n", RETRY),
    ],
)
def test_states(options: bytes, state: int) -> None:
    assert message(b"a@b.test", options=options).state == state


@pytest.mark.parametrize(
    ("options", "sender", "account"),
    [
        (b"-auth_id bob\n-ident root\n", b"x@a.test", b"bob"),
        (b"--auth_id bob\n-host_address [::1]:5\n", b"x@a.test", b"bob"),
        (b"--(mysql)auth_id bob\n", b"x@a.test", b"bob"),
        (b"-ident www\n-received_protocol local\n", b"x@a.test", b"www"),
        (b"--ident www\n-host_address [::1]:5\n", b"x@a.test", b"a.test"),
        (b"--ident www\n--host_address [::1]:5\n", b"x@A.test", b"a.test"),
        (b"-auth_id bob\n-ident root\n", b"", b"<>"),
    ],
)
def test_accounts(options: bytes, sender: bytes, account: bytes) -> None:
    assert message(b"a@b.test", options=options, sender=sender).account == account


def test_domains_are_mapped_to_their_owners() -> None:
    accounts = Accounts({b"acme.test": b"acme"})
    listed = message(b"a@b.test", options=b"", sender=b"x@Acme.test", accounts=accounts)
    assert (listed.account, listed.fallback) == (b"acme", b"acme")


@pytest.mark.parametrize(
    ("headers", "campaign"),
    [
        (b"", None),
        (b"027  x-campaign-id: WELCOME\n", b"WELCOME"),
        (b"029* X-Campaign-ID: replaced\n025  X-Campaign-ID: newer\n", b"newer"),
        (b"026  X-Campaign-ID: two\n s\n", b"two s"),
        (b"018  X-Campaign-ID:  \n", None),
        (b"044  Subject: 027  X-Campaign-ID: not this\n x: y\n", None),
        (b"038  Subject: x\n 027  X-Campaign-ID: eve\n", None),
    ],
)
def test_campaigns(headers: bytes, campaign: bytes | None) -> None:
    assert message(b"a@b.test", headers=headers).campaign == campaign


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (b"a@b.test", b"a@b.test"),
        (b"A@B.test", b"A@b.test"),
        (b"a@b9", b"a@b9"),
        (b'"a b"@c.test', b'"a b"@c.test'),
        (b"a@b.test 0,0,0", b"a@b.test"),
        (b"a@b.test 1", b"a@b.test"),
        (b"a@b.test  0,0  0,0#3", b"a@b.test"),
        (b"a@b.test rfc822;o@p.test 15,12  0,-1#3", b"a@b.test"),
        (b"a@b.test e@f.test 8,0#1", b"a@b.test"),
        (b'"a \\" b"@c.test rfc822;"o p"@q.test 19,1  0,-1#3', b'"a \\" b"@c.test'),
    ],
)
def test_recipients_with_what_is_noted_of_them(line: bytes, address: bytes) -> None:
    assert message(line).recipients == (address,)


def test_who_is_finished_is_told_by_tree_and_journal() -> None:
    recipients = (b"a@b.test", b"B@C.test", b"D@E.test", b'"f g"@h.test', b"i@j.test", b"i@j.test")
    tree = b'YY B@c.test\nYN a@b.test\nNN "f g"@h.test\nNN x@y.test/pipe\n'
    assert message(*recipients, tree=tree).recipients == (b"D@e.test", b"i@j.test")
    assert message(*recipients, tree=tree, journal=b"D@e.test\n").recipients == (b"i@j.test",)
    assert message(*recipients, tree=tree, journal=b"D@e.test\ni@j.test").recipients == (b"i@j.test",)


@given(st.integers(0, len(header(b"a@b.test", b"c@d.test")) - len(HEADERS) - 1))
def test_a_header_cut_anywhere_in_its_envelope_is_no_header(length: int) -> None:
    with pytest.raises(HeaderError):
        waiting(ID, header(b"a@b.test", b"c@d.test")[:length], b"", Accounts())


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_are_too_strange(noise: bytes, at: int) -> None:
    text = header(b"a@b.test", b"c@d.test", tree=b"YN x@y.test\nNN z@y.test\n")
    for damaged in (noise, text[:at] + noise + text[at:], text[:at] + noise):
        try:
            waiting(ID, damaged, noise, Accounts())
        except HeaderError as error:
            assert str(error)


# The folders


def test_split_plain_and_named_queues(spool: Spool) -> None:
    other, third = b"1xUr5N-00000V-31", b"1xUr5N-00000W-31"
    spool.put(header(b"a@b.test"))
    spool.put(header(b"c@d.test"), id_=LONG_ID, within="input/0")
    spool.put(header(b"e@f.test"), id_=other, within="bulk/input")
    spool.put(header(b"g@h.test"), id_=third, within="bulk/input/z")
    (spool.folder / "db").mkdir()
    assert spool.recipients() == {
        ID: (b"a@b.test",),
        LONG_ID: (b"c@d.test",),
        other: (b"e@f.test",),
        third: (b"g@h.test",),
    }


def test_messages_being_received_and_stray_files_are_not_in_the_queue(spool: Spool) -> None:
    spool.put(b"body", kind="D")
    spool.put(b"a@b.test\n", kind="J")
    for name in ("hdr.1xUr5N-00000V-31", "1xUr5N-00000V-31-K", "short-H", "x" * 40 + "-H"):
        (spool.folder / "input" / name).write_bytes(b"")
    assert spool.list() == {}


def test_changes_are_seen_and_nothing_else_is_read_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    other = b"1xUr5N-00000V-31"
    path = spool.put(header(b"a@b.test", b"c@d.test"))
    spool.put(header(b"e@f.test"), id_=other)
    first = spool.list()
    opened: list[bytes] = []
    really_open = os.open

    def noted_open(path: bytes, flags: int) -> int:
        opened.append(path)
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", noted_open)
    assert spool.list() == first
    assert opened == []
    journal = spool.put(b"a@b.test\n", kind="J")
    assert spool.recipients() == {ID: (b"c@d.test",), other: (b"e@f.test",)}
    assert opened == [os.fsencode(journal), os.fsencode(path)]
    renamed = path.with_name("hdr")
    renamed.write_bytes(header(b"c@d.test", b"g@h.test"))
    renamed.rename(path)
    journal.unlink()
    assert spool.recipients() == {ID: (b"c@d.test", b"g@h.test"), other: (b"e@f.test",)}
    path.unlink()
    assert spool.recipients() == {other: (b"e@f.test",)}


def test_files_that_vanish_while_they_are_read_are_messages_that_left(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spool.put(header(b"a@b.test"))
    spool.put(header(b"c@d.test"), id_=LONG_ID)
    really_open = os.open

    def late_open(name: bytes, flags: int) -> int:
        path.unlink(missing_ok=True)
        return really_open(name, flags)

    monkeypatch.setattr(os, "open", late_open)
    assert set(spool.list()) == {LONG_ID}


def test_a_damaged_message_is_counted_and_named(spool: Spool) -> None:
    spool.put(b"\0" * 400)
    spool.put(header(b"c@d.test"), id_=LONG_ID)
    listing = spool.lister.list()
    assert {id_: (one.state, one.recipients) for id_, one in listing.messages.items()} == {
        ID: (HOLD, ()),
        LONG_ID: (RETRY, (b"c@d.test",)),
    }
    assert listing.problem is not None
    assert ID.decode() in listing.problem
    spool.put(header(b"a@b.test"))
    assert spool.lister.list().problem is None


# Locks


def lock_line(path: Path, *, device: int = 0, kind: str = "WRITE", waits: str = "") -> str:
    status = path.stat()
    major, minor = os.major(status.st_dev), os.minor(status.st_dev)
    return f"1: {waits}POSIX  ADVISORY  {kind} 99 {major + device:02x}:{minor:02x}:{status.st_ino} 0 18\n"


def test_a_locked_body_is_a_message_being_delivered_unless_it_is_frozen(spool: Spool) -> None:
    body = spool.put(b"body", kind="D")
    spool.locks.write_text("2: FLOCK  ADVISORY  WRITE 7 00:1a:5 0 EOF\n" + lock_line(body))
    for options, state in ((b"", PROC), (b"-deliver_firsttime\n", PROC), (b"-frozen 1\n", HOLD)):
        spool.put(header(b"a@b.test", options=options))
        assert spool.list()[ID].state == state
    spool.put(header(b"a@b.test", options=b""))
    for other in ("", lock_line(body, kind="READ"), lock_line(body, waits="-> ")):
        spool.locks.write_text(other)
        assert spool.list()[ID].state == RETRY


def test_a_lock_on_another_device_is_another_files(spool: Spool) -> None:
    body = spool.put(b"body", kind="D")
    spool.put(header(b"a@b.test"))
    spool.locks.write_text(lock_line(body, device=1))
    assert spool.list()[ID].state == RETRY


@pytest.mark.parametrize(("holder", "state"), [("exim4", PROC), ("python3", RETRY), (None, RETRY)])
def test_where_devices_have_no_numbers_of_their_own_only_a_lock_of_exim_counts(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, holder: str | None, state: int
) -> None:
    body = spool.put(b"body", kind="D")
    spool.put(header(b"a@b.test", options=b""))
    monkeypatch.setattr(os, "major", lambda device: 0)
    spool.locks.write_text(f"1: POSIX  ADVISORY  WRITE 77 fe:09:{body.stat().st_ino} 0 18\n")
    if holder is not None:
        (spool.locks.parent / "77").mkdir()
        (spool.locks.parent / "77" / "comm").write_text(f"{holder}\n")
    assert spool.list()[ID].state == state


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    """Hold a lock as Exim does: on the first line of the body, for writing."""
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX, 18); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_the_kernel_tells_who_is_being_delivered(spool: Spool) -> None:
    body = spool.put(b"body", kind="D")
    spool.put(header(b"a@b.test"))
    lister = EximSpool(spool.folder, Accounts())
    with locked_by_another_process(body):
        assert lister.list().messages[ID].state == PROC
    assert lister.list().messages[ID].state == RETRY


# What cannot be read


def test_no_spool_is_an_error_not_an_empty_queue(tmp_path: Path) -> None:
    with pytest.raises(ListingError, match="nowhere"):
        EximSpool(tmp_path / "nowhere", Accounts()).list()
    with pytest.raises(ListingError, match="input"):
        EximSpool(tmp_path, Accounts()).list()


def test_no_list_of_locks_is_an_error(spool: Spool) -> None:
    spool.locks.unlink()
    with pytest.raises(ListingError, match="locks"):
        spool.list()


@pytest.mark.parametrize("closed", ["input", f"input/{ID.decode()}-H"])
def test_a_missing_right_is_named(spool: Spool, closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spool.put(header(b"a@b.test"))
    refused = spool.folder / closed
    really_scan, really_open = os.scandir, os.open

    def scan(folder: bytes) -> object:
        if folder == os.fsencode(refused):
            raise PermissionError(13, "Permission denied", folder)
        return really_scan(folder)

    def open_(name: bytes, flags: int) -> int:
        if name == os.fsencode(refused):
            raise PermissionError(13, "Permission denied", name)
        return really_open(name, flags)

    monkeypatch.setattr(os, "scandir", scan)
    monkeypatch.setattr(os, "open", open_)
    with pytest.raises(ListingError, match=f"cannot read {refused}"):
        spool.list()
    assert path.exists()


# Time


def test_five_thousand_messages_are_listed_at_once(spool: Spool) -> None:
    text = header(b"a@b.test", b"c@d.test")
    for number in range(5_000):
        (spool.folder / "input" / f"1xUr5N-{number:06}-31-H").write_bytes(text)
    begun = time.process_time()
    assert len(spool.list()) == 5_000
    assert len(spool.list()) == 5_000
    assert time.process_time() - begun < 2.5


def test_a_folder_in_the_place_of_a_message_is_a_damaged_message(tmp_path: Path) -> None:
    (tmp_path / "input" / "1xUr5P-00001O-9v-H").mkdir(parents=True)
    listing = EximSpool(tmp_path, Accounts()).list()
    assert list(listing.messages) == [b"1xUr5P-00001O-9v"]
    assert listing.problem is not None
    assert "1 damaged" in listing.problem
