"""What the switch tells of our channels. Every event may come late, twice, or for a call that nobody knows."""

from __future__ import annotations

import logging
import re
from time import monotonic
from typing import TYPE_CHECKING

import gevent

from cti.core import events as ev
from cti.core.errors import CtiError
from cti.core.recent import Recent
from cti.switch import orders
from cti.switch.orders import Found, Kind, Order
from cti.switch.reconcile import EMERGENCY, new_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.esl import Event
    from cti.ports import CallSink
    from cti.switch.driver import FreeSwitch
    from cti.switch.lane import Lane
    from cti.switch.tapes import Tape

log = logging.getLogger("cti.switch")

#: Names files and dictionaries; a channel called otherwise was not made by a switch.
UUID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
DIGITS = frozenset("0123456789*#")
#: So long is known which calls are over, so that a late event does not raise them from the dead. In seconds.
ENDED_S = 600.0
#: A caller has hung up, and how a fax or a recording ended is still to be told: from one question whether the switch
#: still has the channel to the next. What it told before may be on its way when it says no.
ASKED_S = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
UNDER_WAY_S, REPLY_S = 0.2, 5.0


class Leg:
    """What this adapter remembers of one of our channels."""

    __slots__ = (
        *("answer_wanted", "cause", "film", "found", "image", "kill", "lane", "leaving"),
        *("orphan", "others", "talking", "tapes", "uuid"),
    )

    def __init__(self, uuid: str, lane: Lane) -> None:
        self.uuid = uuid
        self.lane = lane
        self.answer_wanted = False
        self.others: list[str] = []  # uuids of the legs that it has talked with
        self.talking = False
        self.film: Callable[[], None] | None = None  # a video that waits for the answer
        self.tapes: list[Tape] = []  # recordings of the call that run, or that the switch has yet to close
        self.image = False  # a fax went over in T.38: the line carries no sound any more
        self.leaving = False  # it has hung up; how its fax or its recording ended is still to be told
        self.cause = ""  # with which it has hung up
        self.kill: str | None = None  # the cause with which we have hung it up
        self.found: Found | None = None  # what was seen of a transfer when its call was adopted
        self.orphan: NewCall | None = None  # in a bridge of an earlier engine: ours when it parks again


