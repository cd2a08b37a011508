"""After the links came up: which calls still live, whose they are, and what became of what ran on them.

`show channels` may list a channel that is gone, and not yet list one that has just come (its table is written behind
the events), so every call, listed or known, is looked at with `uuid_dump`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cti import esl
from cti.core.calls import Caller, Medium, NewCall
from cti.core.errors import CtiError, DeadlineExceeded
from cti.switch import orders
from cti.switch.handover import returned
from cti.switch.links.settings import WORKER
from cti.switch.media_orders import IMAGE_AGREED
from cti.switch.orders import Found, Kind, Order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cti.esl import Event, Frame
    from cti.ports import CallSink
    from cti.switch.driver import FreeSwitch
    from cti.switch.hearing import Leg
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

#: Applications that run while a call is in an engine's hands. Before them it is still in the dialplan, and its
#: CHANNEL_PARK is to come.
OURS = frozenset({"park", "playback", "record", "bridge", "answer", "txfax", "rxfax", "detect_speech", "conference"})
EMERGENCY = "cti_emergency"


@dataclass(slots=True)
class _Found:
    """``lost``: calls that were ours until the switch took them; the others as in `CallSink.switch_up`."""

    live: dict[str, NewCall] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    taken: list[NewCall] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Reconciler:
    def __init__(self, driver: FreeSwitch) -> None:
        self._driver = driver

    def reconcile(self, sink: CallSink, restarted: bool, channels: Sequence[Mapping[str, Any]]) -> None:
        """Raises CtiError when the link is lost meanwhile: the next one that comes up begins anew."""
        driver = self._driver
        if restarted:
            driver.guard.resync(gone=list(driver.legs))
            for uuid in list(driver.legs):
                driver.drop(uuid)
        ours = [(str(row.get("uuid", "")), row.get("direction")) for row in channels]
        listed = {uuid for uuid, direction in ours if direction == "inbound" or driver.kept(uuid)}
        dumps = self.dump(listed | driver.legs.keys())
        found = _Found()
        for uuid, dump in dumps.items():
            self._sort(uuid, dump, found)
        # Calls of other workers that we called ourselves look like any leg, and are on record as open, too.
        found.elsewhere |= {uuid for uuid, direction in ours if direction != "inbound"} - listed - driver.legs.keys()
        for uuid in found.lost:
            sink.call_taken(uuid)
        sink.switch_up(driver.name, restarted, found.live, found.elsewhere, found.taken)
        driver.guard.resync()
        for uuid, dump in dumps.items():
            leg = driver.legs.get(uuid)
            if leg is not None and dump is not None:
                self._settle(leg, dump, sink)

    def take_over(self, sink: CallSink, theirs: Mapping[str, str], there: Collection[str]) -> int:
        """As after a restart, for these channels alone (uuid -> direction), which were another worker's; how many."""
        driver = self._driver
        calls = {uuid for uuid, direction in theirs.items() if direction == "inbound" or driver.kept(uuid)}
        found, dumps = _Found(), self.dump(calls)
        for uuid, dump in dumps.items():
            self._sort(uuid, dump, found)
        gone = {uuid for uuid, dump in dumps.items() if dump is None}
        sink.calls_left(driver.name, found.live, set(there) - gone, found.taken)
        for uuid in found.live:
            leg, dump = driver.legs.get(uuid), dumps[uuid]
            if leg is not None and dump is not None:
                self._settle(leg, dump, sink)
        return len(found.live)

    def _sort(self, uuid: str, dump: Event | None, found: _Found) -> None:
        driver = self._driver
        if uuid in driver.legs:
            if dump is None:
                driver.drop(uuid)
            elif dump.variable(EMERGENCY) == "true":
                driver.drop(uuid)
                found.lost.append(uuid)
            else:
                found.live[uuid] = new_call(dump, uuid, driver.name, driver.platforms, adopted=True)
        elif dump is None or (dump.get("Call-Direction") != "inbound" and not driver.kept(uuid)):
            return
        elif dump.variable(WORKER) != driver.links.worker:
            found.elsewhere.add(uuid)
        elif dump.variable(EMERGENCY) == "true":
            found.taken.append(new_call(dump, uuid, driver.name, driver.platforms, adopted=True))
        elif dump.variable("current_application") in OURS:
            found.live[uuid] = self._adopt(uuid, dump)

    def _adopt(self, uuid: str, dump: Event) -> NewCall:
        driver = self._driver
        leg = driver.adopt(uuid)
        leg.found = Found(dump.variable(orders.TALKS) or "", dump.variable("originate_disposition") or "")
        leg.image = dump.variable(IMAGE_AGREED) == "true"
        with_people = dump.variable(orders.TALKS) or orders.confers(dump)
        talking = bool(with_people) or dump.get("Channel-Call-State") == orders.RINGS
        call = new_call(dump, uuid, driver.name, driver.platforms, adopted=True, talking=talking)
        if talking and driver.kept(uuid):  # who goes on with it records anew, and pauses that
            driver.api("uuid_record", uuid, "stop", "all")
        if talking:
            leg.orphan = new_call(dump, uuid, driver.name, driver.platforms, adopted=True)
            return call
        driver.guard.hold(uuid)
        # What the earlier engine had queued is dropped, and what it plays is ended (EXECUTE_COMPLETE tells).
        driver.api("uuid_break", uuid, "all")
        driver.api("uuid_record", uuid, "stop", "all")  # its flow begins again, and with it what is recorded
        application = dump.variable("current_application") or ""
        runs = application in ("playback", "record", "txfax", "rxfax")
        if runs and dump.variable("current_application_response") is None:
            leg.lane.occupy(Order(Kind.FOREIGN, 0, application, "", token="foreign"))
        return call

    def _settle(self, leg: Leg, dump: Event, sink: CallSink) -> None:
        if leg.orphan is not None:
            return
        if dump.get("Answer-State") == "answered":
            leg.answer_wanted = False
            sink.answered(leg.uuid)
        elif leg.answer_wanted:
            self._driver.send_answer(leg)
        self._driver.sync_tapes(leg)
        if not leg.answer_wanted:
            self._driver.show_waiting(leg)
        if leg.kill is not None:
            self._driver.send_kill(leg)
            return
        running = leg.lane.running
        if running is not None and running.kind is Kind.BRIDGE:
            self._driver.guard.release(leg.uuid)
            other = dump.variable(orders.TALKS)
            if other and not running.joined:
                self._driver.hearing.joined(leg, running, other)
        leg.lane.settle(dump)

    def dump(self, uuids: Iterable[str]) -> dict[str, Event | None]:
        """All asked at once. None: the channel is gone. One that is not answered in time is left out."""
        links = self._driver.links
        asked: dict[str, Pending[Frame]] = {}
        for uuid in uuids:
            if esl_word(uuid):
                asked[uuid] = links.submit_api("uuid_dump", uuid)
        found: dict[str, Event | None] = {}
        for uuid, answer in asked.items():
            try:
                text = answer.wait(links.settings.reply_timeout_s).reply
            except DeadlineExceeded:
                log.warning("%s: no uuid_dump of %s in time", links.name, uuid)
                continue
            event = esl.PlainEvent(b"\n" + text.encode("utf-8", "replace"), 0)
            # Not Channel-State, which is where its thread has got to (switch_channel_event_set_basic_data): a channel
            # that hung up while nobody listened looks alive in it until the thread sees that.
            gone = text.startswith("-") or event.get("Answer-State") == "hangup"
            found[uuid] = None if gone else event
        return found


