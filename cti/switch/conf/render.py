"""Write a complete configuration folder for one switch: the fixed tree, plus `local/` from the settings.

Safe to run again: secrets once made are kept, files that would not change are not touched.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cti.core.errors import ConfigError
from cti.switch.conf.apology import speak_apology
from cti.switch.conf.directory import AGENTS_FILE, agents_file
from cti.switch.conf.directorycheck import DIRECTORY_MODULE
from cti.switch.conf.generated import OPTIONAL_MODULES, VIDEO_MODULES, Facts, Secrets, local_files
from cti.switch.conf.pair_settings import PAIR_MODULE
from cti.switch.conf.settings import SwitchSettings, check_password

#: Where a call goes when no engine lives; `sched_transfer +n <uuid> <extension> XML <context>` guards each call.
EMERGENCY_EXTENSION = "9999"
EMERGENCY_CONTEXT = "emergency"
#: How many workers the dialplan tells apart (freeswitch_conf/dialplan/parts/engine.xml).
SLOTS = 4

STATE = "state.json"
#: The event socket's password alone, for the engine's `password_file`.
PASSWORD_FILE = "event_socket.password"
#: What is not there where a module was not built.
LOST = {
    **dict.fromkeys(OPTIONAL_MODULES, "fax and in-band digits are not available"),
    DIRECTORY_MODULE: "phones register by the last good directory alone",
}


def slot_name(slot: int) -> str:
    """The value that the dialplan stamps as `presence_data` for worker ``slot`` (0 to 3)."""
    return str(slot)


def slot_variable(slot: int) -> str:
    """The global variable that is `1` while worker ``slot`` lives."""
    return f"cti_alive_{slot}"


@dataclass(frozen=True, slots=True)
class RenderedConf:
    """A switch ready to start. ``changed``: files written by this run, relative to ``folder``."""

    folder: Path
    name: str
    host: str
    port: int
    password: str
    phones: dict[str, str]
    phones_port: int
    trunks_port: int
    prompts: Path
    recordings: Path
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def conf(self) -> Path:
        return self.folder / "conf"

    @property
    def password_file(self) -> Path:
        return self.folder / PASSWORD_FILE

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self, binary: str = "freeswitch") -> list[str]:
        """How to start it in the foreground; every folder is told, nothing of the installation's own is used."""
        arguments = [part for name in _FOLDERS for part in (f"-{name}", str(self.folder / name))]
        return [
            binary,
            "-nonat",
            "-nf",
            "-nc",
            *arguments,
            "-recordings",
            str(self.recordings),
            "-sounds",
            str(self.prompts),
        ]


_FOLDERS = ("conf", "log", "db", "run", "scripts", "storage", "temp", "certs", "grammar", "htdocs", "cache")


def find_tree() -> Path:
    """The fixed part, `freeswitch_conf/` beside the package. Raises ConfigError when it is not there."""
    tree = Path(__file__).resolve().parents[3] / "freeswitch_conf"
    if not (tree / "freeswitch.xml").is_file():
        raise ConfigError(f"{tree} is missing", code="no-switch-tree", remedy="run from a complete checkout")
    return tree


def render(
    settings: SwitchSettings, target: Path, *, tree: Path | None = None, modules: Path | None = None
) -> RenderedConf:
    """Write the folder ``target``. ``modules``: the switch's module folder, to leave out what was not built.

    Raises ConfigError when a file cannot be written. Creates conf, log, db, run … below ``target`` (mode 0700: the
    switch copies its whole configuration, passwords included, into the log folder).
    """
    target = target.absolute()
    try:
        return _render(settings, target, tree or find_tree(), modules)
    except OSError as error:
        message = f"cannot write {error.filename}: {error.strerror}"
        raise ConfigError(message, code="unwritable", remedy="choose another folder or its owner") from error


