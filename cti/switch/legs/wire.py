"""What lanes of our own legs do on the switch, and what is done for the orders of legs in callers' lanes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.legs import LegPlayed
from cti.switch import orders
from cti.switch.orders import End, Facts, Kind, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.esl import Frame
    from cti.switch.driver import FreeSwitch
    from cti.switch.lane import Lane
    from cti.switch.legs.control import Legs
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

WITH_PEOPLE = (Kind.MEET, Kind.ROOM, Kind.SPY)


class LegWire:
    """Implements `cti.switch.lane.Wire`."""

    def __init__(self, legs: Legs, driver: FreeSwitch) -> None:
        self._legs, self._driver, self._links = legs, driver, driver.links

    @property
    def epoch(self) -> int:
        return self._driver.epoch

    @property
    def up(self) -> bool:
        return self._links.connected

    def start(self, lane: Lane, order: Order) -> Pending[Frame]:
        order.token = self._driver.token()
        self.starting(lane, order)
        return self._links.execute(lane.uuid, order.application, order.argument, event_uuid=order.token)

    def api(self, command: str, *args: str, done: Callable[[bool], None] | None = None) -> None:
        """``done`` is told whether the switch took it; nothing where the link is lost."""
        try:
            reply = self._links.submit_api(command, *args)
        except CtiError as error:
            log.info("%s: %s not sent: %s", self._legs.name, command, error)
            return
        if done is not None:
            reply.add_callback(
                lambda answer: done("-ERR" not in answer.value.reply) if answer.value is not None else None
            )

    def execute(self, lane: Lane, application: str) -> None:
        try:
            self._links.execute(lane.uuid, application, event_uuid=self._driver.token())
        except CtiError as error:
            log.info("leg %s: %s not sent: %s", lane.uuid, application, error)

    def cut(self, lane: Lane, order: Order) -> None:
        (self._legs.monitors if order.kind is Kind.SPY else self._legs.rooms).cut(lane)

    def over(self, lane: Lane, order: Order, end: End, told: Facts | None) -> None:
        """Of callers' lanes too, where it was ordered here."""
        if order.kind is Kind.PLAY:
            self._legs.tell(LegPlayed(lane.uuid, order.ref, orders.played(order, end, told).ok))
        elif order.kind is Kind.SPY:
            self._legs.monitors.over(lane.uuid, order.argument)
        elif order.kind is Kind.ROOM:
            self._legs.rooms.gone(lane.uuid)
        with_people = lane.running is not None and lane.running.kind in WITH_PEOPLE
        if order.kind in WITH_PEOPLE and not with_people:
            self._legs.given_back(lane.uuid)
            self._legs.talks.freed(lane.uuid)

    def vanished(self, lane: Lane) -> None:
        own = self._legs.own.get(lane.uuid)
        if own is not None and not lane.gone and self.up:
            log.warning("leg %s: the switch knows no such channel", lane.uuid)
            self._legs.gone(lane.uuid, "")

    def starting(self, lane: Lane, order: Order) -> None:
        if order.kind is Kind.SPY:
            self._legs.monitors.starting(lane)
        if order.kind in (Kind.ROOM, Kind.SPY):
            self._legs.taken(lane.uuid)
