"""A message channel that lays every message into a folder, for a gateway that takes them from there.

One file each, ``<moment>-<number>.json`` with ``{"key", "recipient", "text"}``, whole when it appears; names sort by
time. The gateway deletes what it has sent. The files hold customers' numbers: they are readable for the engine's user
only.

**Once.** What is given again with its key is not laid a second time, whether or not the gateway has taken it, and
wherever the engine was killed: a message is written as ``.<digest>.ready``, noted by an empty file of its digest in
``.keys``, and then renamed. Noted and no longer ready means that it was laid; not noted, that it was not. A gateway
that dies between sending a file and deleting it finds the file again: it hands the key on, or keeps those that it has
sent.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from cti.ports import Once

log = logging.getLogger("cti.message")

MOST = 100_000  # messages that lie there: nobody takes them, and the disk is not ours alone
KEYS = ".keys"
#: How long keys are known. A message is given again by the next engine, which comes within minutes.
KEPT_S = 3 * 86_400.0
_TIDY_S = 3600.0


class OutboxChannel:
    """Implements `cti.ports.MessageChannel`. ``most``: beyond that many files a message fails."""

    once: Once = "here"

    def __init__(self, folder: Path, *, most: int = MOST) -> None:
        self._folder, self._most = folder, most
        self._numbers = count(1)
        self._tidy_at = 0.0

    def send(self, recipient: str, text: str, key: str) -> bool:
        laid: bool = gevent.get_hub().threadpool.apply(self._lay, (recipient, text, key))  # three waits for the disk
        return laid

    def _lay(self, recipient: str, text: str, key: str) -> bool:
        digest = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        ready, noted = self._folder / f".{digest}.ready", self._folder / KEYS / digest
        try:
            noted.parent.mkdir(parents=True, exist_ok=True)
            self._tidy()
            if noted.exists():
                if ready.exists():  # a kill came between
                    self._publish(ready)
                return True
            if sum(1 for entry in os.scandir(self._folder) if entry.name.endswith(".json")) >= self._most:
                log.error("%d messages lie in %s, and nobody takes them", self._most, self._folder)
                return False
            self._write(ready, {"key": key, "recipient": recipient, "text": text})
            self._note(noted)
            self._publish(ready)
        except OSError as error:
            log.error("a message cannot be laid into %s: %s", self._folder, error.strerror)
            with suppress(OSError):
                if not noted.exists():
                    ready.unlink()
            return False
        return True

    def _write(self, ready: Path, told: dict[str, str]) -> None:
        handle = os.open(ready, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        _sync(self._folder)  # before it is noted, as the note says that it is there

    def _note(self, noted: Path) -> None:
        os.close(os.open(noted, os.O_WRONLY | os.O_CREAT, 0o600))
        _sync(noted.parent)

    def _publish(self, ready: Path) -> None:
        name = f"{int(time() * 1000):015d}-{os.getpid()}-{next(self._numbers):06d}.json"
        ready.rename(self._folder / name)
        _sync(self._folder)

    def _tidy(self) -> None:
        """Forget old keys, and what was written under them and never laid."""
        if monotonic() < self._tidy_at:
            return
        self._tidy_at, old = monotonic() + _TIDY_S, time() - KEPT_S
        for folder in (self._folder, self._folder / KEYS):
            for entry in os.scandir(folder):
                mine = folder.name == KEYS or entry.name.endswith(".ready")
                if mine and entry.stat(follow_symlinks=False).st_mtime < old:
                    Path(entry.path).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """What was made, or renamed, in it is on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
