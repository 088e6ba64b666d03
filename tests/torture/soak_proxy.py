"""A TCP proxy on loopback that is out of order at times: it refuses, hangs, or cuts answers. The soak enters."""

from __future__ import annotations

import enum
import socket
import threading
from contextlib import closing, suppress

HOST = "127.0.0.1"


class Mood(enum.Enum):
    """How the proxy is now."""

    WELL = "well"
    REFUSES = "refuses"
    HANGS = "hangs"
    CUTS = "cuts"


class MoodyProxy:
    """Stands before the server at ``port`` until it is closed, and is as its ``mood`` says."""

    def __init__(self, port: int) -> None:
        self.mood = Mood.WELL
        self.connections = 0
        self._to = HOST, port
        self._changed = threading.Condition()
        self._listening = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        self._start(self._accept)

    def turn(self, mood: Mood) -> None:
        """Be so from now on."""
        with self._changed:
            self.mood = mood
            self._changed.notify_all()

    def close(self) -> None:
        """Listen no more, and let go of all that is connected."""
        self.turn(Mood.REFUSES)
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            if self.mood is Mood.REFUSES:
                client.close()
                continue
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            self._start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._pass, args=(server, client, True), daemon=True)
        back.start()
        with closing(client), closing(server):
            self._pass(client, server, False)
            back.join()

    def _pass(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        """Pass on what comes from ``one`` until an end or a mood."""
        with suppress(OSError):
            while data := one.recv(1 << 16):
                with self._changed:
                    self._changed.wait_for(lambda: self.mood is not Mood.HANGS)
                if self.mood is Mood.REFUSES:
                    break
                if self.mood is Mood.CUTS and answers:
                    other.sendall(data[: len(data) // 2])
                    break
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
