"""What both servers do while they serve: feed the ledgers, and end when they are told to. `serve` and `web` enter."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tui.cli.arguments import Exit
from tui.hub.collectors import Collectors

MEANINGS = ((signal.SIGTERM, Exit.OK), (signal.SIGHUP, Exit.OK), (signal.SIGINT, Exit.INTERRUPTED))


async def until_stopped(
    serve: Callable[[asyncio.Event], Awaitable[None]], collectors: Collectors, log: logging.Logger
) -> int:
    """Run ``serve``, which ends with the event it gets, beside ``collectors``, until a signal; ``log`` gets what is
    wrong with these, when that has changed. Returns the exit code."""
    stop, code = asyncio.Event(), Exit.OK

    def end(meaning: Exit) -> None:
        nonlocal code
        code = meaning
        stop.set()

    def told() -> None:
        for problem in collectors.problems:
            log.warning("%s", problem)

    loop = asyncio.get_running_loop()
    for number, meaning in MEANINGS:
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup
            continue
        loop.add_signal_handler(number, end, meaning)
    collecting = asyncio.create_task(collectors.run(told))
    try:
        await serve(stop)
    finally:
        collecting.cancel()
        with suppress(asyncio.CancelledError):
            await collecting
    return code
