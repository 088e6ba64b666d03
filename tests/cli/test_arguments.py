"""The command line as people type it: where options may stand, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.cli.arguments import EXIT_MEANINGS, Exit, parser
from tui.cli.main import main


def test_without_a_command_it_monitors() -> None:
    options = parser().parse_args([])
    assert (options.command, options.config, options.theme, options.interval) == ("monitor", None, None, None)
    assert options.debug is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "x", "show", "queue"],
        ["show", "queue", "--config", "x"],
        ["--config", "y", "show", "queue", "--config=x"],
    ],
)
def test_configuration_may_stand_before_or_after_the_command(arguments: list[str]) -> None:
    options = parser().parse_args(arguments)
    assert (options.command, options.what, options.config) == ("show", "queue", "x")


def test_screen_options_may_stand_before_or_after_demo() -> None:
    for arguments in (["--theme", "t", "--interval", "3", "demo"], ["demo", "--theme", "t", "--interval", "3"]):
        options = parser().parse_args(arguments)
        assert (options.command, options.theme, options.interval, options.seed) == ("demo", "t", 3.0, 1)


def test_queue_filters_come_as_given() -> None:
    options = parser().parse_args(["show", "queue", "--account=-remote-", "--campaign", "", "--sender", "2"])
    assert (options.account, options.campaign, options.isp, options.sender) == ("-remote-", "", None, 2)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["show"], "mailtop show"),
        (["bogus"], "mailtop"),
        (["--conf", "x"], "mailtop"),
        (["show", "queue", "--group", "domain"], "mailtop show queue"),
        (["show", "queue", "--sender", "x"], "mailtop show queue"),
        (["show", "queue", "--format", "xml"], "mailtop show queue"),
        (["check", "--format", "csv"], "mailtop check"),
        (["--debug"], "mailtop"),
        (["show", "totals", "--group", "isp"], "mailtop show totals"),
        (["--interval", "soon"], "mailtop"),
        (["demo", "--seed", "1.5"], "mailtop demo"),
        (["ledger", "info", "--unknown"], "mailtop ledger info"),
    ],
)
def test_usage_errors_are_a_sentence_and_end_with_two(
    arguments: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mailtop: ") and captured.err.endswith(f"; see: {command} --help\n")
    assert captured.err.count("\n") == 1
    assert "_hub" not in captured.err


def test_help_lists_commands_and_exit_codes_but_not_the_hub(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == Exit.OK
    text = capsys.readouterr().out
    assert all(f"\n    {command} " in text for command in ("show", "check", "demo", "collect"))
    assert all(meaning in text for meaning in EXIT_MEANINGS.values())
    assert "_hub" not in text


def test_help_has_no_colours_however_argparse_asks_for_them() -> None:
    formatter = parser()._get_formatter()
    for asked in ({}, {"file": None}):  # cpython#156144
        formatter._set_color(True, **asked)  # type: ignore[attr-defined]  # there is none before Python 3.14
    assert "\x1b" not in formatter.format_help()


def test_bad_configuration_ends_with_two_and_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in (["show", "totals"], ["show", "queue"], ["collect", "--once"], ["_hub"], []):
        assert main([*command, "--config", f"{tmp_path}/none.toml"]) == Exit.USAGE
        captured = capsys.readouterr()
        assert captured.out == ""
        assert (
            captured.err
            == f"mailtop: {tmp_path}/none.toml: the configuration cannot be read: No such file or directory\n"
        )
