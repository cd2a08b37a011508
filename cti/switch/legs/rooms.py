"""Conferences (mod_conference) and supervision (`eavesdrop`): applications that no break ends.

Which side of a talk hears the supervisor is `eavesdrop`'s own wording turned round: what it mixes into the *write*
stream of its target is heard by the target (key 2), what it mixes into the *read* stream by whom the target talks to
(key 1); switch_ivr_async.c:eavesdrop_callback. Its keys are switched off on our legs: a supervisor who leans on the 3
must not be heard by the customer. We give the same commands through the channel's event queue, without a gap.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti import esl
from cti.core.errors import CtiError
from cti.core.legs import (
    MONITOR_MODES,
    ConferenceJoined,
    ConferenceLeft,
    MonitorEnded,
    MonitorStarted,
)
from cti.switch.orders import Kind, Order

if TYPE_CHECKING:
    from cti.esl import Event
    from cti.switch.lane import Lane
    from cti.switch.legs.control import Legs

log = logging.getLogger("cti.switch")

MAINTENANCE = "conference::maintenance"
PROFILE = "quiet"  # freeswitch_conf/autoload_configs/conference.conf.xml: no sounds, no keys
ROOM = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
COMMANDS = {"listen": "0", "whisper": "2", "barge": "3"}
STOP = "*"


class Rooms:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.members: dict[str, tuple[str, str]] = {}  # leg -> room, number of the member in it

    def join(self, room: str, leg: str) -> None:
        if not ROOM.fullmatch(room):
            raise CtiError(f"{room[:60]!r} is no name of a room", code="bad-room", remedy="a uuid")
        lane = self._legs.lane(leg)
        if lane is None:
            return  # its end was told
        running = lane.running
        if running is not None and running.kind is Kind.ROOM:
            if _is(running, room):
                return
            lane.stop(Kind.ROOM, 0)
        lane.set_music(None)
        lane.put(Order(Kind.ROOM, 0, "conference", f"{room}@{PROFILE}", leg=True))

    def leave(self, room: str, leg: str) -> None:
        lane = self._legs.lane(leg)
        running = lane.running if lane is not None else None
        if lane is not None and running is not None and running.kind is Kind.ROOM and _is(running, room):
            lane.stop(Kind.ROOM, 0)

    def cut(self, lane: Lane) -> None:
        room, member = self.members.get(lane.uuid, ("", ""))
        if member.isdigit():
            self._legs.wire.api("conference", room, "kick", member)

    def heard(self, event: Event) -> None:
        leg, room = event.get("Unique-ID") or "", event.get("Conference-Name") or ""
        action = event.get("Action")
        if action == "add-member" and self._legs.lane(leg) is not None:
            self.members[leg] = (room, event.get("Member-ID") or "")
            self._legs.tell(ConferenceJoined(room, leg))
        elif action == "del-member":
            self.gone(leg)

    def gone(self, leg: str) -> None:
        found = self.members.pop(leg, None)
        if found is not None:
            self._legs.tell(ConferenceLeft(found[0], leg))


def _is(order: Order, room: str) -> bool:
    return order.argument == f"{room}@{PROFILE}"


@dataclass(slots=True)
class Spy:
    target: str
    mode: str
    started: bool = False


class Monitors:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.spies: dict[str, Spy] = {}

    def monitor(self, leg: str, target: str, mode: str) -> None:
        if mode not in MONITOR_MODES:
            raise CtiError(f"{mode[:20]!r} is no mode", code="bad-mode", remedy=f"one of {', '.join(MONITOR_MODES)}")
        lane = self._legs.lane(leg)
        if lane is None:
            return
        spy = self.spies.get(leg)
        if spy is not None and spy.target == target:
            spy.mode = mode
            if spy.started:
                self._command(leg, COMMANDS[mode])
            return
        if spy is not None:
            self.stop(leg)
            self.over(leg, spy.target)
        self.spies[leg] = Spy(target, mode)
        lane.set_music(None)
        lane.put(Order(Kind.SPY, 0, "eavesdrop", target, leg=True))

    def stop(self, leg: str) -> None:
        lane = self._legs.lane(leg)
        if lane is not None:
            lane.stop(Kind.SPY, 0)

    def cut(self, lane: Lane) -> None:
        self._command(lane.uuid, STOP)

    def starting(self, lane: Lane) -> None:
        """Just before `eavesdrop` is sent, on the same link. It begins by listening: a mode that was ordered and taken
        back meanwhile must not be heard."""
        none = "eavesdrop_whisper_aleg=false;eavesdrop_whisper_bleg=false;eavesdrop_enable_dtmf=false"
        self._legs.wire.api("uuid_setvar_multi", lane.uuid, none)

    def bugged(self, target: str) -> None:
        """MEDIA_BUG_START: somebody listens to ``target`` now. Each that is not yet known to do so is told his mode."""
        for leg, spy in list(self.spies.items()):
            lane = self._legs.lane(leg)
            running = lane.running if lane is not None else None
            if spy.target == target and not spy.started and running is not None and running.kind is Kind.SPY:
                spy.started = True
                if spy.mode != "listen":
                    self._command(leg, COMMANDS[spy.mode])
                self._legs.tell(MonitorStarted(leg, target))
                return

    def over(self, leg: str, target: str) -> None:
        spy = self.spies.get(leg)
        if spy is not None and spy.target == target:
            del self.spies[leg]
            self._legs.tell(MonitorEnded(leg, target))

    def _command(self, leg: str, command: str) -> None:
        try:
            self._legs.links.submit(esl.channel_event(leg, "cti::eavesdrop", "eavesdrop-command", command))
        except CtiError as error:
            log.info("leg %s: eavesdrop command not sent: %s", leg, error)
