"""`Legs`: the port, and what is known of a leg, whosever it is.

Callers' legs stay the driver's: their lanes carry what is ordered here as well, and end it here (`Order.leg`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.core.legs import LegEvent, LegHungUp, Phone
from cti.core.recent import Recent
from cti.switch import orders
from cti.switch.legs.adopting import Adopting
from cti.switch.legs.hearing import LegHearing
from cti.switch.legs.own import OwnLeg
from cti.switch.legs.registry import Registry
from cti.switch.legs.ringing import Ringing
from cti.switch.legs.rooms import Monitors, Rooms
from cti.switch.legs.talks import Talks
from cti.switch.legs.tapes import LegTapes
from cti.switch.legs.wire import LegWire
from cti.switch.orders import Facts, Kind, Order

if TYPE_CHECKING:
    from cti.core.calls import NewCall
    from cti.ports import LegSink
    from cti.switch.dialing import Dialing
    from cti.switch.driver import FreeSwitch
    from cti.switch.hearing import Leg
    from cti.switch.lane import Lane

log = logging.getLogger("cti.switch")

DIGITS = re.compile(r"[0-9A-D*#wW]{1,64}")
LEG = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{7,63}")
#: So long no leg is rung by the uuid of one that is over. In seconds.
ENDED_S = 600.0


class Legs(LegTapes):
    """Implements `cti.ports.LegControl` for one driver."""

    def __init__(self, driver: FreeSwitch, worker: str) -> None:
        self._driver = driver
        self._worker = worker
        self._sink: LegSink | None = None
        self.links = driver.links
        self.name = driver.name
        self.own: dict[str, OwnLeg] = {}
        self._ended: Recent[str, None] = Recent(ENDED_S, monotonic)  # uuids used up
        self._held: dict[str, str] = {}  # leg on hold -> whom it was taken from
        self.wire = LegWire(self, driver)
        self.ringing = Ringing(self)
        self.talks = Talks(self)
        self.rooms = Rooms(self)
        self.monitors = Monitors(self)
        self.registry = Registry(self)
        self.adopting = Adopting(self)
        self.hearing = LegHearing(self)

        #: Whether a leg that an earlier engine left is not hung up although nobody wants it: who does is still to
        #: speak. And whether it came with the calls of another worker.
        self.spare: Callable[[str, bool], bool] = lambda _leg, _taken: False

    def drop(self, strays: Collection[str]) -> None:
        """Of those that were spared (`spare`), who is wanted by nobody and with nobody is hung up."""

        def look() -> None:
            try:
                self.hearing.drop(set(strays), self.dump)
            except CtiError as error:
                log.info("%s: not asked for legs that nobody wants: %s", self.name, error)  # when the link is back

        gevent.spawn(look)

    def attach(self, sink: LegSink) -> None:
        self._sink = sink

    def tell(self, event: LegEvent) -> None:
        log.debug("%s: %s", self.name, event)
        if self._sink is not None:
            self._sink.leg_event(event)

    @property
    def dialing(self) -> Dialing:
        return self._driver.dialing

    # ---- a phone -------------------------------------------------------------------------------------------------

    def check(self, phone: Phone) -> None:
        self.dialing.phone_routes(phone, 1.0)

    def ring(
        self, leg: str, phone: Phone, *, ring_s: float, call: str, caller_number: str, headers: Mapping[str, str]
    ) -> None:
        if not LEG.fullmatch(leg):
            raise CtiError(f"{leg[:60]!r} is no name of a leg", code="bad-leg", remedy="a uuid")
        if leg in self.own or leg in self._ended or leg in self._driver.legs:
            return
        self.ringing.ring(leg, phone, ring_s, call, caller_number, headers, self._worker)

    def stop(self, leg: str) -> None:
        self.hang_up(leg, "ORIGINATOR_CANCEL")

    def keep(self, leg: str, phone: Phone) -> None:
        self.adopting.keep(leg, phone)

    def take_up(self, a: str, b: str) -> None:
        self.adopting.take_up(a, b)

    def take_up_room(self, room: str, legs: Sequence[str]) -> None:
        self.adopting.take_up_room(room, legs)

    def let_be(self, leg: str) -> None:
        self.adopting.let_be(leg)

    def meet(self, leg: str, call: NewCall) -> None:
        own = self.own.get(leg)
        if own is not None and own.up:
            del self.own[leg]
            own.lane.close()
            self._driver.take_in(call)

    def registered(self, user: str) -> bool:
        return self.registry.registered(user)

    def answer(self, leg: str) -> None:
        own = self.own.get(leg)
        if own is not None and own.phone.remote_answer == "talk_event":
            self.wire.api("uuid_phone_event", leg, "talk")
        elif own is not None and own.phone.remote_answer == "auto_answer":
            self.ringing.answer(own)

    def hang_up(self, leg: str, cause: str = "NORMAL_CLEARING") -> None:
        own = self.own.get(leg)
        self.adopting.wanted.pop(leg, None)
        if own is None:
            if leg in self._driver.legs:
                self._driver.hangup(leg, cause)
        elif own.up:
            own.kill = cause
            self.wire.api("uuid_kill", leg, cause)
        elif not own.cancelled:
            self.ringing.stop(own)

    def play(self, leg: str, ref: int, audio: Sequence[str]) -> None:
        if (lane := self.lane(leg)) is not None:
            lane.put(Order(Kind.PLAY, ref, "playback", orders.joined(audio), leg=True))

    def stop_play(self, leg: str, ref: int) -> None:
        if (lane := self.lane(leg)) is not None:
            lane.stop(Kind.PLAY, ref)

    def mute(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        if on:
            self.wire.api("uuid_audio", leg, "start", "read", "mute", "1", done=done)
        else:
            self.wire.api("uuid_audio", leg, "stop", done=done)

    def send_dtmf(self, leg: str, digits: str, done: Callable[[bool], None] | None = None) -> None:
        if not DIGITS.fullmatch(digits):
            raise CtiError("these are no keys", code="bad-digits", remedy="0-9, A-D, * and #; w for a pause")
        self.wire.api("uuid_send_dtmf", leg, digits, done=done)

    # ---- talks ---------------------------------------------------------------------------------------------------

    def bridge(self, a: str, b: str) -> None:
        self._held.pop(a, None)
        self._held.pop(b, None)
        self.talks.bridge(a, b)

    def unbridge(self, a: str, b: str) -> None:
        self.talks.unbridge(a, b)

    def hold(self, leg: str, music: Sequence[str]) -> None:
        partner = self.talks.partner(leg)
        self.park(leg, music)
        if partner is not None:
            self._held[leg] = partner

    def park(self, leg: str, music: Sequence[str]) -> None:
        self._held.pop(leg, None)
        talk, lane = self.talks.of.get(leg), self.lane(leg)
        if talk is not None:
            self.talks.part(talk)
        if lane is not None:
            if lane.running is not None and lane.running.kind is Kind.ROOM:
                lane.stop(Kind.ROOM, 0)
            lane.set_music(orders.joined(music) if music else None)

    def retrieve(self, leg: str) -> None:
        partner = self._held.get(leg)
        if partner is not None:
            self.bridge(leg, partner)

    def pick_up(self, leg: str, by: str) -> None:
        self.bridge(leg, by)

    def take_over(self, leg: str, target: str) -> None:
        partner = self.talks.partner(target)
        self.talks.bridge(leg, partner if partner is not None else "")

    # ---- conferences and supervision -----------------------------------------------------------------------------

    def conference(self, room: str, legs: Sequence[str]) -> None:
        for leg in legs:
            self.join(room, leg)

    def join(self, room: str, leg: str) -> None:
        self._held.pop(leg, None)
        if (talk := self.talks.of.get(leg)) is not None:
            self.talks.part(talk)
        self.rooms.join(room, leg)

    def leave(self, room: str, leg: str) -> None:
        self.rooms.leave(room, leg)

    def kick(self, room: str, leg: str) -> None:
        self.rooms.leave(room, leg)
        self.hang_up(leg)

    def monitor(self, leg: str, target: str, mode: str) -> None:
        self.monitors.monitor(leg, target, mode)

    def stop_monitor(self, leg: str) -> None:
        self.monitors.stop(leg)

    # ---- callers' legs -------------------------------------------------------------------------------------------

    def is_caller(self, leg: str) -> bool:
        return leg in self._driver.legs

    def caller(self, leg: str) -> Leg | None:
        return self._driver.legs.get(leg)

    def used_up(self, leg: str) -> bool:
        return leg in self._ended

    def use_up(self, leg: str) -> None:
        """No leg of this name is rung any more."""
        self._ended.put(leg, None)

    def dump(self, legs: set[str]) -> Mapping[str, Facts | None]:
        """Asks the switch. Raises CtiError."""
        return self._driver.dump(legs)

    def lane(self, leg: str) -> Lane | None:
        own = self.own.get(leg)
        if own is not None:
            return own.lane if own.up else None
        caller = self._driver.legs.get(leg)
        if caller is None or caller.orphan is not None or caller.kill is not None or caller.leaving:
            return None
        return caller.lane

    def taken(self, leg: str) -> None:
        """It is with people now: no guard, and its keys are theirs."""
        caller = self._driver.legs.get(leg)
        if caller is not None:
            caller.talking = True
            self._driver.guard.release(leg)

    def given_back(self, leg: str) -> None:
        caller = self._driver.legs.get(leg)
        if caller is not None:
            caller.talking = False
            self._driver.guard.hold(leg)

    # ---- ends ----------------------------------------------------------------------------------------------------

    def gone(self, leg: str, cause: str) -> None:
        """A leg, or a caller, is no more."""
        own = self.own.get(leg)
        if own is not None and not own.up:
            self.ringing.hung_up(own, cause)
            return
        if own is not None:
            self.forget(own)
        spy = self.monitors.spies.get(leg)
        if spy is not None:
            self.monitors.over(leg, spy.target)
        self.rooms.gone(leg)
        self.talks.gone(leg)
        self._held.pop(leg, None)
        self.tell(LegHungUp(leg, cause))

    def forget(self, own: OwnLeg) -> None:
        self.own.pop(own.uuid, None)
        own.lane.close()
        self.use_up(own.uuid)
