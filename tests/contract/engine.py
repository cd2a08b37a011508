"""The product's driver on a switch, over a cable that can be cut, and what it told the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.core import events as ev
from cti.core.calls import NewCall
from cti.switch.conf import slot_variable
from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, UNHEARD, FreeSwitch
from cti.switch.links import LinkSettings

from .cable import Cable
from .desk import SLOTS, Desk
from .rig import Caller, wait_for
from .tap import Tap

SLOT = "1"  # the desk is worker 0


@dataclass
class Told:
    """A `CallSink` that keeps all."""

    arrived: list[NewCall] = field(default_factory=list)
    picked_up: list[str] = field(default_factory=list)
    events: list[ev.Event] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # recordings
    over: list[str] = field(default_factory=list)  # files of recordings that have ended
    order: list[str] = field(default_factory=list)  # of what came when
    taken: list[str] = field(default_factory=list)  # by the emergency extension
    lives: list[set[str]] = field(default_factory=list)  # calls that were found alive, each time the links came up

    def call_arrived(self, call: NewCall) -> None:
        self.arrived.append(call)

    def call_event(self, uuid: str, event: ev.Event) -> None:
        self.events.append(event)
        self.order.append(type(event).__name__)

    def answered(self, uuid: str) -> None:
        self.picked_up.append(uuid)

    def recording_failed(self, uuid: str, action: str) -> None:
        self.failed.append(action)
        self.order.append(action)

    def recording_over(self, path: str) -> None:
        self.over.append(path)

    def leg_joined(self, uuid: str, other_uuid: str, role: str, number: str) -> None:
        raise AssertionError("nobody talks here")

    def leg_left(self, uuid: str, other_uuid: str, cause: str) -> None:
        raise AssertionError("nobody talks here")

    def call_taken(self, uuid: str) -> None:
        self.taken.append(uuid)

    def switch_up(
        self,
        switch: str,
        restarted: bool,
        live: Mapping[str, NewCall],
        elsewhere: Collection[str] = (),
        taken: Collection[NewCall] = (),
    ) -> None:
        assert not restarted
        self.lives.append(set(live))

    def switch_down(self, switch: str, reason: str) -> None:
        self.order.append("down")

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Engine:
    """One call in its hands. ``tap``: what really happens on the switch, whatever the driver hears."""

    def __init__(self, desk: Desk, tap: Tap) -> None:
        rig = desk.rig
        self.desk, self.tap, self.told = desk, tap, Told()
        self.cable = Cable(rig.host, rig.port)
        settings = LinkSettings(
            *(self.cable.host, self.cable.port, rig.password, SUBSCRIBED),
            worker=SLOT,
            unheard=UNHEARD,
            backoff_first_s=0.05,
            backoff_max_s=0.1,
        )
        self.driver = FreeSwitch("contract", settings, self.told, Dialing(rig.domain))
        self.driver.links.start()
        wait_for(lambda: bool(self.told.lives), "the links come up")
        for slot in SLOTS:
            desk.api("global_setvar", f"{slot_variable(slot)}={int(str(slot) == SLOT)}")
        self.caller: Caller = rig.call("13800138000", "4000")
        wait_for(lambda: bool(self.told.arrived), "the call arrives")
        self.uuid = self.told.arrived[0].uuid
        self.driver.answer(self.uuid)
        wait_for(lambda: bool(self.told.picked_up), "the answer")
        self.path = str(rig.folder / f"{self.uuid}.wav")

    def cut(self) -> None:
        """Returns when the driver knows."""
        self.cable.cut()
        wait_for(lambda: "down" in self.told.order, "the driver sees that it is alone")

    def plug(self) -> None:
        """Returns when the driver has found out what became of its calls."""
        before = len(self.told.lives)
        self.cable.plug()
        wait_for(lambda: len(self.told.lives) > before, "the links come up again")

    def happens(self, name: str) -> None:
        """On the switch, to the call."""
        self.tap.wait(name, self.uuid, 8.0)

    def close(self) -> None:
        self.driver.links.stop()
        self.cable.close()
