"""`mailtop serve` as people run it: a mail system in files, a real server, real clients of both APIs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.cli.postfix_in_files import PostfixInFiles
from tests.http_server import self_signed
from tui.cli.arguments import Exit
from tui.listening import listen
from tui.serve.tokens import Scope, TokenStore

QUEUE = "/api/v1.1/admin/senders/queue/stats/"
USERS = "/json-api/emailtrack_user_stats?api.version=1"


@dataclass
class Served:
    """A running server: where it is, and what it has said so far."""

    process: subprocess.Popen[str]
    url: str
    said: list[str] = field(default_factory=list)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """End it by a signal; its exit code and all that it said."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, "".join(self.said) + err


@contextmanager
def serving(mail: PostfixInFiles, *arguments: str) -> Iterator[Served]:
    process = mail.start("serve", "--tokens", str(tokens_of(mail).path), "--bind", "127.0.0.1:0", *arguments)
    assert process.stderr is not None
    served = Served(process, "")
    try:
        while not re.search("tokens? in|no token", "".join(served.said)):
            line = process.stderr.readline()
            assert line, served.said
            served.said.append(line)
        found = re.search(r"https?://[0-9.]+:\d+", served.said[0])
        assert found is not None
        served.url = found[0]
        yield served
    finally:
        process.kill()
        process.communicate()


def tokens_of(mail: PostfixInFiles) -> TokenStore:
    return TokenStore(mail.config.with_name("tokens.json"))


@pytest.fixture
def mail(tmp_path: Path) -> PostfixInFiles:
    return PostfixInFiles(tmp_path)


def patiently(served: Served, secret: str) -> httpx.Response:
    """The users' totals, once the collector has read the log."""
    deadline = time.monotonic() + 20
    while True:
        answer = httpx.get(served.url + USERS, headers={"Authorization": f"whm root:{secret}"})
        if answer.status_code != 200 or answer.json()["metadata"]["result"] == 1 or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


