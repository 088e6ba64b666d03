"""The commands as processes, on a mail system of files: what they print, where, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.postfix_in_files import LOG, MAILTOP, PostfixInFiles
from tests.pty_driver import Terminal
from tui.cli.arguments import Exit
from tui.engine import ledger_lock
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_reader import SqliteReader


@pytest.fixture
def postfix(tmp_path: Path) -> PostfixInFiles:
    return PostfixInFiles(tmp_path)


def shown(postfix: PostfixInFiles, *arguments: str, code: Exit = Exit.OK) -> Any:
    done = postfix.run("show", *arguments, "--format", "json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def collects(postfix: PostfixInFiles) -> bool:
    try:
        return ledger_lock.holder(postfix.ledger) is not None
    except LedgerError:
        return False


@contextmanager
def collecting(postfix: PostfixInFiles, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with postfix.start("collect", *arguments) as process:
        try:
            until(lambda: collects(postfix) or process.poll() is not None)
            yield process
        finally:
            process.kill()


def test_totals_are_what_the_log_says(postfix: PostfixInFiles) -> None:
    answer = shown(postfix, "totals")
    assert [source["freshness"] for source in answer["sources"]] == ["live"]
    assert answer["rows"] == [
        {
            "source": "mx",
            "account": "bob",
            "send_count": 1,
            "success_count": 1,
            "defer_count": 2,
            "fail_count": 0,
            "in_progress_count": 2,
            "defer_fail_count": 2,
            "total_size": 1796,
            "quotas": "",
        },
        {
            "source": "mx",
            "account": "eve",
            "send_count": 1,
            "success_count": 0,
            "defer_count": 0,
            "fail_count": 1,
            "in_progress_count": 0,
            "defer_fail_count": 1,
            "total_size": 500,
            "quotas": "",
        },
    ]


def test_all_mail_is_accounted_for_or_it_is_said_what_is_not(postfix: PostfixInFiles) -> None:
    numbers = ("account", "accepted", "delivered", "failed", "removed", "waiting", "difference")

    def balances(*arguments: str) -> list[tuple[object, ...]]:
        return [tuple(row[key] for key in numbers) for row in shown(postfix, "balance", *arguments)["rows"]]

    assert balances() == [("", 4, 1, 1, 0, 2, 0)]
    assert balances("--all")[1:] == [("bob", 3, 1, 0, 0, 2, 0), ("eve", 1, 0, 1, 0, 0, 0)]
    assert balances("--account", "eve") == [("eve", 1, 0, 1, 0, 0, 0)]
    printed = postfix.run("show", "balance").stdout.splitlines()
    assert [line.split() for line in printed] == [
        ["source", *numbers, "since"],
        ["mx", "4", "1", "1", "0", "2", "0", "-"],
    ]
    postfix.queue.write_text("")  # as if somebody had removed the files of the queue
    assert balances() == [("", 4, 1, 1, 0, 0, 2), ("bob", 3, 1, 0, 0, 0, 2)]
    since = {row["since"] for row in shown(postfix, "balance")["rows"]}
    assert len(since) == 1 and str(since.pop()).endswith("Z")
    assert "It is off by 2 since 20" in postfix.run("check").stdout


def test_queue_is_what_the_listing_says_in_each_grouping(postfix: PostfixInFiles) -> None:
    for grouping, expected in {
        "total": [("", "", "", 2)],
        "account": [("bob", "", "", 2)],
        "account_campaign": [("bob", "spring", "", 2)],
        "isp": [("", "", "Gmail", 1), ("", "", "corp.test", 1)],
    }.items():
        answer = shown(postfix, "queue", "--group", grouping)
        rows = [(row["account"], row["campaign"], row["isp"], row["retry"]) for row in answer["rows"]]
        assert rows == expected
        assert answer["sources"][0]["queue_files"] == 1
        assert all(row["total"] == row["retry"] for row in answer["rows"])


def test_filters_reach_the_ledger_by_name(postfix: PostfixInFiles) -> None:
    answer = shown(postfix, "queue", "--group", "isp", "--account", "bob", "--campaign", "spring", "--isp", "Gmail")
    assert [(row["isp"], row["total"]) for row in answer["rows"]] == [("Gmail", 1)]
    done = postfix.run("show", "queue", "--account", "Bob", "--format", "csv")
    assert (done.returncode, len(done.stdout.splitlines())) == (Exit.OK, 1)
    assert 'the account "Bob"; there is "bob"' in done.stderr
    done = postfix.run("show", "queue", "--sender", "9")
    assert (done.returncode, done.stderr) == (
        Exit.USAGE,
        "mailtop: --sender: no source has the number 9; there is only 1\n",
    )


def test_sender_that_no_source_has_is_a_usage_error(tmp_path: Path) -> None:
    one, other = PostfixInFiles(tmp_path, "one"), PostfixInFiles(tmp_path, "other")
    one.config.write_text(f"{one.table}sender_id = 2\n{other.table}")
    done = one.run("show", "queue", "--sender", "99")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == "mailtop: --sender: no source has the number 99; there are 1, 2\n"
    assert not one.ledger.exists()
    answer = shown(one, "queue", "--sender", "2", "--account", "bob")
    assert [row["total"] for row in answer["rows"]] == [2]


def test_table_is_plain_when_it_is_piped(postfix: PostfixInFiles) -> None:
    done = postfix.run("show", "queue", "--group", "account_campaign")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "account  campaign  new  proc  retry  hold  total",
        "bob      spring      0     0      2     0      2",
        "total                0     0      2     0      2",
    ]


def test_what_is_logged_later_is_added_to_what_was_counted(postfix: PostfixInFiles) -> None:
    assert shown(postfix, "totals")["rows"][0]["success_count"] == 1
    postfix.log.write_text(LOG + LOG.splitlines()[3].replace("a@gmail", "b@gmail") + "\n")
    assert shown(postfix, "totals")["rows"][0]["success_count"] == 2
    assert shown(postfix, "totals")["rows"][0]["success_count"] == 2


def test_queue_that_cannot_be_listed_is_an_error_and_never_an_empty_queue(postfix: PostfixInFiles) -> None:
    postfix.queue.unlink()
    answer = shown(postfix, "queue", "--group", "account", code=Exit.SOURCE)
    assert answer["sources"][0]["freshness"] == "error"
    assert "cat" in answer["sources"][0]["error"]
    assert answer["rows"][0]["total"] == 2, "what the log says is still told"
    done = postfix.run("show", "queue", "--group", "account")
    assert done.returncode == Exit.SOURCE
    assert done.stdout.splitlines()[-1].startswith("total (incomplete)")
    assert done.stderr.startswith('mailtop: the source "mx" could not be read in full: ')


def test_log_that_is_not_there_is_an_error_beside_the_queue(postfix: PostfixInFiles) -> None:
    postfix.log.unlink()
    answer = shown(postfix, "queue", code=Exit.SOURCE)
    assert str(postfix.log) in answer["sources"][0]["error"]
    assert answer["rows"][0]["total"] == 2


def test_ledger_that_cannot_be_made_is_an_error_of_its_source_alone(tmp_path: Path) -> None:
    good, bad = PostfixInFiles(tmp_path, "good"), PostfixInFiles(tmp_path, "bad")
    (tmp_path / "file").touch()
    table = bad.table.replace(str(bad.ledger), f"{tmp_path}/file/bad.sqlite")
    good.config.write_text(good.table + table)
    answer = shown(good, "queue", "--group", "account", code=Exit.SOURCE)
    assert [(row["source"], row["account"]) for row in answer["rows"]] == [("good", "bob")]
    assert [source["error"] is None for source in answer["sources"]] == [True, False]


def test_collect_once_fills_the_ledger_and_ends(postfix: PostfixInFiles) -> None:
    done = postfix.run("collect", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (Exit.OK, "", "")
    assert postfix.ledger.exists()
    postfix.queue.unlink()
    done = postfix.run("collect", "--once")
    assert done.returncode == Exit.SOURCE
    assert done.stderr.startswith('mailtop: the source "mx" could not be read in full: ')


def test_show_reads_beside_a_collector_and_a_second_collector_is_turned_away(postfix: PostfixInFiles) -> None:
    with collecting(postfix) as process:
        until(lambda: bool(postfix.run("show", "queue").stdout.count("mx")))
        assert shown(postfix, "queue")["sources"][0]["error"] is None
        done = postfix.run("collect")
        assert done.returncode == Exit.BUSY
        assert f"process {process.pid}" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, Exit.OK), (signal.SIGHUP, Exit.OK), (signal.SIGINT, Exit.INTERRUPTED)]
)
def test_collector_ends_when_it_is_told_to(postfix: PostfixInFiles, number: signal.Signals, code: Exit) -> None:
    with collecting(postfix) as process:
        process.send_signal(number)
        assert process.wait(5) == code
        assert process.communicate() == ("", "")
    assert not collects(postfix)


def test_collector_of_another_program_ends_with_it(postfix: PostfixInFiles) -> None:
    with collecting(postfix, "--until-eof") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == Exit.OK


def test_ledger_that_is_removed_while_it_is_collected_is_made_anew_from_the_log(postfix: PostfixInFiles) -> None:
    with collecting(postfix) as process:
        until(lambda: counted(postfix.ledger) != {})
        before = counted(postfix.ledger)
        postfix.ledger.unlink()
        until(lambda: postfix.ledger.exists() and counted(postfix.ledger) == before)
        assert process.poll() is None
        process.kill()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.startswith(f"mailtop: the ledger {postfix.ledger} has to be opened anew, since {postfix.ledger} was ")
    assert "Traceback" not in said


def counted(ledger: Path) -> dict[str, int | None]:
    try:
        with closing(SqliteReader(ledger)) as reader:
            return {each.account: each.send_count for each in reader.totals()}
    except LedgerError:
        return {}


def test_collector_says_once_what_it_cannot_read(postfix: PostfixInFiles) -> None:
    postfix.log.unlink()
    with collecting(postfix) as process:
        assert process.stderr is not None
        assert str(postfix.log) in process.stderr.readline()
        postfix.log.write_text(LOG)
        until(lambda: postfix.run("show", "totals").returncode == Exit.OK)
        process.terminate()
        assert process.stderr.read() == ""


def test_collect_feeds_one_source_at_a_time(tmp_path: Path) -> None:
    one, other = PostfixInFiles(tmp_path, "one"), PostfixInFiles(tmp_path, "other")
    one.config.write_text(one.table + other.table)
    done = one.run("collect")
    assert (done.returncode, done.stderr.count("\n")) == (Exit.USAGE, 1)
    assert "name it with --source: one, other" in done.stderr
    assert one.run("collect", "--source", "third").returncode == Exit.USAGE
    assert one.run("collect", "--once", "--source", "other").returncode == Exit.OK
    assert (one.ledger.exists(), other.ledger.exists()) == (False, True)
    assert one.run("collect", "--once").returncode == Exit.OK
    assert one.ledger.exists()


def test_collect_has_nothing_to_do_where_only_servers_are_asked(postfix: PostfixInFiles) -> None:
    server = '[[source]]\ntype = "cpanel"\nurl = "https://h.example:2087"\nuser = "root"\ntoken_env = "TOKEN"\n'
    postfix.config.write_text(server)
    for arguments in ([], ["--once"], ["--source", "cpanel"]):
        done = postfix.run("collect", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (Exit.USAGE, 1)
        assert done.stderr.startswith('mailtop: there is nothing to collect: "cpanel" is not counted on this host; ')
    postfix.config.write_text(server + postfix.table)
    assert postfix.run("collect", "--once").returncode == Exit.OK
    assert postfix.ledger.exists()


def test_demo_can_be_shown_without_a_screen_and_leaves_nothing(postfix: PostfixInFiles) -> None:
    postfix.config.write_text('[[source]]\ntype = "demo"\naccounts = 20\n')
    temporary = postfix.config.parent / "tmp"
    temporary.mkdir()
    done = postfix.run("show", "queue", "--format", "json", environ={"TMPDIR": str(temporary)})
    assert done.returncode == Exit.OK, done.stderr
    answer = json.loads(done.stdout)
    assert [(source["type"], source["freshness"]) for source in answer["sources"]] == [("demo", "live")]
    assert answer["rows"][0]["total"] > 0
    assert list(temporary.iterdir()) == []


def test_show_and_collect_never_show_the_demo_in_place_of_a_mail_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tui.cli import sources
    from tui.cli.main import main

    monkeypatch.setattr(sources, "find", lambda config: [])
    monkeypatch.setattr(sources, "config_path", lambda option: None)
    for command in (["show", "queue"], ["show", "totals", "--format", "json"], ["collect", "--once"]):
        assert main(command) == Exit.SOURCE
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("mailtop: no mail system was found on this host")
        assert captured.err.count("\n") == 1


def test_show_never_loads_the_screen(postfix: PostfixInFiles) -> None:
    program = (
        "import sys; from tui.cli.main import main; code = main(sys.argv[1:]); "
        "print(sorted({'textual', 'rich', 'plotext', 'httpx', 'httpcore'} & set(sys.modules))); sys.exit(code)"
    )
    done = postfix.run("show", "queue", "--format", "csv", argv=[sys.executable, "-c", program])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (Exit.OK, "[]")


def test_reader_that_closes_early_ends_show_quietly(postfix: PostfixInFiles) -> None:
    shell = ["sh", "-c", '"$@" --format csv | true', "sh", *MAILTOP]
    done = postfix.run("show", "queue", argv=shell)
    assert done.stderr == ""


def test_monitor_without_a_terminal_names_the_command_that_needs_none(postfix: PostfixInFiles) -> None:
    for command in ([], ["demo"]):
        done = postfix.run(*command)
        assert (done.returncode, done.stdout) == (Exit.USAGE, "")
        assert done.stderr.endswith("mailtop show queue\n")
        assert done.stderr.count("\n") == 1


def test_monitor_with_its_errors_in_a_file_does_so_too(postfix: PostfixInFiles) -> None:
    errors = postfix.config.with_name("errors")
    with Terminal(["sh", "-c", f'exec "$@" 2>{errors}', "sh", *MAILTOP], env=postfix.environment()) as terminal:
        assert terminal.wait_exit() == Exit.USAGE
    assert errors.read_text().endswith("leave it to the terminal (without 2>)\n")


@pytest.mark.parametrize("kind", ["dumb", "unknown", ""])
def test_monitor_on_a_terminal_that_cannot_draw_does_so_too(postfix: PostfixInFiles, kind: str) -> None:
    with Terminal(["env", f"TERM={kind}", *MAILTOP], env=postfix.environment()) as terminal:
        assert terminal.wait_exit() == Exit.USAGE
        terminal.wait_for("mailtop show queue")
        assert len(terminal.text().split("\n", 2)[0].strip()) > 0


def test_options_of_the_demo_are_checked(postfix: PostfixInFiles) -> None:
    done = postfix.run("demo", "--accounts", "0")
    assert (done.returncode, done.stderr) == (
        Exit.USAGE,
        "mailtop: --accounts: expected a whole number from 1 to 1000000, not 0\n",
    )
    done = postfix.run("--interval", "0.01")
    assert (done.returncode, done.stderr.startswith("mailtop: --interval: expected")) == (Exit.USAGE, True)


def test_hub_is_not_for_hands(postfix: PostfixInFiles) -> None:
    done = postfix.run("_hub")
    assert (done.returncode, done.stderr.count("\n")) == (Exit.USAGE, 1)


def test_current_folder_is_not_imported_by_children(postfix: PostfixInFiles) -> None:
    from tui.cli.sources import child

    (postfix.config.parent / "tui").mkdir()
    (postfix.config.parent / "tui" / "__init__.py").write_text("raise SystemExit(99)")
    done = subprocess.run(child("--version"), cwd=postfix.config.parent, env=os.environ, check=False)
    assert done.returncode == Exit.OK
