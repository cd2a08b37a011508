"""`cti backup create`: beside a running engine, without holding it up."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cti.app.backup.archive import Manifest, Writer, writing
from cti.app.backup.databases import NAMES, base_name, copy_database, kind_of
from cti.app.parts import store_place
from cti.channels.outbox import KEYS
from cti.core.errors import ConfigError
from cti.store.database import file_of, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.config import Settings

#: How often the copy is taken anew because the key ring has changed meanwhile.
_AGAIN = 3
#: In the data folder, what an engine makes again by itself or must not find from another time.
LEFT_OUT = frozenset({"prompts", "grammars", "flows-tested.json", "logs"})
#: Encrypted recordings: as large as everything else is small.
RECORDINGS = "recordings"


def create_backup(settings: Settings, config: Path, target: Path, *, recordings: bool = False) -> tuple[Path, Manifest]:
    """``target``: a folder, in which it gets a name of its own, or the file. ``config``: of which ``settings`` are.

    Raises ConfigError (backup-exists, backup-unwritable, pg-dump-missing), StoreUnavailable.
    """
    now = datetime.now(UTC)
    if target.is_dir():
        target = target / f"cti-{settings.node}-{now:%Y%m%dT%H%M%SZ}.tar"
    if target.exists():
        raise ConfigError(f"there is {target} already", code="backup-exists", remedy="name another file, or a folder")
    url, keys = store_place(settings)
    manifest = Manifest(settings.node, now.isoformat(timespec="seconds"), kind_of(url), recordings)
    with writing(target, manifest) as backup:
        _configuration(backup, settings, config)
        for file in _flows(settings.flows):
            backup.add(file, f"flows/{file.relative_to(settings.flows)}")
        # What is still to go into the database comes before the database: twice does no harm, not at all would.
        base = file_of(parse_url(url)) or keys
        for file in sorted(base.parent.glob(f"{base.name}.spill.jsonl*")):
            if file.stat().st_size:
                backup.add(file, f"data/{base_name(url)}{file.name.removeprefix(base.name)}")
        later = []
        for file in _data(settings.data, keys):
            parts = file.relative_to(settings.data).parts
            if parts[0] == RECORDINGS:  # those that are not sealed yet are in clear, and go into no backup
                later += [file] if parts[1] == "sealed" else []
            else:
                backup.add(file, f"data/{file.relative_to(settings.data)}")
        _database(backup, url, keys, target.parent)
        for file in later if recordings else ():
            backup.add(file, f"data/{file.relative_to(settings.data)}")
    return target, manifest


def _configuration(backup: Writer, settings: Settings, config: Path) -> None:
    """The engine's file, and those that it names."""
    backup.add(config, "config/cti.yaml")
    interfaces = settings.boss.file
    if interfaces is not None and interfaces.resolve().is_relative_to(settings.data.resolve()):
        # It stays where it is, for the paths in it count from its folder.
        backup.manifest.interfaces = f"data/{interfaces.resolve().relative_to(settings.data.resolve())}"
    elif interfaces is not None:
        backup.manifest.interfaces = "config/interfaces.yaml"
        backup.add(interfaces, backup.manifest.interfaces)
    if settings.webhooks.ca_file is not None:
        backup.add(settings.webhooks.ca_file, "config/webhooks-ca.pem")
    for switch in settings.switches:
        for file, what in ((switch.password_file, "password"), (switch.settings, "settings.yaml")):
            if file is not None:
                backup.add(file, f"config/switch-{switch.name}.{what}")


def _database(backup: Writer, url: str, keys: Path, near: Path) -> None:
    """With the key ring of the same time: keys that are taken out of it meanwhile may be needed by the copy."""
    with tempfile.TemporaryDirectory(prefix=".cti-backup-", dir=near) as folder:
        copy = Path(folder) / "database"
        ring = Path(folder) / "keys.json"
        for _ in range(_AGAIN):
            ring.write_bytes(keys.read_bytes())
            copy_database(url, copy)
            if keys.read_bytes() == ring.read_bytes():
                break
        backup.add(copy, NAMES[kind_of(url)])
        backup.add(ring, "data/keys.json")


def _flows(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)


def _data(folder: Path, keys: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        first = parts[0]
        if first in LEFT_OUT or KEYS in parts or not file.is_file() or file == keys or first == "keys.json":
            continue
        # The database and its spill files are copied by themselves, and may lie elsewhere.
        if (
            ".spill.jsonl" in first
            or first.startswith(".")
            or first.endswith((".lock", ".sock", ".db", ".db-wal", ".db-shm", ".db-journal"))
        ):
            continue
        yield file
