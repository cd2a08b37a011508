"""The driver's part for what a call carries besides talk: faxes and videos, applications in the channel's lane."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from cti.core import events as ev
from cti.core.errors import CtiError
from cti.switch import orders
from cti.switch.orders import End, Facts, Kind, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import CallSink
    from cti.switch.hearing import Leg
    from cti.switch.links import SwitchLinks

log = logging.getLogger("cti.switch")

#: Which module opens which video files (`supported_formats` of mod_av/avformat.c and mod_fsv.c).
VIDEO_MODULES = {
    "mod_av": frozenset({".mp4", ".mov", ".mkv", ".webm"}),
    "mod_fsv": frozenset({".fsv"}),
}
#: A payload type once both ends have agreed on a video codec (switch_core_media_negotiate_sdp); else undefined.
VIDEO_AGREED = "rtp_video_pt"
#: Which way video goes, from the switch's side; `recvonly`, `inactive`, `disabled`: the caller looks at nothing.
VIDEO_FLOW = "video_media_flow"
SHOWN = frozenset({"sendrecv", "sendonly"})
#: Set once an image (T.38) was agreed on (switch_core_media_process_udptl). There is no way back to sound in that call:
#: nothing takes the RTP session out of UDPTL mode again, and a playback waits there for ever.
IMAGE_AGREED = "has_t38"


def video_module(path: str) -> str | None:
    """The module that plays such a file; None: there is none."""
    suffix = PurePath(path).suffix.lower()
    return next((name for name, suffixes in VIDEO_MODULES.items() if suffix in suffixes), None)


class MediaOrders:
    """What `FreeSwitch` does for the `Switch` port here; its attributes are the driver's."""

    legs: dict[str, Leg]
    links: SwitchLinks
    name: str
    _sink: CallSink
    _probing: dict[str, int]  # call -> the video that waits for what the switch can do

    def api(self, command: str, *args: str) -> None:
        raise NotImplementedError

    def _put(self, uuid: str, order: Order) -> None:
        raise NotImplementedError

    def _stop(self, uuid: str, kind: Kind, ref: int) -> None:
        raise NotImplementedError

    # ---- faxes -----------------------------------------------------------------------------------------------------

    def send_fax(self, uuid: str, ref: int, path: str) -> None:
        self._put(uuid, Order(Kind.FAX, ref, "txfax", path))

    def receive_fax(self, uuid: str, ref: int, path: str) -> None:
        self._put(uuid, Order(Kind.FAX, ref, "rxfax", path))

    def stop_fax(self, uuid: str, ref: int) -> None:
        self._stop(uuid, Kind.FAX, ref)

    def prepare_fax(self, uuid: str) -> None:
        """``fax_success`` tells this fax apart from an earlier one, see `orders.look`. Without ``fax_enable_t38`` on
        the channel the switch refuses T.38 whatever spandsp.conf says, the answer to its own offer too, and then drops
        the call (switch_core_media_negotiate_sdp)."""
        self.api("uuid_setvar", uuid, "fax_success")
        self.api("uuid_setvar", uuid, "fax_enable_t38", "true")

    def check_sound(self, uuid: str) -> None:
        """Raises CtiError ``no-sound`` for a call in which a fax went over in T.38."""
        leg = self.legs.get(uuid)
        if leg is not None and leg.image:
            raise CtiError("after a fax in T.38 the line carries no sound", code="no-sound")

    def fax_over(self, uuid: str, order: Order, end: End, told: Facts | None) -> None:
        leg = self.legs.get(uuid)
        if leg is not None and told is not None and told.variable(IMAGE_AGREED) == "true":
            leg.image = True
        self._sink.call_event(uuid, orders.faxed(order, end, told))

    # ---- videos ----------------------------------------------------------------------------------------------------

    def play_video(self, uuid: str, ref: int, path: str) -> None:
        """Ask first: a file that cannot be shown would be played as silence, or as sound alone."""
        module = video_module(path)
        if module is None:
            log.warning("%s: no module of a switch plays %s", self.name, PurePath(path).name)
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
        show = partial(self._play_video, uuid, ref, path)
        look = partial(self._ask, uuid, ref, ("uuid_getvar", uuid, VIDEO_FLOW), show)
        self._ask(uuid, ref, ("uuid_getvar", uuid, VIDEO_AGREED), look)

    def _play_video(self, uuid: str, ref: int, path: str) -> None:
        self._probing.pop(uuid, None)
        self._put(uuid, Order(Kind.VIDEO, ref, "playback", orders.playable(path)))

    def _ask(self, uuid: str, ref: int, question: tuple[str, ...], yes: Callable[[], None]) -> None:
        """Go on with ``yes`` when the switch answers true, a number, or a flow that is `SHOWN`; else, for a lost link
        too: `unsupported`."""
        try:
            reply = self.links.submit_api(*question)
        except CtiError as error:
            log.info("%s: %s not asked: %s", self.name, question[0], error)
            self._no_video(uuid, ref)
            return

        def answered(text: str) -> None:
            if self._probing.get(uuid) != ref:
                return  # stopped meanwhile
            if text.strip() == "true" or text.strip().isdigit() or text.strip() in SHOWN:
                yes()
            else:
                self._no_video(uuid, ref)

        reply.add_callback(lambda answer: answered(answer.value.reply if answer.value is not None else ""))

    def _no_video(self, uuid: str, ref: int) -> None:
        if self._probing.pop(uuid, None) is not None:
            self._sink.call_event(uuid, ev.VideoEnded(ref, "unsupported"))
