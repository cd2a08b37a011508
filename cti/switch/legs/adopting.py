"""Legs that an earlier engine rang, and that somebody still wants: found after a gap, and taken over where they are.

| found | the lane of the leg until it is taken over |
|---|---|
| rings | none: its end, or its answer, is told as ever |
| parked | what it hears is ended, and it is free |
| bridged | with that one; free when it parks |
| in a conference | in it; free when it parks |
| gone | `LegHungUp`, at once |

A caller who talks by an earlier engine's doing is its run's again when it parks (`Leg.orphan`). `take_up` makes the
talk ours, so that its end is told as that of every other talk, and the caller stays who the floor has.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.core.legs import LegFound, LegHungUp, LegsUnbridged, Phone
from cti.switch.lane import Lane
from cti.switch.legs.own import OwnLeg
from cti.switch.legs.rooms import PROFILE
from cti.switch.links.settings import WORKER
from cti.switch.orders import TALKS, Kind, Order, confers

if TYPE_CHECKING:
    from cti.switch.legs.control import Legs
    from cti.switch.orders import Facts

log = logging.getLogger("cti.switch")

#: Applications that a break ends.
HEARD = ("playback", "record")


class Adopting:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.wanted: dict[str, Phone] = {}

    # ---- orders -----------------------------------------------------------------------------------------------------

    def keep(self, leg: str, phone: Phone) -> None:
        legs, own = self._legs, self._legs.own.get(leg)
        if own is not None:
            if own.up:
                gevent.spawn(self._tell_known, leg)
        elif legs.used_up(leg):
            gevent.spawn(legs.tell, LegHungUp(leg, ""))
        else:
            self.wanted[leg] = phone
            if legs.wire.up:
                gevent.spawn(self._look)

    def take_up(self, a: str, b: str) -> None:
        legs = self._legs
        if legs.talks.partner(b) == a:
            return  # ordered here
        caller, own = legs.caller(a), legs.own.get(b)
        if own is None or not _with(own.lane, Kind.MEET, a) or (caller is not None and caller.orphan is None):
            gevent.spawn(legs.tell, LegsUnbridged(a, b))
            return
        if caller is not None:
            caller.orphan = None
            caller.lane.running = _meets(legs, b)
        legs.taken(a)
        legs.talks.adopt(a, b)

    def take_up_room(self, room: str, legs: Sequence[str]) -> None:
        ours = self._legs
        for leg in legs:
            caller = ours.caller(leg)
            if caller is not None and caller.orphan is not None:
                caller.orphan = None
                caller.lane.running = _confers(ours, room)
            ours.rooms.members.setdefault(leg, (room, ""))
            ours.taken(leg)
        self._number(room)

    def let_be(self, leg: str) -> None:
        self.wanted.pop(leg, None)
        own = self._legs.own.get(leg)
        running = own.lane.running if own is not None else None
        if own is not None and running is not None and running.kind in (Kind.MEET, Kind.ROOM):
            own.stray = True
        else:
            self._legs.hang_up(leg)

    # ---- what the switch tells --------------------------------------------------------------------------------------

    def found(self, dumps: Mapping[str, Facts | None]) -> None:
        """All are there before the first is told. One of which the switch said nothing is asked for again."""
        legs = self._legs
        told: list[LegFound | LegHungUp] = []
        for leg, phone in list(self.wanted.items()):
            if leg not in dumps:
                continue
            del self.wanted[leg]
            dump = dumps[leg]
            if dump is None:
                legs.use_up(leg)
                told.append(LegHungUp(leg, ""))
            elif legs.is_caller(leg):
                told.append(LegFound(leg, *_state(dump)))
            elif leg not in legs.own:
                told.append(self._take(leg, phone, dump))
        for event in told:
            log.warning("an earlier engine's leg: %s", event)
            legs.tell(event)

    def _look(self) -> None:
        try:
            found = self._legs.dump(set(self.wanted))
            # Of a leg that is another worker's still nothing would be heard: it comes with that one's calls.
            ours = self._legs.links.worker
            self.found({leg: at for leg, at in found.items() if at is None or at.variable(WORKER) == ours})
        except CtiError as error:
            log.info("%s: not asked for legs that are kept: %s", self._legs.name, error)  # when the link is back

    def _take(self, leg: str, phone: Phone, dump: Facts) -> LegFound:
        legs = self._legs
        own = legs.own[leg] = OwnLeg(leg, phone, Lane(leg, legs.wire), 0.0, [])
        state, other = _state(dump)
        own.up, own.ringing = state != "ringing", state == "ringing"
        if state == "bridged":
            own.lane.running = _meets(legs, other)
        elif state == "conference":
            own.lane.running = _confers(legs, other)
        elif state == "parked":
            legs.wire.api("uuid_break", leg, "all")
            application = dump.variable("current_application") or ""
            if application in HEARD and dump.variable("current_application_response") is None:
                own.lane.occupy(Order(Kind.FOREIGN, 0, application, "", token="foreign"))
        return LegFound(leg, state, other)

    def _tell_known(self, leg: str) -> None:
        """It was ours all the time: whoever asks is new."""
        legs, own = self._legs, self._legs.own.get(leg)
        if own is None:
            return  # its end was told
        partner, running = legs.talks.partner(leg), own.lane.running
        if partner is not None:
            legs.tell(LegFound(leg, "bridged", partner))
        elif leg in legs.rooms.members and running is not None:
            legs.tell(LegFound(leg, "conference", legs.rooms.members[leg][0]))
        else:
            legs.tell(LegFound(leg, "parked"))

    def _number(self, room: str) -> None:
        """Whom `conference … kick` is to be told."""
        try:
            asked = self._legs.links.submit_api("conference", room, "list")
        except CtiError as error:
            log.info("conference %s: members not asked for: %s", room, error)
            return
        asked.add_callback(lambda answer: self._listed(room, answer.value.reply) if answer.value is not None else None)

    def _listed(self, room: str, text: str) -> None:
        """Lines of ``<number>;<channel>;<uuid>;…`` (mod_conference)."""
        members = self._legs.rooms.members
        for line in text.splitlines():
            number, _, rest = line.partition(";")
            leg = rest.partition(";")[2].partition(";")[0]
            if number.isdigit() and members.get(leg, ("", ""))[0] == room:
                members[leg] = (room, number)


def _state(dump: Facts) -> tuple[str, str]:
    if dump.get("Answer-State") != "answered":
        return "ringing", ""
    other = dump.variable(TALKS)
    if other:
        return "bridged", other
    if confers(dump):
        return "conference", (dump.variable("current_application_data") or "").removesuffix(f"@{PROFILE}")
    return "parked", ""


def _meets(legs: Legs, other: str) -> Order:
    return Order(
        Kind.MEET, 0, "uuid_bridge", "", other=other, leg=True, joined=True, acknowledged=True, epoch=legs.wire.epoch
    )


def _confers(legs: Legs, room: str) -> Order:
    """Whose token nobody knows."""
    argument = f"{room}@{PROFILE}"
    return Order(Kind.ROOM, 0, "conference", argument, leg=True, foreign=True, acknowledged=True, epoch=legs.wire.epoch)


def _with(lane: Lane, kind: Kind, other: str) -> bool:
    running = lane.running
    return running is not None and running.kind is kind and running.other == other and not running.parking
