"""What a call carries besides talk: its recording, voicemail, faxes, videos. What is kept is noted in its record."""

from __future__ import annotations

import logging
import uuid as uuids
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.errors import CtiError
from cti.core.recordings import RecordingKind
from cti.core.records import RecordingKept
from cti.runtime.recordings.tape import CallTape
from cti.runtime.runclock import RunClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import Switch
    from cti.runtime.services import Services

log = logging.getLogger("cti.call")


class CallMedia:
    """``keep`` writes to the call's record; ``post`` takes what the run waits for. All on the call's greenlet, but for
    the pages of a fax, which are set on another. ``queue``: the one that the caller was in last."""

    def __init__(
        self,
        uuid: str,
        switch: Switch,
        services: Services,
        post: Callable[[Any], None],
        keep: Callable[[RecordingKept], None],
    ) -> None:
        self._uuid, self._switch, self._services = uuid, switch, services
        self._post, self._keep = post, keep
        self.tape = CallTape(uuid, switch, services.plain, services.clock, keep)
        self.queue = ""
        self._clock = RunClock(services.clock, UTC)
        self._messages: dict[int, RecordingKept] = {}
        self._receiving: dict[int, RecordingKept] = {}
        self._sending: dict[int, Path | None] = {}  # None: a document that is not ours to delete
        self._setting: dict[int, gevent.Greenlet[..., None]] = {}
        self.do: dict[type[Any], Callable[[Any], None]] = {
            cmd.StartRecording: lambda _c: self.tape.start(RecordingKind.FLOW, self.queue),
            cmd.PauseRecording: lambda c: self.tape.pause(c.on, "flow"),
            cmd.MaskRecording: lambda c: self.tape.mask(c.on),
            cmd.StopRecording: lambda _c: self.tape.stop(),
            cmd.Record: self._record,
            cmd.StopRecord: lambda c: switch.stop_record(uuid, c.ref),
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
        for ref in list(self._messages):
            self._keep(replace(self._messages.pop(ref), ended_at=self._now()))
        self.tape.close()

    # ---- voicemail -------------------------------------------------------------------------------------------------

    def _record(self, record: cmd.Record) -> None:
        kept = self._messages[record.ref] = self._new(RecordingKind.VOICEMAIL)
        path = str(self._services.plain.path(kept))
        self._switch.record(self._uuid, record.ref, path, record.max_s, record.silence_s)

    def recorded(self, ended: ev.RecordEnded) -> None:
        kept = self._messages.pop(ended.ref, None)
        if kept is not None:
            error = "record-failed" if ended.outcome == "failed" else ""
            self._keep(replace(kept, ended_at=self._now(), error=error))

    # ---- faxes -----------------------------------------------------------------------------------------------------

    def fax_ended(self, ended: ev.FaxEnded) -> ev.FaxEnded:
        """What the switch told, with the document that was received; it is kept only when all of it came."""
        self._forget_sent(ended.ref)
        kept = self._receiving.pop(ended.ref, None)
        if kept is None:
            return ended
        whole = ended.outcome == "ok" and self._services.plain.path(kept).is_file()
        error = "" if whole else "fax-failed"
        self._keep(replace(kept, ended_at=self._now(), pages=ended.pages, error=error))
        self._services.recorded(kept.path)  # of a fax the switch tells nothing else
        return replace(ended, document=Path(kept.path).name) if whole else replace(ended, outcome="failed")

    def _receive_fax(self, receive: cmd.ReceiveFax) -> None:
        kept = self._receiving[receive.ref] = self._new(RecordingKind.FAX)
        self._switch.receive_fax(self._uuid, receive.ref, str(self._services.plain.path(kept)))

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
        path = self._sending[send.ref] = self._outgoing()
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

    def _new(self, kind: RecordingKind) -> RecordingKept:
        kept = self._services.plain.new(self._uuid, kind, self._now(), self.queue)
        self._keep(kept)
        return kept

    def _outgoing(self) -> Path:
        """Absolute: the switch resolves relative names against a folder of its own."""
        return self._services.faxes.resolve() / f"{self._uuid}.{uuids.uuid4().hex[:12]}.tif"

    def _now(self) -> float:
        return self._clock.time()