def test_both_apis_over_the_ledger_that_it_collects_itself(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("a")
    with serving(mail) as served:
        assert served.said == [
            f'mailtop: serving "mx" (sender 1) at {served.url}, which only this host can reach\n',
            f"mailtop: 1 token in {tokens_of(mail).path}\n",
        ]
        assert httpx.get(f"{served.url}/healthz").text == "ok\n"
        records = {each["USER"]: each for each in patiently(served, secret).json()["data"]["records"]}
        assert (records["bob"]["SENDCOUNT"], records["eve"]["FAILCOUNT"]) == (1, 1)
        answer = httpx.post(served.url + QUEUE, json={"token": secret, "id": 1, "group": "total"})
        assert (answer.json()["error"], answer.json()["data"][0]["total"]) == (0, 2)
        # A token of another process counts at once, and is gone at once.
        made = mail.run("token", "new", "b", "--only", "totals", "--tokens", str(tokens_of(mail).path)).stdout.strip()
        assert patiently(served, made).status_code == 200
        assert httpx.post(served.url + QUEUE, json={"token": made, "id": 1}).json()["error"] == 403
        tokens_of(mail).revoke("b")
        assert patiently(served, made).status_code == 403
        code, said = served.end(signal.SIGTERM)
    assert code == Exit.OK
    assert secret not in said and made not in said
    assert re.search(
        r"mailtop: \S+Z 127\.0\.0\.1 a POST /api/v1\.1/admin/senders/queue/stats/ 200 \d+ B \d+ ms\n", said
    )
    assert "Traceback" not in said


def test_mailtop_reads_mailtop(mail: PostfixInFiles, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(tokens_of(mail).new("a"))
    made = self_signed(tmp_path)
    made.key.chmod(0o600)
    with serving(mail, "--tls-cert", str(made.cert), "--tls-key", str(made.key), "--quiet") as served:
        patient = ssl.create_default_context(cafile=made.cert)
        with httpx.Client(verify=patient) as client:
            assert client.get(f"{served.url}/healthz").text == "ok\n"
        shared = f'url = "{served.url}"\ntoken_file = "{token}"\nca_file = "{made.cert}"\n'
        config = tmp_path / "client.toml"
        config.write_text(
            f'[[source]]\ntype = "cpanel"\nname = "t"\nuser = "root"\n{shared}'
            f'[[source]]\ntype = "sender_queue"\nname = "q"\n{shared}'
        )
        deadline = time.monotonic() + 20
        while (done := mail.run("check", "--config", str(config))).returncode and time.monotonic() < deadline:
            pass  # until the collector has read the log
        assert done.returncode == Exit.OK, done.stdout
        totals = mail.run("show", "totals", "--config", str(config), "--format", "csv").stdout
        assert "bob" in totals
        queue = mail.run("show", "queue", "--config", str(config), "--group", "isp", "--format", "csv").stdout
        assert "Gmail" in queue and "corp.test" in queue
        code, said = served.end(signal.SIGTERM)
        early = "there is no ledger at"  # the first who asks may come before the collector has made it
        others = [line for line in said.splitlines(keepends=True) if line not in served.said and early not in line]
        assert (code, others) == (Exit.OK, [])


def test_a_token_for_one_account_and_no_more_than_its_rate(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("bobs", [Scope.TOTALS], ["bob"])
    with serving(mail, "--rate", "0.001") as served:
        answer = httpx.get(served.url + USERS, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200
        refused = httpx.get(served.url + USERS, headers={"Authorization": f"Bearer {secret}"})
        assert refused.status_code == 429
        assert 900 < int(refused.headers["retry-after"]) <= 1000


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_reads_it(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("a")
    with serving(mail) as served:
        patiently(served, secret)
        asked = subprocess.run(
            ["curl", "-sS", "-u", f"bob:{secret}", f"{served.url}/json-api/cpanel?cpanel_jsonapi_apiversion=2"
             "&cpanel_jsonapi_module=EmailTrack&cpanel_jsonapi_func=stats&cpanel_jsonapi_user=bob"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert '"SENDCOUNT":"1"' in asked.stdout.replace(" ", "")


def test_ctrl_c_ends_it_and_its_collector(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("a")
    with serving(mail) as served:
        patiently(served, secret)
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        assert len(children) == 1
        code, said = served.end(signal.SIGINT)
        assert code == Exit.INTERRUPTED
        assert "Traceback" not in said
        assert not Path(f"/proc/{children[0]}").exists()


def test_it_leaves_a_collector_alone_that_runs(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("a")
    collector = mail.start("collect")
    try:
        with serving(mail) as served:
            assert patiently(served, secret).status_code == 200
            assert served.end(signal.SIGTERM)[0] == Exit.OK
        assert collector.poll() is None
    finally:
        collector.kill()
        collector.communicate()


def test_what_everybody_can_reach_is_said(mail: PostfixInFiles) -> None:
    with serving(mail, "--bind", "0.0.0.0:0") as served:
        assert "which other hosts can reach" in served.said[0]
        assert "without TLS everybody on the way can read tokens" in served.said[1]
        assert "there is no token in " in served.said[2] and "mailtop token new NAME" in served.said[2]


def test_an_address_that_is_taken(mail: PostfixInFiles) -> None:
    [taken] = listen("127.0.0.1", 0)
    with taken:
        done = mail.run("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.returncode, done.stdout) == (Exit.BUSY, "")
    assert done.stderr.startswith("mailtop: another program listens on 127.0.0.1:")


SERVERS = '[[source]]\ntype = "cpanel"\nurl = "https://x"\ntoken_env = "X"\nuser = "root"\nname = "panel"\n'


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bind", "nonsense:x"], '--bind: "nonsense:x" is no address'),
        (["--rate", "-1"], "--rate: expected a number of requests a second"),
        (["--rate", "nan"], "--rate: expected a number of requests a second"),
        (["--tls-cert", "x"], "--tls-cert needs --tls-key, too"),
        (["--tls-key", "x"], "--tls-key needs --tls-cert, too"),
        (["--tls-key", "x", "--tls-cert", "/nowhere/x"], "--tls-cert: /nowhere/x cannot be read: No such file"),
        (["--source", "panel"], "there is no ledger to serve: panel is a server"),
        (["--source", "other"], '--source: no source is called "other"'),
        ([], "serve answers from one ledger; name its source with --source: mx, demo"),
    ],
)
def test_what_cannot_be_served_is_said(mail: PostfixInFiles, arguments: list[str], sentence: str) -> None:
    mail.config.write_text(mail.table + '[[source]]\ntype = "demo"\n' + SERVERS)
    source = [] if not arguments or arguments[0] == "--source" else ["--source", "mx"]
    done = mail.run("serve", *source, *arguments)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr.startswith(f"mailtop: {sentence}")
    assert done.stderr.count("\n") == 1


def test_without_the_extra_one_sentence_names_it(mail: PostfixInFiles) -> None:
    program = (
        "import importlib.util, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'uvicorn' else find(name)\n"
        "from tui.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    done = mail.run("serve", argv=[sys.executable, "-c", program])
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == (
        "mailtop: serve needs the package uvicorn, which is not installed; install it with: "
        "pip install 'mailtop[serve]'\n"
    )


def test_a_file_of_tokens_that_is_open_to_others_opens_nothing(mail: PostfixInFiles) -> None:
    secret = tokens_of(mail).new("a")
    with serving(mail) as served:
        assert patiently(served, secret).status_code == 200
        tokens_of(mail).path.chmod(0o644)
        assert patiently(served, secret).status_code == 403
        _, said = served.end(signal.SIGTERM)
    assert "no token is good until this is mended" in said
    assert os.fspath(tokens_of(mail).path) in said
