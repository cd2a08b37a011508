"""Sealed recordings on disk: opened to be heard, exported, verified, and removed. File work is done on a thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gevent.threadpool import ThreadPool

from cti.core.errors import CtiError
from cti.core.recordings import Recording, RecordingState
from cti.store.sealed_files import CHUNK, SealedFile
from cti.store.threads import Job, end_threads

if TYPE_CHECKING:
    from cti.core.access import Deed
    from cti.store.recordings import Recordings

log = logging.getLogger("cti.recordings")

T = TypeVar("T")
_THREADS = 2
_DISK_S = 60.0


class Shelf:
    """``data``: the engine's folder. Every method blocks its greenlet; raises StoreUnavailable."""

    def __init__(self, store: Recordings, data: Path) -> None:
        self.store, self.data = store, data.resolve()
        self._pool = ThreadPool(_THREADS)

    def close(self) -> None:
        end_threads(self._pool)

    def on_thread(self, work: Callable[[], T], deadline_s: float = _DISK_S) -> T:
        """Raises what ``work`` raises; CtiError (deadline-exceeded): the disk hangs."""
        job = Job(self._pool, work)
        if not job.wait(deadline_s):
            raise CtiError(f"the disk did not answer within {deadline_s:g} s", code="deadline-exceeded")
        return job.get()

    def open(self, recording: Recording) -> Opened:
        """To be read and closed. Raises CtiError: recording-open, recording-deleted, recording-missing,
        recording-damaged; SealBroken."""
        name = recording.recording_id
        match recording.state:
            case RecordingState.DELETED:
                raise CtiError(f"recording {name!r} was deleted", code="recording-deleted")
            case RecordingState.RUNNING | RecordingState.COMPLETE:
                raise CtiError(f"recording {name!r} is not sealed yet", code="recording-open", remedy="try again later")
            case RecordingState.FAILED:
                raise CtiError(f"recording {name!r} has no file: {recording.error}", code="recording-missing")
        key = self.store.key_of(recording)
        path = self.data / recording.sealed_path
        try:
            file = self.on_thread(lambda: SealedFile(path, key, name))
        except OSError as error:
            raise CtiError(
                f"the file of recording {name!r} cannot be read: {error.strerror}",
                code="recording-missing",
                remedy=f"it should lie in {recording.sealed_path} of the data folder of node {recording.node}",
            ) from error
        if recording.size is not None and file.size != recording.size:
            file.close()
            raise CtiError(f"recording {name!r} has another length than it had", code="recording-damaged")
        return Opened(self, file)

    def verify(self, recording: Recording) -> None:
        """It opens to the end and is what was sealed. Raises as `open`."""
        opened = self.open(recording)
        try:
            digest = self.on_thread(opened.file.digest, deadline_s=3600.0)
        finally:
            opened.close()
        if digest != recording.digest:
            raise CtiError(f"recording {recording.recording_id!r} is not what was sealed", code="recording-damaged")

    def delete(self, recording_id: str, deed: Deed) -> None:
        """By order. Raises CtiError: unknown-recording, recording-deleted, recording-held, recording-open."""
        self.remove([self.store.delete(recording_id, deed)])

    def remove(self, gone: Iterable[Recording]) -> None:
        """The files of deleted recordings. What cannot be removed now is tried again by the engine."""
        paths = {one.recording_id: [p for p in (one.sealed_path, one.path) if p] for one in gone}
        removed = self.on_thread(lambda: [id_ for id_, files in paths.items() if self._unlink(files)])
        if removed:
            self.store.removed(removed)

    def _unlink(self, files: list[str]) -> bool:
        try:
            for file in files:
                (self.data / file).unlink(missing_ok=True)
        except OSError as error:
            log.error("a deleted recording cannot be removed from the disk: %s", error)
            return False
        return True


class Opened:
    """A recording that is open. ``size``: bytes in clear."""

    def __init__(self, shelf: Shelf, file: SealedFile) -> None:
        self._shelf, self.file, self.size = shelf, file, file.size

    def part(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) in clear, as a stream. Raises FileDamaged, OSError."""
        for index in range(start // CHUNK, -(-stop // CHUNK)):
            chunk = self._shelf.on_thread(lambda index=index: self.file.read(index))  # type: ignore[misc]
            first = index * CHUNK
            yield chunk[max(0, start - first) : max(0, stop - first)]

    def close(self) -> None:
        self.file.close()


def export(opened: Opened, target: Path) -> None:
    """Into a new file that only its owner may read, whole or not at all. Raises OSError, FileDamaged."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in opened.part(0, opened.size):
                out.write(chunk)
        os.link(draft, target)  # unlike a rename, refuses to replace a file that is there
    finally:
        draft.unlink(missing_ok=True)
