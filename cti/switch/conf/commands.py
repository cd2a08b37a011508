"""What `cti switch config` and `cti switch check` do; the command line only reads arguments and prints."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from cti.core.errors import CtiError
from cti.switch.conf.check import check
from cti.switch.conf.located import SettingsError
from cti.switch.conf.render import RenderedConf, load_rendered, render
from cti.switch.conf.settings import SwitchSettings, load_settings

OK, FAILED, BAD_INPUT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """``text`` goes to standard output (to standard error when ``status`` is 2)."""

    status: int
    text: str


def cli_config(
    settings_file: Path | None, target: Path, *, modules: Path | None = None, as_json: bool = False
) -> Outcome:
    """Write the configuration folder ``target``. ``settings_file`` None: all defaults."""
    try:
        settings = load_settings(settings_file) if settings_file else SwitchSettings()
        conf = render(settings, target, modules=modules)
    except CtiError as error:
        return _refused(error, as_json)
    if as_json:
        return Outcome(OK, _json({"folder": str(conf.folder), "changed": conf.changed, "notes": conf.notes}))
    return Outcome(OK, _told(conf))


def cli_check(settings_file: Path | None, target: Path, *, timeout_s: float = 5.0, as_json: bool = False) -> Outcome:
    """Examine the switch that runs on ``target``."""
    try:
        settings = load_settings(settings_file) if settings_file else SwitchSettings()
        conf = load_rendered(target)
    except CtiError as error:
        return _refused(error, as_json)
    report = check(settings, conf.password, timeout_s=timeout_s)
    return Outcome(report.status, _json(report.as_dict()) if as_json else report.text())


def _told(conf: RenderedConf) -> str:
    lines = [f"{len(conf.changed)} files written to {conf.folder}" if conf.changed else f"{conf.folder} is up to date"]
    lines += [f"note: {note}" for note in conf.notes]
    lines.append(f"phones {min(conf.phones)} to {max(conf.phones)}: passwords in {conf.folder}/conf/local/phones.xml")
    lines.append(f"the engine's settings: host {conf.host}, port {conf.port}, password_file {conf.password_file}")
    if conf.changed:
        lines.append("a running switch takes it after a restart")
    binary = shutil.which("freeswitch") or "freeswitch"
    lines.append(f"start it with:\n  {shlex.join(conf.command(binary))}")
    return "\n".join(lines) + "\n"


def _refused(error: CtiError, as_json: bool) -> Outcome:
    if not as_json:
        return Outcome(BAD_INPUT, f"{error}\n")
    if isinstance(error, SettingsError):
        return Outcome(BAD_INPUT, _json({"issues": [issue.as_dict() for issue in error.issues]}))
    found = {"code": error.code, "message": error.message, "remedy": error.remedy}
    return Outcome(BAD_INPUT, _json({"issues": [found]}))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
