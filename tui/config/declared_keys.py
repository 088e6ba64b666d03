"""Keys that sources of several types have, each declared once. The other `declared…` rooms enter."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta


def only(pattern: str) -> str:
    """The pattern for texts that are this and nothing else; unlike `$` it lets no line end follow."""
    return rf"^(?:{pattern})(?![\s\S])"


PATH = r"^/"
COLORS = ("black", "blue", "cyan", "gray", "green", "magenta", "orange", "pink", "purple", "red", "white", "yellow")

# `title` is what a message says was expected, `description` what docs/configuration-keys.md says a key does, and
# `examples` hold what the example file shows for a key that has no default.
#
# Never a text with a pattern beside a list or table (`S | tuple[…]`): with that msgspec 0.22 crashes the process when
# it collects garbage.
Name = Annotated[
    str,
    Meta(
        pattern=only(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        title="1 to 64 letters, digits, dots, dashes or underscores",
        description="what the source is called on the screen, in `show` and in the name of its ledger if it has one",
    ),
]
SenderId = Annotated[
    int,
    Meta(ge=1, title="a whole number from 1", description="the number of this sending system, for `--sender`"),
]
Color = Annotated[
    Annotated[str, Meta(pattern=only(f"#[0-9A-Fa-f]{{6}}|{'|'.join(COLORS)}"))] | None,
    Meta(
        title=f'a colour: six hexadecimal digits such as "#d08770", or one of {", ".join(COLORS)}',
        description="the colour of the source's name, to tell sources apart",
        examples=["#d08770"],
    ),
]
Text = Annotated[str, Meta(min_length=1)]
HostName = Annotated[str, Meta(pattern=only(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}"))]
HOST_NAME = "1 to 253 letters, digits, dots, dashes or underscores"
IntervalSeconds = Annotated[
    Annotated[float, Meta(ge=0.2, le=3600)] | None,
    Meta(
        title="a number of seconds from 0.2 to 3600",
        description="seconds between two looks at this source; without it `interval`",
        examples=[10.0],
    ),
]
MaxAnswerMib = Annotated[
    int,
    Meta(ge=1, le=4096, title="a whole number of MiB from 1 to 4096", description="the longest answer that is read"),
]


class SecretSource(msgspec.Struct, frozen=True, kw_only=True):
    """What every source has that a secret may open: where that is. The secret itself is never in here."""

    token_file: Annotated[
        Annotated[str, Meta(pattern=PATH)] | None,
        Meta(
            title="an absolute path",
            description="the file that holds the token (or password) alone; refused when others may read it",
            examples=["/etc/mailtop/token"],
        ),
    ] = None
    token_env: Annotated[
        Annotated[str, Meta(pattern=only(r"[A-Za-z_][A-Za-z0-9_]*"))] | None,
        Meta(
            title="the name of an environment variable",
            description="the variable that holds the token",
            examples=["MAILTOP_TOKEN"],
        ),
    ] = None
    token_command: Annotated[
        Annotated[tuple[Text, ...], Meta(min_length=1)] | None,
        Meta(
            title="a list of one or more words, the command and its arguments",
            description="the command that prints the token; run without a shell",
            examples=[["pass", "show", "mail/token"]],
        ),
    ] = None
    token_keyring: Annotated[
        Annotated[str, Meta(pattern=only(r"[^/]+/.+"))] | None,
        Meta(
            title='"SERVICE/USER", an entry of the keyring',
            description="where the system's keyring has the token (needs the extra `keyring`)",
            examples=["mailtop/root"],
        ),
    ] = None

    def __repr__(self) -> str:
        # without the other keys: the words of a command may hold a secret, and tracebacks print what is at hand
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.__rich_repr__())}, …)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", getattr(self, "name", ""))]
