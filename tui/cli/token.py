"""`mailtop token`: makes, lists and revokes the tokens that open `mailtop serve`. Only `main` enters."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tui.cli.arguments import Exit
from tui.cli.output import OutputError, PipeClosed, say, write
from tui.config import ConfigError, state_path
from tui.serve.tokens import Scope, Token, TokenError, TokenNotWritten, TokenStore
from tui.text import cell_width, clean, fit

SCHEMA = 1
TOKENS_FILE = "tokens.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def run(options: argparse.Namespace) -> int:
    """Do what ``options`` say; returns the exit code. Raises ``ConfigError`` and ``OutputError``."""
    store = token_store(options.tokens)
    try:
        if options.what == "new":
            _new(store, options)
        elif options.what == "revoke":
            store.revoke(options.name)
            say(f'the token "{clean(options.name)}" is revoked; it opens nothing any more')
        else:
            tokens = store.list()
            write(as_json(tokens) if options.format == "json" else as_table(tokens), utf8=options.format == "json")
    except TokenNotWritten as error:
        raise OutputError(str(error)) from None
    except TokenError as error:
        raise ConfigError(str(error)) from None
    return Exit.OK


def token_store(option: str | None) -> TokenStore:
    """The tokens in the file that ``--tokens`` names, else in the usual place."""
    return TokenStore(Path(option).absolute() if option is not None else state_path(TOKENS_FILE))


def _new(store: TokenStore, options: argparse.Namespace) -> None:
    if _NAME.fullmatch(options.name) is None:
        raise ConfigError(
            f'NAME: "{clean(options.name)}" is no name for a token; expected 1 to 64 letters, digits, dots, dashes or '
            "underscores"
        )
    if any(not account for account in options.account or ()):
        raise ConfigError("--account: expected the name of an account")
    scopes = tuple(Scope) if options.only is None else (Scope(options.only),)
    secret = store.new(options.name, scopes, options.account)
    try:
        write([f"{secret}\n"], utf8=True)
    except (OutputError, PipeClosed):  # a token that nobody has seen is good for nothing
        store.revoke(options.name)
        raise
    say(f"this token is shown only now; its hash is in {clean(str(store.path))}")


class Listed(msgspec.Struct, frozen=True):
    """A token as it is printed; ``created`` in UTC, ``accounts`` null for all."""

    name: str
    only: str | None
    accounts: tuple[str, ...] | None
    created: str


def as_json(tokens: Sequence[Token]) -> Iterator[str]:
    """One object with a token a line."""
    lines = ",\n".join(msgspec.json.encode(_listed(each)).decode() for each in tokens)
    yield f'{{"schema":{SCHEMA},"tokens":[\n{lines}\n]}}\n'


def as_table(tokens: Sequence[Token]) -> Iterator[str]:
    """A line a token, in aligned columns below their names."""
    rows = [("NAME", "OPENS", "CREATED", "ACCOUNTS")]
    for each in map(_listed, tokens):
        accounts = "all" if each.accounts is None else ", ".join(map(clean, each.accounts))
        rows.append((clean(each.name), each.only or "totals, queue", each.created, accounts))
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(fit, row, widths)).rstrip() + "\n"


def _listed(token: Token) -> Listed:
    only = token.scopes[0].value if len(token.scopes) == 1 else None
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(token.created))
    return Listed(token.name, only, token.accounts, created)