def _render(settings: SwitchSettings, target: Path, tree: Path, modules: Path | None) -> RenderedConf:
    _refuse_without_pgsql(settings, modules)
    target.mkdir(parents=True, exist_ok=True)
    for name in (*_FOLDERS, "prompts", "recordings"):
        (target / name).mkdir(mode=0o700, exist_ok=True)
    state = _read_state(target)
    kept = replace(_keep_secrets(settings, state), directory=_directory_key(settings))
    prompts = Path(settings.folders.prompts or target / "prompts")
    recordings = Path(settings.folders.recordings or target / "recordings")
    apology, notes = speak_apology(settings.emergency, target / "prompts")
    absent = _absent(modules)
    notes += tuple(f"{name} was not built: {LOST[name]}" for name in sorted(absent) if _wanted(name, settings))
    notes += tuple(f"{name} is not in {modules}: it will not be loaded" for name in _lacking(settings, modules))
    video = tuple(name for name in VIDEO_MODULES if modules is not None and (modules / f"{name}.so").is_file())
    facts = Facts(str(prompts), str(recordings), apology, absent, video)
    files = {f"conf/{name}": text for name, text in _fixed(tree)}
    files |= {f"conf/local/{name}": text.encode() for name, text in local_files(settings, kept, facts).items()}
    conf = RenderedConf(
        folder=target,
        name=settings.name,
        host=settings.event_socket.address,
        port=settings.event_socket.port,
        password=kept.event_socket,
        phones=dict(kept.phones),
        phones_port=settings.sip.phones_port,
        trunks_port=settings.sip.trunks_port,
        prompts=prompts,
        recordings=recordings,
    )
    files[PASSWORD_FILE] = f"{kept.event_socket}\n".encode()
    files[STATE] = _state_text(conf, sorted(files))
    changed = tuple(name for name, text in sorted(files.items()) if _write(target / name, text))
    if not (agents := target / "conf" / AGENTS_FILE).exists():  # the engine's, from then on
        _write(agents, agents_file(settings.sip.domain, ()))
    removed = _remove_stale(target, state, files)
    return _with(conf, changed + removed, notes)


def load_rendered(target: Path) -> RenderedConf:
    """What an earlier `render` left in ``target``. Raises ConfigError when there is none."""
    state = _read_state(target.absolute())
    if not state:
        remedy = f"run `cti switch config --to {target}` first"
        raise ConfigError(f"{target} holds no rendered switch configuration", code="not-rendered", remedy=remedy)
    known = state["switch"]
    return RenderedConf(
        folder=target.absolute(), prompts=Path(known.pop("prompts")), recordings=Path(known.pop("recordings")), **known
    )


def _with(conf: RenderedConf, changed: tuple[str, ...], notes: tuple[str, ...]) -> RenderedConf:
    values = {name: getattr(conf, name) for name in RenderedConf.__slots__}
    return RenderedConf(**(values | {"changed": changed, "notes": notes}))


def _fixed(tree: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(tree.rglob("*.xml")):
        relative = path.relative_to(tree)
        if relative.parts[0] != "local":
            yield str(relative), path.read_bytes()


def _directory_key(settings: SwitchSettings) -> tuple[str, str] | None:
    return None if settings.directory is None else settings.directory.credentials()


def _wanted(module: str, settings: SwitchSettings) -> bool:
    return module != DIRECTORY_MODULE or settings.directory is not None


def _read_state(target: Path) -> dict[str, Any]:
    path = target / STATE
    try:
        state = json.loads(path.read_text())
        return state if isinstance(state["switch"]["password"], str) else {}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        remedy = "delete it: new passwords will be made"
        raise ConfigError(f"{path} is damaged", code="bad-state", remedy=remedy) from error


def _state_text(conf: RenderedConf, files: list[str]) -> bytes:
    switch = {
        name: str(value) if isinstance(value := getattr(conf, name), Path) else value
        for name in RenderedConf.__slots__
        if name not in ("folder", "changed", "notes")
    }
    return (json.dumps({"switch": switch, "files": files}, indent=1, ensure_ascii=False) + "\n").encode()


def _keep_secrets(settings: SwitchSettings, state: dict[str, Any]) -> Secrets:
    before = state.get("switch", {})
    password = settings.event_socket.password or before.get("password") or secrets.token_urlsafe(24)
    phones = before.get("phones", {})
    numbers = settings.phones.numbers()
    return Secrets(check_password(password), {n: phones.get(n) or secrets.token_urlsafe(12) for n in numbers})


def _write(path: Path, content: bytes) -> bool:
    """Replace ``path`` as a whole, readable by its owner only; False when it holds ``content`` already."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, path)
    return True


def _remove_stale(target: Path, state: dict[str, Any], files: dict[str, bytes]) -> tuple[str, ...]:
    """Files that an older version wrote and this one does not: the switch would still include them."""
    stale = tuple(name for name in state.get("files", ()) if name not in files)
    for name in stale:
        (target / name).unlink(missing_ok=True)
    return stale


def _lacking(settings: SwitchSettings, modules: Path | None) -> Iterator[str]:
    """Modules that the settings name and the switch has not."""
    for name in settings.modules:
        if modules is not None and not (modules / f"{name}.so").is_file():
            yield name


def _refuse_without_pgsql(settings: SwitchSettings, modules: Path | None) -> None:
    if settings.pair is not None and modules is not None and not (modules / f"{PAIR_MODULE}.so").is_file():
        raise ConfigError(
            f"a pair needs {PAIR_MODULE}, and it is not in {modules}",
            code="no-pair-module",
            remedy=f"build databases/{PAIR_MODULE} (docs/failover.md), or leave `pair` out",
        )


def _absent(modules: Path | None) -> frozenset[str]:
    if modules is None:
        return frozenset()
    return frozenset(name for name in LOST if not (modules / f"{name}.so").is_file())
