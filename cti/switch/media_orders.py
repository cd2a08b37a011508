"""The driver's part for what a call carries besides talk: recordings of the call, faxes, videos.

A recording is no application: it runs beside whatever the channel does, as a state that is told to the switch again
whenever that may have missed it. Faxes and videos are applications in the channel's lane.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from cti.core import events as ev
from cti.core.errors import CtiError
from cti.switch.orders import Kind, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import CallSink
    from cti.switch.hearing import Leg
    from cti.switch.links import SwitchLinks

log = logging.getLogger("cti.switch")

#: Which module opens which video files (mod_av: avformat.c's `formats`; mod_fsv).
VIDEO_MODULES = {
    "mod_av": frozenset({".mp4", ".m4a", ".mov", ".mkv", ".webm", ".avi", ".flv"}),
    "mod_fsv": frozenset({".fsv"}),
}
#: A payload type once both ends have agreed on a video codec (switch_core_media_negotiate_sdp); else undefined.
VIDEO_AGREED = "rtp_video_pt"


@dataclass(slots=True)
class Tape:
    """How the recording of a call is to be. ``sent``: the switch was told to begin."""

    path: str
    paused: bool = False
    masked: bool = False
    sent: bool = False


class MediaOrders:
    """What `FreeSwitch` does for the `Switch` port here; its attributes are the driver's."""

    legs: dict[str, Leg]
    links: SwitchLinks
    name: str
    _sink: CallSink
    _probing: dict[str, int]  # call -> the video that waits for what the switch can do

    def _put(self, uuid: str, order: Order) -> None:
        raise NotImplementedError

    def _stop(self, uuid: str, kind: Kind, ref: int) -> None:
        raise NotImplementedError

    # ---- recordings of the call ----------------------------------------------------------------------------------

    def start_recording(self, uuid: str, path: str) -> None:
        leg = self.legs.get(uuid)
        if leg is not None:
            leg.tape = Tape(path)
            self.sync_tape(leg)

    def pause_recording(self, uuid: str, on: bool) -> None:
        leg = self.legs.get(uuid)
        if leg is not None and leg.tape is not None:
            leg.tape.paused = on
            self._tell(leg, "pause" if on else "resume")

    def mask_recording(self, uuid: str, on: bool) -> None:
        leg = self.legs.get(uuid)
        if leg is not None and leg.tape is not None:
            leg.tape.masked = on
            self._tell(leg, "mask" if on else "unmask")

    def stop_recording(self, uuid: str) -> None:
        leg = self.legs.get(uuid)
        if leg is not None and leg.tape is not None:
            self._tell(leg, "stop")
            leg.tape = None

    def sync_tape(self, leg: Leg) -> None:
        """Tell the switch all of it: the call was answered, or the links are back. Starting twice changes nothing
        (switch_ivr_record_session: "Already recording"), and neither does masking twice."""
        tape = leg.tape
        if tape is None or leg.answer_wanted:
            return  # without an answer there is no audio to record
        tape.sent = True
        self._tell(leg, "start")
        if tape.masked:
            self._tell(leg, "mask")
        if tape.paused:
            self._tell(leg, "pause")

    def _tell(self, leg: Leg, action: str) -> None:
        tape = leg.tape
        if tape is None or not tape.sent:
            return
        path = tape.path
        try:
            reply = self.links.submit_api("uuid_record", leg.uuid, action, path)
        except CtiError as error:
            log.info("call %s: uuid_record %s not sent yet: %s", leg.uuid, action, error)
            return
        reply.add_callback(
            lambda answer: self._told(leg, action, path, answer.value.reply) if answer.value is not None else None
        )

    def _told(self, leg: Leg, action: str, path: str, reply: str) -> None:
        if reply.startswith("+OK") or self.legs.get(leg.uuid) is not leg or "locate session" in reply:
            return  # the hang-up tells what there is to tell
        log.warning("call %s: the switch refused uuid_record %s: %s", leg.uuid, action, reply.strip()[:100])
        if leg.tape is not None and leg.tape.path == path:
            self._sink.recording_failed(leg.uuid, action)

    # ---- faxes -----------------------------------------------------------------------------------------------------

    def send_fax(self, uuid: str, ref: int, path: str) -> None:
        self._put(uuid, Order(Kind.FAX, ref, "txfax", path))

    def receive_fax(self, uuid: str, ref: int, path: str) -> None:
        self._put(uuid, Order(Kind.FAX, ref, "rxfax", path))

    def stop_fax(self, uuid: str, ref: int) -> None:
        self._stop(uuid, Kind.FAX, ref)

    # ---- videos ----------------------------------------------------------------------------------------------------

    def play_video(self, uuid: str, ref: int, path: str) -> None:
        """Ask first: a file that cannot be shown would be played as silence, or as sound alone."""
        suffix = PurePath(path).suffix.lower()
        module = next((name for name, suffixes in VIDEO_MODULES.items() if suffix in suffixes), None)
        if module is None:
            log.warning("%s: no module of the switch plays a video of the kind %s", self.name, suffix or "''")
            self._sink.call_event(uuid, ev.VideoEnded(ref, "unsupported"))
            return
        leg = self.legs.get(uuid)
        if leg is None:
            return  # the hang-up event is the answer
        self._probing[uuid] = ref
        ask = partial(self._ask, uuid, ref, ("module_exists", module), lambda: self._ask_leg(uuid, ref, path))
        if leg.answer_wanted:
            leg.film = ask  # codecs may be agreed on as late as with the answer
        else:
            ask()

    def show_waiting(self, leg: Leg) -> None:
        """The call is answered."""
        ask, leg.film = leg.film, None
        if ask is not None:
            ask()

    def stop_video(self, uuid: str, ref: int) -> None:
        if self._probing.get(uuid) == ref:
            del self._probing[uuid]
            self._sink.call_event(uuid, ev.VideoEnded(ref, "next"))
        else:
            self._stop(uuid, Kind.VIDEO, ref)

    def _ask_leg(self, uuid: str, ref: int, path: str) -> None:
        self._ask(uuid, ref, ("uuid_getvar", uuid, VIDEO_AGREED), lambda: self._play_video(uuid, ref, path))

    def _play_video(self, uuid: str, ref: int, path: str) -> None:
        self._probing.pop(uuid, None)
        self._put(uuid, Order(Kind.VIDEO, ref, "playback", path))

    def _ask(self, uuid: str, ref: int, question: tuple[str, ...], yes: Callable[[], None]) -> None:
        """Go on with ``yes`` when the switch answers true, or a number; else, for a lost link too: `unsupported`."""
        try:
            reply = self.links.submit_api(*question)
        except CtiError as error:
            log.info("%s: %s not asked: %s", self.name, question[0], error)
            self._no_video(uuid, ref)
            return

        def answered(text: str) -> None:
            if self._probing.get(uuid) != ref:
                return  # stopped meanwhile
            if text.strip() == "true" or text.strip().isdigit():
                yes()
            else:
                self._no_video(uuid, ref)

        reply.add_callback(lambda answer: answered(answer.value.reply if answer.value is not None else ""))

    def _no_video(self, uuid: str, ref: int) -> None:
        if self._probing.pop(uuid, None) is not None:
            self._sink.call_event(uuid, ev.VideoEnded(ref, "unsupported"))