def esl_word(text: str) -> bool:
    try:
        esl.api("uuid_dump", text)
    except CtiError:
        return False
    return True


def new_call(
    event: Event,
    uuid: str,
    switch: str,
    platforms: Mapping[str, str],
    *,
    adopted: bool = False,
    talking: bool = False,
) -> NewCall:
    """Who calls, from an event or a dump. Foreign text stays in here and in the records.

    ``platforms``: trunk -> the other platform behind it, whose word of the caller is taken."""
    number = event.get("Caller-Caller-ID-Number") or ""
    hidden = event.get("Caller-Privacy-Hide-Number") == "true" or number.lower() in ("", "anonymous", "unknown")
    # A transfer moves the number that was dialled to RDNIS (switch_ivr_session_transfer).
    dialled = "Caller-RDNIS" if event.variable(EMERGENCY) == "true" else "Caller-Destination-Number"
    caller = Caller(
        number=None if hidden else number,
        name=event.get("Caller-Caller-ID-Name") or "",
        called=event.get(dialled) or "",
        network_addr=event.get("Caller-Network-Addr") or "",
    )
    answered = event.get("Answer-State") == "answered"
    micros = event.get("Caller-Channel-Answered-Time") or "0"
    answered_at = int(micros) / 1e6 if answered and micros.isdigit() and int(micros) else None
    trunk, attributes = event.variable("cti_trunk") or "", returned(event, platforms)
    if "caller" in attributes:
        caller = replace(caller, number=attributes.pop("caller"))
    return NewCall(uuid, switch, caller, Medium.VOICE, attributes, answered, answered_at, adopted, talking, trunk=trunk)
