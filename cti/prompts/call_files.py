"""The files of one call: rendered, linked or joined for it alone. They go with the call; their names tell nothing."""

from __future__ import annotations

import itertools
import os
import shutil
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cti.prompts.parts import unavailable

#: `file_string://` of mod_dptools takes 128 files; what comes behind them is not played.
MAX_FILES = 128
_TELEPHONE = (1, 2, 8_000)  # channels, bytes, rate of what is rendered ahead


@dataclass(slots=True)
class CallFiles:
    folder: Path
    closed: bool = False
    _rendered: dict[tuple[str, str], Path] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def rendered(self, language: str, text: str) -> Path:
        """Where a text is rendered for this call; the same text once."""
        key = language, text
        if key not in self._rendered:
            self._rendered[key] = self._new()
        return self._rendered[key]

    def linked(self, file: str) -> str:
        """Another name for ``file``: one that does not tell which word of a sensitive value is said.

        Raises CtiError (prompt-unavailable).
        """
        name = self._new()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, name)
            except OSError:  # another file system, or one without links
                shutil.copyfile(file, name)
        except OSError as error:
            raise unavailable(f"a prompt cannot be written: {error.strerror}") from error
        return str(name)

    def packed(self, arguments: Sequence[str]) -> list[str]:
        """The same sound in at most `MAX_FILES` arguments: neighbours that can be joined are.

        Raises CtiError (prompt-unavailable) when it cannot be had.
        """
        packed: list[str] = []
        try:
            for alike, group in itertools.groupby(arguments, _joinable):
                neighbours = list(group)
                packed += [self._joined(neighbours)] if alike else neighbours
        except OSError as error:
            raise unavailable(f"a prompt cannot be written: {error.strerror}") from error
        if len(packed) > MAX_FILES:
            raise unavailable(f"a prompt of {len(packed)} parts; at most {MAX_FILES} are played", "split it")
        return packed

    def discard(self) -> None:
        self.closed = True
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new(self) -> Path:
        return self.folder / f"{next(self._numbers)}.wav"

    def _joined(self, arguments: list[str]) -> str:
        name = self._new()
        self.folder.mkdir(parents=True, exist_ok=True)
        with wave.open(str(name), "wb") as out:
            out.setnchannels(_TELEPHONE[0])
            out.setsampwidth(_TELEPHONE[1])
            out.setframerate(_TELEPHONE[2])
            for argument in arguments:
                out.writeframes(_frames(argument))
        return str(name)


def pause_argument(seconds: float) -> str:
    return f"{_SILENCE}{round(seconds * 1000)}"


_SILENCE = "silence_stream://"


def _joinable(argument: str) -> bool:
    if argument.startswith(_SILENCE):
        return True
    try:
        with wave.open(argument) as file:
            return (file.getnchannels(), file.getsampwidth(), file.getframerate()) == _TELEPHONE
    except (OSError, EOFError, wave.Error):
        return False  # a tone, or a recording of another shape


def _frames(argument: str) -> bytes:
    if argument.startswith(_SILENCE):
        return bytes(int(argument.removeprefix(_SILENCE)) * _TELEPHONE[2] // 1000 * _TELEPHONE[1])
    with wave.open(argument) as file:
        frames: bytes = file.readframes(file.getnframes())
        return frames
