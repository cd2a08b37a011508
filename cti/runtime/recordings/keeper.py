"""Seals what the switch has written, deletes what is due, and puts right what a crash has left.

    plain file complete -> sealed file, synced -> row with the key of the file -> plain file removed

At every point a crash leaves a plain file with a row that says so, which the next engine seals: a sealed file without a
row has no key, and is removed. A disk that is full stops no call: the plain file stays, and sealing is tried again.
"""

from __future__ import annotations

import errno
import logging
import secrets
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from cti.core.errors import StoreUnavailable
from cti.core.moments import SKEW_S
from cti.core.recordings import Recording, Retention
from cti.runtime.recordings.plain import SEALED, PlainFiles
from cti.runtime.recordings.tidying import Tidying
from cti.store.recordings import SEAL_FAILED
from cti.store.sealed_files import StillWritten, new_key, seal_file

if TYPE_CHECKING:
    from cti.ports import Clock
    from cti.runtime.recordings.shelf import Shelf

log = logging.getLogger("cti.recordings")

#: Looked for work although nobody told of any.
EVERY_S = 10.0
#: What is complete is gathered for so long before it is sealed.
GATHER_S = 0.1
#: A plain file of which the switch has not said that it is complete counts so when it has not changed for this long.
SETTLED_S = 30.0
#: How often retention and what a crash may have left are looked after.
REAP_S = 60.0
DUE_AT_ONCE = 200
_SEAL_S = 3600.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Keeper:
    """``flush``: brings records to the database (deadline in seconds). One for each engine."""

    def __init__(
        self,
        shelf: Shelf,
        plain: PlainFiles,
        clock: Clock,
        retention: Retention,
        flush: Callable[[float], bool],
    ) -> None:
        self.shelf, self.plain, self._clock = shelf, plain, clock
        self._retention, self._flush = retention, flush
        self._store = shelf.store
        self._tidying = Tidying(shelf, plain, clock)
        self._complete: set[str] = set()
        self._wake = Flag()
        self._troubled = ""
        self._reaped_at: float | None = None
        self._ahead = clock.now() - clock.monotonic()
        self._set_at = float("-inf")  # monotonic: when the wall clock was seen to be set
        self._greenlet: gevent.Greenlet[[], None] | None = None

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """What is not sealed yet the next engine seals."""
        if self._greenlet is not None:
            self._greenlet.kill(block=True)
        self.shelf.close()

    def complete(self, path: str) -> None:
        """The switch has closed this file."""
        self._complete.add(Path(path).stem)
        self._wake.set()

    def _run(self) -> None:
        while True:
            try:
                self.look()
                wait_s = EVERY_S
            except StoreUnavailable as error:
                log.warning("recordings wait for the database: %s", error)
                wait_s = 1.0
            except Exception:
                log.exception("a bug in the keeping of recordings")
                wait_s = EVERY_S
            self._wake.wait(wait_s)
            self._wake.clear()
            gevent.sleep(GATHER_S)

    def look(self) -> None:
        """All that is to be done now. Raises StoreUnavailable."""
        if self._reaped_at is None:
            changed = self._store.apply(self._retention)
            if changed:
                log.info("retention: %d recordings are kept for another time than before", changed)
        self.seal_complete()
        now = self._clock.now()
        if self._reaped_at is None or now - self._reaped_at >= REAP_S:
            self._tidying.look(first=self._reaped_at is None)
            self.expire()
            self._reaped_at = now

    # ---- sealing ---------------------------------------------------------------------------------------------------

    def seal_complete(self) -> None:
        told = set(self._complete)
        self._flush(5.0)
        pending = self._store.pending(self.plain.node, told)
        for recording in pending:
            complete = recording.recording_id in told or self._settled(recording)
            if complete and not self._seal(recording):
                break
        self._complete -= told

    def _settled(self, recording: Recording) -> bool:
        """Nobody has said that it is complete: has it been left alone for long? After the clock was set, files count as
        changed just then: the switch may be writing the last of one."""
        now, since_boot = self._clock.now(), self._clock.monotonic()
        if abs(now - since_boot - self._ahead) > SKEW_S:
            self._ahead, self._set_at = now - since_boot, since_boot
        if since_boot - self._set_at < SETTLED_S:
            return False
        try:
            return now - self.shelf.on_thread(lambda: self._path(recording).stat().st_mtime) >= SETTLED_S
        except OSError:
            return now - (recording.ended_at or recording.started_at) >= SETTLED_S

    def _seal(self, recording: Recording) -> bool:
        """False: the disk takes nothing now."""
        now, source = self._clock.now(), self._path(recording)
        key = new_key()
        month = datetime.fromtimestamp(recording.started_at, UTC).strftime("%Y-%m")
        name = f"{SEALED}/{month}/{recording.recording_id}.{secrets.token_hex(4)}"
        target, id_ = self.shelf.data / name, recording.recording_id
        try:
            written_at = self.shelf.on_thread(lambda: source.stat().st_mtime)
            content = self.shelf.on_thread(lambda: seal_file(source, target, key, id_), _SEAL_S)
            length_s = self.shelf.on_thread(lambda: sound_length(source)) if source.suffix == ".wav" else None
        except FileNotFoundError:
            if not self.shelf.on_thread(source.exists):
                self._store.failed(recording, "no-file", gone=True, ended_at=now)
                log.warning("recording %s: there is no file", id_)
            return True
        except StillWritten:
            return True
        except OSError as error:
            self._trouble(recording, error)
            return False
        ended_at = recording.ended_at or written_at
        until = self._retention.until(recording.kind, recording.queue, ended_at)
        if self._store.sealed(recording, key, content, name, at=now, ended_at=ended_at, length_s=length_s, until=until):
            self.shelf.on_thread(lambda: source.unlink(missing_ok=True))
            if self._troubled:
                log.warning("recordings are sealed again")
                self._troubled = ""
        else:  # deleted or sealed by somebody else meanwhile
            self.shelf.on_thread(lambda: target.unlink(missing_ok=True))
        return True

    def _trouble(self, recording: Recording, error: OSError) -> None:
        """Told once, as an alarm, until it is over; the recording says why it is not sealed."""
        what = "the disk is full" if error.errno in _FULL else error.strerror or type(error).__name__
        if self._troubled != what:
            self._troubled = what
            folder = self.plain.folder
            log.critical("ALARM recordings cannot be sealed: %s; they stay in clear in %s until they can", what, folder)
        self._store.failed(recording, f"{SEAL_FAILED}: {what}", gone=False)

    def _path(self, recording: Recording) -> Path:
        return self.shelf.data / recording.path

    # ---- retention -------------------------------------------------------------------------------------------------

    def expire(self) -> int:
        """Delete what is due and not held; how many."""
        count = 0
        while due := self._store.due(self.plain.node, self._clock.now(), DUE_AT_ONCE):
            gone = self._store.expire(due, self._clock.now())
            self.shelf.remove(gone)
            count += len(gone)
            if not gone:
                break
        if count:
            log.info("retention: %d recordings are deleted", count)
        return count


def sound_length(file: Path) -> float | None:
    """Seconds, by the header of a WAV file; None: it is none."""
    try:
        with wave.open(str(file), "rb") as sound:
            return sound.getnframes() / (sound.getframerate() or 1)
    except (wave.Error, EOFError, OSError):
        return None
