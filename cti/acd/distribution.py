"""The distribution: every contact, every agent, one owner.

    made = distribution.feed(inputs.SetReady("1001"), now)      # -> [PresenceChanged(...), OfferMade(...)]

Pure: time comes with each call, and what is to be done is returned as facts (`cti.acd.outputs`). The cost of an event
depends on how many different needs the agent in it serves, never on agents × waiting contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd import adopting, attending, by_hand, due, lapsing, offering, waiting, working
from cti.acd import inputs as i
from cti.acd.cases import Queue
from cti.acd.explain import explain, place_of
from cti.acd.floor import Floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.acd.cases import Case
    from cti.acd.explain import Explanation, Place
    from cti.acd.outputs import Output


class Distribution:
    """``ageing_s`` (K): a contact whose priority is higher by n goes before those that came at most n × K earlier;
    nothing that comes later can overtake by more."""

    def __init__(self, *, ageing_s: float = 10.0) -> None:
        self.floor = Floor(ageing_s)

    @property
    def next_due(self) -> float | None:
        """When the next `Tick` is wanted; None: nothing is due ever."""
        return self.floor.next_due

    def feed(self, told: i.Input, now: float) -> list[Output]:
        """What became true by ``told``, and before it by what was due. A ``now`` that went back counts as no time."""
        floor = self.floor
        while (what := floor.take_due(now)) is not None:
            _DUE[type(what)](floor, what)
        _INPUTS[type(told)](floor, told)
        made, floor.out = floor.out, []
        return made

    def tell(self, contact: str, now: float) -> Place | None:
        """Position and expected wait, to be told to the contact; None: it does not wait."""
        case = self._waiting(contact, now)
        return None if case is None else place_of(self.floor, case)

    def explain(self, contact: str, now: float) -> Explanation | None:
        """Why it still waits; None: no such contact is here."""
        case = self.floor.cases.get(contact)
        self.floor.now = max(self.floor.now, now)
        return None if case is None else explain(self.floor, case)

    def _waiting(self, contact: str, now: float) -> Case | None:
        case = self.floor.cases.get(contact)
        self.floor.now = max(self.floor.now, now)
        return case if case is not None and case.in_line else None


def _set_queue(floor: Floor, told: i.SetQueue) -> None:
    queue = floor.find_queue(told.queue.name)
    if queue is None:
        floor.queues[told.queue.name] = Queue(told.queue)
    else:
        queue.config = told.queue
        waiting.again(floor, queue)


def _open_queue(floor: Floor, told: i.OpenQueue) -> None:
    queue = floor.queues.get(told.queue)
    if queue is None:
        floor.refuse("unknown-queue", f"there is no queue '{told.queue}'")
    else:
        queue.opened = told.opened


_INPUTS: dict[type[Any], Callable[[Floor, Any], None]] = {
    i.SetQueue: _set_queue,
    i.OpenQueue: _open_queue,
    i.SignIn: attending.sign_in,
    i.SetProfile: attending.set_profile,
    i.SignOut: attending.sign_out,
    i.SetReady: attending.set_ready,
    i.SetNotReady: attending.set_not_ready,
    i.ChooseNext: attending.choose_next,
    i.AgentDown: attending.down,
    i.Enter: waiting.enter,
    i.Adopt: adopting.adopt,
    i.PlaceCall: by_hand.place_call,
    i.TakeOver: by_hand.take_over,
    i.PickUp: by_hand.pick_up,
    i.Leave: working.over,
    i.Suspend: waiting.suspend,
    i.CallBack: waiting.call_back,
    i.Accept: offering.accept,
    i.Reject: offering.reject,
    i.OfferFailed: offering.failed,
    i.Connect: working.connect,
    i.Hold: working.hold,
    i.Retrieve: working.retrieve,
    i.TalkOver: working.over,
    i.ExtendWork: working.extend,
    i.FinishWork: working.finish,
    i.Move: waiting.move,
    i.Reprioritise: waiting.reprioritise,
    i.Tick: lambda _floor, _told: None,
}
_DUE: dict[type[Any], Callable[[Floor, Any], None]] = {
    due.OfferDue: offering.offer_due,
    due.RelaxDue: lapsing.relax_due,
    due.PreferenceDue: lapsing.preference_due,
    due.MaxWaitDue: lapsing.max_wait_due,
    due.OverflowDue: lapsing.overflow_due,
    due.UnstaffedDue: lapsing.unstaffed_due,
    due.ParkDue: by_hand.park_due,
    due.WorkDue: working.work_due,
}
