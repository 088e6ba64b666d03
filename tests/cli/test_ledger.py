"""`mailtop ledger` as people run it, on a mail system of files and, where it can be had, a real ClickHouse server."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest

from tests.cli.fleet import HostInFiles
from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.cli.test_commands import collecting, until
from tests.clickhouse_server import PASSWORD, ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.ledger_copies import rows
from tui.cli.arguments import Exit
from tui.cli.main import main
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter


@pytest.fixture
def mail(tmp_path: Path) -> PostfixInFiles:
    """A host whose ledger has all of its log."""
    made = PostfixInFiles(tmp_path)
    assert made.run("collect", "--once").returncode == Exit.OK
    return made


def spoil(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


def said(mail: PostfixInFiles, *arguments: str, code: int = Exit.OK) -> str:
    """What a command of ledgers said, on both outputs, in this process: that is quicker."""
    with (
        mock.patch.dict(os.environ, mail.environment()),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        found = main(["ledger", *arguments])
    told = out.getvalue() + err.getvalue()
    assert found == code, told
    return told


def ran(mail: PostfixInFiles, *arguments: str) -> str:
    """What a command of ledgers said in a process of its own."""
    done = mail.run("ledger", *arguments)
    assert done.returncode == Exit.OK, done.stderr
    return done.stdout + done.stderr


def url(path: Path) -> str:
    return f"sqlite://{path}"


def test_a_ledger_that_adds_up_is_proved_to(mail: PostfixInFiles) -> None:
    assert ran(mail, "verify") == f"{mail.ledger}: every sum is that of its cells\n"
    assert said(mail, "verify", url(mail.ledger)) == said(mail, "verify", "--source", "mx")


def test_what_differs_is_told_and_mended(mail: PostfixInFiles) -> None:
    spoil(mail.ledger, "UPDATE accounts SET send = send + 2 WHERE name = 'bob'")
    told = said(mail, "verify", code=1)
    assert f'{mail.ledger}: account "bob": its sums have 2 more send than its campaigns add up to\n' in told
    assert told.endswith("2 differences in all\n")
    assert said(mail, "rebuild") == f"{mail.ledger}: 2 sums were computed anew\n"
    said(mail, "verify")
    assert said(mail, "rebuild") == f"{mail.ledger}: every sum is that of its cells already\n"


def test_what_the_ledger_cannot_tell_is_read_from_the_log(mail: PostfixInFiles) -> None:
    spoil(mail.ledger, "UPDATE cells SET retry = retry + 5")
    told = said(mail, "rebuild", code=1)
    assert 'campaign "spring", ISP "Gmail": 5 more retry than the messages that wait say' in told
    assert "'mailtop ledger rebuild --from-log' makes it anew" in told
    told = said(mail, "rebuild", "--from-log")
    assert f"the old ledger is {mail.ledger}.old\nmessages sent: 2 by those logs, 2 by the old ledger\n" in told
    said(mail, "verify")
    assert "is there from another time" in said(mail, "rebuild", "--from-log", code=Exit.SOURCE)
    assert mail.run("collect", "--once").returncode == Exit.OK
    said(mail, "verify")


def test_a_log_that_cannot_be_read_leaves_the_ledger_as_it_is(mail: PostfixInFiles) -> None:
    mail.queue.unlink()
    before = rows(mail.ledger)
    assert "was left as it is, since the log is not read" in said(mail, "rebuild", "--from-log", code=Exit.SOURCE)
    assert rows(mail.ledger) == before
    assert not list(mail.ledger.parent.glob("*.new*"))


def test_a_ledger_that_cannot_be_made_anew_stays_as_it_is(mail: PostfixInFiles) -> None:
    before = rows(mail.ledger)
    mail.ledger.with_name("mx.sqlite.new").mkdir()
    told = said(mail, "rebuild", "--from-log", code=Exit.SOURCE)
    assert told == f"mailtop: the ledger {mail.ledger} cannot be made anew (Is a directory); it is as it was\n"
    assert rows(mail.ledger) == before


def test_what_stood_beside_the_old_ledger_does_not_get_into_the_new_one(mail: PostfixInFiles, tmp_path: Path) -> None:
    said(mail, "export", str(tmp_path / "mx.jsonl"))
    with closing(SqliteReader(mail.ledger)) as screen:
        with closing(SqliteWriter(mail.ledger)):
            screen.totals()
        spoil(mail.ledger, "UPDATE accounts SET send = send + 2 WHERE name = 'bob'")
        assert mail.ledger.with_name("mx.sqlite-wal").stat().st_size
        said(mail, "rebuild", "--from-log")
        said(mail, "verify")
        assert {each.account: each.send_count for each in screen.totals()} == {"bob": 1, "eve": 1}
    old = mail.ledger.with_name("mx.sqlite.old")
    assert "bob" in said(mail, "verify", url(old), code=1)
    old.unlink()
    for end in ("-wal", "-journal"):
        with closing(SqliteReader(mail.ledger)) as screen:
            with closing(SqliteWriter(mail.ledger)):
                screen.totals()
            spoil(mail.ledger, "UPDATE accounts SET send = send + 2 WHERE name = 'bob'")
            beside = mail.ledger.with_name("mx.sqlite-wal").read_bytes()
        mail.ledger.unlink()
        mail.ledger.with_name(f"mx.sqlite{end}").write_bytes(beside)
        said(mail, "import", str(tmp_path / "mx.jsonl"), url(mail.ledger))
        assert not list(tmp_path.glob("mx.sqlite-*"))
        said(mail, "verify")


def test_a_ledger_goes_through_a_file_and_a_pipe(mail: PostfixInFiles, tmp_path: Path) -> None:
    file, first, second = tmp_path / "mx.jsonl", tmp_path / "1.sqlite", tmp_path / "2.sqlite"
    said(mail, "export", str(file), "--host", "mx1")
    assert file.stat().st_mode & 0o777 == 0o600
    assert said(mail, "import", str(file), url(first)).endswith("of the host mx1\n")
    assert "equal: 2 accounts, 2 cells" in said(mail, "verify", url(mail.ledger), url(first))
    piped = mail.run("ledger", "export", "-")
    done = subprocess.run(
        [*MAILTOP, "ledger", "import", "-", url(second)],
        input=piped.stdout,
        env=mail.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == Exit.OK, done.stderr
    assert "equal: " in said(mail, "verify", url(first), url(second))
    spoil(second, "DELETE FROM messages")
    assert "messages that wait: 1 of " in said(mail, "verify", url(first), url(second), code=1)


def test_a_file_that_was_cut_off_makes_no_ledger(mail: PostfixInFiles, tmp_path: Path) -> None:
    file, to = tmp_path / "mx.jsonl", tmp_path / "new.sqlite"
    said(mail, "export", str(file))
    file.write_bytes(file.read_bytes()[:-40])
    told = said(mail, "import", str(file), url(to), code=Exit.SOURCE)
    assert told == (
        f"mailtop: {file} cannot be imported: its last line is missing: it was cut off on its way, or the export did "
        "not end well; nothing was stored\n"
    )
    assert not to.exists()


def test_a_ledger_with_mail_is_not_imported_over(mail: PostfixInFiles, tmp_path: Path) -> None:
    said(mail, "export", str(tmp_path / "mx.jsonl"))
    before = mail.ledger.read_bytes()
    assert "there is a ledger at" in said(mail, "import", str(tmp_path / "mx.jsonl"), code=Exit.SOURCE)
    assert mail.ledger.read_bytes() == before


def test_a_full_disk_is_an_answer(mail: PostfixInFiles) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [*MAILTOP, "ledger", "export", "-"]
        done = subprocess.run(argv, env=mail.environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == Exit.OUTPUT
    assert done.stderr == "mailtop: the output could not be written: No space left on device\n"


def test_beside_a_collector_one_may_look_and_not_write(mail: PostfixInFiles, tmp_path: Path) -> None:
    with collecting(mail) as process:
        told = said(mail, "rebuild", code=Exit.BUSY)
        assert f"is already written by process {process.pid}" in told
        assert told.endswith("; end that first, and start it again afterwards\n")
        said(mail, "rebuild", "--from-log", code=Exit.BUSY)
        said(mail, "verify")
        said(mail, "export", str(tmp_path / "mx.jsonl"))
        assert f"process {process.pid} writes it" in said(mail, "info")


def test_info_tells_what_a_ledger_holds(mail: PostfixInFiles) -> None:
    told = said(mail, "info")
    assert f"ledger     {mail.ledger} (SQLite)\n" in told
    assert "nobody writes it; 2 cells where mail waits" in told
    found = json.loads(said(mail, "info", "--format", "json"))
    assert (found["schema"], found["kind"], found["version"], found["unsent"]) == (1, "SQLite", 3, None)
    assert found["rows"]["cells"] == found["hosts"][0]["cells"] == 2
    assert found["hosts"][0]["first"] == "2026-11-21T19:59:00Z"


def test_an_empty_ledger_is_made_once(mail: PostfixInFiles, tmp_path: Path) -> None:
    path = tmp_path / "new" / "mail.sqlite"
    assert said(mail, "create", url(path)) == f"{path} is an empty ledger now\n"
    assert said(mail, "create", url(path)) == f"{path} is a ledger already\n"
    said(mail, "verify", url(path))


def test_a_newer_ledger_is_left_alone(mail: PostfixInFiles) -> None:
    spoil(mail.ledger, "PRAGMA user_version = 99")
    for what in ("info", "verify", "rebuild"):
        assert "was written by a newer mailtop (version 99" in said(mail, what, code=Exit.SOURCE)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "mail.sqlite"], 'URL: "mail.sqlite": no address of a ClickHouse ledger'),
        (["info", "sqlite://mail.sqlite"], "has no absolute path; a file is named so: sqlite:///FILE"),
        (
            ["info", "clickhouse://bob:hunter2@ch1/mail"],
            'URL: "clickhouse://bob@ch1/mail": the password must not stand',
        ),
        (["info", "sqlite:///x", "--source", "mx"], "--source: a ledger is named already, by its URL"),
        (["info", "--source", "my"], 'no source is called "my"; there is mx'),
        (["migrate"], "goes to no ClickHouse: set ledger ="),
        (["migrate", "clickhouse://ch1/mail"], "--from: say which file is to be sent"),
        (["import", "/nowhere", "sqlite:///x"], "/nowhere cannot be read: No such file or directory"),
        (["import", "x", "clickhouse://ch1/mail"], "a file is imported into a ledger on this host"),
        (["rebuild", "clickhouse://ch1/mail"], "a ledger on ClickHouse has no file on this host"),
        (["info", "clickhouse://ch1/mail", "--token-file", "x", "--token-env", "Y"], "give one of both"),
        (["rebuild", "--from-log", "sqlite:///x"], "is made from the log of a source of type local"),
    ],
)
def test_what_cannot_be_meant_is_said(mail: PostfixInFiles, arguments: list[str], sentence: str) -> None:
    told = said(mail, *arguments, code=Exit.USAGE)
    assert sentence in told
    assert "hunter2" not in told


class TestOnClickhouse:
    """A host that kept its ledger for itself moves to a server, and back."""

    @pytest.fixture
    def host(self, server: ClickhouseServer, tmp_path: Path) -> Iterator[HostInFiles]:
        made = HostInFiles(tmp_path / "mx1", "mx1", server, 3)
        assert made.run("collect", "--once", environ={"MAILTOP_CONFIG": str(made.alone)}).returncode == Exit.OK
        yield made
        server.ask("DROP DATABASE IF EXISTS mail")

    def test_a_ledger_moves_there_and_goes_on(self, host: HostInFiles) -> None:
        refused = host.run("collect", "--once")
        assert (refused.returncode, "'mailtop ledger migrate' sends it" in refused.stderr) == (Exit.SOURCE, True)
        told = ran(host, "migrate")
        assert "is on its way to mail on 127.0.0.1" in told
        assert "equal: 3 accounts, 2 cells where mail waits" in told
        assert "equal: " in said(host, "migrate")
        host.more_mail(4)
        assert host.run("collect", "--once").returncode == Exit.OK
        told = said(host, "verify")
        assert "every sum is that of its cells\n" in told
        assert "equal: 3 accounts" in told
        found = json.loads(said(host, "info", "--format", "json"))
        assert (found["kind"], found["unsent"]) == ("SQLite, sent to ClickHouse", 0)

    def test_what_another_config_wrote_is_noticed_and_replaced(
        self, host: HostInFiles, server: ClickhouseServer
    ) -> None:
        said(host, "migrate")
        host.more_mail(2)
        assert host.run("collect", "--once", environ={"MAILTOP_CONFIG": str(host.alone)}).returncode == Exit.OK
        assert "was not sent to" in said(host, "verify", code=Exit.SOURCE)
        assert "mail of a host called mx1 already" in said(host, "migrate", code=Exit.SOURCE)
        assert "equal: " in said(host, "migrate", "--replace")
        server.ask("INSERT INTO mail.sums (level, host, send) VALUES (1, 'mx1', 5)")
        assert "the total comes to 5 more send than all accounts" in said(
            host, "verify", host.shared, *self.key(host), code=1
        )
        said(host, "migrate", "--replace")
        said(host, "verify", host.shared, *self.key(host))

    def test_a_host_comes_back_from_there(self, host: HostInFiles, tmp_path: Path) -> None:
        said(host, "migrate")
        file, back = tmp_path / "mx1.jsonl", tmp_path / "back.sqlite"
        told = said(host, "export", str(file), host.shared, *self.key(host))
        assert told.endswith(" has\n")
        assert said(host, "import", str(file), url(back)).endswith("of the host mx1\n")
        assert "equal: 3 accounts" in said(host, "verify", url(back), host.shared, *self.key(host), "--host", "mx1")
        said(host, "verify", url(back), url(host.ledger))
        told = said(host, "info", host.shared, *self.key(host))
        assert "(ClickHouse)" in told and "host mx1" in told
        elsewhere = ("migrate", host.shared, *self.key(host), "--from", url(host.ledger), "--host", "mx3")
        assert "was sent before, and not to mail on" in said(host, *elsewhere, code=Exit.SOURCE)
        other = said(host, "migrate", host.shared, *self.key(host), "--from", url(back), "--host", "mx2")
        assert "equal: 3 accounts" in other
        told = said(host, "export", "-", host.shared, *self.key(host), code=Exit.SOURCE)
        assert "has mail of mx1, mx2; name one with --host" in told

    def test_the_tables_are_made_once_and_the_password_is_told_nobody(self, host: HostInFiles) -> None:
        assert "'mailtop ledger create' makes it" in said(host, "info", host.shared, *self.key(host), code=Exit.SOURCE)
        made = said(host, "create", host.shared, *self.key(host))
        assert "tables were made in the database mail" in made
        again = said(host, "create", host.shared, *self.key(host))
        assert "nothing was missing in the database mail" in again
        assert "refused" in said(host, "create", host.shared, code=Exit.SOURCE)
        assert PASSWORD not in made + again

    def test_what_is_not_sent_yet_is_no_difference(self, host: HostInFiles, server: ClickhouseServer) -> None:
        said(host, "migrate")
        server.kill()
        try:
            host.more_mail(2)
            host.run("collect", "--once")
            assert "are not sent yet, so that ClickHouse must differ" in said(host, "verify", code=Exit.BUSY)
            assert "unsent " in said(host, "info")
            assert "no ClickHouse server answers" in said(host, "migrate", code=Exit.SOURCE)
        finally:
            server.start()
        assert "equal: 3 accounts" in said(host, "migrate")

    def test_a_killed_move_goes_on_where_it_was(self, host: HostInFiles) -> None:
        for delay in (0.3, 0.6, 0.8):
            with host.start("ledger", "migrate", "--replace") as process:
                try:
                    process.wait(delay)
                except subprocess.TimeoutExpired:
                    process.kill()
                process.communicate()
        assert "equal: 3 accounts" in said(host, "migrate")

    def test_one_that_is_interrupted_says_nothing_more(self, host: HostInFiles, server: ClickhouseServer) -> None:
        said(host, "create", host.shared, *self.key(host))
        server.signal(signal.SIGSTOP)
        try:
            with host.start("ledger", "info", host.shared, *self.key(host)) as process:
                until(lambda: b"\0ledger\0" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(1.0)
                process.send_signal(signal.SIGINT)
                assert process.wait(10) == Exit.INTERRUPTED
                process.communicate()
        finally:
            server.signal(signal.SIGCONT)

    def key(self, host: HostInFiles) -> list[str]:
        return ["--token-file", str(host.token)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    with skips_without_servers(), clickhouse_servers(tmp_path_factory.mktemp("clickhouse"), 1) as (running,):
        yield running
