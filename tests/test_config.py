"""Each valid file gives its values; each invalid one the sentence that its first line says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from tests.ordinary_user import shut_out_of
from tui import config
from tui.config import (
    SOURCES,
    Config,
    ConfigError,
    CpanelSource,
    DemoSource,
    LocalSource,
    SenderQueueSource,
    SharedLedgerSource,
    SshSource,
    places,
)

CASES = Path(__file__).parent / "data" / "config"
INVALID = sorted((CASES / "invalid").glob("*.toml"))


def test_full_file_gives_every_value() -> None:
    assert config.load(CASES / "valid" / "full.toml") == Config(
        interval=5.0,
        theme="mailtop-light",
        mouse=False,
        lite=True,
        keys={"zoom": ("w", "F2"), "unmark": ()},
        source=(
            LocalSource(
                name="web",
                mta="exim",
                log="/var/log/exim4/mainlog",
                spool="/var/spool/exim4",
                exim="/usr/sbin/exim4",
                postqueue=("sudo", "-n", "postqueue", "-j"),
                postcat=("sudo", "-n", "postcat", "-qeh"),
                ledger="sqlite:///var/lib/mailtop/web.sqlite",
                isp={"Gmail": ("gmail.test", "googlemail.test"), "Ünïcode": ("idn.test",)},
                sender_id=7,
                time_zone="UTC",
                minutes_kept_hours=48,
                hours_kept_days=30,
                max_ledger_mib=512,
                color="green",
            ),
            DemoSource(
                name="demo",
                seed=0,
                accounts=10,
                ledger="sqlite:///var/lib/mailtop/demo.sqlite",
                sender_id=8,
                color="#a3be8c",
            ),
            CpanelSource(
                name="panel",
                url="https://panel.example:2087",
                login="basic",
                user="root",
                accounts=("bob", "-remote-"),
                token_command=("pass", "show", "panel"),
                ca_file="/etc/mailtop/ca.pem",
                proxy="http://proxy.example:3128",
                timeout_seconds=20.0,
                interval_seconds=60.0,
                max_answer_mib=16,
                concurrency=4,
                color="#D08770",
            ),
            CpanelSource(
                name="bob",
                url="http://[::1]:2082/",
                login="cpanel",
                user="bob",
                accounts=("bob",),
                token_env="BOB_TOKEN",
            ),
            CpanelSource(name="here", login="cli"),
            SenderQueueSource(
                name="platform",
                url="https://platform.example/admin",
                senders=(119, 7),
                format="xml",
                token_in="body",
                token_file="/etc/mailtop/platform",
                fingerprint=":".join(["5f"] * 32),
            ),
            SenderQueueSource(url="https://old.example", token_keyring="mailtop/api/v1", verify=False),
            LocalSource(
                name="mx1",
                ledger="clickhouse://mailtop@ch1.example:8123,ch2.example:8123/mail?cluster=fleet",
                token_file="/etc/mailtop/clickhouse",
                host="mx1",
                local_ledger="sqlite:///srv/mx1.sqlite",
                spool_mib=64,
            ),
            SharedLedgerSource(
                name="all",
                ledger="clickhouses://mailtop@ch1.example/mail",
                token_env="CLICKHOUSE",
                host="mx2",
                interval_seconds=10.0,
                sender_id=9,
                color="cyan",
            ),
            SharedLedgerSource(name="other", ledger="sqlite:///srv/mx3.sqlite"),
            SshSource(
                name="mx9",
                host="mail@mx9.example",
                port=2222,
                identity_file="/etc/mailtop/id_ed25519",
                source="exim",
                ssh=("/usr/bin/ssh", "-4"),
                command=("sudo", "-n", "mailtop"),
                keep_connection=False,
                timeout_seconds=5.0,
                interval_seconds=30.0,
                max_answer_mib=8,
                color="red",
            ),
        ),
    )


def test_full_file_leaves_no_key_out() -> None:
    full = config.load(CASES / "valid" / "full.toml")
    for source in full.source:
        assert type(source)(name=source.name) != source
    text = (CASES / "valid" / "full.toml").read_text()
    for struct in (Config, *SOURCES.values()):
        assert [key for key in struct.__struct_fields__ if key not in text] == []


def test_garbage_collection_survives_the_declarations() -> None:
    program = (
        "import gc, msgspec, tui.config\n"
        "for _ in range(50): msgspec.json.Decoder(tui.config.Config); gc.collect()\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_empty_and_minimal_files_give_the_defaults() -> None:
    assert config.load(CASES / "valid" / "empty.toml") == config.load(None) == Config()
    assert config.load(CASES / "valid" / "minimal.toml").source == (LocalSource(),)


def test_sources_with_names_of_their_own_stand_together() -> None:
    assert [source.name for source in config.load(CASES / "valid" / "two_named.toml").source] == ["in", "out"]


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_each_mistake_is_one_sentence_with_file_key_and_expectation(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value) == f"{path}: {expected}"
    assert "hunter2" not in str(caught.value), "the secret of every case"


def test_file_that_is_not_there_or_no_text_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: the configuration cannot be read: No such file or directory"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="the configuration cannot be read: Is a directory"):
        config.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'theme = "\xe4"')
    with pytest.raises(ConfigError, match="byte 9 is not UTF-8 text"):
        config.load(tmp_path / "latin.toml")


def test_path_comes_from_option_then_variable_then_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name: tmp_path / name)
    monkeypatch.delenv("MAILTOP_CONFIG", raising=False)
    assert config.config_path(None) is None
    usual = tmp_path / "mailtop" / "config.toml"
    usual.parent.mkdir()
    usual.touch()
    assert config.config_path(None) == usual
    monkeypatch.setenv("MAILTOP_CONFIG", "/etc/other.toml")
    assert config.config_path(None) == Path("/etc/other.toml")
    assert config.config_path("/etc/third.toml") == Path("/etc/third.toml")


def test_folders_that_cannot_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name: tmp_path / name)
    monkeypatch.setattr(platformdirs, "user_state_path", lambda name: Path("/state") / name)
    monkeypatch.setattr(places, "SYSTEM_STATE", tmp_path / "mailtop")
    monkeypatch.delenv("MAILTOP_CONFIG", raising=False)
    (tmp_path / "mailtop").mkdir()
    with shut_out_of(tmp_path / "mailtop"):
        with pytest.raises(ConfigError, match=r"config\.toml: .*Permission denied.*; name one with --config$"):
            config.config_path(None)
        assert config.config_path("/etc/other.toml") == Path("/etc/other.toml")
        assert config.ledger_path(LocalSource(name="web")) == Path("/state/mailtop/web.sqlite")


def test_options_replace_what_the_file_says_and_are_checked_alike() -> None:
    given = Config(interval=9.0, theme="a", source=(DemoSource(), LocalSource(isp={"Gmail": ("gmail.test",)})))
    assert config.with_options(given, None, None) == given
    changed = config.with_options(given, 1.0, "b")
    assert (changed.interval, changed.theme, changed.source) == (1.0, "b", given.source)
    with pytest.raises(ConfigError, match=r"^--interval: expected a number of seconds from 0\.2 to 3600, not 0\.1$"):
        config.with_options(given, 0.1, None)
    assert config.demo_source(7, 3) == DemoSource(seed=7, accounts=3)
    with pytest.raises(ConfigError, match=r"^--accounts: expected a whole number from 1 to 1000000, not 0$"):
        config.demo_source(1, 0)


def test_ledger_stands_where_the_key_says_with_three_slashes_or_four() -> None:
    for url in ("sqlite:///srv/a/b.sqlite", "sqlite:////srv/a/b.sqlite"):
        assert config.ledger_path(DemoSource(ledger=url)) == Path("/srv/a/b.sqlite")


def test_host_on_clickhouse_keeps_its_own_ledger_in_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "SYSTEM_STATE", tmp_path)
    shared = LocalSource(name="web", ledger="clickhouse://mailtop@ch1.example,ch2.example/mail?cluster=all")
    assert config.ledger_path(shared) == tmp_path / "web.sqlite"
    elsewhere = LocalSource(ledger="clickhouse://ch1.example/mail", local_ledger="sqlite:///srv/web.sqlite")
    assert config.ledger_path(elsewhere) == Path("/srv/web.sqlite")
    place = config.clickhouse_place(shared.ledger)
    assert place is not None and place.nodes == ("http://ch1.example:8123", "http://ch2.example:8123")
    assert config.clickhouse_place(None) is config.clickhouse_place("sqlite:///srv/a.sqlite") is None
    assert config.host_name(shared) == os.uname().nodename
    assert config.host_name(DemoSource(host="mx1")) == "mx1"


def test_words_of_a_command_stand_in_no_traceback() -> None:
    source = SharedLedgerSource(ledger="clickhouse://ch1.example/mail", token_command=("echo", "hunter2"))
    assert "hunter2" not in repr(source)
    assert repr(DemoSource(token_command=("echo", "hunter2"))) == "DemoSource(name='demo', …)"


def test_ledger_without_a_key_is_the_services_where_it_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_state_path", lambda name: tmp_path / "state" / name)
    own = tmp_path / "state" / "mailtop" / "web.sqlite"
    service = tmp_path / "lib" / "mailtop" / "web.sqlite"
    monkeypatch.setattr(places, "SYSTEM_STATE", service.parent)
    assert config.ledger_path(LocalSource(name="web")) == own, "there is no folder to make it in"
    (tmp_path / "lib").mkdir()
    assert config.ledger_path(LocalSource(name="web")) == service, "the folder can be made"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert config.ledger_path(LocalSource(name="web")) == own, "this user may not make it"
    service.parent.mkdir()
    service.touch()
    assert config.ledger_path(LocalSource(name="web")) == own, "this user may not read it"
    monkeypatch.setattr("os.access", lambda path, mode: path == service and mode in (os.F_OK, os.R_OK))
    assert config.ledger_path(LocalSource(name="web")) == service, "the service's numbers may be read"


def test_a_file_that_everybody_may_change_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("interval = 3\n")
    path.chmod(0o646)
    with pytest.raises(
        ConfigError, match="everybody may change this file, and so what is run as you; close it with: chmod o-w"
    ):
        config.load(path)
    path.chmod(0o664)
    assert config.load(path).interval == 3


def test_what_is_no_file_may_be_everybodys() -> None:
    assert config.load(Path("/dev/null")) == Config()
