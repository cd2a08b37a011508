"""The floor as clients see it: agents, contacts and queues as JSON-ready objects, the same in events and resources."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cti.acd.counts import INTERVAL_S, WITHIN_S, changes, interval_of
from cti.acd.kpis import service_level
from cti.acd.model import Slot
from cti.acd.states import PRESENCE, ContactState, Presence
from cti.core.access import ResourceScope
from cti.core.moments import iso
from cti.runtime.floor.actions import activity_of, allowed
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.permanent import PERMANENT
from cti.runtime.floor.text_actions import allowed_by_text

if TYPE_CHECKING:
    from cti.acd.cases import Case, Queue
    from cti.acd.desk import Desk
    from cti.acd.outputs import Output
    from cti.runtime.floor.assists import Assists
    from cti.runtime.floor.hub import Hub, Sight
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.seats import Seats
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.wrapups import WrapUps

#: The service level is that of the running interval and the one before.
_INTERVALS = 2
_STATES = ("ready", "not_ready", "sign_out")
_CALLS = ("dial",)  # take a hand


#: Media of contacts that no phone is rung for.
WRITTEN = ("sms", "chat", "fax")


class Views:
    def __init__(
        self,
        owner: FloorOwner,
        lines: Lines,
        talks: Talks,
        seats: Seats,
        hub: Hub,
        wrapups: WrapUps,
        assists: Assists,
    ) -> None:
        self._owner, self._lines, self._talks, self._seats, self._hub = owner, lines, talks, seats, hub
        self._wrapups, self._assists = wrapups, assists
        self._counts: dict[tuple[str, int], Counter[str]] = {}

    def count(self, fact: Output) -> None:
        for change in changes(fact):
            if change.kind == "queue":
                interval = interval_of(change.at)
                self._counts.setdefault((change.name, interval), Counter())[change.count] += change.by  # type: ignore[assignment]  # sums of seconds are floats
                for old in [key for key in self._counts if key[1] < interval - _INTERVALS * INTERVAL_S]:
                    del self._counts[old]

    # ---- agents ---------------------------------------------------------------------------------------------------

    def agent(self, agent: str) -> dict[str, Any]:
        """Live state; of one who has not been here since the start: LOGOUT."""
        desk, line = self._owner.acd.floor.desks.get(agent), self._lines.find(agent)
        if desk is None:
            return {"agent": agent, "state": Presence.LOGOUT.value, "reason": "", "since": None, "contacts": [],
                    "next": None, "phone": None, "remote_answer": None, "permanent_leg": None}  # fmt: skip
        chosen = desk.next
        phone, held = None if line is None else line.phone, self._lines.permanent.find(agent)
        return {
            "agent": agent,
            "state": desk.presence.value,
            "reason": desk.reason,
            "since": iso(desk.since),
            "contacts": list(desk.contacts),
            "next": None if chosen is None else {"state": "READY" if chosen[0] else "NOT_READY", "reason": chosen[1]},
            "phone": None if phone is None else phone.address,
            "remote_answer": None if phone is None else phone.remote_answer,
            "permanent_leg": None if held is None else {"state": held.state.value, "reason": held.reason},
        }

    def allowed_for(self, agent: str) -> list[str]:
        """What the agent may do about presence, by the table; a heartbeat and the next state need no table."""
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is None or not desk.signed_in:
            return ["sign_in"]
        found = [command for command in _STATES if not PRESENCE[desk.presence, command].error]
        if desk.load.get(Slot.CALL, 0) < desk.profile.capacity.get(Slot.CALL, 0):
            found += [command for command in _CALLS if not PRESENCE[desk.presence, command].error]
        held = self._lines.permanent.find(agent)
        if held is not None and PERMANENT[held.state, "ready"].error:
            found = [command for command in found if command not in ("ready", "dial")]
        if desk.contacts:
            found.remove("sign_out")
            found.append("next")
        return found

    # ---- contacts -------------------------------------------------------------------------------------------------

    def activity(self, case: Case) -> str:
        return activity_of(case, self._talks.find(case.contact))

    def actions(self, case: Case) -> list[str]:
        """Of the agent who has it."""
        if case.desk is None:
            return []
        if case.wish.medium in WRITTEN:
            return allowed_by_text(self.activity(case), case.wish.medium)
        talk, line = self._talks.find(case.contact), self._lines.find(case.desk.agent)
        phone = talk.phone if talk is not None else None if line is None else line.phone
        return allowed(self.activity(case), "none" if phone is None else phone.remote_answer)

    def contact(self, case: Case) -> dict[str, Any]:
        talk, now = self._talks.find(case.contact), self._owner.now()
        consult = None if talk is None or talk.consult is None else talk.consult
        offer, written = case.offer, self._wrapups.of(case).wrapup
        return {
            "contact": case.contact,
            "call_id": call_of(case.contact),
            "version": self._hub.version(case.contact),
            "queue": case.queue.config.name,
            "medium": case.wish.medium,
            "state": case.state.value,
            "activity": self.activity(case),
            "agent": case.desk.agent if case.desk is not None else "",
            "priority": case.priority,
            "began_at": iso(case.began_at),
            "since": iso(case.since),
            "waited_s": round(now - case.began_at, 3) if case.in_line else None,
            "offer": offer.number if offer is not None and offer.pending else None,
            "expires_at": iso(offer.expires_at) if offer is not None and offer.pending else None,
            "work_until": iso(case.work_until) if case.work_until and case.state is ContactState.WORK else None,
            "consult": None if consult is None else {"contact": consult.party.contact, "agent": consult.agent,
                                                     "phone": consult.phone.target},
            "disposition": written.disposition,
            "wrapup_version": written.version,
            "muted": talk is not None and talk.muted,
            "assist": self._assists.shown(case.contact),
            "allowed_actions": self.actions(case),
        }  # fmt: skip

    def scope(self, case: Case) -> ResourceScope:
        if case.parked and case.desk is None:  # the team's of who parked it
            parker = self._seats.scope(case.wish.prefer or "", case.queue.config.name)
            return ResourceScope(None, parker.teams, parker.queues)
        return self._seats.scope(case.desk.agent if case.desk is not None else "", case.queue.config.name)

    # ---- queues ---------------------------------------------------------------------------------------------------

    def queue(self, queue: Queue) -> dict[str, Any]:
        config, now = queue.config, self._owner.now()
        cases = list(queue.line)
        able = [desk for desk in self._owner.acd.floor.desks.values() if desk.signed_in and _may_serve(desk, queue)]
        doing = Counter(_doing(desk) for desk in able)
        active = sum(desk.ready for desk in able)
        error = queue.pace.error
        wait_s = 0.0 if doing["ready"] and not cases else queue.pace.wait_s(len(cases) + 1, active, now)
        return {
            "queue": config.name,
            "opened": queue.opened,
            "waiting": len(cases),
            "longest_wait_s": round(max((now - case.entered_at for case in cases), default=0.0), 1),
            "expected_wait_s": None if wait_s is None else round(wait_s, 1),
            "expected_wait_error": None if error is None else round(error, 4),
            "staffed": len(able),
            **{name: doing[name] for name in ("ready", "talking", "work", "not_ready")},
            "service_level": self._service_level(queue),
        }

    def _service_level(self, queue: Queue) -> dict[str, Any] | None:
        """None where the counts do not have the queue's N."""
        within, since = queue.config.service_level_s, interval_of(self._owner.now()) - (_INTERVALS - 1) * INTERVAL_S
        if within not in WITHIN_S:
            return None
        counts: Counter[str] = Counter()
        for (name, interval), some in self._counts.items():
            if name == queue.config.name and interval >= since:
                counts.update(some)
        value = service_level(within).of(counts)
        return {
            "within_s": within,
            "value": None if value is None else round(value, 4),
            "answered": counts["answered"],
            "abandoned": counts["abandoned"],
            "since": iso(since),
        }

    # ---- all of it ------------------------------------------------------------------------------------------------

    def snapshot(self, sight: Sight) -> dict[str, Any]:
        """What a stream begins with, of what may be seen."""
        floor, own = self._owner.acd.floor, self._own_desk(sight)
        desks = floor.desks if sight.own is None else own
        cases = (
            floor.cases.values() if sight.own is None else [c for desk in own.values() for c in desk.contacts.values()]
        )
        return {
            "agents": [
                self.agent(name)
                for name, desk in desks.items()
                if desk.signed_in and sight.shows_object("agent.state_changed", self._seats.scope(name))
            ],
            "queues": [
                self.queue(queue)
                for name, queue in floor.queues.items()
                if sight.shows_object("queue.changed", ResourceScope.of(queue=name))
            ],
            "contacts": [
                self.contact(case) for case in cases if sight.shows_object("contact.state_changed", self.scope(case))
            ],
        }

    def _own_desk(self, sight: Sight) -> dict[str, Desk]:
        """Of who sees nothing else, so that hundreds who connect at once do not look at every agent each."""
        agent = self._seats.agent_of(sight.own or "")
        desk = self._owner.acd.floor.desks.get(agent)
        return {} if desk is None else {agent: desk}

    def explain(self, contact: str) -> dict[str, Any] | None:
        found = self._owner.explain(contact)
        return None if found is None else {**asdict(found), "waited_s": round(found.waited_s, 3)}


def _may_serve(desk: Desk, queue: Queue) -> bool:
    skills = desk.profile.skills
    return any(desk.profile.capacity.get(slot, 0) for slot in Slot) and all(
        skills.get(name, 0) >= level for name, level in queue.config.skills.items()
    )


def _doing(desk: Desk) -> str:
    states = {case.state for case in desk.contacts.values()}
    if states & {ContactState.TALKING, ContactState.HOLD, ContactState.RESERVED}:
        return "talking"
    if ContactState.WORK in states:
        return "work"
    return "ready" if desk.ready else "not_ready"
