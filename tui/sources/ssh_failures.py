"""One failure, with its sentence, for each way in which another host gives no answer over SSH: what, where, what to do.
Pure; `ssh_reach` enters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from tui.config import SshSource
from tui.sources.command import Ended
from tui.sources.source import SourceError, Unreachable
from tui.text import clean

SSH_FAILED = 255
"""The exit code by which ssh says that it failed itself (ssh(1)); all others are the command's there."""

_USAGE, _SOURCE, _NOT_RUNNABLE, _NOT_FOUND = 2, 3, 126, 127
_SAID_CHARACTERS = 300

_SPEAKER = re.compile("^(?:mailtop|ssh): ")
_NO_REASON = "it does not say why"
_NO_SUCH_NUMBERS = "no source of the configuration knows"
"""How `show` says that none of the sources there has what was asked for, and ends with the exit code for that."""

_AWAY = (
    ("could not resolve hostname|name or service not known", "is not known by that name; correct `host`, or check DNS"),
    ("connection refused", "refused the connection; is its SSH server running, and the `port` right?"),
    (
        "timed out|timeout, server|not responding",
        "did not answer in time; a firewall may drop the packets, or the host is down",
    ),
    ("no route to host|network is unreachable|host is down", "cannot be reached; check the network and the firewall"),
    (
        "connection (closed|reset)|closed by remote host|broken pipe|kex_exchange_identification|banner exchange|"
        "lost connection|unexpectedly closed",
        "closed the connection; its SSH server may be restarting, or refuse this address or so many logins",
    ),
)
"""What ssh says while nobody is there to answer, and what that means."""

_REFUSED = (
    (
        "remote host identification has changed",
        "shows another host key than the one known here: it was installed anew, or somebody stands in between; only "
        "after checking that, remove the old key with `ssh-keygen -R` and log in by hand once",
    ),
    (
        "host key verification failed|no .* host key is known",
        "shows a host key that is not known here; check it and log in by hand once, as the user that runs mailtop",
    ),
    (
        "permission denied|too many authentication failures|no more authentication methods",
        "refused the login: nobody is there to type a password, so it takes a key that the host allows "
        "(`ssh-copy-id`), with no passphrase or in an agent, named by `identity_file` where ssh does not find it",
    ),
    (
        "no matching|unable to negotiate|incompatible",
        "has no way of encryption in common with this ssh; upgrade the older of both",
    ),
    (
        "bad configuration option|bad owner or permissions|keyword .* extra arguments|unknown option|usage: ssh",
        "was not asked, since ssh refuses its configuration or options here; correct them",
    ),
)
"""What ssh says where somebody has to mend something."""


def is_without(ended: Ended) -> bool:
    """Whether none of the sources there has what was asked for."""
    return ended.status == _USAGE and _NO_SUCH_NUMBERS.encode() in ended.said


def has_answered(ended: Ended) -> bool:
    """Whether `show` printed its answer, whole or in part."""
    return ended.status in (0, _SOURCE)


def failure(ended: Ended, config: SshSource) -> SourceError:
    """Why a command that has ended is no answer."""
    peer = peer_of(config)
    if ended.status == SSH_FAILED:
        return _of_ssh(ended.said, peer)
    said = _line(ended.said)
    told = f" ({said})" if said else ""
    command = _shown(config.command)
    if ended.status == _NOT_FOUND:
        return SourceError(
            f"{peer} does not find {command}{told}; install mailtop there, or set `command` to its whole path, since "
            "ssh looks in few folders."
        )
    if ended.status == _NOT_RUNNABLE:
        return SourceError(f"{peer} may not run {command}{told}; correct its rights there, or `command`.")
    if ended.status == _USAGE:
        return SourceError(f"{peer} was reached, but mailtop there is not set up for this: {said or _NO_REASON}.")
    if ended.status < 0:
        return SourceError(f"{_shown(config.ssh)} was ended by signal {-ended.status} before {peer} answered.")
    return SourceError(
        f"{peer} was reached, but {command} ended there with exit code {ended.status}: {said or _NO_REASON}."
    )


def not_started(error: Exception, config: SshSource) -> SourceError:
    """For an ssh that cannot be run here."""
    why = clean(getattr(error, "strerror", None) or str(error))
    return SourceError(f"{_shown(config.ssh)} cannot be run here ({why}); install OpenSSH's client, or correct `ssh`.")


def late(config: SshSource) -> SourceError:
    """For the deadline: ssh itself gives up earlier when nobody answers, so it is a login or command that hangs. Not
    ``Unreachable``, since each try leaves a process there."""
    return SourceError(
        f"{peer_of(config)} was reached, but {_shown(config.command)} did not end there within "
        f"{config.timeout_seconds:g} s (timeout_seconds); the host is overloaded, or it hangs."
    )


def too_long(config: SshSource) -> SourceError:
    """For an answer beyond the limit."""
    return SourceError(
        f"{peer_of(config)} printed more than {config.max_answer_mib:,} MiB; raise `max_answer_mib` if it may."
    )


def peer_of(config: SshSource) -> str:
    """Whom sentences speak of."""
    port = f" (port {config.port})" if config.port is not None else ""
    return f"{clean(config.host or '')}{port}"


def _of_ssh(said: bytes, peer: str) -> SourceError:
    text = said.decode("utf-8", "replace").lower()
    line = _line(said)
    if not line:
        return Unreachable(f"{peer} was cut off before it answered: the connection broke, or mailtop there was killed.")
    told = f" (ssh says: {line})"
    for pattern, sentence in _REFUSED:  # first, since ssh also says of these that the connection was closed
        if re.search(pattern, text):
            return SourceError(f"{peer} {sentence}{told}.")
    for pattern, sentence in _AWAY:
        if re.search(pattern, text):
            return Unreachable(f"{peer} {sentence}{told}.")
    return SourceError(f"{peer} could not be asked: {line}.")


def _line(said: bytes) -> str:
    """The last line of standard error: programs end with what made them end."""
    lines = [clean(line.strip()) for line in said.splitlines() if line.strip()]
    return _SPEAKER.sub("", lines[-1])[:_SAID_CHARACTERS].rstrip(".") if lines else ""


def _shown(command: Sequence[str]) -> str:
    return f"`{clean(shlex.join(command))}`"
