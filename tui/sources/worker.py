"""One thread for blocking calls, in turn. Sources and the hub may enter."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

Result = TypeVar("Result")


class Worker:
    """Runs calls one after the other in a thread of its own.

    Unlike an executor's, the thread never keeps the process alive: a call that hangs on a dead disk must not outlive
    the screen.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], Result]) -> Result:
        """What ``call`` returns or raises. When the waiting task is cancelled a call that has not begun never does.
        Raises ``RuntimeError`` where the system starts no more threads."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            thread.start()
            self._thread = thread
        future: Future[Result] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # the waiting task gets it
                    future.set_exception(error)

        self._calls.put(job)
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """Let the thread end after the calls that are already waiting; later calls begin a new one."""
        if self._thread is not None:
            self._calls.put(None)
            self._thread = None

    def _work(self) -> None:
        while (job := self._calls.get()) is not None:
            job()
            del job
