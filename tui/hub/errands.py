"""What is asked once and answered once: where a jump leads, what became of an export. Answers wait until they are
taken. The hub enters, and the screen's end of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from tui.hub.protocol import Export, Exported, Jump, Jumped
from tui.text import clean

Errand = Jump | Export
Reply = Jumped | Exported

MAX_ERRANDS = 32
"""So many may be under way or wait to be taken; more are refused in words."""

TOO_MANY = "Too much was asked at once; ask again when the other answers have come."


class Errands:
    """Runs each errand in a task of its own; ``told`` is called when a reply has come. A mistake is a reply, too."""

    def __init__(self, run: Callable[[Errand], Awaitable[Reply]], told: Callable[[], None]) -> None:
        self._run = run
        self._told = told
        self._tasks: set[asyncio.Task[None]] = set()
        self._replies: deque[Reply] = deque(maxlen=2 * MAX_ERRANDS)

    def begin(self, errand: Errand) -> None:
        """Run it, unless too many are under way."""
        if len(self._tasks) + len(self._replies) >= MAX_ERRANDS:
            self._reply(refusal(errand, TOO_MANY))
            return
        task = asyncio.create_task(self._answer(errand))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def take(self) -> Reply | None:
        """The oldest reply that nobody has taken."""
        return self._replies.popleft() if self._replies else None

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, errand: Errand) -> None:
        try:
            reply = await self._run(errand)
        except Exception as error:  # one errand's mistake must not end the hub
            sentence = f"It failed as it never should ({type(error).__name__}: {error}); please report this."
            reply = refusal(errand, clean(sentence))
        self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        self._replies.append(reply)
        self._told()


def refusal(errand: Errand, sentence: str) -> Reply:
    """The reply that nothing came of it, and why."""
    if isinstance(errand, Jump):
        return Jumped(serial=errand.serial, sentence=sentence)
    return Exported(serial=errand.serial, sentence=sentence, failed=True)
