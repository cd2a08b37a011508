"""A third party: whom an agent asks while the customer holds, hands the customer over to, or leaves the customer for.

Every method blocks its greenlet, `CONFIRM_S` at most, as those of `cti.runtime.floor.desk` do.
"""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING

from cti.acd import inputs as i
from cti.acd.model import Wish
from cti.acd.states import Outcome, Presence
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.floor.at_hand import AtHand
from cti.runtime.floor.confirming import Unconfirmed, confirm
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import Party, Stage, Talk

if TYPE_CHECKING:
    from cti.runtime.floor.partings import Parting

#: How long somebody who is consulted, or transferred to, may take to answer.
CONSULT_RING_S = 30.0
TARGETS = ("agent", "queue", "number", "extension")


class Thirds(AtHand):
    #: How long a contact is parked before who parked it is asked to take it back, and for how long that agent alone is.
    park_s, parker_s = 120.0, 30.0

    def hold(self, agent: str, contact: str) -> None:
        talk = self._in(agent, contact, Stage.TALKING, "not-talking")
        talk.go(Stage.HOLDING)
        talk.party.legs.hold(talk.party.uuid, [self._music])
        confirm(talk, lambda: talk.stage is not Stage.HOLDING)

    def consult(self, agent: str, contact: str, kind: str, target: str) -> None:
        """Hold the customer and ring ``target`` (kind agent, number, extension); returns when it rings. Raises
        FloorRefused, CtiError (destination-denied, bad-phone)."""
        talk = self._connected(agent, contact)
        if talk.consult is not None:
            raise FloorRefused("the agent consults somebody already", code="consulting")
        self._check(kind, target)
        if kind != "agent":
            talk.party.legs.check(_phone(kind, target))  # before the customer is put on hold
        if talk.stage is Stage.TALKING:
            try:
                self.hold(agent, contact)
            except Unconfirmed:  # a hold that comes late is not yet the consultation
                raise Unconfirmed(talk, lambda: talk.consult is not None) from None
        if talk.stage is not Stage.HELD:
            raise FloorRefused(f"the contact is {talk.stage.value}", code="not-talking")
        talk.consult = self._ring(talk, self.adviser(talk), kind, target)
        talk.consult.of = talk
        talk.touch()

    def complete(self, agent: str, contact: str) -> None:
        """Join the customer with the one who is consulted, and be done (warm transfer)."""
        talk, consult = self._consulting(agent, contact)
        if consult.stage is not Stage.TALKING:
            raise FloorRefused("nobody has answered yet", code="consult-not-answered", remedy="wait, or return")
        self._talks.hand_over(consult, talk.party)
        confirm(talk, lambda: talk.stage is Stage.OVER)

    def return_(self, agent: str, contact: str) -> None:
        """Let go of the one who is consulted, and talk with the customer again."""
        talk, _ = self._consulting(agent, contact)
        self._talks.end_consult(talk)
        self._retrieve(talk)

    def conference(self, agent: str, contact: str) -> None:
        """Agent, customer and the one who is consulted in one room."""
        talk, consult = self._consulting(agent, contact)
        if consult.stage is not Stage.TALKING:
            raise FloorRefused("nobody has answered yet", code="consult-not-answered", remedy="wait, or return")
        talk.room = consult.room = str(uuids.uuid4())
        talk.go(Stage.CONFERENCE)
        consult.go(Stage.CONFERENCE)
        joined: set[str] = set()
        legs = [talk.party.uuid, talk.leg, consult.leg]

        def hear(event: l.LegEvent) -> None:
            if isinstance(event, l.ConferenceJoined) and event.room == talk.room:
                joined.add(event.leg)
                talk.changed.set()  # the caller's leg may be the last

        self._talks.leg_listeners.append(hear)
        try:
            talk.party.legs.conference(talk.room, legs)
            confirm(talk, lambda: joined >= set(legs) or talk.stage is not Stage.CONFERENCE)
        finally:
            self._talks.leg_listeners.remove(hear)
        self._owner.tell(i.Connect(talk.party.contact))

    def drop(self, agent: str, contact: str) -> None:
        """Put the third out of the conference; the two talk on."""
        talk, consult = self._consulting(agent, contact)
        if not talk.room:
            raise FloorRefused("this is no conference", code="no-conference")
        self._talks.hang_up(consult)
        confirm(talk, lambda: talk.stage is Stage.TALKING or talk.stage is Stage.OVER)

    def transfer(self, agent: str, contact: str, kind: str, target: str) -> None:
        """Give the customer away without asking (blind): to an agent, a queue, a number or an extension."""
        talk = self._connected(agent, contact)
        self._check(kind, target)
        party = talk.party
        if kind in ("number", "extension"):
            party.legs.check(_phone(kind, target))  # before the agent lets go
        wish = None if kind in ("number", "extension") else self._wish("", talk, kind, target)
        parting = self._give_away(talk)
        if wish is None:
            again = replace(party, dismissed=lambda _outcome: party.talked(), whisper=())
            try:
                self._talks.outside(again, _phone(kind, target), CONSULT_RING_S)
            except CtiError:
                party.talked()
                raise
        else:
            self._enter(party, contact, wish)
        parting.confirm()

    def park(self, agent: str, contact: str) -> None:
        """Leave the customer for whoever picks up; after `park_s` this agent is asked to take the customer back."""
        talk = self._connected(agent, contact)
        case = self.find(agent, contact)
        queue = case.queue.config.name
        wish = Wish(
            "",
            queue,
            priority=case.priority,
            prefer=agent,
            prefer_s=self.parker_s if queue else None,
            rank_at=case.began_at,
            counted=False,
            parked_s=self.park_s,
        )
        parting = self._give_away(talk)
        self._enter(talk.party, contact, wish)
        parting.confirm()

    def _retrieve(self, talk: Talk) -> None:
        talk.party.legs.bridge(talk.party.uuid, talk.leg)
        confirm(talk, lambda: talk.stage is Stage.TALKING or talk.stage is Stage.OVER)

    def _give_away(self, talk: Talk) -> Parting:
        """The agent's side ends, the customer hears music. The ending is the switch's to tell."""
        parting = self._partings.of(talk)
        self._talks.end_consult(talk)
        self._talks.release(talk)
        self._callers.wait(talk.party)
        return parting

    def _enter(self, party: Party, contact: str, wish: Wish) -> None:
        """The same customer, as another contact."""
        again = self._talks.renamed(party, self._owner.next_contact(contact))
        self._talks.admit(again)
        self._owner.ask(i.Enter(replace(wish, contact=again.contact)))

    def _ring(self, talk: Talk, party: Party, kind: str, target: str) -> Talk:
        self._check(kind, target)
        if kind != "agent":
            return self._talks.outside(party, _phone(kind, target), CONSULT_RING_S)
        self._talks.admit(party)
        self._owner.ask(i.Enter(self._wish(party.contact, talk, kind, target, counted=False)))
        consult = self._talks.find(party.contact)
        if consult is None:
            self._talks.dismiss(party.contact)
            self._owner.tell(i.Leave(party.contact, Outcome.FLOW_OUT))
            raise FloorRefused(f"agent '{target}' is not free", code="agent-not-free")
        return consult

    def adviser(self, talk: Talk, contact: str = "") -> Party:
        """The agent's leg as one who calls somebody; as another contact, unless it has one already."""
        return Party(
            contact=contact or self._owner.next_contact(talk.party.contact),
            uuid=talk.leg,
            legs=talk.party.legs,
            whisper=(),
            joined=lambda _leg, _number: None,
            left=lambda _leg, _cause: None,
            talked=lambda: None,
            dismissed=lambda _exit: self._refused(talk),
        )

    def _refused(self, talk: Talk) -> None:
        talk.consult = None
        talk.touch()

    def _wish(self, contact: str, talk: Talk, kind: str, target: str, *, counted: bool = True) -> Wish:
        """``counted`` False: a consultation is no entry into the queue."""
        case = self._owner.acd.floor.cases.get(talk.party.contact)
        queue = target if kind == "queue" or case is None else case.queue.config.name
        if kind == "queue":
            rank = None if case is None else case.began_at
            return Wish(contact, target, priority=case.priority if case else 0, rank_at=rank)
        return Wish(contact, queue, prefer=target, prefer_s=None, max_wait_s=CONSULT_RING_S, counted=counted)

    def _check(self, kind: str, target: str) -> None:
        if kind not in TARGETS:
            raise CtiError(
                f"{kind[:40]!r} is no kind of target", code="bad-target", remedy=f"one of {', '.join(TARGETS)}"
            )
        if kind == "queue" and target not in self._owner.acd.floor.queues:
            raise FloorRefused(f"there is no queue '{target[:64]}'", code="unknown-queue")
        if kind == "agent":
            desk = self._owner.acd.floor.desks.get(target)
            if desk is None or desk.presence is Presence.LOGOUT:
                raise FloorRefused(f"agent '{target[:64]}' is not signed in", code="agent-not-signed-in")
        if kind in ("number", "extension"):
            _phone(kind, target)


def _phone(kind: str, target: str) -> l.Phone:
    """Raises CtiError (bad-phone)."""
    return l.Phone(f"{'number' if kind == 'number' else 'user'}/{target}")
