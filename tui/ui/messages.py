"""What the rooms of the screen tell each other: answers of the hub go down, wishes go up. No widget in here."""

from __future__ import annotations

from textual.message import Message

from tui.hub.protocol import AccountKey, Exported, Jumped, Request, View


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


class Replied(Message):
    """The hub answered a request that was made once."""

    def __init__(self, answer: Jumped | Exported) -> None:
        self.answer = answer
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


class SortBy(Message):
    """The head of a column was clicked: sort by it, or turn the order around where it is sorted by it already."""

    def __init__(self, sort: str) -> None:
        self.sort = sort
        super().__init__()


class RowChosen(Message):
    """A row was clicked; ``into`` says that it was the row under the cursor already, so that one goes in."""

    def __init__(self, *, into: bool) -> None:
        self.into = into
        super().__init__()


class PaneChosen(Message):
    """An account's pane was clicked; ``into`` says that it was the chosen one already, so that one goes in."""

    def __init__(self, key: AccountKey, *, into: bool) -> None:
        self.key = key
        self.into = into
        super().__init__()


class CommandChosen(Message):
    """A key in the footer or a tab was clicked: do what ``action`` says."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__()


class ThemeWished(Message):
    """Show the theme of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()


class LiteWished(Message):
    """Send ``less``, or all again."""

    def __init__(self, *, less: bool) -> None:
        self.less = less
        super().__init__()
