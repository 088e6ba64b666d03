from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ordinary_user import shut_out_of
from tui.config import LocalSource
from tui.engine.access import Access
from tui.engine.find import FoundMta, find

NOTHING_NAMED = LocalSource()
EXIM_LINE = b"2026-11-21 19:50:14 1xUr5b-0000CV-2j => a@b.example R=isp T=remote_smtp\n"
POSTFIX_LINE = b"Nov 21 19:50:14 mx postfix/qmgr[12]: 4WbR1k0: removed\n"


@pytest.fixture(autouse=True)
def no_programs_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/opt/mail/bin:relative")


def put(root: Path, path: str, data: bytes = b"") -> Path:
    whole = root / path
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.write_bytes(data)
    return whole


def put_program(root: Path, path: str) -> Path:
    program = put(root, path)
    program.chmod(0o755)
    return program


def debian_exim(root: Path) -> None:
    put(root, "var/log/exim4/mainlog", EXIM_LINE)
    (root / "var/spool/exim4/input").mkdir(parents=True)
    put_program(root, "usr/sbin/exim4")


def debian_postfix(root: Path) -> None:
    put(root, "var/log/mail.log", POSTFIX_LINE)
    (root / "var/spool/postfix/deferred").mkdir(parents=True)
    put_program(root, "usr/sbin/postqueue")


def without(*closed: Path) -> Access:
    """Rights of a user who may neither enter nor read ``closed``."""
    return lambda path, mode: path not in closed and os.access(path, mode)


def one(config: LocalSource, root: Path, access: Access = os.access) -> FoundMta:
    found = find(config, root, access)
    assert len(found) == 1
    return found[0]


def test_an_empty_host_has_none(tmp_path: Path) -> None:
    assert find(NOTHING_NAMED, tmp_path) == []


def test_a_folder_of_path_that_cannot_be_entered_holds_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/opt/closed")
    put_program(tmp_path, "opt/closed/postqueue")
    with shut_out_of(tmp_path / "opt/closed"):
        assert [each.postqueue for each in find(NOTHING_NAMED, tmp_path)] in ([], [None, ("postqueue", "-j")])
        assert find(LocalSource(log=str(tmp_path / "opt/closed/maillog")), tmp_path)[0].problems
    assert one(NOTHING_NAMED, tmp_path).postqueue == (f"{tmp_path}/opt/closed/postqueue", "-j")


def test_exim_of_debian(tmp_path: Path) -> None:
    debian_exim(tmp_path)
    assert find(NOTHING_NAMED, tmp_path) == [
        FoundMta(
            mta="exim",
            log=tmp_path / "var/log/exim4/mainlog",
            spool=tmp_path / "var/spool/exim4",
            exim=str(tmp_path / "usr/sbin/exim4"),
        )
    ]


@pytest.mark.parametrize("log", ["var/log/exim/main.log", "var/log/exim/mainlog", "var/spool/exim/log/mainlog"])
def test_exim_of_others(tmp_path: Path, log: str) -> None:
    put(tmp_path, log, EXIM_LINE)
    (tmp_path / "var/spool/exim/input").mkdir(parents=True)
    put_program(tmp_path, "opt/mail/bin/exim")
    assert one(NOTHING_NAMED, tmp_path) == FoundMta(
        mta="exim",
        log=tmp_path / log,
        spool=tmp_path / "var/spool/exim",
        exim=str(tmp_path / "opt/mail/bin/exim"),
    )


def test_exim_of_cpanel(tmp_path: Path) -> None:
    put(tmp_path, "var/log/exim_mainlog", EXIM_LINE)
    (tmp_path / "var/spool/exim/input").mkdir(parents=True)
    put_program(tmp_path, "usr/sbin/exim")
    owners = put(tmp_path, "etc/userdomains", b"bob.example: bob\n")
    found = one(NOTHING_NAMED, tmp_path)
    assert (found.log, found.userdomains, found.problems) == (tmp_path / "var/log/exim_mainlog", owners, ())
    closed = one(NOTHING_NAMED, tmp_path, without(owners))
    assert closed.userdomains is None
    assert closed.problems[0].startswith(f"cannot read {owners}: it belongs to ")
    assert closed.problems[0].endswith("; until then accounts are named by their domains")


@pytest.mark.parametrize("log", ["var/log/mail.log", "var/log/maillog", "var/log/postfix.log"])
def test_postfix(tmp_path: Path, log: str) -> None:
    debian_postfix(tmp_path)
    (tmp_path / "var/log/mail.log").rename(tmp_path / log)
    assert one(NOTHING_NAMED, tmp_path) == FoundMta(
        mta="postfix",
        log=tmp_path / log,
        spool=tmp_path / "var/spool/postfix",
        postqueue=(str(tmp_path / "usr/sbin/postqueue"), "-j"),
    )


