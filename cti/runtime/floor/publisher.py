"""Turns what the distribution says, and what becomes of talks, into public events.

It listens before `talks` does: an offer is told to the agent's client before the agent's phone is rung.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from cti.acd import outputs as o
from cti.acd.by_hand import OUTBOUND
from cti.acd.states import ContactState, Outcome
from cti.core.access import ResourceScope
from cti.core.errors import CtiError
from cti.core.masking import mask_text
from cti.core.moments import iso
from cti.core.recent import Recent
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.wrapups import KNOWN_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.acd.cases import Case
    from cti.core.wrapups import WrapUpRow
    from cti.flow.types import Type
    from cti.runtime.floor.hub import Hub
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.permanent import PermanentLeg
    from cti.runtime.floor.seats import Seats
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.views import Views
    from cti.runtime.floor.wrapups import WrapUps

log = logging.getLogger("cti.acd")

PULSE_S = 1.0


class Screens(Protocol):
    """What is known of a call besides the queue: for the screen pop. Personal data is masked unless asked for."""

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        """At once. Empty: the call is not known here."""

    def previous(self, call: str) -> list[dict[str, Any]]:
        """Earlier calls of the same number, the newest first; ``notes`` in clear. Blocks; raises CtiError."""

    def editable(self, call: str) -> Mapping[str, Type]:
        """Variables of the flow that an agent may put right, with their types. At once."""

    def written(self, call: str) -> Sequence[WrapUpRow]:
        """What agents wrote in this call when another engine had it, in clear. Blocks; raises CtiError."""

    def number(self, call: str) -> str | None:
        """The caller's, in clear, to be dialled."""


class NoScreens:
    """Where no engine is: nothing is known."""

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        return {}

    def previous(self, call: str) -> list[dict[str, Any]]:
        return []

    def editable(self, call: str) -> Mapping[str, Type]:
        return {}

    def written(self, call: str) -> Sequence[WrapUpRow]:
        return []

    def number(self, call: str) -> str | None:
        return None


