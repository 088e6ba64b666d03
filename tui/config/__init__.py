"""Configuration: TOML to frozen structs, with one precise sentence for each mistake. Knows nothing of who uses it."""

from tui.config.declared import SOURCES as SOURCES
from tui.config.declared import CollectedSource as CollectedSource
from tui.config.declared import Config as Config
from tui.config.declared import CpanelSource as CpanelSource
from tui.config.declared import DemoSource as DemoSource
from tui.config.declared import HttpSource as HttpSource
from tui.config.declared import LocalSource as LocalSource
from tui.config.declared import SecretSource as SecretSource
from tui.config.declared import SenderQueueSource as SenderQueueSource
from tui.config.declared import SharedLedgerSource as SharedLedgerSource
from tui.config.declared import SourceConfig as SourceConfig
from tui.config.declared import SshSource as SshSource
from tui.config.messages import ConfigError as ConfigError
from tui.config.places import clickhouse_place as clickhouse_place
from tui.config.places import config_path as config_path
from tui.config.places import host_name as host_name
from tui.config.places import ledger_path as ledger_path
from tui.config.places import sqlite_path as sqlite_path
from tui.config.places import state_path as state_path
from tui.config.places import usual_path as usual_path
from tui.config.reading import demo_source as demo_source
from tui.config.reading import load as load
from tui.config.reading import with_options as with_options
