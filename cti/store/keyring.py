"""The key ring: a JSON file with the keys for sensitive values, created on first start, readable by its owner only.

    {"version": 1, "active": "k1", "keys": {"k1": "<base64>"}, "blind": "<base64>"}

Several keys, one active: values are sealed with the active key, older ones stay readable. Losing the file loses every
sensitive value, so it belongs into the backup, apart from the database.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.store.sealing import KEY_BYTES, Sealer

_VERSION = 1


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    active: str
    keys: dict[str, bytes]
    blind: bytes

    def __repr__(self) -> str:  # keys never reach a log
        return f"KeyRing(active={self.active!r}, keys={sorted(self.keys)})"

    def sealer(self) -> Sealer:
        return Sealer(self.keys, self.active, self.blind)


def load_ring(path: Path) -> KeyRing | None:
    """The ring in ``path``; None when there is no such file. Raises ConfigError (unreadable, loose mode, malformed)."""
    place = Place(str(path))
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key ring cannot be read: {error}", place=place, remedy="check its owner") from error
    if mode & 0o077:
        raise ConfigError(
            f"the key ring can be read by others (mode {mode:04o})", place=place, remedy=f"chmod 600 {path}"
        )
    return parse_ring(text, place)


def create_ring(path: Path) -> KeyRing:
    """Make a new ring in ``path``, or take the one that another process made at the same moment."""
    ring = KeyRing("k1", {"k1": os.urandom(KEY_BYTES)}, os.urandom(KEY_BYTES))
    temporary = _write_beside(path, ring)
    try:
        os.link(temporary, path)  # unlike a rename, refuses to replace a ring that is there
    except FileExistsError:
        found = load_ring(path)
        if found is None:
            raise ConfigError("the key ring appeared and vanished", place=Place(str(path))) from None
        return found
    except OSError as error:
        raise ConfigError(f"the key ring cannot be created: {error}", place=Place(str(path))) from error
    finally:
        os.unlink(temporary)
    sync_folder(path.parent)
    return ring


def rotate(path: Path) -> KeyRing:
    """Add a key and make it the active one; the others stay. Takes effect for processes started afterwards."""
    ring = load_ring(path)
    if ring is None:
        raise ConfigError("there is no key ring to rotate", place=Place(str(path)))
    number = 1 + max(int(key[1:]) for key in ring.keys if key[1:].isdigit())
    name = f"k{number}"
    fresh = KeyRing(name, {**ring.keys, name: os.urandom(KEY_BYTES)}, ring.blind)
    temporary = _write_beside(path, fresh)
    os.replace(temporary, path)
    sync_folder(path.parent)
    return fresh


def parse_ring(text: str, place: Place) -> KeyRing:
    """Raises ConfigError: damaged, of another version, without its active key."""
    remedy = "restore the file from a backup; a new ring cannot open what the old one sealed"
    try:
        data = json.loads(text)
        if data["version"] != _VERSION:
            raise ConfigError(
                f"the key ring has version {data['version']!r}, this program reads {_VERSION}", place=place
            )
        keys = {str(name): _key(value) for name, value in data["keys"].items()}
        ring = KeyRing(str(data["active"]), keys, _key(data["blind"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"the key ring is damaged ({type(error).__name__})", place=place, remedy=remedy) from None
    if ring.active not in ring.keys:
        raise ConfigError(f"the active key '{ring.active}' is not in the key ring", place=place, remedy=remedy)
    if not all(name.isalnum() for name in ring.keys):
        raise ConfigError("key ids are letters and digits", place=place, remedy=remedy)
    return ring


def _key(value: Any) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError("wrong length")
    return key


def _write_beside(path: Path, ring: KeyRing) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    body = {
        "version": _VERSION,
        "active": ring.active,
        "keys": {name: base64.b64encode(key).decode() for name, key in ring.keys.items()},
        "blind": base64.b64encode(ring.blind).decode(),
    }
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the key ring cannot be written: {error.strerror}",
            place=Place(str(path)),
            remedy=f"make the folder {path.parent} writable, or name another path",
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(body, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
