"""`cti backup restore`: a folder with everything in it on which `cti serve` starts."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cti.app.backup.archive import Manifest, unpack, verify
from cti.app.backup.databases import NAMES, fill_database
from cti.core.errors import ConfigError, StoreUnavailable
from cti.core.issue import Place

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Restored:
    """``config``: what `cti serve --config` is to be given."""

    config: Path
    manifest: Manifest


def restore_backup(backup: Path, target: Path, *, database: str | None = None, force: bool = False) -> Restored:
    """Lay everything out below ``target``: ``cti.yaml``, ``data``, ``flows``, ``config``. ``database``: URL of the
    PostgreSQL database to fill. ``force``: in the place of what is there.

    Raises ConfigError (backup-damaged, engine-running, target-not-empty, database-needed, database-not-empty) before
    anything is changed; StoreUnavailable.
    """
    manifest = verify(backup)
    if manifest.database == "postgresql" and database is None:
        message = "the backup is of a PostgreSQL database"
        raise ConfigError(
            message, code="database-needed", remedy="name an empty one: --database postgresql+psycopg://…"
        )
    _require_idle(target / "data")
    if target.exists() and any(target.iterdir()) and not force:
        raise ConfigError(
            "the folder is not empty", code="target-not-empty", place=Place(str(target)),
            remedy="name an empty one, or say --force to write over what is there",
        )  # fmt: skip
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = target / "data"  # what is of the database that was there would be played into this one
    spilled = [*data.glob("cti.db.spill.jsonl*"), *data.glob("keys.json.spill.jsonl*")]
    for old in (*spilled, *(data / f"cti.db-{end}" for end in ("wal", "shm", "journal"))):
        old.unlink(missing_ok=True)
    unpack(backup, target)
    if manifest.database == "postgresql":
        assert database is not None
        fill_database(database, target / NAMES["postgresql"], force=force)
        (target / NAMES["postgresql"]).unlink()
    else:
        _require_whole(target / NAMES["sqlite"])
    return Restored(_configure(target, manifest, database), manifest)


def _require_idle(data: Path) -> None:
    """An engine holds a lock in its data folder as long as it runs."""
    for lock in sorted(data.glob("engine-*.lock")):
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "an engine runs on this folder"
            raise ConfigError(message, code="engine-running", place=Place(str(lock)), remedy="stop it first") from None
        finally:
            os.close(handle)


def _require_whole(file: Path) -> None:
    connection = sqlite3.connect(file)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    finally:
        connection.close()
    if found != "ok":
        raise StoreUnavailable(f"the database in the backup is damaged: {found}", remedy="use another backup")


def _configure(target: Path, manifest: Manifest, database: str | None) -> Path:
    """The engine's file with its paths turned to the folder; as it was it stays in ``config``."""
    told: dict[str, Any] = yaml.safe_load((target / "config" / "cti.yaml").read_text("utf-8"))
    told |= {"data": "data", "flows": "flows"}
    store = {name: value for name, value in (told.get("store") or {}).items() if name not in ("url", "keys")}
    told["store"] = {**store, **({"url": database} if database is not None else {})}
    if manifest.interfaces:
        _turn(told, "boss", "file", manifest.interfaces, target)
    _turn(told, "webhooks", "ca_file", "config/webhooks-ca.pem", target)
    for switch in told["switches"]:
        name = switch.get("name", "fs1")
        for option, kept in (("password_file", "password"), ("settings", "settings.yaml")):
            place = f"config/switch-{name}.{kept}"
            if (target / place).exists():
                switch[option] = place
    file = target / "cti.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def _turn(told: dict[str, Any], section: str, option: str, file: str, target: Path) -> None:
    if (target / file).exists():
        told[section] = {**(told.get(section) or {}), option: file}
