"""Talks by offer, leg and contact, and how they end, whoever ends them.

What leads to them is `cti.runtime.floor.talks`'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import gevent

from cti.acd import inputs as i
from cti.acd.states import Outcome
from cti.runtime.floor.agent_legs import ALERT, AgentLegs
from cti.runtime.floor.talk import Party, Stage, Talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.legs import Phone
    from cti.ports import LegControl
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner


class TalkEnds:
    """The part of `Talks` that ends them, or gives the caller to another talk."""

    def __init__(self, owner: FloorOwner, lines: Lines, alert: str = ALERT) -> None:
        self._owner, self._lines = owner, lines
        self._legs = AgentLegs(lines.permanent, alert)
        self._parties: dict[str, Party] = {}
        self._by_offer: dict[int, Talk] = {}
        self._by_leg: dict[str, Talk] = {}
        self._by_contact: dict[str, Talk] = {}
        #: Told of every change of a talk.
        self.moved: Callable[[Talk], None] = lambda _talk: None
        #: Told of who drives from now on the leg of one whom an agent has called.
        self.called_moved: Callable[[str, LegControl], None] = lambda _uuid, _legs: None
        #: (party, contact) -> the same caller under the id of another contact.
        self.renamed: Callable[[Party, str], Party] = lambda party, contact: replace(party, contact=contact)

    # ---- callers -------------------------------------------------------------------------------------------------

    def admit(self, party: Party) -> None:
        """Before the contact enters its queue."""
        self._parties[party.contact] = party

    def dismiss(self, contact: str) -> None:
        """The caller has gone, or goes on elsewhere. The distribution is told by whoever knows why."""
        self._parties.pop(contact, None)
        talk = self._by_contact.get(contact)
        if talk is not None:
            self.end_consult(talk)
            self.end(talk)

    def restore(self, talk: Talk) -> None:
        """One that an earlier engine left, as it was."""
        talk.moved = self._moved
        self._by_leg[talk.leg] = talk
        if talk.agent:
            self._by_contact[talk.party.contact] = talk
        if talk.of is None:
            self._parties[talk.party.contact] = talk.party

    def part(self, talk: Talk, *, waits: bool) -> None:
        """Nobody can tell what becomes of it: it is forgotten as it is, until `restore`. ``waits``: its caller, who is
        in line again."""
        self.forget(talk)
        if not waits and self._parties.get(talk.party.contact) is talk.party:
            del self._parties[talk.party.contact]

    def give_back(self, leg: str) -> None:
        """A permanent leg is with nobody."""
        self._lines.permanent.give_back(leg)

    def move(self, leg: str, legs: LegControl) -> None:
        """A permanent one in a talk that goes on."""
        self._lines.permanent.move(leg, legs)

    def parties(self, uuid: str) -> list[Party]:
        """As which contacts this caller is known."""
        return [party for party in self._parties.values() if party.uuid == uuid]

    def find(self, contact: str) -> Talk | None:
        return self._by_contact.get(contact)

    # ---- endings -------------------------------------------------------------------------------------------------

    def over(self, talk: Talk, cause: str, *, handed_over: bool = False) -> None:
        """The agent's side has ended. The caller, if still ours, goes on: with whom the agent consulted in a
        conference, else in the flow."""
        party, consult, room = talk.party, talk.consult, talk.room
        heir, taker = consult if room and consult and consult.stage is Stage.CONFERENCE else None, talk.heir
        if taker is not None:  # the order is given: the caller is the taker's, whether the bridge comes or not
            taker.of = talk.heir = talk.consult = None
        elif consult is not None and heir is None:
            self.end_consult(talk)
        first = talk.of
        self._not_joined(talk)
        if self._parties.get(party.contact) is party:
            del self._parties[party.contact]
        self.end(talk, cause)
        if talk.agent:
            self._owner.tell(i.TalkOver(party.contact))
        if first is not None:
            first.consult = None
            if first.room and first.stage is Stage.CONFERENCE:
                first.room = ""
                first.party.legs.bridge(first.party.uuid, first.leg)
            first.touch()
        elif heir is not None:  # whatever happens to this bridge, the caller is the heir's from now on
            heir.party, heir.of, heir.room, heir.noted = self.renamed(party, heir.party.contact), None, "", False
            self._parties[heir.party.contact] = heir.party
            heir.party.legs.bridge(party.uuid, heir.leg)
        if not handed_over and first is None and heir is None and taker is None:
            party.talked()

    def release(self, talk: Talk) -> None:
        """The agent gives the caller away: the agent's side ends, the caller stays parked."""
        if self._parties.get(talk.party.contact) is talk.party:
            del self._parties[talk.party.contact]
        self.end(talk, "BLIND_TRANSFER")
        if talk.agent:
            self._owner.tell(i.TalkOver(talk.party.contact))

    def hand_over(self, heir: Talk, party: Party) -> None:
        """Join the caller with the one who was consulted; the rest happens when the switch has done it."""
        heir.joining = self.renamed(party, heir.party.contact) if heir.agent else party
        if heir.of is not None:
            heir.of.heir = heir
        heir.party.legs.bridge(party.uuid, heir.leg)

    def take_over(self, talk: Talk, leg: str, phone: Phone, agent: str, contact: str) -> None:
        """The supervisor's answered ``leg`` has the caller from now on; the agent's side ends when it is so. As
        ``agent``, with whom the distribution has reserved ``contact``; both are empty for one who is no agent at work,
        who can talk and hang up."""
        party = replace(talk.party, contact=contact) if agent else talk.party
        heir = Talk(party, agent, 0, leg, phone, talk.queue, stage=Stage.TALKING, of=talk, moved=self._moved)
        self._by_leg[leg] = heir
        if agent:
            self._by_contact[contact] = heir
        self.hand_over(heir, talk.party)

    def end_consult(self, talk: Talk) -> None:
        consult, talk.consult = talk.consult, None
        if consult is None:
            return
        talk.room = ""
        self._parties.pop(consult.party.contact, None)
        consult.of = None
        self.end(consult)
        if consult.offer:
            self._owner.tell(i.Leave(consult.party.contact, Outcome.FLOW_OUT))

    def _not_joined(self, talk: Talk) -> None:
        """It was to have the other side, and has not got it: the first one has."""
        first, joining = talk.of, talk.joining
        if first is not None and first.heir is talk:
            first.heir = talk.joining = None
            if joining is not None:
                self.renamed(joining, first.party.contact)

    def _moved(self, talk: Talk) -> None:
        """Whoever consults is told of the one who is consulted, too."""
        self.moved(talk)
        if talk.of is not None:
            self.moved(talk.of)

    def end(self, talk: Talk, cause: str = "") -> None:
        """Let go of the agent's leg, wherever it is; its last events find nobody."""
        if talk.stage is Stage.OVER:
            return
        self.forget(talk)
        self._legs.let_go(talk)
        talk.go(Stage.OVER)
        if talk.noted:
            talk.party.left(talk.record_id, cause)

    def forget(self, talk: Talk) -> None:
        self._by_offer.pop(talk.offer, None)
        self._by_leg.pop(talk.leg, None)
        if self._by_contact.get(talk.party.contact) is talk:
            del self._by_contact[talk.party.contact]
        if talk.worker is not None and talk.worker is not gevent.getcurrent():
            talk.worker.kill(block=False)
