"""The leader's side of callers that other processes carry: they enter queues, and are called back, as our own would."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd import inputs as i
from cti.acd.states import Outcome
from cti.core.legs import LegHungUp
from cti.runtime.cluster.caller_news import QUEUE
from cti.runtime.cluster.caller_orders import CallerOrders
from cti.runtime.cluster.codec import unpack
from cti.runtime.cluster.remote_legs import REST
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.stays import Stay
from cti.runtime.queues import Entrant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.acd.outputs import Output
    from cti.ports import CallbackDesk, LegControl
    from cti.ports.cluster import Message
    from cti.runtime.cluster.leading import Leading
    from cti.runtime.durable.body import Instant
    from cti.runtime.floor import Floor
    from cti.runtime.floor.talk import Talk

log = logging.getLogger("cti.queue")

#: A worker that is gone has so long to come back, or another one to go on with its calls.
KEPT_S = 60.0


@dataclass(slots=True, eq=False)
class RemoteCall:
    """``orders``: None before it has entered a queue. ``stay``: as it was told to the worker last."""

    worker: tuple[str, str]
    shown: Mapping[str, Any]
    orders: CallerOrders | None = None
    stay: tuple[Any, ...] = ()
    losing: gevent.Greenlet[..., None] | None = field(default=None)


class QueueServer:
    """``lose``: calls that ended while no engine was there. ``callbacks``: there once all is put together.
    ``instant``: of now, as what is kept is dated."""

    def __init__(
        self,
        leading: Leading,
        floor: Floor,
        lose: Callable[[Collection[str]], None],
        callbacks: Callable[[], CallbackDesk],
        instant: Callable[[], Instant],
    ) -> None:
        self._instant = instant
        self._leading, self._floor, self._lose, self._callbacks = leading, floor, lose, callbacks
        self._calls: dict[str, RemoteCall] = {}
        self._orders = {
            "enter": self._enter,
            "back": self._back,
            "leave": self._leave,
            "gone": self._gone,
            "lost": self._ended,
            "hello": self._hello,
            "took": self._took,
            "talked": self._talked,
            "callback": self._callback,
        }
        floor.callers.returning.settling = lambda: True  # those who come back are let in together, after a moment
        floor.owner.listeners.append(self._heard)
        leading.bus.listen(QUEUE, self._told)
        leading.went = self._worker_gone

    def told_of(self, call: str) -> Mapping[str, Any] | None:
        """What is shown of it; None: it is none of other processes."""
        found = self._calls.get(call)
        return None if found is None else found.shown

    def is_up(self, call: str) -> bool:
        return call in self._calls

    def number_of(self, call: str) -> str | None:
        found = self._calls.get(call)
        return None if found is None else found.shown.get("number")

    def on_line(self, number: str) -> bool:
        """Among those who are known here: in queues, or with an agent."""
        return any(call.shown.get("number") == number for call in self._calls.values())

    # ---- what workers tell -------------------------------------------------------------------------------------------

    def _told(self, message: Message) -> None:
        order = self._orders.get(message.kind.removeprefix(QUEUE))
        if order is None:
            log.error("%s told %s, which nobody here knows", message.sender, message.kind)
            return
        order(message)

    def _enter(self, message: Message) -> None:
        body = message.body
        uuid = body["uuid"]
        worker = message.sender, message.run
        orders = CallerOrders(self._leading, *worker, body["switch"], body["number"])
        self._keep(uuid, RemoteCall(worker, body["screen"], orders))
        stay = None if body["stay"] is None else Stay.of(body["stay"], monotonic())
        wish, post = unpack(body["wish"]), partial(orders.post, uuid)
        self._floor.callers.enter(Entrant(uuid, orders, wish, post, body["returns"], stay))
        self._stays(uuid)

    def _back(self, message: Message) -> None:
        """A caller who talks by the doing of an earlier leader, or whom an earlier run of a worker had: is the talk one
        that we go on with?"""
        body = message.body
        uuid = body["uuid"]
        worker = message.sender, message.run
        orders = CallerOrders(self._leading, *worker, body["switch"], body["number"])
        known, legs = self._calls.get(uuid), self._leading.legs(*worker, body["switch"])
        if known is not None and known.worker != worker:  # it was silent for long enough, and we have not seen that
            self._put_back(lambda talk: talk.party.uuid == uuid and talk.party.legs is not legs)
        self._keep(uuid, RemoteCall(worker, body["screen"], orders))
        leg = self._floor.putting_back.moved_with(uuid, legs)
        who = Entrant(uuid, orders, unpack(body["wish"]), partial(orders.post, uuid), returns=True)
        taken = self._floor.callers.take_back(who, talking=body["talking"], connected=body["connected"])
        orders.taken(uuid, taken, leg)
        if taken:
            self._stays(uuid)
            return
        self._calls[uuid].orders = None
        if body["connected"] and body["agent"]:
            log.warning("call %s: the talk with agent %s is not known here", uuid, body["agent"])
            self._floor.seats_kept.talks_on(body["agent"])

    def _leave(self, message: Message) -> None:
        self._floor.callers.leave(message.body["uuid"], message.body["ref"], keep_place=True)

    def _gone(self, message: Message) -> None:
        uuid = message.body["uuid"]
        call = self._calls.get(uuid)
        if call is None or call.worker == (message.sender, message.run):
            self._floor.callers.gone(uuid, Outcome(message.body["outcome"]))
            self._forget(uuid)

    def _ended(self, message: Message) -> None:
        calls = message.body["calls"]
        for uuid in calls:
            if uuid in self._calls:
                self._floor.callers.gone(uuid, Outcome.ABANDONED)
                self._forget(uuid)
        self._lose(calls)

    def _hello(self, message: Message) -> None:
        """A worker tells which calls it has, or is about to look for, and of talks that an earlier run of it left; then
        of everybody who talks or waits."""
        back = self._floor.talks_back
        self._moved(message, lambda _switch, address: address == message.sender)
        calls = message.body["calls"]
        back.only(lambda name: name.split(" ")[1:2] == [message.sender], calls)
        for uuid, call in list(self._calls.items()):
            if call.worker[0] == message.sender and call.orders is not None and uuid not in calls:
                self._floor.callers.gone(uuid, Outcome.ABANDONED)  # it left the queue when nobody led
                self._forget(uuid)
        for agent in message.body["talking"]:
            if not back.has(agent):
                self._floor.seats_kept.talks_on(agent)

    def _took(self, message: Message) -> None:
        """A worker has the calls of another one, which is dead, on one switch."""
        dead, at = message.body["worker"], message.body["switch"]
        self._put_back(lambda talk: _names(talk.party.legs)[:2] == (at, dead))
        self._moved(message, lambda switch, address: (switch, address) == (at, dead))

    def _moved(self, message: Message, theirs: Callable[[str, str], bool]) -> None:
        """All that was of ``theirs``, by switch and worker, is driven by who tells; what is asked for first, and what
        nobody asked for then is hung up there."""

        def find(name: str) -> LegControl | None:
            switch, _, worker = name.partition(" ")
            if not theirs(switch, worker.partition(" ")[0]):
                return None
            return self._leading.legs(message.sender, message.run, switch)

        self._floor.putting_back.moved(find)
        self._leading.let_go(self._floor.permanent.moved(lambda legs: find(" ".join(_names(legs)))))
        self._leading.send(message.sender, message.run, REST, {})

    def _talked(self, message: Message) -> None:
        agent = message.body["agent"]
        self._floor.seats_kept.over(agent)

    def _callback(self, message: Message) -> None:
        uuid = message.body["uuid"]
        if uuid not in self._calls:
            self._keep(uuid, RemoteCall((message.sender, message.run), message.body["screen"]))
        wish = unpack(message.body["wish"])
        gevent.spawn(lambda: self._leading.answer(message, self._callbacks().register(uuid, wish)))

    # ---- workers come and go ---------------------------------------------------------------------------------------

    def _worker_gone(self, address: str, run: str) -> None:
        """Its callers stand where they stood, and nobody is rung for them; its talks go on on the switch, and are at
        their agents again when somebody has them."""
        callers, owner = self._floor.callers, self._floor.owner
        theirs = (address, run)
        self._put_back(lambda talk: _names(talk.party.legs)[1:] == theirs)
        lost = self._leading.part_with(address, run)
        permanent = self._floor.permanent.part(lost)
        for leg, agent in permanent.items():
            self._floor.seats_kept.hold_open(agent, leg)
        for legs in lost:
            legs.let_go(permanent)
            legs.lose()
        for uuid, call in list(self._calls.items()):
            if call.worker == (address, run):
                contact = callers.contact_of(uuid)
                case = None if contact is None else owner.acd.floor.cases.get(contact)
                if case is not None and case.in_line:
                    owner.tell(i.Suspend(case.contact))
                call.losing = gevent.spawn_later(KEPT_S, self._given_up, uuid)
        gevent.spawn_later(KEPT_S, self._legs_given_up, lost)

    def _put_back(self, theirs: Callable[[Talk], bool]) -> None:
        self._leading.let_go(self._floor.putting_back.put_back(theirs, self._instant(), KEPT_S))

    def _given_up(self, uuid: str) -> None:
        log.warning("call %s: its worker did not come back", uuid)
        self._calls.pop(uuid, None)
        self._floor.callers.gone(uuid, Outcome.ABANDONED)

    def _legs_given_up(self, lost: Collection[LegControl]) -> None:
        for leg in self._floor.permanent.part(lost):
            self._floor.talks.leg_event(LegHungUp(leg, ""))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _keep(self, uuid: str, call: RemoteCall) -> None:
        self._forget(uuid)
        self._calls[uuid] = call

    def _forget(self, uuid: str) -> None:
        call = self._calls.pop(uuid, None)
        if call is not None and call.losing is not None:
            call.losing.kill(block=False)

    def _heard(self, fact: Output) -> None:
        contact = getattr(fact, "contact", None)
        if isinstance(contact, str):
            self._stays(call_of(contact))

    def _stays(self, uuid: str) -> None:
        """The worker keeps it with the call."""
        call = self._calls.get(uuid)
        if call is None or call.orders is None:
            return
        stay = self._floor.callers.stay(uuid)
        if stay is None:
            return
        known = stay.contact, stay.queue, stay.priority, stay.agent
        if known != call.stay:
            call.stay = known
            call.orders.stay(uuid, stay.state(monotonic()))


def _names(legs: LegControl) -> tuple[str, ...]:
    """Switch, worker and its run."""
    return tuple(str(getattr(legs, "name", "")).split(" "))
