"""Call control on one switch (real or embedded): the `Switch` port spoken over the event socket.

Commands go out without waiting for replies; completions are paired by our own Event-UUID, which the switch gives back
as Application-UUID (switch_ivr.c:558,637), never by application name. What runs on a channel, and when, is the
business of its lane (`cti.switch.lane`). See DESIGN 3.1 and 3.3.
"""

from __future__ import annotations

import logging
import uuid as uuids
from typing import TYPE_CHECKING, Any

from cti.core import events as ev
from cti.core.errors import CtiError
from cti.core.legs import LegRecordingFailed
from cti.switch import orders
from cti.switch.dialing import Dialing
from cti.switch.guard import Guard
from cti.switch.hearing import Hearing, Leg
from cti.switch.holding import Claim, Fence
from cti.switch.lane import Lane
from cti.switch.legs import Legs
from cti.switch.legs.hearing import LEG_EVENTS
from cti.switch.links import LinkSettings, SwitchLinks
from cti.switch.liveness import Liveness
from cti.switch.media_orders import MediaOrders
from cti.switch.orders import End, Facts, Kind, Order
from cti.switch.reconcile import Reconciler
from cti.switch.tapes import Taped, Tapes
from cti.switch.transfers import Transfers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cti.core.calls import NewCall
    from cti.esl import Event, Frame
    from cti.ports import CallSink
    from cti.switch.holding import Holder
    from cti.switch.links.pending import Pending
    from cti.switch.speech import Ears

log = logging.getLogger("cti.switch")

#: What the engine needs to hear of; everything else would only be parsed to be thrown away.
SUBSCRIBED = (
    "CHANNEL_PARK",
    "CHANNEL_ANSWER",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP",
    "CHANNEL_EXECUTE_COMPLETE",
    "DTMF",
    "RECORD_STOP",
    "HEARTBEAT",
    "BACKGROUND_JOB",
    *LEG_EVENTS,
)
#: Applications of whose ends nobody needs to hear: 4 of 12 events of a call of two menus.
UNHEARD = ("set", "multiset", "sched_transfer", "answer", "park")
#: Heartbeats go out every 1.5 s; one that is unanswered for so long, and a switch is given no new calls.
FIT_S = 1.5
#: mod_dptools `record`: mean energy of a frame below this counts as silence (of 32,767).
SILENCE_THRESHOLD = 200