class Hearing:
    def __init__(self, driver: FreeSwitch, sink: CallSink) -> None:
        self._driver = driver
        self._sink = sink
        self._others: dict[str, str] = {}  # uuid of a leg that joined -> the call's
        self._ended: Recent[str, None] = Recent(ENDED_S, monotonic)
        self._handlers: dict[str, Callable[[Event, str], None]] = {
            "CHANNEL_PARK": self._parked,
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_HANGUP": self._hung_up,
            "CHANNEL_EXECUTE_COMPLETE": self._completed,
            "DTMF": self._digit,
            "RECORD_STOP": self._record_stopped,
            "HEARTBEAT": self._beat,
        }

    def on_event(self, event: Event) -> None:
        handler = self._handlers.get(event.name)
        if handler is not None:
            handler(event, event.get("Unique-ID") or "")

    def forget(self, leg: Leg) -> None:
        """The call is over, or no longer ours."""
        for other in leg.others:
            self._others.pop(other, None)
        self._ended.put(leg.uuid, None)

    # ---- events ----------------------------------------------------------------------------------------------------

    def _beat(self, event: Event, _uuid: str) -> None:
        try:
            self._driver.idle_pct = float(event.get("Idle-CPU") or "")
        except ValueError:
            self._driver.idle_pct = None  # not told: nothing is known of it

    def _parked(self, event: Event, uuid: str) -> None:
        leg = self._driver.legs.get(uuid)
        made = leg is not None  # by us, perhaps: a leg that was given to the engine
        new = event.get("Call-Direction") == "inbound" and uuid not in self._ended
        if not (made or new) or not UUID.fullmatch(uuid):
            return
        if leg is None:
            self._driver.adopt(uuid)
            self._driver.guard.hold(uuid, fresh=True)
            self._sink.call_arrived(new_call(event, uuid, self._driver.name, self._driver.platforms))
        elif leg.orphan is not None:
            self._orphan_back(leg)
        elif not event.variable(orders.TALKS):
            leg.lane.parked(event)

    def _orphan_back(self, leg: Leg) -> None:
        """The talk that an earlier engine arranged is over, and the caller is still there."""
        call, leg.orphan = leg.orphan, None
        assert call is not None
        self._driver.guard.hold(leg.uuid)
        self._sink.call_arrived(call)

    def _answered(self, event: Event, uuid: str) -> None:
        leg = self._driver.legs.get(uuid)
        if leg is not None:
            leg.answer_wanted = False
            self._driver.sync_tapes(leg)
            self._driver.show_waiting(leg)
            self._sink.answered(uuid)

    def _bridged(self, event: Event, uuid: str) -> None:
        leg = self._driver.legs.get(uuid)
        order = leg.lane.running if leg is not None else None
        if leg is None or order is None or order.kind is not Kind.BRIDGE:
            return
        self.joined(leg, order, event.get("Other-Leg-Unique-ID") or event.get("Bridge-B-Unique-ID") or order.other)

    def joined(self, leg: Leg, order: Order, other: str) -> None:
        """They talk."""
        leg.talking = order.joined = True
        leg.others.append(other)
        self._others[other] = leg.uuid
        self._sink.leg_joined(leg.uuid, other, order.role, order.number)

    def _hung_up(self, event: Event, uuid: str) -> None:
        cause = event.get("Hangup-Cause") or "NORMAL_CLEARING"
        leg = self._driver.legs.get(uuid)
        if leg is not None and (leg.lane.faxing or leg.tapes):
            # A fax machine hangs up as soon as it has all. How the fax ended, and whether the recording could be
            # written, is told after that.
            if not leg.leaving:
                leg.leaving, leg.cause = True, cause
                gevent.spawn(self._leaves, leg)
            return
        if leg is not None:
            self._driver.end(uuid, cause)
        elif (call := self._others.pop(uuid, None)) is not None:
            self._sink.leg_left(call, uuid, cause)

    def _told(self, leg: Leg) -> None:
        """How a fax or a recording ended. Of a caller who has hung up, was it the last that was to be told?"""
        if leg.leaving and not leg.lane.faxing and not leg.tapes:
            self._left(leg)

    def _leaves(self, leg: Leg) -> None:
        """What was ordered in its last moment never begins, so that no end of it is told either. A switch that cannot
        be asked is not waited for: the caller has hung up, that much is known."""
        for pause_s in ASKED_S:
            gevent.sleep(pause_s)
            if self._driver.legs.get(leg.uuid) is not leg:
                return
            try:
                there = self._driver.links.submit_api("uuid_exists", leg.uuid).wait(REPLY_S).reply
            except CtiError:
                break
            if there.strip() == "false":
                gevent.sleep(UNDER_WAY_S)
                break
        self._left(leg)

    def _left(self, leg: Leg) -> None:
        if self._driver.legs.get(leg.uuid) is leg:
            self._driver.end(leg.uuid, leg.cause)

    def _record_stopped(self, event: Event, uuid: str) -> None:
        taped = self._driver.taped(uuid)
        if taped is not None:
            self._driver.tape_over(taped, event)
        if path := event.get("Record-File-Path"):
            self._sink.recording_over(path)
        if (leg := self._driver.legs.get(uuid)) is not None:
            self._told(leg)

    def _digit(self, event: Event, uuid: str) -> None:
        """While two people talk, keys are theirs."""
        digit = event.get("DTMF-Digit") or ""
        leg = self._driver.legs.get(uuid)
        if leg is not None and not leg.talking and digit in DIGITS:
            self._sink.call_event(uuid, ev.DigitPressed(digit))

    def _completed(self, event: Event, uuid: str) -> None:
        leg = self._driver.legs.get(uuid)
        if leg is None:
            return
        token = event.get("Application-UUID") or ""
        if leg.orphan is not None:
            application = event.get("Application")
            failed = application == "bridge" and event.variable("originate_disposition") != "SUCCESS"
            if failed or application == "conference":
                self._orphan_back(leg)  # it never left its park
        elif not token.startswith(self._driver.tokens) and event.variable(EMERGENCY) == "true":
            log.warning("call %s: the switch took it to the emergency extension", uuid)
            self._driver.drop(uuid)
            self._sink.call_taken(uuid)
        else:
            leg.lane.completed(token, event)
            self._told(leg)
