"""What a call carries besides talk: its recording, with the spans where it is silent; faxes; videos.

Files are named by the call and chance, never by who calls; what is kept is noted in the call's record.
"""

from __future__ import annotations

import logging
import uuid as uuids
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.errors import CtiError
from cti.core.records import MediaKept

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import Switch
    from cti.runtime.services import Services

log = logging.getLogger("cti.call")

#: A key's tone sounds on after the switch has told of it: it must not be heard in the recording either.
UNMASK_AFTER_S = 0.6
Span = tuple[float, float]


@dataclass(slots=True)
class Recording:
    """One recording while it runs. ``masked_at``, ``paused_at``: since when, None: not."""

    kept: MediaKept
    masked_at: float | None = None
    paused_at: float | None = None
    masked: list[Span] = field(default_factory=list)
    paused: list[Span] = field(default_factory=list)
    unmasking: gevent.Greenlet[..., None] | None = None

    def closed(self, at: float) -> MediaKept:
        masked = [*self.masked, *([(self.masked_at, at)] if self.masked_at is not None else [])]
        paused = [*self.paused, *([(self.paused_at, at)] if self.paused_at is not None else [])]
        return replace(self.kept, ended_at=at, masked=tuple(masked), paused=tuple(paused))


class CallMedia:
    """``keep`` writes to the call's record; ``post`` takes what the run waits for. All on the call's greenlet, but for
    the pages of a fax, which are set on another."""

    def __init__(
        self,
        uuid: str,
        switch: Switch,
        services: Services,
        post: Callable[[Any], None],
        keep: Callable[[MediaKept], None],
    ) -> None:
        self._uuid, self._switch, self._services = uuid, switch, services
        self._post, self._keep = post, keep
        self._recording: Recording | None = None
        self._receiving: dict[int, MediaKept] = {}
        self._sending: dict[int, Path | None] = {}  # None: a document that is not ours to delete
        self._setting: dict[int, gevent.Greenlet[..., None]] = {}
        self.do: dict[type[Any], Callable[[Any], None]] = {
            cmd.StartRecording: lambda _c: self._start(),
            cmd.PauseRecording: lambda c: self._pause(c.on),
            cmd.MaskRecording: lambda c: self._mask(c.on),
            cmd.StopRecording: lambda _c: self._stop(),
            cmd.SendFax: self._send_fax,
            cmd.ReceiveFax: self._receive_fax,
            cmd.StopFax: self._stop_fax,
            cmd.PlayVideo: self._play_video,
            cmd.StopVideo: lambda c: switch.stop_video(uuid, c.ref),
        }

    def close(self) -> None:
        """The call is over; the switch has closed what it recorded."""
        for setting in self._setting.values():
            setting.kill(block=False)
        for ref in list(self._sending):
            self._forget_sent(ref)
        for ref in list(self._receiving):
            self._keep(replace(self._receiving.pop(ref), ended_at=self._now(), error="fax-incomplete"))
        self._end_recording()

    def recording_failed(self, action: str) -> str:
        """Note it, and give the words for the call's record."""
        if self._recording is not None:
            self._recording.kept = replace(self._recording.kept, error=f"recording-failed: {action}")
        return f"recording-failed: {action}"

    # ---- the recording of the call ---------------------------------------------------------------------------------

    def _start(self) -> None:
        self._end_recording()
        path = self._new_file(self._services.recordings, ".wav")
        kept = MediaKept(self._uuid, self._relative(path), "recording", self._now())
        self._recording = Recording(kept)
        self._keep(kept)
        self._switch.start_recording(self._uuid, str(path))

    def _pause(self, on: bool) -> None:
        recording = self._recording
        if recording is None:
            return
        self._switch.pause_recording(self._uuid, on)
        if on:
            recording.paused_at = recording.paused_at or self._now()
        elif recording.paused_at is not None:
            recording.paused.append((recording.paused_at, self._now()))
            recording.paused_at = None

    def _mask(self, on: bool) -> None:
        recording = self._recording
        if recording is None:
            return
        if recording.unmasking is not None:
            recording.unmasking.kill(block=False)
            recording.unmasking = None
        if not on:
            recording.unmasking = gevent.spawn_later(UNMASK_AFTER_S, self._unmask, recording)
        elif recording.masked_at is None:
            recording.masked_at = self._now()
            self._switch.mask_recording(self._uuid, True)

    def _unmask(self, recording: Recording) -> None:
        recording.unmasking = None
        if recording is self._recording and recording.masked_at is not None:
            self._switch.mask_recording(self._uuid, False)
            recording.masked.append((recording.masked_at, self._now()))
            recording.masked_at = None

    def _stop(self) -> None:
        if self._recording is not None:
            self._switch.stop_recording(self._uuid)
            self._end_recording()

    def _end_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        if recording.unmasking is not None:
            recording.unmasking.kill(block=False)
        self._keep(recording.closed(self._now()))

    # ---- faxes -----------------------------------------------------------------------------------------------------

    def fax_ended(self, ended: ev.FaxEnded) -> ev.FaxEnded:
        """What the switch told, with the document that was received; it is kept only when all of it came."""
        self._forget_sent(ended.ref)
        kept = self._receiving.pop(ended.ref, None)
        if kept is None:
            return ended
        whole = ended.outcome == "ok" and (self._services.faxes / Path(kept.path).name).is_file()
        error = "" if whole else "fax-failed"
        self._keep(replace(kept, ended_at=self._now(), pages=ended.pages, error=error))
        return replace(ended, document=Path(kept.path).name) if whole else replace(ended, outcome="failed")

    def _receive_fax(self, receive: cmd.ReceiveFax) -> None:
        path = self._new_file(self._services.faxes, ".tif")
        kept = self._receiving[receive.ref] = MediaKept(self._uuid, self._relative(path), "fax_received", self._now())
        self._keep(kept)
        self._switch.receive_fax(self._uuid, receive.ref, str(path))

    def _send_fax(self, send: cmd.SendFax) -> None:
        if send.document:
            found = self._services.prompts.find([cmd.Sound(send.document)])
            if found is None:
                log.warning("call %s: the document '%s' is not in the prompts folder", self._uuid, send.document)
                self._post(ev.FaxEnded(send.ref, "failed"))
                return
            self._sending[send.ref] = None
            self._switch.send_fax(self._uuid, send.ref, found[0])
            return
        path = self._sending[send.ref] = self._new_file(self._services.faxes / "outgoing", ".tif")
        self._setting[send.ref] = gevent.spawn(self._set_pages, send, path)

    def _set_pages(self, send: cmd.SendFax, path: Path) -> None:
        """On a thread: a page takes a tenth of a second of computing, and other callers are on the line."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pool = gevent.get_hub().threadpool
            pages = pool.apply(self._services.pages.write, (send.text, send.language, str(path)))
        except (CtiError, OSError) as error:
            log.warning("call %s: the fax could not be set: %s", self._uuid, error)
            self._post(ev.FaxEnded(send.ref, "failed"))
            return
        finally:
            self._setting.pop(send.ref, None)
        log.debug("call %s: a fax of %d pages", self._uuid, pages)
        self._switch.send_fax(self._uuid, send.ref, str(path))

    def _stop_fax(self, stop: cmd.StopFax) -> None:
        setting = self._setting.pop(stop.ref, None)
        if setting is None:
            self._switch.stop_fax(self._uuid, stop.ref)
        else:
            setting.kill(block=False)
            self._post(ev.FaxEnded(stop.ref, "failed"))

    def _forget_sent(self, ref: int) -> None:
        """What was sent may be anybody's bill."""
        path = self._sending.pop(ref, None)
        if path is not None:
            path.unlink(missing_ok=True)

    # ---- videos ----------------------------------------------------------------------------------------------------

    def _play_video(self, play: cmd.PlayVideo) -> None:
        found = self._services.prompts.find([cmd.Sound(play.file)])
        if found is None:
            log.warning("call %s: the video '%s' is not in the prompts folder", self._uuid, play.file)
            self._post(ev.VideoEnded(play.ref, "unsupported"))
        else:
            self._switch.play_video(self._uuid, play.ref, found[0])

    # ---- files -----------------------------------------------------------------------------------------------------

    def _new_file(self, folder: Path, suffix: str) -> Path:
        """Absolute: the switch resolves relative names against a folder of its own. A name is used once, also when
        the flow begins again in this call."""
        return folder.resolve() / f"{self._uuid}.{uuids.uuid4().hex[:8]}{suffix}"

    def _relative(self, path: Path) -> str:
        """As records name it: the folder and the file."""
        return f"{path.parent.name}/{path.name}"

    def _now(self) -> float:
        return self._services.clock.now()
