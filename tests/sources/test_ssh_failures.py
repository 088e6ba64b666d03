"""A sentence for each way in which another host gives no answer, from what OpenSSH and shells really say."""

from __future__ import annotations

import pytest

from tui.config import SshSource
from tui.sources.command import Ended
from tui.sources.source import SourceError, Unreachable
from tui.sources.ssh_failures import failure, has_answered, is_without, late, not_started, too_long
from tui.text import clean

MX = SshSource(host="mail@mx1", port=2222)
CHANGED = b"""\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r
Host key verification failed.\r
"""


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (b"ssh: Could not resolve hostname mx1: Name or service not known\r\n", Unreachable, "not known by that name"),
        (b"ssh: connect to host mx1 port 22: Connection refused\r\n", Unreachable, "refused the connection"),
        (b"ssh: connect to host mx1 port 22: No route to host\r\n", Unreachable, "cannot be reached"),
        (b"ssh: connect to host mx1 port 22: Network is unreachable\r\n", Unreachable, "cannot be reached"),
        (b"ssh: connect to host mx1 port 22: Connection timed out\r\n", Unreachable, "did not answer in time"),
        (b"Connection timed out during banner exchange\r\n", Unreachable, "did not answer in time"),
        (b"Timeout, server mx1 not responding.\r\n", Unreachable, "did not answer in time"),
        (b"kex_exchange_identification: read: Connection reset by peer\r\n", Unreachable, "closed the connection"),
        (b"Connection closed by 10.0.0.1 port 22\r\n", Unreachable, "closed the connection"),
        (b"client_loop: send disconnect: Broken pipe\r\n", Unreachable, "closed the connection"),
        (b"", Unreachable, "was cut off"),
        (CHANGED, SourceError, "shows another host key"),
        (b"Host key verification failed.\r\n", SourceError, "a host key that is not known here"),
        (b"mail@mx1: Permission denied (publickey,password).\r\n", SourceError, "refused the login"),
        (
            b"Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\n"
            b"Disconnected from 10.0.0.1 port 22\r\nConnection closed by remote host\r\n",
            SourceError,
            "refused the login",
        ),
        (
            b"Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa\r\n",
            SourceError,
            "no way of encryption in common",
        ),
        (b"command-line line 0: Bad configuration option: foo\r\n", SourceError, "refuses its configuration"),
        (b"Bad owner or permissions on /home/x/.ssh/config\r\n", SourceError, "refuses its configuration"),
        (b"something new\r\n", SourceError, "could not be asked: something new."),
    ],
)
def test_ssh_failed_itself(said: bytes, kind: type[SourceError], words: str) -> None:
    error = failure(Ended(255, b"", said), MX)
    assert type(error) is kind
    assert str(error).startswith("mail@mx1 (port 2222) ")
    assert words in str(error)
    assert str(error).endswith(".")
    last = said.decode().strip().splitlines()[-1:]
    assert all(line.removeprefix("ssh: ").rstrip(".") in str(error) for line in last)


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (127, b"bash: line 1: mailtop: command not found\n", "does not find `mailtop` (bash: line 1"),
        (126, b"bash: line 1: mailtop: Permission denied\n", "may not run `mailtop`"),
        (2, b"mailtop: config.toml: interval: expected a number\n", "not set up for this: config.toml: interval: exp"),
        (2, b"usage: mailtop\nmailtop show: error: unrecognized arguments: -x\n", "error: unrecognized arguments: -x."),
        (1, b"Traceback\nValueError: x\n", "ended there with exit code 1: ValueError: x."),
        (1, b"", "exit code 1: it does not say why."),
        (-9, b"", "was ended by signal 9"),
    ],
)
def test_the_command_there_failed(status: int, said: bytes, words: str) -> None:
    error = failure(Ended(status, b"", said), MX)
    assert type(error) is SourceError
    assert words in str(error)
    assert str(error).endswith(".")


def test_what_is_an_answer() -> None:
    assert has_answered(Ended(0, b"{}", b""))
    assert has_answered(Ended(3, b"{}", b"mailtop: x"))
    assert not has_answered(Ended(2, b"", b""))
    assert is_without(Ended(2, b"", b"mailtop: no source of the configuration knows mail totals; add a source\n"))
    assert not is_without(Ended(2, b"", b"mailtop: --sender: no source has the number 7\n"))


def test_what_hosts_say_is_clean_and_short() -> None:
    for status in (255, 127, 2, 1):
        said = str(failure(Ended(status, b"", b"\x1b]0;x\x07" + b"y" * 9999), MX))
        assert clean(said) == said
        assert len(said) < 700


def test_what_concerns_no_exit_code() -> None:
    assert "install OpenSSH's client" in str(not_started(FileNotFoundError(2, "No such file"), MX))
    assert type(late(MX)) is SourceError
    assert "20 s (timeout_seconds)" in str(late(MX))
    assert "more than 64 MiB" in str(too_long(MX))
