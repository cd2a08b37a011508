"""Promised requests on disk, one sealed file each: their arguments are customers' data."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cti.core.errors import CtiError
from cti.flow.values import decode, encode
from cti.runtime.requests import Promise

log = logging.getLogger("cti.request")

CONTEXT = "request"
Seal = Callable[[str, str], str]


class FileSpool:
    """Implements `cti.runtime.requests.Spool`. ``seal`` and ``unseal`` take a text and what it belongs to."""

    def __init__(self, folder: Path, seal: Seal, unseal: Seal) -> None:
        self._folder, self._seal, self._unseal = folder, seal, unseal

    def keep(self, promise: Promise) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        written = {
            "key": promise.key,
            "source": promise.source,
            "since": promise.since,
            "arguments": {name: encode(value) for name, value in promise.arguments.items()},
        }
        path = self._path(promise.key)
        temporary = path.with_suffix(f".{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(self._seal(json.dumps(written), CONTEXT))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def drop(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def kept(self) -> list[Promise]:
        """Oldest first. A file that does not open is told of and left where it is."""
        found = []
        for path in self._folder.glob("*.request"):
            try:
                read = json.loads(self._unseal(path.read_text(encoding="utf-8"), CONTEXT))
                arguments = {name: decode(value) for name, value in read["arguments"].items()}
                found.append(Promise(read["key"], read["source"], arguments, read["since"]))
            except (OSError, ValueError, KeyError, CtiError) as error:
                why = error if isinstance(error, CtiError) else type(error).__name__
                log.error("a promised request cannot be taken up, and stays: %s: %s", path.name, why)
        return sorted(found, key=lambda promise: promise.since)

    def _path(self, key: str) -> Path:
        return self._folder / f"{sha256(key.encode()).hexdigest()[:32]}.request"


class NoSpool:
    """Nothing outlives the process: for tests, and where no folder can be had. So nothing is `accepted`."""

    def keep(self, promise: Promise) -> None:
        raise OSError("no folder for promised requests")

    def drop(self, key: str) -> None:
        pass

    def kept(self) -> list[Promise]:
        return []
