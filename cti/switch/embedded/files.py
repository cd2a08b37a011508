"""Where recordings go: files of silence on disk, or nowhere (tests)."""

from __future__ import annotations

import logging
import os
import struct
from typing import Protocol

log = logging.getLogger(__name__)

RATE = 8000
MAX_FILE_S = 3600.0
FORMATS = frozenset({".wav", ".ul", ".raw", ".mp3", ".gsm"})


class Files(Protocol):
    def can_write(self, path: str) -> bool:
        """Would the switch be able to record there? The folder is made when it can be."""

    def write_silence(self, path: str, seconds: float) -> None:
        """A recording of that length; problems are logged, the call goes on."""


def is_recordable(path: str) -> bool:
    return bool(path) and "\0" not in path and os.path.splitext(path)[1].lower() in FORMATS


class DiskFiles:
    """Real files: mu-law WAV for ``.wav``, bare bytes for other formats."""

    def can_write(self, path: str) -> bool:
        if not is_recordable(path):
            return False
        folder = os.path.dirname(path)
        try:
            if folder:
                os.makedirs(folder, exist_ok=True)
            return os.access(folder or ".", os.W_OK)
        except OSError:
            return False

    def write_silence(self, path: str, seconds: float) -> None:
        size = int(min(max(seconds, 0.0), MAX_FILE_S) * RATE)
        head = _wav_head(size) if path.lower().endswith(".wav") else b""
        try:
            with open(path, "wb") as file:
                file.write(head + b"\xff" * size)
        except OSError as error:
            log.warning("cannot write the recording %s: %s", path, error)


def _wav_head(size: int) -> bytes:
    form = struct.pack("<IHHIIHHH", 18, 7, 1, RATE, RATE, 1, 8, 0)
    fact = b"fact" + struct.pack("<II", 4, size)
    return b"RIFF" + struct.pack("<I", 50 + size) + b"WAVEfmt " + form + fact + b"data" + struct.pack("<I", size)