class Publisher:
    def __init__(self, owner: FloorOwner, hub: Hub, seats: Seats, wrapups: WrapUps) -> None:
        self._owner, self._hub, self._seats, self._wrapups = owner, hub, seats, wrapups
        self.screens: Screens = NoScreens()
        self.views: Views  # set by `Floor`: views look at talks, which listen after this
        self._activities: dict[str, str] = {}
        self._previous: Recent[str, list[dict[str, Any]] | None]  # by call; None: being read
        self._previous = Recent(KNOWN_S, owner.now, keeps=owner.has_call)
        self._stale = False
        self._pulse: gevent.Greenlet[[], None] | None = None
        self._told: dict[str, Mapping[str, Any]] = {}  # queue -> as told last
        owner.listeners.append(self.heard)

    def start(self) -> None:
        self._pulse = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._pulse is not None:
            self._pulse.kill(block=False)

    def screen(self, contact: str, *, unmask: bool = False) -> dict[str, Any] | None:
        """With ``previous`` (None until it was read) and ``wrapups``: what other agents wrote in the same call. None:
        nothing is known."""
        call = call_of(contact)
        found, previous = self.screens.screen(call, unmask=unmask), self._previous.get(call)
        if not found:
            return None
        if previous is not None and not unmask:
            previous = [{**one, "notes": mask_text(one["notes"])} for one in previous]
        return {**found, "previous": previous, "wrapups": self._wrapups.earlier(contact, unmask=unmask)}

    # ---- what the distribution says -------------------------------------------------------------------------------

    def heard(self, fact: o.Output) -> None:
        self.views.count(fact)
        data: dict[str, Any]
        match fact:
            case o.PresenceChanged():
                self._presence(fact)
            case o.EntryBegan():
                self._read_previous(call_of(fact.contact))
                data = {"entry": fact.entry, "counted": fact.counted}
                self._publish("contact.queued", fact, data)
                self._parked(fact)
            case o.EntryEnded():
                data = {"entry": fact.entry, "outcome": fact.outcome.value, "reason": fact.reason,
                        "wait_s": round(fact.wait_s, 3), "agent": fact.agent}  # fmt: skip
                self._publish("contact.left_queue", fact, data, fact.agent)
                if fact.outcome is not Outcome.ANSWERED:
                    self._activities.pop(fact.contact, None)
            case o.Relaxed() | o.Dismissed():
                self._without_queue(fact)
            case o.OfferMade():
                self._activities[fact.contact] = "ringing"
                data = {"agent": fact.agent, "offer": fact.offer, "expires_at": iso(fact.expires_at),
                        "why": str(fact.why), "screen": self.screen(fact.contact)}  # fmt: skip
                self._publish("offer.created", fact, data, fact.agent)
            case o.OfferEnded():
                data = {"agent": fact.agent, "offer": fact.offer, "ending": fact.ending.value, "reason": fact.reason,
                        "lasted_s": round(fact.lasted_s, 3)}  # fmt: skip
                self._publish("offer.ended", fact, data, fact.agent)
            case o.ContactMoved():
                until = iso(fact.until) if fact.until else None
                if fact.medium == OUTBOUND and fact.before is ContactState.QUEUED:
                    self._read_previous(call_of(fact.contact))
                data = {"agent": fact.agent, "state": fact.state.value, "before": fact.before.value,
                        "lasted_s": round(fact.lasted_s, 3), "work_until": until}  # fmt: skip
                self._publish("contact.state_changed", fact, data, fact.agent)
                if fact.state is ContactState.WORK:
                    self._activity(fact.contact, fact.at)
                elif fact.state is ContactState.CLOSED:
                    self._activities.pop(fact.contact, None)
            case o.Handled():
                self._handled(fact)

    def _parked(self, fact: o.EntryBegan) -> None:
        case = self._owner.acd.floor.cases.get(fact.contact)
        if case is None or not case.parked:
            return
        agent, parked_s = case.wish.prefer or "", case.wish.parked_s or 0.0
        self._publish("contact.parked", fact, {"parked_by": agent, "until": iso(fact.at + parked_s)}, agent)

    def _presence(self, fact: o.PresenceChanged) -> None:
        self._stale = True
        data = {"agent": fact.agent, "state": fact.presence.value, "reason": fact.reason, "before": fact.before.value,
                "lasted_s": round(fact.lasted_s, 3)}  # fmt: skip
        self._hub.publish("agent.state_changed", fact.at, data, self._seats.scope(fact.agent))

    def permanent(self, held: PermanentLeg) -> None:
        """A permanent leg is in another state."""
        data = {"agent": held.agent, "phone": held.phone.address, "state": held.state.value, "reason": held.reason}
        self._hub.publish("agent.phone_changed", held.since, data, self._seats.scope(held.agent))

    def _handled(self, fact: o.Handled) -> None:
        self._activities.pop(fact.contact, None)
        data = {"agent": fact.agent, "talk_s": round(fact.talk_s, 3), "hold_s": round(fact.hold_s, 3),
                "work_s": round(fact.work_s, 3), "ended_by": fact.ended_by,
                **self._wrapups.closing(fact).wrapup.shown()}  # fmt: skip
        self._publish("contact.closed", fact, data, fact.agent)

    def _without_queue(self, fact: o.Relaxed | o.Dismissed) -> None:
        case = self._owner.acd.floor.cases.get(fact.contact)
        queue, medium = (case.queue.config.name, case.wish.medium) if case is not None else ("", "")
        base = {"contact": fact.contact, "call_id": call_of(fact.contact), "queue": queue, "medium": medium}
        scope = self._seats.scope("", queue)
        if isinstance(fact, o.Relaxed):
            self._hub.publish("contact.relaxed", fact.at, {**base, "skills": dict(fact.skills)}, scope)
        else:
            self._hub.publish("contact.dismissed", fact.at, {**base, "exit": fact.exit}, scope)

    def _publish(self, type_: str, fact: Any, data: dict[str, Any], agent: str = "") -> None:
        self._stale = True
        base = {"contact": fact.contact, "call_id": call_of(fact.contact), "queue": fact.queue, "medium": fact.medium}
        self._hub.publish(type_, fact.at, {**base, **data}, self._seats.scope(agent, fact.queue))

    # ---- what becomes of talks ------------------------------------------------------------------------------------

    def moved(self, talk: Talk) -> None:
        if talk.agent:
            self._activity(talk.party.contact, self._owner.now())

    def touched(self, contact: str) -> None:
        """Something of a contact without a phone is different that commands go by."""
        self._activity(contact, self._owner.now())

    def _activity(self, contact: str, at: float) -> None:
        case = self._owner.acd.floor.cases.get(contact)
        if case is None or case.desk is None:
            return
        activity = self.views.activity(case)
        if self._activities.get(contact) == activity:
            return
        self._activities[contact] = activity
        self.about(case.contact, "contact.activity_changed", {
            "agent": case.desk.agent, "activity": activity, "allowed_actions": self.views.actions(case),
        }, at)  # fmt: skip

    def about(self, contact: str, type_: str, data: dict[str, Any], at: float | None = None) -> None:
        """An event about a contact that is here."""
        case = self._owner.acd.floor.cases.get(contact)
        if case is None:
            return
        base = {"contact": contact, "call_id": call_of(contact), "queue": case.queue.config.name,
                "medium": case.wish.medium}  # fmt: skip
        at = self._owner.now() if at is None else at
        self._hub.publish(type_, at, {**base, **data}, self.views.scope(case))

    def owner_of(self, agent: str) -> str | None:
        """The user who is this agent."""
        return self._seats.scope(agent).owner

    # ---- the screen pop -------------------------------------------------------------------------------------------

    def _read_previous(self, call: str) -> None:
        if call in self._previous:
            return
        self._previous.put(call, None)
        gevent.spawn(self._read, call)

    def _read(self, call: str) -> None:
        try:
            self._wrapups.remember(call, self.screens.written(call))
            found = self.screens.previous(call)
        except CtiError as error:
            log.warning("previous contacts of %s cannot be read: %s", call, error)
            return
        if call in self._previous:
            self._previous.put(call, found)
        case = self._owner.acd.floor.cases.get(call)
        if case is not None and case.desk is not None:  # it was offered before this was known
            self.about(call, "contact.screen", {"screen": self.screen(call)})

    def written(self, case: Case) -> None:
        """The agent has written about a contact: whoever has the same call sees it."""
        handling = self._wrapups.of(case)
        data = {"agent": handling.agent, "wrapup_version": handling.wrapup.version, **handling.wrapup.shown()}
        self.about(case.contact, "contact.wrapup_changed", data)
        call = call_of(case.contact)
        for name, other in tuple(self._owner.acd.floor.cases.items()):
            if other is not case and other.desk is not None and call_of(name) == call:
                self.about(name, "contact.screen", {"screen": self.screen(name)})

    def types(self, call: str) -> Mapping[str, Type]:
        """Variables that may be put right."""
        return self._wrapups.types(call) or self.screens.editable(call)

    def know(self, call: str, types: Mapping[str, Type]) -> None:
        """The same of a call that an earlier engine had."""
        self._wrapups.know(call, types)

    # ---- queues, once a second ------------------------------------------------------------------------------------

    def pulse(self) -> None:
        """Tell which queues look different from what was told last."""
        if not self._hub.watched or not self._stale:
            return
        self._stale = False
        now = self._owner.now()
        for name, queue in self._owner.acd.floor.queues.items():
            shown = self.views.queue(queue)
            if self._told.get(name) != shown:
                self._told[name] = shown
                self._hub.publish("queue.changed", now, shown, ResourceScope.of(queue=name))

    def touch(self) -> None:
        """Something of the queues is different that no fact tells."""
        self._stale = True

    def _run(self) -> None:
        while True:
            gevent.sleep(PULSE_S)
            self.pulse()
