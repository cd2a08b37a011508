"""What a crash may have left on the disk: files without a row, drafts, files of recordings that are deleted."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cti.core.recordings import RecordingState
from cti.runtime.recordings.plain import SEALED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.ports import Clock
    from cti.runtime.recordings.plain import PlainFiles
    from cti.runtime.recordings.shelf import Shelf

log = logging.getLogger("cti.recordings")

#: A file that nobody knows and that has not changed for so long is nobody's.
STRAY_S = 3 * 3600.0  # more than a clock may be set by while a file is written
_AT_ONCE = 500
_NO_MORE = (RecordingState.SEALED, RecordingState.DELETED)


class Tidying:
    def __init__(self, shelf: Shelf, plain: PlainFiles, clock: Clock) -> None:
        self._shelf, self._plain, self._clock = shelf, plain, clock

    def look(self, *, first: bool) -> None:
        """``first``: since the start of the engine; sealed files are looked through then. Raises StoreUnavailable."""
        while leftovers := self._shelf.store.leftovers(self._plain.node):
            before = len(leftovers)
            self._shelf.remove(leftovers)
            if len(self._shelf.store.leftovers(self._plain.node)) >= before:
                break
        for batch in _batches(self._shelf.on_thread(lambda: _files(self._plain.folder))):
            self._plain_files(batch)
        if first:
            for batch in _batches(self._shelf.on_thread(lambda: _files(self._shelf.data / SEALED))):
                self._sealed_files(batch)

    def _plain_files(self, files: list[Path]) -> None:
        states = self._shelf.store.states([file.stem for file in files])
        for file in files:
            state = states.get(file.stem)
            if state in _NO_MORE:
                self._remove(file)
            elif state in (None, RecordingState.FAILED) and self._old(file):
                kept = self._plain.told_by(file, self._changed(file)) if state is None else None
                if kept is None or not self._shelf.store.found(kept):
                    log.error("%s lies among the recordings, and no call that is on record left it: look at it", file)

    def _sealed_files(self, files: list[Path]) -> None:
        names = {file.relative_to(self._shelf.data).as_posix(): file for file in files}
        known = self._shelf.store.known_files(list(names))
        for name, file in names.items():
            if name not in known and self._old(file):
                log.warning("%s belongs to no recording, and nothing can open it: removed", name)
                self._remove(file)

    def _remove(self, file: Path) -> None:
        self._shelf.on_thread(lambda: file.unlink(missing_ok=True))

    def _old(self, file: Path) -> bool:
        return self._clock.now() - self._changed(file) >= STRAY_S

    def _changed(self, file: Path) -> float:
        try:
            return self._shelf.on_thread(lambda: file.stat().st_mtime)
        except OSError:
            return self._clock.now()  # gone meanwhile


def _files(folder: Path) -> list[Path]:
    """All below, drafts too."""
    return [Path(where) / name for where, _, names in os.walk(folder) for name in names]


def _batches(files: list[Path]) -> Iterator[list[Path]]:
    return (files[first : first + _AT_ONCE] for first in range(0, len(files), _AT_ONCE))
