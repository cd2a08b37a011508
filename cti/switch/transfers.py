"""The driver's part for transfers: `bridge` in the channel's lane, by one trunk after the other."""

from __future__ import annotations

import logging
import uuid as uuids
from typing import TYPE_CHECKING

from cti.core import events as ev
from cti.core.errors import CtiError
from cti.switch import orders
from cti.switch.dialing import ROUTE_FAILURES, Dialing, outcome_of
from cti.switch.orders import End, Facts, Kind, Order

if TYPE_CHECKING:
    from cti.core.calls import HandOver
    from cti.ports import CallSink
    from cti.switch.guard import Guard
    from cti.switch.hearing import Hearing, Leg
    from cti.switch.lane import Lane

log = logging.getLogger("cti.switch")


class Transfers:
    """What `FreeSwitch` does for the `Switch` port here; its attributes are the driver's."""

    legs: dict[str, Leg]
    name: str
    epoch: int
    dialing: Dialing
    guard: Guard
    hearing: Hearing
    _worker: str
    _sink: CallSink

    def _put(self, uuid: str, order: Order) -> None:
        raise NotImplementedError

    def _stop(self, uuid: str, kind: Kind, ref: int) -> None:
        raise NotImplementedError

    def transfer(
        self, uuid: str, ref: int, kind: str, target: str, timeout_s: float, told: HandOver | None = None
    ) -> None:
        try:
            if kind == "platform":
                routes = self.dialing.platform_routes(target, told, timeout_s)
            else:
                routes = self.dialing.routes(kind, target, timeout_s)
        except CtiError as refused:
            log.warning("call %s: transfer refused: %s", uuid, refused)
            self._sink.call_event(uuid, ev.TransferEnded(ref, "denied"))
            return
        self._put(uuid, Order(Kind.BRIDGE, ref, "bridge", "", routes=routes, role=kind, number=target))

    def take_up_transfer(self, uuid: str, ref: int, kind: str, target: str) -> bool:
        leg = self.legs.get(uuid)
        if leg is None:
            return True  # the hang-up event is the answer
        order = Order(Kind.BRIDGE, ref, "bridge", "", acknowledged=True, epoch=self.epoch, role=kind, number=target)
        order.foreign = True
        found, leg.found = leg.found, None
        if leg.orphan is not None:
            leg.orphan = None
            leg.lane.running = order
            if found is not None and found.other:
                self.hearing.joined(leg, order, found.other)
            return True
        if found is None or not (found.other or found.disposition):
            return False
        order.joined = bool(found.other) or found.disposition == "SUCCESS"
        outcome = "talked" if order.joined else outcome_of(found.disposition)
        self._sink.call_event(uuid, ev.TransferEnded(ref, outcome))
        return True

    def stop_transfer(self, uuid: str, ref: int) -> None:
        self._stop(uuid, Kind.BRIDGE, ref)

    def prepare_transfer(self, uuid: str, order: Order) -> None:
        """It goes by the first of its routes, and the guard lets the caller talk."""
        order.other = str(uuids.uuid4())
        order.argument = orders.dial_string(order.routes[0], order.other, self._worker)
        self.guard.release(uuid)

    def transfer_over(self, lane: Lane, order: Order, end: End, told: Facts | None) -> None:
        leg = self.legs.get(lane.uuid)
        if leg is not None:
            leg.talking = False
            self.guard.hold(lane.uuid)
        cause = told.variable("originate_disposition") if told is not None else None
        if cause in ROUTE_FAILURES and not order.joined and not order.stopping and len(order.routes) > 1:
            log.warning("%s: %s by %s, trying the next trunk", self.name, cause, order.routes[0].address.split("/")[2])
            del order.routes[0]
            lane.put(order, first=True)
            return
        if cause == "SUCCESS" and leg is not None and not order.joined:  # a talk that fell into a gap of the events
            self.hearing.joined(leg, order, order.other)
            leg.talking = False
        self._sink.call_event(lane.uuid, orders.transferred(order, end, told))
