"""The screen's end of the link to the hub: what is asked before the hub is there, and how long it says nothing. For the
app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from tui.hub.protocol import Answer, HubLink, Request, ViewRequest


class HubEnd:
    """Asks over ``link``, and hears what it answers; ``clock`` gives seconds."""

    def __init__(self, link: HubLink, clock: Callable[[], float]) -> None:
        self._link = link
        self._clock = clock
        self._heard_at: float | None = None
        self._first_asked: ViewRequest | None = None
        self._closed = False
        self.has_started = False

    @property
    def silent_seconds(self) -> int | None:
        """How long the hub has said nothing; ``None`` while it has not started, and when it has ended."""
        return None if self._heard_at is None else int(self._clock() - self._heard_at)

    async def start(self) -> None:
        """Start the hub, and ask what was asked last. Raises ``OSError`` when it cannot be started."""
        await self._link.start()
        self.has_started = True
        self._heard_at = self._clock()
        if self._first_asked is not None:
            self._link.send(self._first_asked)

    def ask(self, request: Request) -> None:
        """Send a request; before the hub is there, only the last that asks for a view is kept."""
        if self.has_started:
            self._link.send(request)
        elif isinstance(request, ViewRequest):
            self._first_asked = request

    async def answers(self) -> AsyncIterator[Answer]:
        """What the hub says, until the link ends."""
        async for answer in self._link.answers():
            self._heard_at = self._clock()
            yield answer
        self._heard_at = None

    async def close(self) -> None:
        """End the hub, once."""
        if not self._closed:
            self._closed = True
            await self._link.close()
