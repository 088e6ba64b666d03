"""A TCP proxy on loopback that cuts connections at the worst moments. Tests of clients may enter."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"


class CuttingProxy:
    """Stands before the server at ``url`` while entered. Of requests whose first bytes have ``word`` it cuts
    ``answers_cut`` once the server has answered, and ``requests_cut`` in the middle."""

    def __init__(self, url: str, word: bytes) -> None:
        parts = urlsplit(url)
        self._server = parts.hostname or "", parts.port or 0
        self._word = word
        self.answers_cut = 0
        self.requests_cut = 0
        self._listening = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for each in list(self._sockets):
            _end(each)
        for thread in list(self._threads):
            thread.join()
        for each in [self._listening, *self._sockets]:
            each.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._sockets.append(client)
            try:
                server = socket.create_connection(self._server)
            except OSError:
                _end(client)
                continue
            self._sockets.append(server)
            meant = threading.Event()
            self._start(self._requests, client, server, meant)
            self._start(self._answers, client, server, meant)

    def _requests(self, client: socket.socket, server: socket.socket, meant: threading.Event) -> None:
        while data := _received(client):
            if data.startswith(b"POST"):
                meant.clear()
                if self._word in data:
                    meant.set()
            if meant.is_set() and self.requests_cut and len(data) > 1:
                self.requests_cut -= 1
                _sent(server, data[: len(data) // 2] if b"\r\n\r\n" not in data else data[:-1])
                break
            _sent(server, data)
        _end(client)
        _end(server)

    def _answers(self, client: socket.socket, server: socket.socket, meant: threading.Event) -> None:
        while data := _received(server):
            if meant.is_set() and self.answers_cut:
                self.answers_cut -= 1
                break
            _sent(client, data)
        _end(client)
        _end(server)


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(1 << 16)
    except OSError:
        return b""


def _sent(one: socket.socket, data: bytes) -> None:
    try:
        one.sendall(data)
    except OSError:
        _end(one)


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
