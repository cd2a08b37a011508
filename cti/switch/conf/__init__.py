"""`cti switch config`, `check` and `directory`: the switch's configuration from one settings file, its examination,
and the last good directory of agents' phones.

settings = load_settings(Path("switch.yaml"))          # SettingsError: every finding with file:line:col
conf = render(settings, Path("var/switch"))            # RenderedConf: folders, ports, password, start command
report = check(settings, conf.password)                # CheckReport: findings, exit status
"""

from __future__ import annotations

from cti.switch.conf.check import CheckReport, Finding, Verdict, check
from cti.switch.conf.commands import Outcome, cli_check, cli_config, cli_directory
from cti.switch.conf.refused import SettingsError
from cti.switch.conf.render import (
    EMERGENCY_CONTEXT,
    EMERGENCY_EXTENSION,
    SLOTS,
    RenderedConf,
    load_rendered,
    render,
    slot_name,
    slot_variable,
)
from cti.switch.conf.settings import SwitchSettings, Trunk, load_settings, parse_settings

__all__ = [
    "EMERGENCY_CONTEXT",
    "EMERGENCY_EXTENSION",
    "SLOTS",
    "CheckReport",
    "Finding",
    "Outcome",
    "RenderedConf",
    "SettingsError",
    "SwitchSettings",
    "Trunk",
    "Verdict",
    "check",
    "cli_check",
    "cli_config",
    "cli_directory",
    "load_rendered",
    "load_settings",
    "parse_settings",
    "render",
    "slot_name",
    "slot_variable",
]
