"""Does on this worker's switches what the leader orders of legs, and tells it what becomes of them.

When the leader is lost, talks go on, and who is on hold stays there for the next one (`LegControl.keep`). Phones that
ring are stopped, and what is over is hung up. What no leader has asked for within `ALONE_S` is left to the two alone: a
caller on hold is joined with the agent again, and a leg with nobody is hung up, so that none is left without an owner.
Of a conference the last two are joined, as whoever leads would have done, and nobody stays in it alone.
Legs that an earlier run of a worker left wait in the same way, until whoever leads has asked for those that it knows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.cluster.codec import pack, unpack
from cti.runtime.cluster.leading import LEG_EVENT
from cti.runtime.cluster.parts import parts_of
from cti.runtime.cluster.remote_legs import LEG, REST
from cti.runtime.cluster.unled_talks import ALONE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.core.commands import AudioPart
    from cti.ports import LegControl
    from cti.ports.cluster import Message
    from cti.runtime.cluster.following import Following
    from cti.runtime.cluster.remote_queues import RemoteQueues
    from cti.runtime.cluster.waiting import Waiting
    from cti.runtime.services import PromptDesk

log = logging.getLogger("cti.cluster")

#: What may be ordered, and how many legs, first among the arguments, must be there for it.
ORDERS: Mapping[str, int] = {
    "ring": 0, "stop": 1, "meet": 1, "keep": 0, "take_up": 2, "take_up_room": 0, "let_be": 1, "play": 1,
    "stop_play": 1, "bridge": 2, "unbridge": 2, "hold": 1, "retrieve": 1, "park": 1, "pick_up": 2, "mute": 1,
    "send_dtmf": 1, "answer": 1, "hang_up": 1, "conference": 0, "join": 0, "leave": 0, "kick": 0, "monitor": 2,
    "stop_monitor": 1, "take_over": 2,
}  # fmt: skip
#: With callers in these, somebody else talks with them: only of those who are in a queue.
_JOINS = ("bridge", "pick_up", "join", "conference")


class LegServer:
    """``is_caller``: whether this leg of a switch is a call's, and so its flow's while it is in no queue."""

    def __init__(
        self,
        following: Following,
        queues: RemoteQueues,
        legs: Callable[[str], LegControl | None],
        is_caller: Callable[[str, str], bool],
        prompts: PromptDesk,
    ) -> None:
        self._prompts = prompts
        self._following, self._queues, self._legs, self._is_caller = following, queues, legs, is_caller
        self._rung: dict[str, str] = {}  # leg that a leader had rung -> switch
        self._with: dict[str, str] = {}  # leg -> with whom it talks
        self._rooms: dict[str, str] = {}  # leg -> the conference that it is in
        self._met: set[str] = set()  # legs that have been with somebody
        self._permanent: set[str] = set()  # legs that outlast their talks
        self._orphans: dict[str, object] = {}  # legs of a leader that is no more -> which one
        self._strays: dict[str, str] = {}  # legs that an earlier run left, of which nobody has spoken yet -> switch
        self._heard_all = False  # who leads has asked for what it knows
        #: Hangs up those of these legs of a switch that nobody has asked for, and that are with nobody.
        self.drop: Callable[[str, Collection[str]], None] = lambda _switch, _legs: None
        following.bus.listen(LEG, self._ordered)
        following.lost.append(self._leader_lost)
        queues.talks.hang_up = self._let_go
        queues.talks.partner = lambda uuid: self._with.get(uuid) or self._rooms.get(uuid, "")
        queues.talks.left_alone = self._left_alone

    def sink(self, switch: str) -> Sink:
        return Sink(self, switch)

    def spare(self, switch: str, leg: str, taken: bool) -> bool:
        """This leg is an earlier run's, and nobody has asked for it: whether it is left where it is for now.
        ``taken``: it came with the calls of another worker."""
        if leg in self._strays:
            return True
        if self._heard_all and not taken:
            return False
        self._strays[leg] = switch
        gevent.spawn_later(ALONE_S, self._unspared, [leg])
        return True

    def _unspared(self, legs: Collection[str]) -> None:
        by_switch: dict[str, list[str]] = {}
        for leg in legs:
            if (switch := self._strays.pop(leg, None)) is not None:
                by_switch.setdefault(switch, []).append(leg)
        for switch, left in by_switch.items():
            self.drop(switch, left)

    # ---- what is ordered -------------------------------------------------------------------------------------------

    def _ordered(self, message: Message) -> None:
        if not self._following.from_leader(message):
            return
        if message.kind == REST:
            self._heard_all = True
            self._unspared(list(self._strays))
            return
        what, body = message.kind.removeprefix(LEG), message.body
        legs, args = self._legs(body["switch"]), unpack(body["args"])
        if what == "registered":
            gevent.spawn(self._registered, legs, args[0], body["id"])
        elif what not in ORDERS or legs is None:
            log.error("order %s for switch %s: there is no such thing", what, body["switch"])
        else:
            named = {name: unpack(value) for name, value in body["named"].items()}
            self._do(body["switch"], legs, what, args, named, body.get("done"))

    def _do(
        self, switch: str, legs: LegControl, what: str, args: tuple[Any, ...], named: dict[str, Any], done: str | None
    ) -> None:
        if what in _JOINS and not self._free(switch, what, args):
            if what in ("bridge", "pick_up"):
                self.told(switch, l.BridgeFailed(args[0], args[1], "gone"))
            return
        if what in ("ring", "keep"):
            self._rung[args[0]] = switch
            self._orphans.pop(args[0], None)
            self._strays.pop(args[0], None)
            if args[1].permanent:
                self._permanent.add(args[0])
        elif what == "meet":
            self._rung.pop(args[0], None)
        if what == "play" and (parts := parts_of(args[2])) is not None:
            self._play(switch, legs, args[0], args[1], parts)
            return
        if done is not None:
            named["done"] = lambda ok: self._following.answer(done, ok)
        try:
            getattr(legs, what)(*args, **named)
        except CtiError as error:
            log.warning("switch %s: %s: %s", switch, what, error)
            if what == "ring":
                self.told(switch, l.LegFailed(args[0], "failed"))

    def _play(self, switch: str, legs: LegControl, leg: str, ref: int, parts: tuple[AudioPart, ...]) -> None:
        def play() -> None:
            try:
                legs.play(leg, ref, self._prompts.render(leg, parts))
            except CtiError as error:
                log.warning("leg %s hears no whisper: %s", leg, error)
                self.told(switch, l.LegPlayed(leg, ref, ok=False))

        ready = self._prompts.find(parts)
        if ready is not None:
            legs.play(leg, ref, ready)
        else:
            gevent.spawn(play)

    def _free(self, switch: str, what: str, args: tuple[Any, ...]) -> bool:
        """Callers who have left their queue meanwhile are their flows'."""
        legs = args[1] if what == "conference" else args[1:2] if what == "join" else args[:2]
        return all(self._queues.has(leg) or not self._is_caller(switch, leg) for leg in legs)

    def _registered(self, legs: LegControl | None, user: str, number: str) -> None:
        try:
            found = None if legs is None else legs.registered(user)
        except CtiError:
            found = None
        self._following.answer(number, found)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def told(self, switch: str, event: l.LegEvent) -> None:
        room = self._left_by(event)
        self._note(event)
        if room:
            self._left_in(switch, room, event)
        match event:
            case l.LegHungUp(leg) | l.LegFailed(leg):
                self._prompts.discard_call(leg)
                ours = self._rung.pop(leg, None) is not None
                self._permanent.discard(leg)
            case _:
                ours = True
        self._queues.talks.leg_event(event)
        if ours:
            self._following.tell(LEG_EVENT, {"switch": switch, "event": pack(event)})
        match event:
            case l.LegsUnbridged(a, b) | l.BridgeFailed(a, b):
                self._over(a, b)
            case l.ConferenceLeft(_, leg) | l.MonitorEnded(leg):
                self._over(leg)

    def _note(self, event: l.LegEvent) -> None:
        match event:
            case l.LegsBridged(a, b):
                self._with[a], self._with[b] = b, a
                self._met |= {a, b} & self._rung.keys()
            case l.LegsUnbridged(a, b):
                for leg, other in ((a, b), (b, a)):
                    if self._with.get(leg) == other:
                        del self._with[leg]
            case l.LegFound(leg, state, other):
                self._met |= {leg} if state != "ringing" else set()
                if state == "bridged":
                    self._with[leg], self._with[other] = other, leg
                elif state == "conference":
                    self._rooms[leg] = other
            case l.ConferenceJoined(room, leg):
                self._rooms[leg] = room
                self._met |= {leg} & self._rung.keys()
            case l.ConferenceLeft(room, leg) if self._rooms.get(leg) == room:
                del self._rooms[leg]
            case l.LegHungUp(leg):
                self._rooms.pop(leg, None)
                self._met.discard(leg)
                self._orphans.pop(leg, None)
                other = self._with.pop(leg, "")
                if self._with.get(other) == leg:
                    del self._with[other]

    def _left_by(self, event: l.LegEvent) -> str:
        """The conference that somebody leaves by this; empty: none."""
        match event:
            case l.ConferenceLeft(room, leg) if self._rooms.get(leg) == room:
                return room
            case l.LegHungUp(leg):
                return self._rooms.get(leg, "")
        return ""

    # ---- nobody leads ----------------------------------------------------------------------------------------------

    def _leader_lost(self) -> None:
        gap, self._heard_all = object(), False
        for leg, switch in list(self._rung.items()):
            if leg in self._met or leg in self._permanent:
                self._orphans[leg] = gap
            else:
                self._hang_up(switch, leg)
        gevent.spawn_later(ALONE_S, self._nobody_came, gap)

    def _nobody_came(self, gap: object) -> None:
        for one in self._queues.talking():
            if self._orphans.get(one.leg) is gap:
                self._left_alone(one)
        for leg in [leg for leg, since in self._orphans.items() if since is gap]:
            if leg not in self._with and leg not in self._rooms:
                self._hang_up(self._rung.get(leg, ""), leg)

    def _left_alone(self, one: Waiting) -> None:
        leg = one.leg
        legs = self._legs(self._rung.get(leg, "")) if leg else None
        if legs is None or leg in self._rooms or self._with.get(leg) == one.uuid:
            return
        log.info("caller %s, on hold, is joined with agent %s again", one.uuid, one.stay.agent)
        self._orphans[leg] = None
        legs.bridge(one.uuid, leg)

    def _left_in(self, switch: str, room: str, event: l.LegEvent) -> None:
        """Whoever is still in a conference that is no leader's: the caller is with whoever else is there."""
        inside, legs = [leg for leg, other in self._rooms.items() if other == room], self._legs(switch)
        one = next((one for one in self._queues.talking() if one.orphaned and one.uuid in inside), None)
        others = [leg for leg in inside if one is None or leg != one.uuid]
        if legs is None:
            return
        if one is not None and others:
            if one.leg not in others:
                self._queues.talks.inherit(one, others[0], event.cause if isinstance(event, l.LegHungUp) else "")
            if len(others) == 1:
                self._orphans[one.leg] = None
                legs.bridge(one.uuid, one.leg)
        elif one is None and len(others) == 1 and others[0] in self._orphans:
            legs.leave(room, others[0])  # what is with nobody then is hung up, unless it is permanent

    def _over(self, *legs: str) -> None:
        talking = {one.leg for one in self._queues.talking()}  # whose end `UnledTalks` sees to
        for leg in legs:
            alone = leg not in self._with and leg not in self._rooms and leg not in talking
            if leg in self._orphans and alone:
                self._let_go(self._rung.get(leg, ""), leg)

    def _let_go(self, switch: str, leg: str) -> None:
        """Of a talk that is over. A permanent one waits for the next leader, in `_orphans`; for so long as all do."""
        if leg not in self._permanent:
            self._hang_up(switch, leg)
        elif leg in self._orphans:
            gap = self._orphans[leg] = object()
            gevent.spawn_later(ALONE_S, self._nobody_came, gap)

    def _hang_up(self, switch: str, leg: str) -> None:
        legs = self._legs(switch)
        if legs is not None and leg:
            self._orphans.pop(leg, None)
            legs.hang_up(leg)


class Sink:
    """`cti.ports.LegSink` of one switch."""

    def __init__(self, server: LegServer, switch: str) -> None:
        self._server, self._switch = server, switch

    def leg_event(self, event: l.LegEvent) -> None:
        self._server.told(self._switch, event)
