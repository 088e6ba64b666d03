"""The local collectors as children: one for each ledger that nobody else writes. The hub enters, and both servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tui.hub.child import Child

BUSY_EXIT_CODE = 75
"""What a collector ends with when another one writes the ledger (``EX_TEMPFAIL`` of ``sysexits.h``)."""

BUSY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""When to look again whether the other collector still runs: soon at first, since the other may be just ending."""

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""When to start a collector again that died, each time that it does not live for ``HEALTHY_SECONDS``."""

HEALTHY_SECONDS = 30.0
LAST_WORDS_SECONDS = 0.5
"""What a collector says is told only after this time: were it its last words, how it ended is told instead."""

END_SECONDS = 0.8


class Collectors:
    """Keeps a collector running for each source in ``argvs``, by its command. Each must end when its standard input
    closes, so that none outlives this process."""

    def __init__(self, argvs: Mapping[str, Sequence[str]]) -> None:
        self._argvs = argvs
        self._problems: dict[str, str] = {}
        self._in_first_run = set(argvs)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the collectors now, a sentence each."""
        return [self._problems[source] for source in self._argvs if source in self._problems]

    def is_starting(self, source: str) -> bool:
        """Whether the source's collector is in its first run and has said nothing: a ledger that is not there yet is
        then no error."""
        return source in self._in_first_run and source not in self._problems

    async def run(self, told: Callable[[], None]) -> None:
        """Keep them running until cancelled, and end them then. ``told`` is called when ``problems`` has changed."""
        async with asyncio.TaskGroup() as group:
            for source in self._argvs:
                group.create_task(self._keep(source, told))

    async def _keep(self, source: str, told: Callable[[], None]) -> None:
        busy, failures = 0, 0
        while True:
            began = asyncio.get_running_loop().time()
            exit_code, problem = await self._run_once(source, told)
            self._in_first_run.discard(source)
            if exit_code == BUSY_EXIT_CODE:
                self._tell(source, None, told)
                delay = BUSY_SECONDS[min(busy, len(BUSY_SECONDS) - 1)]
                busy, failures = busy + 1, 0
            else:
                self._tell(source, problem, told)
                if asyncio.get_running_loop().time() - began >= HEALTHY_SECONDS:
                    failures = 0
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                busy, failures = 0, failures + 1
            await asyncio.sleep(delay)

    async def _run_once(self, source: str, told: Callable[[], None]) -> tuple[int | None, str]:
        """Run a collector to its end; returns its exit code and how it ended, in a sentence."""
        try:
            child = await Child.start(self._argvs[source])
        except OSError as error:
            return None, f"The collector cannot be started: {error}."
        listening = asyncio.create_task(self._listen(source, child, told))
        try:
            how = await child.wait()
        finally:
            listening.cancel()
            await child.end(END_SECONDS)
        said = f": {child.last_line}" if child.last_line else ""
        return child.exit_code, f"The collector has ended ({how}){said}"

    async def _listen(self, source: str, child: Child, told: Callable[[], None]) -> None:
        """What a collector says while it runs is told; a collector that runs well for a while has no problem."""
        while True:
            try:
                async with asyncio.timeout(HEALTHY_SECONDS):
                    await child.said.wait()
                await asyncio.sleep(LAST_WORDS_SECONDS)
                child.said.clear()
                self._tell(source, child.last_line or None, told)
            except TimeoutError:
                self._tell(source, None, told)

    def _tell(self, source: str, problem: str | None, told: Callable[[], None]) -> None:
        if problem != self._problems.get(source):
            if problem is None:
                self._problems.pop(source, None)
            else:
                self._problems[source] = problem
            told()
