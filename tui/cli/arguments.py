"""The command line: every command, every option, every exit code. Imports little, so help comes at once."""

from __future__ import annotations

import argparse
import enum
from collections.abc import Callable, Mapping, Sequence

from tui.cli.parsing import Help, Parser
from tui.sorts import ACCOUNT_SORTS, HOST_SORTS, SORTS


class Exit(enum.IntEnum):
    """What the command's exit code says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SOURCE = 3
    SYSTEM = 71
    OUTPUT = 74
    BUSY = 75
    HUNG_UP = 129
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


EXIT_MEANINGS = {
    Exit.OK: "everything that was asked for was read",
    Exit.FAILED: "mailtop itself failed; please report what it printed (of `ledger verify`, `rebuild` and `migrate`: "
    "something in the ledger does not add up, or two ledgers differ)",
    Exit.USAGE: "the command line or the configuration is wrong, or there is no terminal to draw the screen on",
    Exit.SOURCE: "a source could not be read, in whole or in part; what the others know is still printed",
    Exit.SYSTEM: "the system gave no more memory, processes, threads or open files, or no room for a temporary file",
    Exit.OUTPUT: "the output could not be written, for instance because the disk is full",
    Exit.BUSY: "another collector writes this ledger already, or another program has the address to serve on",
    Exit.HUNG_UP: "the terminal of the screen was closed",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
    Exit.PIPE_CLOSED: "whoever read the output stopped reading, as `head` does",
    Exit.TERMINATED: "the screen was ended by SIGTERM (a collector or server that is ended so says 0)",
}
"""Each exit code in words, for `--help` and docs/commands.md."""

HUB, SCREEN, SOURCES = "_hub", "_screen", "_sources"
"""The commands that only the screen, the web server and a shell that completes a word give."""

GROUPINGS = ("total", "account", "account_campaign", "isp", "host")
FORMATS = ("table", "json", "csv")
SCOPES = ("totals", "queue")
SHELLS = ("bash", "zsh", "fish")
SERVE_PORT, WEB_PORT = 9587, 9588
REQUESTS_A_SECOND = 100

_LEDGER_URL = (
    "sqlite:///FILE, or clickhouse://USER@HOST:PORT/DATABASE?cluster=NAME (default: the ledger of the source in the "
    "configuration)"
)
_EPILOG = "exit codes:\n" + "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in EXIT_MEANINGS.items())


def parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line. Where ``words`` say what is to be parsed, only the commands among them know
    their options: to make all options takes longer than all else that help needs."""
    top: argparse.ArgumentParser = Parser(
        prog="mailtop",
        description="top for mail: who sends what, what waits in the queue, and why. "
        "Without a command it monitors this host's mail system.",
        epilog=_EPILOG,
        formatter_class=Help,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print version, commit and Python, and end")
    top.set_defaults(command="monitor", config=None, debug=None, theme=None, interval=None)
    top.set_defaults(ascii=False, lite=None, mouse=None, fresh=False)
    _add_common(top)
    _add_screen(top)
    _add_terminal(top)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for name, (what, add_options) in _commands().items():
        command = _command(commands, name, what)
        if words is None or name in words:
            add_options(command)
    return top


class _Version(argparse.Action):
    """Prints the version, which takes a look at files, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tui.cli.version import version

        print(version())
        parser.exit()


def child_parser(name: str) -> argparse.ArgumentParser:
    """The parser of what follows ``HUB``, ``SCREEN`` or ``SOURCES``, which no message of the other parser names."""
    child = Parser(prog=f"mailtop {name}", formatter_class=Help, allow_abbrev=False)
    child.set_defaults(command=name.removeprefix("_"), config=None, debug=None)
    _add_common(child)
    return child


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _commands() -> Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]]:
    """Every command: what it does, and what adds its options."""
    return {
        "show": ("print numbers once, for people and scripts", _add_show),
        "check": ("try every source once, and say how to mend what is wrong", _add_check),
        "demo": ("monitor a simulated mail system", _add_demo),
        "collect": ("read the mail system's log and queue into the ledger, until stopped", _add_collect),
        "serve": ("answer both documented APIs from the ledger, over HTTP, until stopped", _add_serve),
        "web": ("show the screen in a browser, to look at only, until stopped", _add_web),
        "token": ("make, list and revoke the tokens that open the server", _add_tokens),
        "ledger": ("make, examine, mend, move and copy ledgers", _add_ledger),
        "config": ("begin, find, explain and describe the configuration", _add_configuration),
        "completion": ("print what a shell needs to complete mailtop's words", _add_completion),
    }


def _add_show(show: argparse.ArgumentParser) -> None:
    what = show.add_subparsers(title="what to show", metavar="WHAT", required=True)
    for name, told, add_options in (
        ("totals", "the mail totals of every account", _add_totals),
        ("queue", "what waits in the queue, by recipient", _add_queue),
        ("balance", "whether all mail that was accepted is accounted for", _add_balance),
    ):
        each = _command(what, name, told)
        each.set_defaults(command="show", what=name)
        add_options(each)
        _add_source(each)
        _add_format(each, FORMATS)
        _add_common(each)


def _add_totals(totals: argparse.ArgumentParser) -> None:
    totals.add_argument(
        "--filter", metavar="TEXT", help="only accounts that the screen's filter would leave: deferred>100"
    )
    _add_arrangement(totals, ACCOUNT_SORTS, "sent")


def _add_queue(queue: argparse.ArgumentParser) -> None:
    queue.add_argument("--group", choices=GROUPINGS, default="total", help="how to add up (default: total)")
    queue.add_argument("--sender", type=int, metavar="N", help="only the sending system with this number")
    _add_account(queue)
    queue.add_argument("--campaign", metavar="C", help="only this campaign, by exact name, or by id in one source")
    queue.add_argument("--isp", metavar="I", help="only this mailbox provider, by exact name")
    queue.add_argument("--filter", metavar="TEXT", help="only rows that the screen's filter would leave: retry>100")
    queue.add_argument("--problems", action="store_true", help="only rows that are a problem, as far as one look tells")
    _add_arrangement(queue, (*SORTS, *HOST_SORTS), "total")


def _add_balance(balance: argparse.ArgumentParser) -> None:
    _add_account(balance)
    balance.add_argument("--all", action="store_true", help="every account, not only those that are off")


def _add_check(check: argparse.ArgumentParser) -> None:
    check.set_defaults(command="check")
    _add_source(check)
    _add_format(check, FORMATS[:2])
    _add_common(check)


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.set_defaults(command="demo")
    demo.add_argument("--seed", type=int, metavar="N", default=1, help="another number, another story (default: 1)")
    demo.add_argument("--accounts", type=int, metavar="N", default=2000, help="how many accounts (default: 2000)")
    _add_common(demo)
    _add_screen(demo)
    _add_terminal(demo)


def _add_collect(collect: argparse.ArgumentParser) -> None:
    collect.set_defaults(command="collect")
    collect.add_argument("--once", action="store_true", help="read to the end of the log, list the queue, and end")
    _add_source(collect)
    collect.add_argument(
        "--until-eof", action="store_true", help="end when standard input closes, for a program that starts this one"
    )
    _add_common(collect)


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.set_defaults(command="serve")
    _add_bind(serve, SERVE_PORT)
    _add_source(serve)
    _add_tls(serve)
    _add_token_file(serve)
    serve.add_argument(
        "--rate",
        type=float,
        metavar="N",
        default=float(REQUESTS_A_SECOND),
        help=f"requests a second and token; 0 is without limit (default: {REQUESTS_A_SECOND})",
    )
    serve.add_argument("--quiet", action="store_true", help="write no line for each request")
    _add_common(serve)


def _add_web(web: argparse.ArgumentParser) -> None:
    web.set_defaults(command="web")
    _add_bind(web, WEB_PORT)
    _add_tls(web)
    web.add_argument(
        "--public-url",
        metavar="URL",
        help="how browsers reach it, where a proxy with TLS stands in front: https://HOST",
    )
    web.add_argument(
        "--token-file",
        metavar="FILE",
        help="a private file with the token that lets in (default: a new one, printed as a link)",
    )
    _add_common(web)
    _add_screen(web)


def _add_tokens(token: argparse.ArgumentParser) -> None:
    what = token.add_subparsers(title="what to do", metavar="WHAT", required=True)
    new = _command(what, "new", "make a token and print it, this once")
    new.add_argument("name", metavar="NAME", help="what to call it")
    new.add_argument(
        "--account", metavar="A", action="append", help="only this account, by exact name; may be given several times"
    )
    new.add_argument("--only", choices=SCOPES, help="only the mail totals, or only the queue")
    listed = _command(what, "list", "print the names of all tokens and what they open")
    _add_format(listed, FORMATS[:2])
    revoke = _command(what, "revoke", "take a token away, at once")
    revoke.add_argument("name", metavar="NAME", help="what it is called")
    for name, each in (("new", new), ("list", listed), ("revoke", revoke)):
        each.set_defaults(command="token", what=name)
        _add_token_file(each)
        _add_common(each)


def _add_ledger(ledger: argparse.ArgumentParser) -> None:
    what = ledger.add_subparsers(title="what to do", metavar="WHAT", required=True)
    each = {
        name: _command(what, name, told)
        for name, told in (
            ("create", "make an empty ledger: a file, or the tables on every server"),
            ("info", "print how large a ledger is, what it holds, and how far behind"),
            ("verify", "prove that a ledger adds up, and that two say the same"),
            ("rebuild", "compute the sums of a ledger anew where they differ from its cells"),
            ("migrate", "send all that a ledger on this host has to ClickHouse, once"),
            ("export", "write all that a ledger has of a host to a file, as JSON lines"),
            ("import", "make a ledger of a file that was exported"),
        )
    }
    for name in ("export", "import"):
        each[name].add_argument("file", metavar="FILE", help="the file, or - for standard output or input")
    for name, one in each.items():
        one.set_defaults(command="ledger", what=name)
        one.add_argument("ledger", metavar="URL", nargs=None if name == "create" else "?", help=_LEDGER_URL)
        _add_common(one)
        if name != "create":
            _add_source(one)
    each["verify"].add_argument("other", metavar="OTHER", nargs="?", help="another ledger, which must say the same")
    for name in ("info", "verify", "migrate", "export"):
        each[name].add_argument("--host", metavar="NAME", help="which host of a ledger on ClickHouse is meant")
    for name in ("create", "info", "verify", "migrate", "export"):
        each[name].add_argument("--token-file", metavar="FILE", help="a private file with the password of ClickHouse")
        each[name].add_argument("--token-env", metavar="NAME", help="the variable with the password of ClickHouse")
    _add_ledger_flags(each)


def _add_ledger_flags(commands: dict[str, argparse.ArgumentParser]) -> None:
    _add_format(commands["info"], FORMATS[:2])
    commands["rebuild"].add_argument(
        "--from-log",
        action="store_true",
        help="make the ledger anew from all logs that are still there; the old one stays beside it as .old",
    )
    commands["migrate"].add_argument(
        "--from", dest="origin", metavar="URL", help="the file to send (default: the source's own)"
    )
    commands["migrate"].add_argument(
        "--replace", action="store_true", help="take away first what ClickHouse has of this host, and send all anew"
    )


def _add_configuration(config: argparse.ArgumentParser) -> None:
    what = config.add_subparsers(title="what to do", metavar="WHAT", required=True)
    for name, told in (
        ("init", "write an example of the configuration where it is looked for"),
        ("path", "print which configuration file is read, and why"),
        ("show", "print every value and where it comes from, without secrets"),
        ("schema", "print the JSON Schema of the configuration, for editors"),
    ):
        each = _command(what, name, told)
        each.set_defaults(command="config", what=name)
        _add_common(each)
        if name == "show":
            _add_screen(each)


def _add_completion(completion: argparse.ArgumentParser) -> None:
    completion.set_defaults(command="completion")
    completion.add_argument("shell", choices=SHELLS, help="the shell that is meant")
    _add_common(completion)


def _command(commands: Commands[argparse.ArgumentParser], name: str, what: str) -> argparse.ArgumentParser:
    description = what[0].upper() + what[1:] + "."
    return commands.add_parser(name, help=what, description=description, formatter_class=Help, allow_abbrev=False)


def _add_common(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: the option may stand before or after the command, and only where it stands does it set anything
    parser.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="read this configuration file")
    parser.add_argument(
        "--debug", metavar="FILE", default=argparse.SUPPRESS, help="add to this file what mailtop does, line by line"
    )


def _add_arrangement(parser: argparse.ArgumentParser, columns: Sequence[str], default: str) -> None:
    parser.add_argument(
        "--sort",
        choices=columns,
        metavar="COLUMN",
        help=f"sort by this column of the screen: numbers from the largest, names from A to Z (default: {default})",
    )
    parser.add_argument("--reverse", action="store_true", help="sort the other way around")
    parser.add_argument(
        "--together", action="store_true", help="add up what has the same name in all sources and senders"
    )


def _add_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", metavar="A", help="only this account, by exact name, or by id in one source")


def _add_format(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    parser.add_argument("--format", choices=formats, default="table", help="how to print it (default: table)")


def _add_bind(parser: argparse.ArgumentParser, port: int) -> None:
    here = f"127.0.0.1:{port}"
    told = f"where to listen (default: {here}, for this host alone)"
    parser.add_argument("--bind", metavar="HOST:PORT", default=here, help=told)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="NAME", help="only this source of the configuration")


def _add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tls-cert", metavar="FILE", help="the server's certificate and its chain (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's key (PEM), which only you can read")


def _add_token_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tokens", metavar="FILE", help="the file of tokens (default: tokens.json beside the ledgers)")


def _add_screen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--theme", metavar="NAME", default=argparse.SUPPRESS, help="the colours of the screen")
    parser.add_argument(
        "--interval", type=float, metavar="SECONDS", default=argparse.SUPPRESS, help="seconds between two looks"
    )


def _add_terminal(parser: argparse.ArgumentParser) -> None:
    for name, dest, value, text in (
        ("--ascii", "ascii", True, "draw with nothing but ASCII"),
        ("--lite", "lite", True, "send little to the terminal: few colours, no charts, a new view every 5 seconds"),
        ("--no-mouse", "mouse", False, "leave the mouse to the terminal, which then selects text with it"),
        ("--fresh", "fresh", True, "begin as if for the first time, not where you were last"),
    ):
        parser.add_argument(name, dest=dest, action="store_const", const=value, default=argparse.SUPPRESS, help=text)
