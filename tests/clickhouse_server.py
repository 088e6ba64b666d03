"""Real ClickHouse servers on loopback, each with its own folder and ports: Debian's package, installed or unpacked."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pytest

from tests.live.packages import Unavailable, unpacked

HOST = "127.0.0.1"
CLUSTER = "fleet"
START_SECONDS = 30.0
PASSWORD = "s3cret"  # of the user "mail"; the user "default" has none

_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""Begins the command of what must not outlive the tests, however these end."""

_USERS = f"""<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
<mail><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></mail>
</users></yandex>"""
_CONFIG = """<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size><remote_servers><{cluster}>{shards}</{cluster}></remote_servers></yandex>"""
_SHARD = "<shard><replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard>"


def program() -> tuple[str, dict[str, str]]:
    """The server's program and the variables it needs. Raises ``Unavailable``."""
    installed = shutil.which("clickhouse-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed:
        return installed, dict(os.environ)
    root = unpacked("clickhouse")
    libraries = ":".join(str(folder) for folder in sorted((root / "usr" / "lib").glob("*-linux-gnu")))
    return str(root / "usr" / "sbin" / "clickhouse-server"), {**os.environ, "LD_LIBRARY_PATH": libraries}


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has now."""
    with ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]


class ClickhouseServer:
    """A server in ``folder``; entered, it answers. ``tcp_ports`` are those of all shards of its cluster."""

    def __init__(self, folder: Path, http_port: int, tcp_port: int, tcp_ports: Sequence[int]) -> None:
        self.folder = folder
        self.url = f"http://{HOST}:{http_port}"
        self.address = f"{HOST}:{http_port}"
        self._program, self._environment = program()
        folder.mkdir(parents=True)
        shards = "".join(_SHARD.format(tcp=tcp) for tcp in tcp_ports)
        config = _CONFIG.format(folder=folder, http=http_port, tcp=tcp_port, cluster=CLUSTER, shards=shards)
        (folder / "config.xml").write_text(config)
        (folder / "users.xml").write_text(_USERS)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [*_WITH_US, self._program, f"--config-file={self.folder}/config.xml"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.url}/?query=SELECT+1", trust_env=False).text == "1\n":
                    return
            except httpx.TransportError:
                pass
            assert self._process.poll() is None, f"the ClickHouse server ended: {self.errors()}"
            assert time.monotonic() < deadline, f"the ClickHouse server does not answer: {self.errors()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as one that stops it."""
        assert self._process is not None
        self._process.send_signal(number)

    def ask(self, query: str) -> str:
        """What it answers, as lines of tab-separated values."""
        answer = httpx.post(self.url, content=query.encode(), trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def errors(self) -> str:
        """The end of what it complained of."""
        path = self.folder / "errors"
        return path.read_text(errors="replace")[-2000:] if path.exists() else "it said nothing"


@contextmanager
def clickhouse_servers(folder: Path, count: int) -> Iterator[list[ClickhouseServer]]:
    """So many servers, the shards of the cluster ``CLUSTER``. Raises ``Unavailable``."""
    ports = free_ports(2 * count)
    tcp_ports = ports[count:]
    with ExitStack() as running:
        yield [
            running.enter_context(ClickhouseServer(folder / f"shard{number}", ports[number], tcp, tcp_ports))
            for number, tcp in enumerate(tcp_ports)
        ]


@contextmanager
def skips_without_servers() -> Iterator[None]:
    """Where no server can be had, the test is skipped with a word; with ``MAILTOP_LIVE=required`` it fails."""
    try:
        yield
    except Unavailable as why:
        if os.environ.get("MAILTOP_LIVE") == "required":
            raise
        pytest.skip(f"no ClickHouse server: {why}")
