"""What the switch tells of legs: events, and after a gap what `uuid_dump` finds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cti.core.legs import LegDigit
from cti.switch.legs.own import EARLY, MARK
from cti.switch.legs.registry import ENDED, REGISTERED
from cti.switch.legs.rooms import MAINTENANCE
from cti.switch.links.settings import WORKER
from cti.switch.orders import TALKS, confers

if TYPE_CHECKING:
    from cti.esl import Event
    from cti.switch.legs.control import Legs
    from cti.switch.orders import Facts

log = logging.getLogger("cti.switch")

#: To be subscribed to besides what calls need. Those with colons are subclasses of CUSTOM, which carry no channel
#: variables: they come for all workers.
LEG_EVENTS = (
    "CHANNEL_PROGRESS",
    "CHANNEL_UNBRIDGE",
    "MEDIA_BUG_START",
    MAINTENANCE,
    REGISTERED,
    *sorted(ENDED),
)
KEYS = frozenset("0123456789*#")


class LegHearing:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self._handlers: dict[str, Callable[[Event, str], None]] = {
            "CHANNEL_PARK": self._parked,
            "CHANNEL_PROGRESS": self._progressed,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_UNBRIDGE": self._unbridged,
            "CHANNEL_HANGUP": self._hung_up,
            "CHANNEL_EXECUTE_COMPLETE": self._completed,
            "DTMF": self._digit,
            "MEDIA_BUG_START": self._bugged,
            "CUSTOM": self._custom,
        }

    def on_event(self, event: Event) -> None:
        handler = self._handlers.get(event.name)
        if handler is not None:
            handler(event, event.get("Unique-ID") or "")

    def _parked(self, event: Event, uuid: str) -> None:
        own = self._legs.own.get(uuid)
        if self._legs.is_caller(uuid):
            return  # it was given to the engine
        if own is None:
            marked = event.variable(MARK) == "true" and event.get("Call-Direction") == "outbound"
            wanted = uuid in self._legs.adopting.wanted
            if marked and not wanted and not self._legs.spare(uuid, False):
                self._legs.wire.api("uuid_kill", uuid)  # an earlier engine's, and nobody's now
        elif not own.up:
            self._legs.ringing.parked(own)
        elif own.stray:
            self._legs.wire.api("uuid_kill", uuid)
        else:
            own.lane.parked(event)

    def _progressed(self, event: Event, uuid: str) -> None:
        if (own := self._legs.own.get(uuid)) is not None:
            self._legs.ringing.progressed(own)

    def _bridged(self, event: Event, uuid: str) -> None:
        self._legs.talks.bridged(event.get("Bridge-A-Unique-ID") or "", event.get("Bridge-B-Unique-ID") or "")

    def _unbridged(self, event: Event, uuid: str) -> None:
        self._legs.talks.unbridged(event.get("Bridge-A-Unique-ID") or "", event.get("Bridge-B-Unique-ID") or "")

    def _hung_up(self, event: Event, uuid: str) -> None:
        if uuid in self._legs.own:
            self._legs.gone(uuid, event.get("Hangup-Cause") or "NORMAL_CLEARING")

    def _completed(self, event: Event, uuid: str) -> None:
        own = self._legs.own.get(uuid)
        if own is not None and (event.get("Application"), event.get("Application-Data")) == EARLY:
            self._legs.ringing.progressed(own)
        elif own is not None:
            own.lane.completed(event.get("Application-UUID") or "", event)

    def _digit(self, event: Event, uuid: str) -> None:
        digit = event.get("DTMF-Digit") or ""
        own = self._legs.own.get(uuid)
        if own is not None and own.up and digit in KEYS:
            self._legs.tell(LegDigit(uuid, digit))

    def _bugged(self, event: Event, uuid: str) -> None:
        if event.get("Media-Bug-Function") == "eavesdrop":
            self._legs.monitors.bugged(uuid)

    def _custom(self, event: Event, uuid: str) -> None:
        subclass = event.get("Event-Subclass")
        if subclass == MAINTENANCE:
            self._legs.rooms.heard(event)
        elif subclass == REGISTERED or subclass in ENDED:
            self._legs.registry.heard(event)

    # ---- after the links came up -----------------------------------------------------------------------------------

    def reconcile(
        self,
        restarted: bool,
        channels: Sequence[Mapping[str, Any]],
        dump: Callable[[set[str]], Mapping[str, Facts | None]],
    ) -> None:
        """``dump`` asks the switch for all that it knows of channels (None: gone). Raises CtiError."""
        legs = self._legs
        if restarted:
            self.lost()
        listed = {str(row.get("uuid", "")) for row in channels if row.get("direction") == "outbound"}
        dumps = dict(dump(listed | legs.own.keys() | legs.talks.of.keys() | legs.adopting.wanted.keys()))
        legs.adopting.found(dumps)
        for uuid, found in dumps.items():
            own = legs.own.get(uuid)
            if own is None and legs.is_caller(uuid):
                continue  # the driver's business
            if own is None:
                self._stray(uuid, found)
            elif not own.up:
                legs.ringing.settle(own, found)
            elif found is None:
                legs.gone(uuid, "")
            elif own.kill is not None:
                legs.wire.api("uuid_kill", uuid, own.kill)
        legs.talks.settle(dumps)
        for uuid, found in dumps.items():
            own = legs.own.get(uuid)
            if own is not None and own.up and found is not None:
                self._legs.sync_tapes(own)
                own.lane.settle(found)
        legs.registry.refresh()

    def take_over(
        self, channels: Sequence[Mapping[str, Any]], dump: Callable[[set[str]], Mapping[str, Facts | None]]
    ) -> None:
        """Legs of another worker, whose engine is no more. Raises CtiError."""
        dumps = dict(dump({str(row["uuid"]) for row in channels}))
        self._legs.adopting.found(dumps)
        for uuid, found in dumps.items():
            if uuid not in self._legs.own and not self._legs.is_caller(uuid):
                self._stray(uuid, found, taken=True)

    def drop(self, strays: set[str], dump: Callable[[set[str]], Mapping[str, Facts | None]]) -> None:
        """Those that were spared, and that nobody wants after all. Raises CtiError."""
        legs = self._legs
        for uuid, found in dump(strays).items():
            if uuid not in legs.own and not legs.is_caller(uuid) and uuid not in legs.adopting.wanted:
                self._stray(uuid, found, spared=False)

    def lost(self) -> None:
        """The switch has restarted, or is given up: whoever has a leg there is told that it is gone."""
        legs = self._legs
        legs.talks.clear()
        for leg in list(legs.rooms.members):
            legs.rooms.gone(leg)
        for uuid, own in list(legs.own.items()):
            own.job = False
            legs.gone(uuid, "")

    def _stray(self, uuid: str, found: Facts | None, *, taken: bool = False, spared: bool = True) -> None:
        """Nobody's: it waits in vain, unless it talks with somebody, in a conference too."""
        if found is None or found.variable(MARK) != "true":
            return
        ours = found.variable(WORKER) == self._legs.links.worker
        answered = found.get("Answer-State") == "answered"
        if ours and spared and answered and self._legs.spare(uuid, taken):
            return
        if found.variable(TALKS) or confers(found):
            return
        if ours:  # one that still rings would ring for nobody
            log.warning("leg %s: an earlier engine's, hung up", uuid)
            self._legs.wire.api("uuid_kill", uuid)
