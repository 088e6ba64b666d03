"""What the rooms of the screen tell each other: answers of the hub go down, wishes go up. No widget in here."""

from __future__ import annotations

from textual.message import Message

from tui.hub.protocol import Request, View


class Answered(Message):
    """The hub sent a view; a newer one replaces one that is still queued."""

    def __init__(self, view: View) -> None:
        self.view = view
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """Whether ``message``, still queued, is made pointless by this one."""
        return isinstance(message, Answered)


class Noticed(Message):
    """Something to say in one line, until something else is to be said or the next key."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__()


class LinkEnded(Message):
    """The hub cannot be started, or its end of the link is closed; ``sentence`` says which."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__()


class Ask(Message):
    """Send this request to the hub."""

    def __init__(self, request: Request) -> None:
        self.request = request
        super().__init__()


class WindowMoved(Message):
    """The table shows other rows or has its cursor elsewhere: the hub should be asked for what it now needs."""
