"""What `cti switch config`, `check` and `directory` do; the command line only reads arguments and prints."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cti.core.errors import ConfigError, CtiError, SwitchUnavailable
from cti.switch.conf.check import check
from cti.switch.conf.last_good import count_phones, fetch, save
from cti.switch.conf.refused import SettingsError
from cti.switch.conf.render import RenderedConf, load_rendered, render
from cti.switch.conf.settings import SwitchSettings, load_settings
from cti.switch.conf.talk import Talk

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


def cli_check(
    settings_file: Path | None,
    target: Path,
    *,
    timeout_s: float = 5.0,
    as_json: bool = False,
    films: Collection[str] = (),
) -> Outcome:
    """Examine the switch that runs on ``target``. ``films``: files that flows play as videos."""
    try:
        settings = load_settings(settings_file) if settings_file else SwitchSettings()
        conf = load_rendered(target)
    except CtiError as error:
        return _refused(error, as_json)
    report = check(settings, conf.password, timeout_s=timeout_s, films=films)
    return Outcome(report.status, _json(report.as_dict()) if as_json else report.text())


def cli_directory(settings_file: Path | None, target: Path, *, timeout_s: float = 5.0) -> Outcome:
    """Fetch the directory of agents' phones into the folder ``target``; a switch that runs on it takes it at once.

    Status 1: the API does not give it, or the switch did not take it; the last good one stays as it was.
    """
    try:
        settings = load_settings(settings_file) if settings_file else SwitchSettings()
        if settings.directory is None:
            raise ConfigError(
                "the settings have no `directory`", code="no-directory", remedy="add its url and key_file"
            )
        conf = load_rendered(target)
        settings.directory.credentials()
    except CtiError as error:
        return _refused(error, as_json=False)
    try:
        text = fetch(settings.directory, settings.sip.domain)
        changed = save(conf.folder, text)
        how = _reload(conf, timeout_s) if changed else "nothing has changed"
    except CtiError as error:
        return Outcome(FAILED, f"{error}\n")
    return Outcome(OK, f"{count_phones(text)} phones; {how}\n")


def _reload(conf: RenderedConf, timeout_s: float) -> str:
    try:
        with Talk(conf.host, conf.port, conf.password, timeout_s) as talk:
            answer = talk.api("reloadxml")
    except SwitchUnavailable as error:
        if error.code == "switch-unreachable":
            return "the switch takes them when it starts"
        raise
    if not answer.startswith("+OK"):
        raise SwitchUnavailable(f"the switch says {answer[:80]!r} to reloadxml", code="switch-refused")
    return "the switch has them"


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
