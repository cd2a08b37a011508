"""An engine's driver with its legs, what they told, and people to try them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import gevent

from cti.core.events import Event as CallEvent
from cti.core.legs import LegAnswered, LegEvent, LegsBridged
from cti.core.legs import Phone as PhoneAddress
from cti.switch.conf import slot_variable
from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, FreeSwitch
from cti.switch.links import LinkSettings

from .desk import Desk
from .rig import LIMIT_S, WORKER, Caller, Phone, Treats, wait_for

MUSIC = "tone_stream://%(1000,0,2900)"
LONG = "tone_stream://%(10000,0,2900)"
SHORT = "tone_stream://%(200,0,2900)"


class Calls:
    """A `CallSink` that keeps what became of calls."""

    def __init__(self) -> None:
        self.events: list[tuple[str, CallEvent]] = []

    def call_event(self, uuid: str, event: CallEvent) -> None:
        self.events.append((uuid, event))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@dataclass
class Person:
    """Somebody on a leg."""

    leg: str
    on: Caller | Phone


class LegsDesk:
    """``told`` is what the legs told since the test began."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.rig = desk, desk.rig
        self.told: list[LegEvent] = []
        self.calls = Calls()
        rig = desk.rig
        settings = LinkSettings(
            rig.host, rig.port, rig.password, SUBSCRIBED, worker=WORKER, backoff_first_s=0.1, backoff_max_s=0.2
        )
        dialing = Dialing(rig.domain, allowed=("86", "1900"), denied=("1900",), sip_hosts=(rig.domain, "127.0.0.1"))
        self.driver = FreeSwitch("contract-legs", settings, self.calls, dialing)
        self.legs = self.driver.leg_control
        self.legs.attach(self)
        self.driver.links.start()
        self._beats = gevent.spawn(self.driver.liveness.run)
        wait_for(lambda: self.driver.up, "the links come up")

    def close(self) -> None:
        """Other tests have calls of their own: no guard of ours may be on them, and no beat of ours end theirs."""
        self._beats.kill()
        self.driver.links.stop()
        for turn in range(2):
            self.desk.api("sched_del", f"{slot_variable(int(WORKER))}_{turn}")

    def leg_event(self, event: LegEvent) -> None:
        self.told.append(event)

    # ---- people ----------------------------------------------------------------------------------------------------

    def caller(self, number: str = "13800138000") -> Person:
        """Somebody who has called and was answered."""
        call = self.desk.arrive(number)
        wait_for(lambda: call.uuid in self.driver.legs, "the driver knows the call")
        self.driver.answer(call.uuid)
        wait_for(lambda: call.caller.answered, "the caller sees the answer")
        return Person(call.uuid, call.caller)

    def ring(self, address: str, leg: str = "", **more: Any) -> str:
        leg = leg or str(uuid4())
        how = {"ring_s": 10.0, "call": "", "caller_number": "95001", "headers": {}}
        phone = PhoneAddress(address, remote_answer=more.pop("remote_answer", "none"))
        self.legs.ring(leg, phone, **{**how, **more})
        return leg

    def agent(self, number: str = "1001") -> Person:
        """Somebody who has answered the phone."""
        phone = self.rig.phone(number, Treats.ANSWERS)
        leg = self.ring(f"user/{number}")
        self.wait(LegAnswered(leg))
        return Person(leg, phone)

    def talk(self, one: Person, other: Person) -> None:
        since = len(self.told)
        self.legs.bridge(one.leg, other.leg)
        self.wait(LegsBridged(one.leg, other.leg), after=since)

    # ---- what was told ---------------------------------------------------------------------------------------------

    def wait(self, event: LegEvent, limit_s: float = LIMIT_S, *, after: int = 0, times: int = 1) -> int:
        """Until it was told; how much had been told by then."""
        try:
            wait_for(lambda: self.told[after:].count(event) >= times, f"{event}", limit_s)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; told: {self.told[after:]}") from None
        return len(self.told)

    def of(self, *kinds: type) -> list[LegEvent]:
        return [event for event in self.told if isinstance(event, kinds)]

    def talk_heard(self, one: Person, other: Person) -> bool:
        """Each hears the other."""
        return self.rig.hears(one.on, other.on) and self.rig.hears(other.on, one.on)

    def silent(self, one: Person, other: Person) -> bool:
        """Neither hears the other."""
        return not self.rig.hears(one.on, other.on) and not self.rig.hears(other.on, one.on)

    def in_our_hands(self, person: Person) -> bool:
        """Parked, and does what it is told."""
        ref = len(self.told) + 1000
        self.legs.play(person.leg, ref, [SHORT])
        wait_for(lambda: any(getattr(event, "ref", 0) == ref for event in self.told), f"{person.leg} plays")
        return True
