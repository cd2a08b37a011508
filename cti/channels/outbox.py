"""A message channel that lays every message into a folder, for a gateway that takes them from there.

One file each, ``<moment>-<number>.json`` with ``{"recipient", "text"}``, whole when it appears; names sort by time. The
gateway deletes what it has sent. The files hold customers' numbers: they are readable for the engine's user only.
"""

from __future__ import annotations

import json
import logging
import os
from itertools import count
from pathlib import Path
from time import time

log = logging.getLogger("cti.message")

MOST = 100_000  # messages that lie there: nobody takes them, and the disk is not ours alone


class OutboxChannel:
    """Implements `cti.ports.MessageChannel`. ``most``: beyond that many files a message fails."""

    def __init__(self, folder: Path, *, most: int = MOST) -> None:
        self._folder, self._most = folder, most
        self._numbers = count(1)

    def send(self, recipient: str, text: str) -> bool:
        name = f"{int(time() * 1000):015d}-{os.getpid()}-{next(self._numbers):06d}"
        path = self._folder / f"{name}.json"
        temporary = self._folder / f".{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if sum(1 for entry in os.scandir(self._folder) if entry.name.endswith(".json")) >= self._most:
                log.error("%d messages lie in %s, and nobody takes them", self._most, self._folder)
                return False
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({"recipient": recipient, "text": text}, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            log.error("a message cannot be laid into %s: %s", self._folder, error.strerror)
            return False
        return True
