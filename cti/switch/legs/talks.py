"""Who talks with whom: `uuid_bridge` with all that may happen inside it (switch_ivr_bridge.c of 1.10.12).

The switch says +OK before anything has happened. The leg that leads then waits for the other one. If that dies, a lead
with ``uuid_bridge_park_on_cancel`` parks. If the lead dies, the other one sleeps for good: it is woken by sending it to
park. If the other one is sent elsewhere meanwhile, the lead waits for 20 s, and then both are hung up, wherever they
are: nothing is done to two legs between the order and CHANNEL_BRIDGE. Hence callers lead; what is taken out of a talk
is our own leg wherever there is one; and orders wait for the end of what was ordered before.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.core.legs import BridgeFailed, LegsBridged, LegsUnbridged
from cti.switch.legs.own import TO_PARK
from cti.switch.orders import TALKS, Kind, Order

if TYPE_CHECKING:
    from cti.switch.legs.control import Legs
    from cti.switch.orders import Facts

log = logging.getLogger("cti.switch")

MEET_S = 5.0  # from `uuid_bridge` to CHANNEL_BRIDGE; measured: 40 ms
#: Read by the switch where the agent's leg dies in the one moment in which both were there and do not talk yet: the
#: caller is transferred to this extension (that is, parked by the dialplan) where it would be hung up otherwise.
RESCUE = "rdnis=0"


@dataclass(slots=True, eq=False)
class Talk:
    """``a`` and ``b`` as ordered; ``lead`` and ``peer`` as the switch was told. ``parting``: to end at once.
    ``ending``: the switch has been told so, or takes one of the two into another bridge."""

    a: str
    b: str
    lead: str
    peer: str
    on: bool = False
    parting: bool = False
    ending: bool = False
    again: bool = False  # the order was sent twice
    then: list[tuple[str, str]] = field(default_factory=list)  # talks ordered meanwhile
    before: dict[str, Talk] = field(default_factory=dict)  # leg -> the talk that it is taken from
    replied: bool = False
    dead: str = ""  # who hung up before the switch had replied
    timer: gevent.Greenlet[..., None] | None = None

    def other(self, leg: str) -> str:
        return self.b if leg == self.a else self.a


class Talks:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.of: dict[str, Talk] = {}  # the talk in which a leg is, or to which it is on its way
        self._pairs: dict[tuple[str, str], Talk] = {}
        self._unparked: dict[str, list[tuple[str, str]]] = {}  # a leg on its way to park -> talks ordered meanwhile

    def partner(self, leg: str) -> str | None:
        talk = self.of.get(leg)
        return talk.other(leg) if talk is not None and talk.on else None

    # ---- orders ----------------------------------------------------------------------------------------------------

    def bridge(self, a: str, b: str) -> None:
        legs = self._legs
        lanes = {leg: legs.lane(leg) for leg in (a, b)}
        if a == b or None in lanes.values():
            gevent.spawn(legs.tell, BridgeFailed(a, b, "gone"))
            return
        before = self.of.get(a)
        if before is not None and before is self.of.get(b) and not (before.parting or before.then):
            return  # they do, or are about to
        if self._must_wait(a, b):
            return
        lead, peer = (b, a) if legs.is_caller(b) and not legs.is_caller(a) else (a, b)
        talk = Talk(a, b, lead, peer)
        for leg in (a, b):
            if (old := self.of.pop(leg, None)) is not None:
                old.parting, talk.before[leg] = True, old
                old.ending = True  # `uuid_bridge` takes it out of that talk
        self.of[a] = self.of[b] = self._pairs[lead, peer] = talk
        for leg, lane in lanes.items():
            assert lane is not None
            legs.taken(leg)
            lane.meet(Order(Kind.MEET, 0, "uuid_bridge", "", other=talk.other(leg), leg=True))
        self._send(talk)

    def adopt(self, a: str, b: str) -> None:
        """They talk by an earlier engine's doing; their lanes know it."""
        lead, peer = (b, a) if self._legs.is_caller(b) and not self._legs.is_caller(a) else (a, b)
        self.of[a] = self.of[b] = self._pairs[lead, peer] = Talk(a, b, lead, peer, on=True, replied=True)

    def _must_wait(self, a: str, b: str) -> bool:
        """One of them is on its way into a talk, or out of one: this one is ordered again when it has arrived."""
        for leg in (a, b):
            old, lane = self.of.get(leg), self._legs.lane(leg)
            if old is not None and (not old.on or old.parting):
                old.then.append((a, b))
                return True
            order = lane.running if lane is not None else None
            if order is not None and order.kind is Kind.MEET and order.parking:
                self._unparked.setdefault(leg, []).append((a, b))
                return True
        return False

    def freed(self, leg: str) -> None:
        """It has parked."""
        for a, b in self._unparked.pop(leg, []):
            self.bridge(a, b)

    def _send(self, talk: Talk) -> None:
        legs = self._legs
        talk.timer = gevent.spawn_later(MEET_S, self._overdue, talk)
        stays = "uuid_bridge_park_on_cancel=true;park_after_bridge=true"
        try:
            legs.links.submit_api("uuid_setvar_multi", talk.lead, stays)
            legs.links.submit_api("uuid_setvar_multi", talk.peer, f"{stays};{RESCUE}")
            reply = legs.links.submit_api("uuid_bridge", talk.lead, talk.peer)
        except CtiError as error:
            log.warning("%s and %s: not bridged: %s", talk.a, talk.b, error)
            gevent.spawn(self._failed, talk, "unreachable")
            return
        reply.add_callback(
            lambda answer: self._replied(talk, "-ERR" not in answer.value.reply) if answer.value is not None else None
        )

    def unbridge(self, a: str, b: str) -> None:
        talk = self.of.get(a)
        if talk is not None and talk is self.of.get(b):
            self.part(talk)

    def part(self, talk: Talk) -> None:
        """Both are parked. One that is only about to begin is ended when it has begun."""
        talk.parting = True
        if talk.on and not talk.ending:
            self._separate(talk)

    def _separate(self, talk: Talk) -> None:
        talk.ending = True
        ours = next((leg for leg in (talk.peer, talk.lead) if not self._legs.is_caller(leg)), None)
        if ours is not None:
            self._legs.wire.api("uuid_transfer", ours, TO_PARK, "inline")
        else:
            self._legs.wire.api("uuid_park", talk.lead)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def bridged(self, lead: str, peer: str) -> None:
        talk = self._pairs.get((lead, peer))
        if talk is None or talk.on:
            return
        self._set_on(talk)
        self._legs.tell(LegsBridged(talk.a, talk.b))
        if talk.parting:
            self.part(talk)
        self._then(talk)

    def _then(self, talk: Talk) -> None:
        wanted, talk.then = talk.then, []
        for a, b in wanted:
            self.bridge(a, b)

    def _set_on(self, talk: Talk) -> None:
        talk.on = True
        self._untime(talk)
        for leg in (talk.a, talk.b):
            lane = self._legs.lane(leg)
            order = lane.running if lane is not None else None
            if order is not None and order.kind is Kind.MEET and order.other == talk.other(leg):
                assert lane is not None
                order.joined = True
                lane.met(order)
                if not talk.parting:
                    lane.set_music(None)

    def unbridged(self, lead: str, peer: str) -> None:
        talk = self._pairs.get((lead, peer)) or self._pairs.get((peer, lead))  # of one adopted: who led is not known
        if talk is not None and talk.on:
            self._ended(talk)

    def gone(self, leg: str) -> None:
        """The leg has hung up, and is no longer known."""
        for a, b in self._unparked.pop(leg, []):
            self._legs.tell(BridgeFailed(a, b, "gone"))
        for talk in [talk for talk in self._pairs.values() if leg in (talk.a, talk.b)]:
            if talk.on:
                self._ended(talk)
                continue
            talk.dead = leg
            if talk.replied:
                self._died(talk)

    def _died(self, talk: Talk) -> None:
        self._failed(talk, "gone")
        if talk.dead == talk.lead:
            self._wake(talk.peer)

    def _wake(self, leg: str) -> None:
        if leg in self._legs.own:
            self._legs.wire.api("uuid_transfer", leg, TO_PARK, "inline")
        else:
            self._legs.wire.api("uuid_park", leg)

    def _ended(self, talk: Talk) -> None:
        self._close(talk)
        self._legs.tell(LegsUnbridged(talk.a, talk.b))
        self._then(talk)

    def _failed(self, talk: Talk, reason: str) -> None:
        if talk.on or self._pairs.get((talk.lead, talk.peer)) is not talk:
            return
        self._close(talk)
        self._legs.tell(BridgeFailed(talk.a, talk.b, reason))
        self._then(talk)

    def _replied(self, talk: Talk, taken: bool) -> None:
        talk.replied = True
        if talk.on or self._pairs.get((talk.lead, talk.peer)) is not talk:
            return
        if taken and talk.dead:
            self._died(talk)
        elif not taken:
            self._refused(talk)

    def _refused(self, talk: Talk) -> None:
        """One of them is no more. The other one is where it was, and goes on with what it does."""
        del self._pairs[talk.lead, talk.peer]
        self._untime(talk)
        for leg in (talk.a, talk.b):
            if self.of.get(leg) is talk:
                del self.of[leg]
            old, lane = talk.before.get(leg), self._legs.lane(leg)
            if old is not None and self._pairs.get((old.lead, old.peer)) is old:
                self.of[leg], old.parting, old.ending = old, False, False
            order = lane.running if lane is not None else None
            if lane is not None and order is not None and order.kind is Kind.MEET and order.other == talk.other(leg):
                lane.back(order)
        self._legs.tell(BridgeFailed(talk.a, talk.b, "gone"))
        self._then(talk)

    def _close(self, talk: Talk) -> None:
        self._untime(talk)
        self._pairs.pop((talk.lead, talk.peer), None)
        for leg in (talk.a, talk.b):
            if self.of.get(leg) is talk:
                del self.of[leg]
            lane = self._legs.lane(leg)
            order = lane.running if lane is not None else None
            if lane is not None and order is not None and order.kind is Kind.MEET and order.other == talk.other(leg):
                lane.part(order)

    def _overdue(self, talk: Talk) -> None:
        """It takes 40 ms. Once more, which brings two together that lost each other; then the other one is given up,
        because that alone lets the lead go."""
        talk.timer = None
        if talk.on or self._pairs.get((talk.lead, talk.peer)) is not talk:
            return
        log.warning("%s and %s: no word of their talk in %s s", talk.a, talk.b, MEET_S)
        if not talk.again:
            talk.again = True
            self._send(talk)
            return
        self._failed(talk, "timeout")
        if talk.peer in self._legs.own:
            self._legs.hang_up(talk.peer, "DESTINATION_OUT_OF_ORDER")

    def _untime(self, talk: Talk) -> None:
        timer, talk.timer = talk.timer, None
        if timer is not None and timer is not gevent.getcurrent():
            timer.kill(block=False)

    def settle(self, dumps: dict[str, Facts | None]) -> None:
        """After a gap in the events: what became of each."""
        for talk in list(self._pairs.values()):
            if self._pairs.get((talk.lead, talk.peer)) is not talk or talk.lead not in dumps:
                continue
            lead = dumps[talk.lead]
            together = lead is not None and lead.variable(TALKS) == talk.peer
            if together and not talk.on:
                self.bridged(talk.lead, talk.peer)
            elif together and talk.parting:
                self._separate(talk)
            elif talk.on and not together:
                self._ended(talk)
            elif not talk.on:
                self._failed(talk, "timeout")

    def clear(self) -> None:
        """The switch was started anew: there are none."""
        for talk in list(self._pairs.values()):
            if talk.on:
                self._ended(talk)
            else:
                self._failed(talk, "gone")
