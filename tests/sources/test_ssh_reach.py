"""The way to another host, with a script in the place of `ssh`: how it is called, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.hub.scripted import until
from tests.sources.ssh_host import processes_with
from tui.config import SshSource
from tui.sources.source import SourceError
from tui.sources.ssh_reach import SshReach

TELL = """
import json, os, sys
told = {"words": sys.argv[1:], "stdin": sys.stdin.read(), "askpass": os.environ["SSH_ASKPASS_REQUIRE"]}
told["leader"] = os.getsid(0) == os.getpid()
print(json.dumps(told))
sys.stderr.write("x" * 100_000 + "\\nlast words\\n")
sys.exit(3)
"""


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def config(program: str, **options: Any) -> SshSource:
    usual = {"type": "ssh", "host": "mail@mx1", "ssh": [sys.executable, "-c", program]}
    return msgspec.convert(usual | options, SshSource)


async def test_how_ssh_is_called(runtime: Path) -> None:
    reach = SshReach(
        config(TELL, port=2222, identity_file="/etc/key", command=["sudo", "mailtop"], timeout_seconds=12.0)
    )
    ended = await reach.run(["show", "queue", "--account=it's $(me)"])
    told = json.loads(ended.printed)
    words = told.pop("words")
    assert told == {"stdin": "", "askpass": "never", "leader": True}
    assert words[-3:] == ["--", "mail@mx1", """sudo mailtop show queue '--account=it'"'"'s $(me)'"""]
    assert {"-T", "-oBatchMode=yes", "-oClearAllForwardings=yes", "-p2222", "-oConnectTimeout=9"} <= set(words)
    assert words[words.index("-i") :][:3] == ["-i", "/etc/key", "-oIdentitiesOnly=yes"]
    assert {"-oControlMaster=auto", "-oControlPersist=60"} <= set(words)
    [path] = [word.removeprefix("-oControlPath=") for word in words if word.startswith("-oControlPath=")]
    assert Path(path).parent == runtime / "mailtop"
    assert (runtime / "mailtop").stat().st_mode & 0o777 == 0o700
    assert ended.status == 3
    assert len(ended.said) < 10_000
    assert ended.said.endswith(b"last words\n")


async def test_connections_are_kept_for_a_login_and_only_if_wanted() -> None:
    async def path_of(**options: Any) -> set[str]:
        ended = await SshReach(config(TELL, **options)).run(["show"])
        return {word for word in json.loads(ended.printed)["words"] if word.startswith("-oControl")}

    assert await path_of() == await path_of(name="another", source="exim", command=["/opt/mailtop"])
    assert await path_of() != await path_of(identity_file="/etc/key")
    assert await path_of() != await path_of(host="root@mx1")
    assert await path_of(keep_connection=False) == set()
    assert "-oControlPersist=900" in await path_of(interval_seconds=300.0)


@pytest.mark.parametrize("obstacle", ["long", "blank", "open", "file"])
async def test_no_folder_is_good_enough(runtime: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    folder = runtime / {"long": "x" * 100, "blank": "a b"}.get(obstacle, "y")
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    if obstacle == "file":
        folder.rmdir()
        folder.touch()
    elif obstacle == "open":
        (folder / "mailtop" / "ssh").mkdir(parents=True)
        (folder / "mailtop").chmod(0o755)
        (folder / "mailtop" / "ssh").chmod(0o777)
    reach = SshReach(config(TELL))
    assert "logs in anew" in reach.notes[0]
    words = json.loads((await reach.run(["show"])).printed)["words"]
    assert not any(word.startswith("-oControl") for word in words)


async def test_no_ssh_here() -> None:
    with pytest.raises(SourceError, match=r"`ssh-that-is-not-there` cannot be run here \(No such file or directory\)"):
        await SshReach(config("", ssh=["ssh-that-is-not-there"])).run(["show"])
    with pytest.raises(SourceError, match="cannot be run here"):
        await SshReach(config(TELL)).run(["show", "--account=\0"])


async def test_what_ssh_started_is_killed_with_it(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    program = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {str(begun)!r}])\n"
        f"open({str(begun)!r}, 'w')\ntime.sleep(60)"
    )
    reach = SshReach(config(program))
    asking = asyncio.create_task(reach.run(["show"]))
    await until(begun.exists)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: not processes_with(str(begun)))


async def test_what_goes_on_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """As a kept connection of an old ssh, which holds standard error open."""
    stop = tmp_path / "stop"
    waits = f"import os, time\nwhile not os.path.exists({str(stop)!r}): time.sleep(0.02)"
    program = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {waits!r}], stdout=subprocess.DEVNULL, start_new_session=True)\n"
        "print('done')"
    )
    try:
        ended = await SshReach(config(program)).run(["show"])
    finally:
        stop.touch()
    assert (ended.status, ended.printed) == (0, b"done\n")
    await until(lambda: not processes_with(str(stop)))


async def test_whom_ssh_would_reach() -> None:
    told = "print('host mx1\\nuser mail\\nhostname 10.0.0.1\\nport 22')"
    assert await SshReach(config(told)).whom() == ("mail", "10.0.0.1, port 22")
    assert await SshReach(config("pass")).whom() == ("", "")
    assert await SshReach(config("", ssh=["ssh-that-is-not-there"])).whom() == ("", "")


async def test_a_socket_that_nobody_serves_is_removed(runtime: Path) -> None:
    makes = "import sys\nopen(next(word[14:] for word in sys.argv if word.startswith('-oControlPath=')), 'w')"
    reach = SshReach(config(makes))
    await reach.run(["show"])
    folder = runtime / "mailtop"
    assert len(list(folder.iterdir())) == 1
    await reach.close()
    assert list(folder.iterdir()) == []
