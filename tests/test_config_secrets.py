"""Each way to a secret, each way it can fail as one sentence, and no way to see it."""

from __future__ import annotations

import copy
import os
import pickle
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.config import CpanelSource, HttpSource, SenderQueueSource
from tui.config.secrets import MAX_SECRET_BYTES, Secret, SecretError, read_secret

URL = "https://panel.example:2087"
TOKEN = "HUNTER2HUNTER2"


def reading(**where: object) -> SenderQueueSource:
    return msgspec.convert({"type": "sender_queue", "url": URL} | where, SenderQueueSource)


def refusal(source: HttpSource) -> str:
    """The sentence that reading the source's secret ends with; nothing of the error shows the secret."""
    with pytest.raises(SecretError) as caught:
        read_secret(source, "web")
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert TOKEN not in told, told
    start = 'the source "web": '
    assert str(error).startswith(start)
    return str(error).removeprefix(start)


def is_alive(pid: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def token_file(tmp_path: Path) -> Callable[..., Path]:
    def make(content: bytes = TOKEN.encode(), mode: int = 0o600) -> Path:
        path = tmp_path / "token"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return make


@pytest.mark.parametrize("content", ["T0K en:=\n", "T0K en:=\r\n", "T0K en:="])
def test_file_gives_its_one_line(token_file: Callable[..., Path], content: str) -> None:
    path = token_file(content.encode(), 0o400)
    assert read_secret(reading(token_file=str(path)), "web").reveal() == "T0K en:="


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty; it should be the token alone"),
        (b"\n", "is empty; it should be the token alone"),
        (b" \n", "is empty; it should be the token alone"),
        (f"user\n{TOKEN}\n".encode(), "has more than one line; it should be the token alone"),
        (f"{TOKEN}\n\n".encode(), "has more than one line; it should be the token alone"),
        (f"{TOKEN}\r{TOKEN}".encode(), "has more than one line; it should be the token alone"),
        (f"{TOKEN}\0".encode(), "holds a control character, such as a tab or NUL; it should be the token alone"),
        (f"a\t{TOKEN}".encode(), "holds a control character, such as a tab or NUL; it should be the token alone"),
        (TOKEN.encode() + b"\xff", "is not UTF-8 text; it should be the token alone"),
        (TOKEN.encode() * 5000, "is longer than 64 KiB; it should be the token alone"),
        (
            f"{TOKEN}é".encode(),
            "holds a character outside ASCII, which an HTTP header cannot carry; look for a copying mistake",
        ),
        (f" {TOKEN}".encode(), "begins or ends with a blank, which an HTTP header cannot carry; take it away"),
    ],
)
def test_file_that_holds_something_else_is_a_sentence(
    token_file: Callable[..., Path], content: bytes, why: str
) -> None:
    path = token_file(content)
    assert refusal(reading(token_file=str(path))) == f"the token file {path} {why}"


def test_passwords_may_be_what_a_header_cannot_carry(token_file: Callable[..., Path]) -> None:
    path = str(token_file("pässwörd \n".encode()))
    for source in (
        CpanelSource(url=URL, login="basic", user="root", token_file=path),
        CpanelSource(url=URL, login="session", user="root", token_file=path),
        reading(token_file=path, token_in="body"),
    ):
        assert read_secret(source, "web").reveal() == "pässwörd "
    assert "outside ASCII" in refusal(CpanelSource(url=URL, user="root", token_file=path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o601, 0o777])
def test_file_that_others_may_open_is_refused_with_the_remedy(token_file: Callable[..., Path], mode: int) -> None:
    path = token_file(mode=mode)
    assert refusal(reading(token_file=str(path))) == (
        f"the token file {path} is open to others than its owner (mode {mode:04o}); close it with: chmod 600 {path}"
    )


def test_file_of_another_user_is_refused(token_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = token_file()
    owner = path.stat().st_uid
    real = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        status = list(real(descriptor))
        status[4] = 4711
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", foreign)
    assert "belongs to another user (number 4711); give it to root" in refusal(reading(token_file=str(path)))
    monkeypatch.undo()
    assert read_secret(reading(token_file=str(path)), "web").reveal() == TOKEN
    assert owner in (0, os.geteuid())


def test_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path, why in [
        (tmp_path / "none", "cannot be read: No such file or directory"),
        (tmp_path, "is not an ordinary file"),
        (fifo, "is not an ordinary file"),
        (Path("/dev/zero"), "is not an ordinary file"),
    ]:
        assert refusal(reading(token_file=str(path))) == f"the token file {path} {why}"
    refused = refusal(reading(token_file="/nul\0"))
    assert refused.startswith("the token file /nul� cannot be read: ") and "embedded null" in refused


def test_link_leads_to_the_file(token_file: Callable[..., Path], tmp_path: Path) -> None:
    path = token_file()
    (tmp_path / "link").symlink_to(path)
    assert read_secret(reading(token_file=str(tmp_path / "link")), "web").reveal() == TOKEN
    path.chmod(0o644)
    assert "open to others" in refusal(reading(token_file=str(tmp_path / "link")))


def test_variable_gives_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    source = reading(token_env="MAILTOP_TEST_TOKEN")
    monkeypatch.delenv("MAILTOP_TEST_TOKEN", raising=False)
    assert refusal(source) == "the variable MAILTOP_TEST_TOKEN is not set where mailtop runs"
    monkeypatch.setenv("MAILTOP_TEST_TOKEN", "")
    assert refusal(source) == "the variable MAILTOP_TEST_TOKEN is empty; it should be the token alone"
    monkeypatch.setenv("MAILTOP_TEST_TOKEN", TOKEN)
    assert read_secret(source, "web").reveal() == TOKEN


def printing(program: str) -> SenderQueueSource:
    return reading(token_command=["/bin/sh", "-c", program])


def test_command_gives_what_it_prints_without_a_shell_and_with_nothing_to_read(tmp_path: Path) -> None:
    assert read_secret(printing(f"cat; echo noise >&2; echo {TOKEN}"), "web").reveal() == TOKEN
    assert read_secret(reading(token_command=["echo", "$HOME; a  b"]), "web").reveal() == "$HOME; a  b"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("exit 3", "/bin/sh ended with exit code 3, so there is no secret"),
        (
            "echo first >&2; printf 'pass: \\033[31mlocked\\n\\n' >&2; exit 1",
            "/bin/sh ended with exit code 1, so there is no secret: pass: �[31mlocked",
        ),
        ("kill -9 $$", "/bin/sh was ended by signal 9, so there is no secret"),
        (f"echo {TOKEN}; echo wrong: {TOKEN} >&2; exit 1", "/bin/sh ended with exit code 1, so there is no secret"),
        (f"echo {TOKEN} >&2", "/bin/sh printed nothing on standard output, so there is no secret"),
        (f"echo; echo {TOKEN} >&2", "the output of /bin/sh is empty; it should be the token alone"),
        (f"echo {TOKEN}; echo more", "the output of /bin/sh has more than one line; it should be the token alone"),
        (f"yes {TOKEN}", "the output of /bin/sh is longer than 64 KiB; it should be the token alone"),
    ],
)
def test_command_that_fails_is_a_sentence_without_its_arguments(program: str, why: str) -> None:
    assert refusal(printing(program)) == why