class FreeSwitch(Transfers, MediaOrders, Tapes):
    """Implements `cti.ports.Switch` for the runtime, `LinkSink` for the links and `Wire` for the lanes."""

    def __init__(
        self,
        name: str,
        settings: LinkSettings,
        sink: CallSink,
        dialing: Dialing,
        *,
        guard_s: int = 30,
        holder: Holder | None = None,
    ) -> None:
        """``holder``: who we are in our worker slot; None: nobody else is looked for there (one process has both)."""
        self.name = name
        self._fence = fence = Fence()
        claim = Claim(settings.worker or "0", holder) if holder is not None else None
        self.links = SwitchLinks(name, settings, self, fence=fence, claim=claim)
        self.guard = Guard(self.links, after_s=guard_s)
        self.liveness = Liveness(self.links, settings.worker or "0", self.guard, fence, claim)
        self.epoch = 0
        self.legs: dict[str, Leg] = {}
        self._worker = settings.worker or "0"
        self._sink = sink
        self.dialing = dialing
        self.platforms = dialing.platforms_by_trunk
        self.tokens = f"{uuids.uuid4().hex[:6]}."  # an earlier engine's tokens must not be taken for ours
        self._serial = 0
        self._probing = {}
        self._reconciler = Reconciler(self)
        self.hearing = Hearing(self, sink)
        self.leg_control = Legs(self, self._worker)
        #: Whether a leg that we called is one that an earlier engine has left to be gone on with.
        self.kept: Callable[[str], bool] = lambda _uuid: False
        self.ears: Ears | None = None  # where a recogniser is configured
        self.idle_pct: float | None = None  # of its machine's processors, as the last HEARTBEAT told

    @property
    def fit(self) -> bool:
        """May new calls be placed there? It is up, and owes no answer for `FIT_S`: a machine that is gone
        without a word keeps its links for longer."""
        return self.up and self._fence.unanswered_s < FIT_S

    @property
    def backlog(self) -> int:
        return self.links.backlog

    # ---- commands ------------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        return self.links.connected

    def answer(self, uuid: str) -> None:
        """Not in the lane: it takes no time, and what is sent after it is executed after it."""
        leg = self.legs.get(uuid)
        if leg is not None:
            leg.answer_wanted = True
            self.send_answer(leg)

    def send_answer(self, leg: Leg) -> None:
        try:
            self.links.execute(leg.uuid, "answer")
        except CtiError as error:
            log.info("call %s: answer not sent yet: %s", leg.uuid, error)

    def play(self, uuid: str, ref: int, audio: Sequence[str], keys: str = "") -> None:
        self._put(uuid, Order(Kind.PLAY, ref, "playback", orders.joined(audio), keys=keys))

    def stop_play(self, uuid: str, ref: int) -> None:
        self._stop(uuid, Kind.PLAY, ref)

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        if (leg := self.legs.get(uuid)) is not None:
            leg.lane.set_music(orders.joined(audio))

    def stop_music(self, uuid: str) -> None:
        if (leg := self.legs.get(uuid)) is not None:
            leg.lane.set_music(None)

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None:
        # `record <path> <limit s> <threshold> <hits>`: a hit is one second (switch_ivr_play_say.c:758 turns it into
        # frames); whole seconds only.
        silence = max(1, round(silence_s))
        argument = f"{path} {max(1, round(max_s))} {SILENCE_THRESHOLD} {silence}"
        self._put(uuid, Order(Kind.RECORD, ref, "record", argument, silence_s=silence))

    def stop_record(self, uuid: str, ref: int) -> None:
        self._stop(uuid, Kind.RECORD, ref)

    def hangup(self, uuid: str, cause: str) -> None:
        leg = self.legs.get(uuid)
        if leg is None:
            self.api("uuid_kill", uuid, cause)
        else:
            leg.kill = cause
            self.send_kill(leg)

    def send_kill(self, leg: Leg) -> None:
        try:
            reply = self.links.hangup(leg.uuid, leg.kill or "NORMAL_CLEARING")
        except CtiError as error:
            log.info("call %s: hang-up not sent yet: %s", leg.uuid, error)
            return
        reply.add_callback(lambda answer: leg.lane.doubt() if answer.value and "-ERR" in answer.value.reply else None)

    def _put(self, uuid: str, order: Order) -> None:
        leg = self.legs.get(uuid)
        if leg is not None and leg.kill is None:
            leg.lane.put(order)

    def _stop(self, uuid: str, kind: Kind, ref: int) -> None:
        if (leg := self.legs.get(uuid)) is not None:
            leg.lane.stop(kind, ref)

    # ---- recordings of legs of our own, too ----------------------------------------------------------------------

    def taped(self, uuid: str) -> Taped | None:
        return self.legs.get(uuid) or self.leg_control.own.get(uuid)

    def tape_failed(self, leg: Taped, action: str) -> None:
        if leg.uuid in self.legs:
            self._sink.recording_failed(leg.uuid, action)
        else:
            self.leg_control.tell(LegRecordingFailed(leg.uuid, action))

    # ---- Wire: what lanes ask -----------------------------------------------------------------------------------

    def start(self, lane: Lane, order: Order) -> Pending[Frame]:
        self.check_sound(lane.uuid)
        order.token = self.token()
        if order.kind is Kind.BRIDGE:
            self.prepare_transfer(lane.uuid, order)
        elif order.kind is Kind.RECORD:
            self.api("uuid_setvar", lane.uuid, "record_ms")  # told apart from an earlier recording's, see `orders.look`
        elif order.kind is Kind.FAX:
            self.prepare_fax(lane.uuid)
        elif order.leg:
            self.leg_control.wire.starting(lane, order)
        # The keys at which `playback` ends; the dialplan has set `none` for whatever else runs.
        ends = {"playback_terminators": order.keys} if order.keys else None
        return self.links.execute(lane.uuid, order.application, order.argument, event_uuid=order.token, during=ends)

    def api(self, command: str, *args: str) -> None:
        try:
            self.links.submit_api(command, *args)
        except CtiError as error:
            log.info("%s: %s not sent: %s", self.name, command, error)

    def execute(self, lane: Lane, application: str) -> None:
        """Beside what runs, inside of it."""
        try:
            self.links.execute(lane.uuid, application, event_uuid=self.token())
        except CtiError as error:
            log.info("call %s: %s not sent: %s", lane.uuid, application, error)

    def run(self, uuid: str, application: str, argument: str) -> tuple[str, Pending[Frame]]:
        """As `cti.switch.speech.ears.Wire`."""
        token = self.token()
        return token, self.links.execute(uuid, application, argument, event_uuid=token)

    def cut(self, lane: Lane, order: Order) -> None:
        self.leg_control.wire.cut(lane, order)

    def over(self, lane: Lane, order: Order, end: End, told: Facts | None) -> None:
        uuid = lane.uuid
        if order.leg:
            self.leg_control.wire.over(lane, order, end, told)
        elif order.kind is Kind.BRIDGE:
            self.transfer_over(lane, order, end, told)
        elif order.kind is Kind.PLAY:
            self._sink.call_event(uuid, orders.played(order, end, told))
        elif order.kind is Kind.RECORD:
            self._sink.call_event(uuid, orders.recorded(order, end, told))
        elif order.kind is Kind.FAX:
            self.fax_over(uuid, order, end, told)
        elif order.kind is Kind.VIDEO:
            self._sink.call_event(uuid, orders.video_played(order, end, told))

    def vanished(self, lane: Lane) -> None:
        if not lane.gone and self.up:
            log.warning("call %s: the switch knows no such channel", lane.uuid)
            self.end(lane.uuid, "")

    # ---- what the links tell ---------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        self.hearing.on_event(event)
        self.leg_control.hearing.on_event(event)
        if self.ears is not None:
            self.ears.on_event(event)

    def on_up(self, core_uuid: str, restarted: bool, channels: Sequence[Mapping[str, Any]]) -> None:
        self.epoch += 1
        self._reconciler.reconcile(self._sink, restarted, channels)
        self.leg_control.hearing.reconcile(restarted, channels, self._reconciler.dump)
        self.liveness.beat()

    def on_down(self, reason: str) -> None:
        self._sink.switch_down(self.name, reason)

    def take_over(self, theirs: Mapping[str, str], there: Collection[str]) -> int:
        """Channels (uuid -> direction) of another slot that have our ``presence_data`` now; how many calls go on.
        ``there``: all that the switch has. Raises CtiError."""
        count = self._reconciler.take_over(self._sink, theirs, there)
        outbound = [{"uuid": uuid, "direction": "outbound"} for uuid, way in theirs.items() if way == "outbound"]
        self.leg_control.hearing.take_over(outbound, self._reconciler.dump)
        return count

    def dump(self, uuids: set[str]) -> Mapping[str, Facts | None]:
        """What the switch knows of channels; None: gone. Raises CtiError."""
        return self._reconciler.dump(uuids)

    def adopt(self, uuid: str) -> Leg:
        """A leg for a channel that was not known."""
        leg = self.legs[uuid] = Leg(uuid, Lane(uuid, self))
        return leg

    def take_in(self, call: NewCall) -> None:
        """A leg of our own that somebody has answered becomes a call."""
        self.adopt(call.uuid)
        self.guard.hold(call.uuid)
        self._sink.call_arrived(call)

    def drop(self, uuid: str, cause: str = "", *, gone: bool = False) -> None:
        """Forget a channel that is no longer ours, or is ``gone`` for certain."""
        leg = self.legs.pop(uuid, None)
        self._probing.pop(uuid, None)
        if self.ears is not None:
            self.ears.forget(uuid)
        if leg is not None:
            leg.lane.close()
            (self.guard.forget if gone else self.guard.release)(uuid)
            self.hearing.forget(leg)
            self.leg_control.gone(uuid, cause)

    def give_up(self) -> None:
        for uuid in list(self.legs):
            self.drop(uuid, gone=True)
        self.leg_control.hearing.lost()

    def end(self, uuid: str, cause: str) -> None:
        """The channel has hung up."""
        self.drop(uuid, cause, gone=True)
        self._sink.call_event(uuid, ev.HungUp(cause))

    def token(self) -> str:
        self._serial += 1
        return f"{self.tokens}{self._serial:x}"
