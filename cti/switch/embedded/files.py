"""Where recordings go: files of silence on disk, or nowhere (tests)."""

from __future__ import annotations

import logging
import os
import wave
from typing import Protocol

log = logging.getLogger(__name__)

RATE = 8000
WAV_HEAD = 44
MAX_FILE_S = 3600.0
FORMATS = frozenset({".wav", ".ul", ".raw", ".mp3", ".gsm"})


class Files(Protocol):
    def can_write(self, path: str, *, make_folder: bool = False) -> bool:
        """Would the switch be able to record there? `record_session` makes the folder, `record` does not."""

    def write_silence(self, path: str, seconds: float) -> bool:
        """A recording of that length. False where it could not be written: that is logged, and the call goes on."""


def is_recordable(path: str) -> bool:
    return bool(path) and "\0" not in path and os.path.splitext(path)[1].lower() in FORMATS


class DiskFiles:
    """Real files: WAV of 16 bit PCM for ``.wav``, as the real switch writes it, bare mu-law for other formats."""

    def can_write(self, path: str, *, make_folder: bool = False) -> bool:
        if not is_recordable(path):
            return False
        folder = os.path.dirname(path) or "."
        try:
            if make_folder:
                os.makedirs(folder, exist_ok=True)
            return os.path.isdir(folder) and os.access(folder, os.W_OK)
        except OSError:
            return False

    def write_silence(self, path: str, seconds: float) -> bool:
        samples = int(min(max(seconds, 0.0), MAX_FILE_S) * RATE)
        try:
            if path.lower().endswith(".wav"):
                with wave.open(path, "wb") as sound:
                    sound.setnchannels(1)
                    sound.setsampwidth(2)
                    sound.setframerate(RATE)
                    sound.writeframes(bytes(2 * samples))
            else:
                with open(path, "wb") as file:
                    file.write(b"\xff" * samples)
        except OSError as error:
            log.warning("cannot write the recording %s: %s", path, error)
            return False
        return True


def wav_size(seconds: float) -> int:
    """Bytes of a WAV file that long, as `DiskFiles` and the real switch write it."""
    return WAV_HEAD + 2 * int(seconds * RATE)