def test_command_that_cannot_be_run_is_a_sentence() -> None:
    for command, why in [
        ("/none/such", "No such file or directory"),
        ("/etc/passwd", "Permission denied"),
        ("a\0", "embedded null byte"),
    ]:
        shown = command.replace("\0", "�")
        assert refusal(reading(token_command=[command, TOKEN])) == f"{shown} cannot be run: {why}"


@pytest.mark.parametrize(
    "program",
    [
        "echo $$ >{pids}; sleep 60 & echo $! >>{pids}; wait",
        "echo $$ >{pids}; exec >&-; exec sleep 60",
        "echo $$ >{pids}; while :; do echo noise >&2; done",
    ],
    ids=["waits", "closes its output", "talks for ever"],
)
def test_command_that_hangs_is_ended_with_what_it_started(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.config.secrets.COMMAND_SECONDS", 0.5)
    pids = tmp_path / "pids"
    sentence = refusal(printing(program.format(pids=pids)))
    assert sentence == "/bin/sh did not end within 0.5 seconds, so there is no secret"
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids.read_text().split())):
        assert time.monotonic() < deadline, "what was killed lives on"
        time.sleep(0.01)


def test_agent_that_keeps_standard_error_open_is_not_waited_for() -> None:
    source = printing(f"sleep 3 >/dev/null & echo {TOKEN}")
    assert read_secret(source, "web").reveal() == TOKEN


def keyring_with(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    package = folder / "keyring"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(f"import sys\n{program}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_keyring_is_asked_for_service_and_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_with(tmp_path, monkeypatch, "print(sys.argv[1:])")
    secret = read_secret(reading(token_keyring="mail top/api/v1"), "web")
    assert secret.reveal() == "['get', '--', 'mail top', 'api/v1']"


def test_keyring_without_the_entry_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring_with(tmp_path, monkeypatch, "print('keyring.errors.NoKeyringError: none', file=sys.stderr)\nsys.exit(1)")
    assert refusal(reading(token_keyring="mail top/root")) == (
        "the keyring ended with exit code 1, so there is no secret: keyring.errors.NoKeyringError: none; "
        "set the entry with: keyring set 'mail top' root"
    )


def test_keyring_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refusal(reading(token_keyring="mailtop/root")) == (
        "token_keyring needs the package keyring, which is not installed; install it with: "
        "pip install 'mailtop[keyring]'"
    )


def test_source_without_any_key_is_a_sentence() -> None:
    assert refusal(reading()).startswith("it has no secret; say where it is with token_file, ")


@given(st.binary(max_size=80))
def test_whatever_a_variable_holds_is_a_token_that_a_header_can_carry_or_a_sentence(raw: bytes) -> None:
    value = raw.replace(b"\0", b"0")
    os.environb[b"MAILTOP_TEST_ANY"] = value
    try:
        secret = read_secret(reading(token_env="MAILTOP_TEST_ANY"), "web").reveal()
    except SecretError:
        return
    finally:
        del os.environb[b"MAILTOP_TEST_ANY"]
    assert secret and secret.isascii() and secret.isprintable() and secret.strip() == secret
    assert secret.encode() == value.rstrip(b"\r\n")
    assert len(secret) <= MAX_SECRET_BYTES


def test_secret_cannot_be_seen() -> None:
    secret = Secret(TOKEN)
    assert secret.reveal() == TOKEN
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", f"{[secret]}"):
        assert "Secret(…)" in text
        assert TOKEN not in text
    assert secret != Secret(TOKEN)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    "store",
    [
        *(lambda secret, protocol=protocol: pickle.dumps(secret, protocol) for protocol in range(6)),
        copy.copy,
        copy.deepcopy,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
    ],
)
def test_secret_cannot_be_stored(store: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        store(Secret(TOKEN))
    assert TOKEN not in str(caught.value)
