"""Reads the one secret of a source, and keeps it from being printed. Sources get a function that reads it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import stat
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from tui.config.declared import CpanelSource, HttpSource, SecretSource, SenderQueueSource
from tui.config.secret_command import COMMAND_SECONDS, run
from tui.text import clean

MAX_SECRET_BYTES = 64 * 1024


class SecretError(Exception):
    """A secret cannot be had; one sentence that says why and what to do, without the secret."""


class Secret:
    """A token or password. Only ``reveal`` gives it; printing, formatting, copying, pickling and comparing do not."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The secret itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor stored")


# A traceback may be printed with the variables of its frames. So nothing below `read_secret` raises while it holds the
# secret: each function returns the secret's bytes, or a sentence (a `str`) that says why there are none.


def read_secret(source: SecretSource, name: str) -> Secret:
    """The secret of the source called ``name``, by the one ``token_…`` key that is given. May take seconds (a command,
    a keyring). Raises ``SecretError``."""
    answer = _secret(source)
    if isinstance(answer, Secret):
        return answer
    raise SecretError(f'the source "{clean(name)}": {answer}')


def secret_in_file(path: str) -> Secret:
    """The secret in a private file that an option names, with the rules for ``token_file``. Raises ``SecretError``."""
    raw = _in_file(path)
    found = raw if isinstance(raw, str) else _understood(f"the token file {clean(path)}", raw, in_header=True)
    if isinstance(found, str):
        raise SecretError(found)
    return found


def _secret(source: SecretSource) -> Secret | str:
    if source.token_file is not None:
        what, found = f"the token file {clean(source.token_file)}", _in_file(source.token_file)
    elif source.token_env is not None:
        what, found = f"the variable {clean(source.token_env)}", _in_variable(source.token_env)
    elif source.token_command is not None:
        what, found = f"the output of {clean(source.token_command[0])}", _printed(source.token_command)
    elif source.token_keyring is not None:
        what, found = f"the keyring's entry {clean(source.token_keyring)}", _in_keyring(source.token_keyring)
    else:
        return "it has no secret; say where it is with token_file, token_env, token_command or token_keyring"
    return found if isinstance(found, str) else _understood(what, found, in_header=_goes_in_header(source))


def _goes_in_header(source: SecretSource) -> bool:
    """Whether the secret is sent as it is in a header, which carries ASCII alone."""
    if isinstance(source, CpanelSource):
        return source.login not in ("basic", "session")
    if isinstance(source, SenderQueueSource):
        return source.token_in == "header"
    return isinstance(source, HttpSource)  # a password of ClickHouse goes in Base64


def _understood(what: str, raw: bytes, *, in_header: bool) -> Secret | str:
    """The secret in ``raw``, or a sentence about ``what`` that says why it cannot be one."""
    if len(raw) > MAX_SECRET_BYTES:
        return f"{what} is longer than {MAX_SECRET_BYTES // 1024} KiB; it should be the token alone"
    for line_end in (b"\r\n", b"\n"):
        if raw.endswith(line_end):
            raw = raw[: -len(line_end)]
            break
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"{what} is not UTF-8 text; it should be the token alone"
    if not text.strip():
        return f"{what} is empty; it should be the token alone"
    if "\n" in text or "\r" in text:
        return f"{what} has more than one line; it should be the token alone"
    if any(char < " " or "\x7f" <= char <= "\x9f" for char in text):
        return f"{what} holds a control character, such as a tab or NUL; it should be the token alone"
    if in_header and not text.isascii():
        return f"{what} holds a character outside ASCII, which an HTTP header cannot carry; look for a copying mistake"
    if in_header and text != text.strip():
        return f"{what} begins or ends with a blank, which an HTTP header cannot carry; take it away"
    return Secret(text)


def _in_file(path: str) -> bytes | str:
    what = f"the token file {clean(path)}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:  # the latter for a NUL in the path
        return f"{what} cannot be read: {getattr(error, 'strerror', None) or error}"
    try:
        return _file_problem(descriptor, path) or _contents(descriptor)
    except OSError as error:
        return f"{what} cannot be read: {error.strerror}"
    finally:
        os.close(descriptor)


def _file_problem(descriptor: int, path: str) -> str | None:
    """Why an open file is no place for a secret; looked at once it is open, so that nobody can change it meanwhile."""
    what = f"the token file {clean(path)}"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return f"{what} is not an ordinary file"
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, os.geteuid()):
        return f"{what} belongs to another user (number {status.st_uid}); give it to root or to the user who runs this"
    if mode & 0o077:
        close = f"chmod 600 {clean(shlex.quote(path))}"
        return f"{what} is open to others than its owner (mode {mode:04o}); close it with: {close}"
    return None


def _contents(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(MAX_SECRET_BYTES + 1)


def _in_variable(variable: str) -> bytes | str:
    value = os.environb.get(variable.encode())
    return f"the variable {clean(variable)} is not set where mailtop runs" if value is None else value


def _printed(command: Sequence[str]) -> bytes | str:
    return run(command, clean(command[0]), COMMAND_SECONDS, MAX_SECRET_BYTES)


def _in_keyring(entry: str) -> bytes | str:
    """Asks in a process of its own, since a keyring may wait for ever for somebody to unlock it."""
    if importlib.util.find_spec("keyring") is None:
        return (
            "token_keyring needs the package keyring, which is not installed; install it with: "
            "pip install 'mailtop[keyring]'"
        )
    service, _, user = entry.partition("/")
    command = (sys.executable, "-P", "-m", "keyring", "get", "--", service, user)
    found = run(command, "the keyring", COMMAND_SECONDS, MAX_SECRET_BYTES)
    if isinstance(found, str):
        return f"{found}; set the entry with: keyring set {clean(shlex.join((service, user)))}"
    return found