def test_the_log_that_is_written_wins(tmp_path: Path) -> None:
    debian_postfix(tmp_path)
    old, new = tmp_path / "var/log/mail.log", put(tmp_path, "var/log/postfix.log", POSTFIX_LINE)
    os.utime(old, (1000, 1000))
    put(tmp_path, "var/log/maillog")
    assert one(NOTHING_NAMED, tmp_path).log == new


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    debian_postfix(tmp_path)
    (tmp_path / "var/log/mail.log").rename(tmp_path / "var/log/maillog")
    (tmp_path / "var/log/mail").mkdir()
    assert one(NOTHING_NAMED, tmp_path).log == tmp_path / "var/log/maillog"


def test_postfix_with_only_the_journal_is_told_how_to_log(tmp_path: Path) -> None:
    debian_postfix(tmp_path)
    (tmp_path / "var/log/mail.log").unlink()
    found = one(NOTHING_NAMED, tmp_path)
    assert found.problems == (
        f"found no log of Postfix (looked for {tmp_path}/var/log/mail.log, {tmp_path}/var/log/maillog, "
        f"{tmp_path}/var/log/postfix.log, {tmp_path}/var/log/mail): "
        'name the log with log = "/path" in the configuration, '
        "or let Postfix write one (maillog_file = /var/log/postfix.log in main.cf) if it has only the journal",
    )


