"""The key that signs access tokens: Ed25519, PKCS #8, in a file of its owner's only, made at the first start.

Delete the file and start again for a new one: access tokens (10 minutes) end, refresh tokens go on.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cti.core.errors import ConfigError
from cti.core.issue import Place


def load_token_key(path: Path) -> Ed25519PrivateKey:
    """The key in ``path``, a new one where there is none. Raises ConfigError."""
    found = _load(path)
    if found is not None:
        return found
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fresh = Ed25519PrivateKey.generate()
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # refuses to replace one that another process made at the same moment
    except FileExistsError:
        other = _load(path)
        if other is None:
            raise ConfigError("the token key appeared and vanished", place=Place(str(path))) from None
        return other
    except OSError as error:
        raise ConfigError(
            f"the token key cannot be written: {error.strerror}",
            place=Place(str(path)),
            remedy=f"make the folder {path.parent} writable",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return fresh


def _load(path: Path) -> Ed25519PrivateKey | None:
    place = Place(str(path))
    try:
        mode, pem = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"the token key cannot be read: {error}", place=place, remedy="check its owner") from error
    if mode & 0o077:
        raise ConfigError(
            f"the token key can be read by others (mode {mode:04o})",
            place=place,
            remedy="delete it, a new one is made at the next start",
        )
    try:
        key = load_pem_private_key(pem, password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            "the token key is no Ed25519 key in PEM",
            place=place,
            remedy="delete it, a new one is made at the next start",
        )
    return key
