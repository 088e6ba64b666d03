from __future__ import annotations

import threading

import pytest

from tui.sources.worker import Worker


async def test_a_thread_that_was_refused_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    worker = Worker("w")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="can't start"):
                await worker.run(lambda: 1)
    assert await worker.run(lambda: 1) == 1
    worker.stop()