class TestBoth:
    def test_both_live(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        debian_postfix(tmp_path)
        assert [found.mta for found in find(NOTHING_NAMED, tmp_path)] == ["exim", "postfix"]

    def test_the_exim_that_debian_brings_and_nobody_uses(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        (tmp_path / "var/log/exim4/mainlog").write_bytes(b"")
        debian_postfix(tmp_path)
        assert [found.mta for found in find(NOTHING_NAMED, tmp_path)] == ["postfix"]

    def test_a_queue_with_mail_is_life(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        (tmp_path / "var/log/exim4/mainlog").unlink()
        put(tmp_path, "var/spool/exim4/input/a/1xUr5b-0000CV-2j-H")
        debian_postfix(tmp_path)
        assert [found.mta for found in find(NOTHING_NAMED, tmp_path)] == ["exim", "postfix"]

    def test_an_unused_exim_is_better_than_nothing(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        (tmp_path / "var/log/exim4/mainlog").unlink()
        found = one(NOTHING_NAMED, tmp_path)
        assert found.mta == "exim" and found.problems[0].startswith("found no log of Exim (looked for ")

    def test_the_log_of_a_removed_exim(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        (tmp_path / "usr/sbin/exim4").unlink()
        debian_postfix(tmp_path)
        assert [found.mta for found in find(NOTHING_NAMED, tmp_path)] == ["postfix"]

    def test_a_mail_log_alone_is_not_postfix(self, tmp_path: Path) -> None:
        put(tmp_path, "var/log/mail.log", b"Nov 21 19:50:14 mx dovecot: imap-login\n")
        assert find(NOTHING_NAMED, tmp_path) == []
        debian_exim(tmp_path)
        assert [found.mta for found in find(NOTHING_NAMED, tmp_path)] == ["exim"]


class TestRights:
    def test_an_unreadable_log(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        log = tmp_path / "var/log/exim4/mainlog"
        log.chmod(0o640)
        (problem,) = one(NOTHING_NAMED, tmp_path, without(log)).problems
        assert problem.startswith(f"cannot read {log}: it belongs to ")
        assert "with mode 0640; run mailtop as root or add your user to the group " in problem

    def test_closed_folders(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        logs, spool = tmp_path / "var/log/exim4", tmp_path / "var/spool/exim4"
        found = one(NOTHING_NAMED, tmp_path, without(logs, spool))
        assert (found.log, found.spool) == (logs / "mainlog", spool)
        assert [problem.partition(":")[0] for problem in found.problems] == [
            f"cannot enter {logs}",
            f"cannot enter {spool}",
        ]

    def test_an_unlistable_queue(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        queue = tmp_path / "var/spool/exim4/input"
        (problem,) = one(NOTHING_NAMED, tmp_path, without(queue)).problems
        assert problem.startswith(f"cannot read {queue}: ")

    def test_postqueue_without_the_right_to_run_it(self, tmp_path: Path) -> None:
        debian_postfix(tmp_path)
        found = one(NOTHING_NAMED, tmp_path, without(tmp_path / "usr/sbin/postqueue"))
        assert found.postqueue == ("postqueue", "-j")
        assert found.problems[0].startswith("found no postqueue on PATH or in /usr/sbin, ")


class TestNamed:
    def test_the_mail_system(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        debian_postfix(tmp_path)
        assert one(LocalSource(mta="exim"), tmp_path).mta == "exim"
        assert one(LocalSource(mta="postfix"), tmp_path).mta == "postfix"

    def test_a_mail_system_that_is_not_there(self, tmp_path: Path) -> None:
        found = one(LocalSource(mta="exim"), tmp_path)
        assert found.log == tmp_path / "var/log/exim4/mainlog"
        assert [problem.partition(" (")[0] for problem in found.problems] == [
            "found no log of Exim",
            "found no spool of Exim",
        ]

    def test_everything(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        log, spool = put(tmp_path, "srv/log", EXIM_LINE), tmp_path / "srv/spool"
        (spool / "input").mkdir(parents=True)
        found = one(LocalSource(log=str(log), spool=str(spool), exim="/opt/exim"), tmp_path)
        assert found == FoundMta(mta="exim", log=log, spool=spool, exim="/opt/exim")

    def test_a_spool_that_is_not_there(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        found = one(LocalSource(spool="/nowhere/spool"), tmp_path)
        assert found.problems == ("/nowhere/spool is not there; correct spool in the configuration",)

    def test_a_spool_without_input(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        (tmp_path / "srv").mkdir()
        found = one(LocalSource(spool=f"{tmp_path}/srv"), tmp_path)
        assert found.problems[0].startswith(f"{tmp_path}/srv has no folder input: ")

    def test_postqueue(self, tmp_path: Path) -> None:
        debian_exim(tmp_path)
        debian_postfix(tmp_path)
        found = one(LocalSource(postqueue=("/opt/postqueue", "-c", "/etc/out", "-j")), tmp_path)
        assert found.mta == "postfix" and found.postqueue == ("/opt/postqueue", "-c", "/etc/out", "-j")

    @pytest.mark.parametrize(
        ("name", "data", "mta"),
        [
            ("mainlog", b"", "exim"),
            ("exim-out.log", b"", "exim"),
            ("out.log", EXIM_LINE, "exim"),
            ("out.log", POSTFIX_LINE, "postfix"),
            ("mail.log", b"", "postfix"),
        ],
    )
    def test_a_log_tells_the_mail_system(self, tmp_path: Path, name: str, data: bytes, mta: str) -> None:
        log = put(tmp_path, name, data)
        found = one(LocalSource(log=str(log)), tmp_path / "root")
        assert (found.mta, found.log) == (mta, log)

    def test_a_log_that_is_not_there_yet(self, tmp_path: Path) -> None:
        debian_postfix(tmp_path)
        found = one(LocalSource(log="/nowhere/mail.log"), tmp_path)
        assert found.problems == ("/nowhere/mail.log is not there; mailtop waits for it to appear",)


def test_postcat_stands_beside_postqueue_and_speaks_of_the_same_queue(tmp_path: Path) -> None:
    debian_postfix(tmp_path)
    assert one(NOTHING_NAMED, tmp_path).postcat is None
    beside = str(put_program(tmp_path, "usr/sbin/postcat"))
    assert one(NOTHING_NAMED, tmp_path).postcat == (beside, "-qeh")
    named = LocalSource(postqueue=(str(tmp_path / "usr/sbin/postqueue"), "-c", "/etc/postfix-out", "-j"))
    assert one(named, tmp_path).postcat == (beside, "-c", "/etc/postfix-out", "-qeh")
    assert one(LocalSource(postqueue=("postqueue", "-v", "-j")), tmp_path).postcat == (beside, "-v", "-qeh")
    assert one(NOTHING_NAMED, tmp_path, without(Path(beside))).postcat is None


def test_a_postqueue_that_something_else_runs_has_no_postcat_but_a_named_one(tmp_path: Path) -> None:
    debian_postfix(tmp_path)
    put_program(tmp_path, "usr/sbin/postcat")
    inside = ("docker", "exec", "mail")
    assert one(LocalSource(postqueue=(*inside, "postqueue", "-j")), tmp_path).postcat is None
    named = LocalSource(postcat=(*inside, "postcat", "-qeh"))
    assert (one(named, tmp_path).mta, one(named, tmp_path).postcat) == ("postfix", (*inside, "postcat", "-qeh"))


def test_files_that_go_while_they_are_looked_at_are_no_trouble(tmp_path: Path) -> None:
    debian_exim(tmp_path)
    folder = tmp_path / "var/spool/exim4/input/a"
    folder.mkdir()
    log = tmp_path / "var/log/exim4/mainlog"

    def access(path: Path, mode: int) -> bool:
        if path == folder:
            folder.rmdir()
        if path == log:
            log.unlink(missing_ok=True)
            return True
        return os.access(path, mode)

    assert one(NOTHING_NAMED, tmp_path, access).mta == "exim"
    assert one(LocalSource(log=str(log)), tmp_path, access).log == log
