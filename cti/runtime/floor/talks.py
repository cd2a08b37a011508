"""From an offer to the end of the talk, on the switch.

    OfferMade -> the agent's phone rings -> answered (Accept) -> whisper -> bridge -> LegsBridged (Connect) -> talk
              -> the agent's leg ends (TalkOver; the caller goes on in the flow), or the caller does (Leave)

The distribution decides, this does; what comes too late for the distribution (`FloorRefused`) is undone here.
"""

from __future__ import annotations

import logging
import uuid as uuids
from typing import TYPE_CHECKING

import gevent

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.by_hand import PICKED_UP
from cti.acd.states import ContactState, OfferState
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.floor.agent_legs import ALERT
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import CONNECTED, Party, Stage, Talk
from cti.runtime.floor.talk_ends import TalkEnds

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.services import PromptDesk

log = logging.getLogger("cti.acd")

#: From the end of a bridge to the hang-up of one of the two, which says who ended it.
PARTING_S = 1.0
#: How long the phone of an agent who dials may ring.
OWN_RING_S = 30.0


class Talks(TalkEnds):
    """A `cti.ports.LegSink`, and a listener of the distribution."""

    def __init__(self, owner: FloorOwner, lines: Lines, prompts: PromptDesk, alert: str = ALERT) -> None:
        super().__init__(owner, lines, alert)
        self._prompts = prompts
        #: Told of every event of a leg first.
        self.leg_listeners: list[Callable[[l.LegEvent], None]] = []
        #: Whether a leg to this agent, of which we know no talk, is not known to be gone.
        self.taken: Callable[[str], bool] = lambda _agent: False
        owner.listeners.append(self._heard)

    # ---- what the distribution says ---------------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        match fact:
            case o.OfferMade():
                self._offered(fact)
            case o.OfferEnded(ending=OfferState.ACCEPTED):
                if (talk := self._by_offer.get(fact.offer)) is not None:
                    self._tell(talk)
            case o.OfferEnded():
                if (talk := self._by_offer.get(fact.offer)) is not None:
                    self.end(talk)
            case o.Dismissed():
                if (party := self._parties.pop(fact.contact, None)) is not None:
                    party.dismissed(fact.exit)
            case o.ContactMoved(before=ContactState.RESERVED, state=ContactState.QUEUED | ContactState.CLOSED):
                talk = self._by_contact.get(fact.contact)
                if talk is not None and talk.agent == fact.agent:
                    self.end(talk)

    def _offered(self, made: o.OfferMade) -> None:
        party, line = self._parties.get(made.contact), self._lines.find(made.agent)
        if party is None:
            return  # no contact of ours: a chat, or a callback
        if line is None or line.phone is None:
            log.error("agent %s has no phone, offer %d fails", made.agent, made.offer)
            self._owner.tell(i.OfferFailed(made.offer, "phone_down"))
            return
        if self.taken(made.agent):
            log.warning("offer %d fails: a leg of an earlier engine is with agent %s", made.offer, made.agent)
            self._owner.tell(i.OfferFailed(made.offer, "phone_down"))
            return
        try:
            talk = self._legs.talk(party, made.agent, made.offer, line.phone, made.queue)
        except FloorRefused as refused:
            log.info("offer %d fails: %s", made.offer, refused)
            self._owner.tell(i.OfferFailed(made.offer, "phone_down"))
            return
        talk.moved, talk.at_it = self._moved, made.why.cause == PICKED_UP
        self._by_offer[made.offer] = self._by_leg[talk.leg] = self._by_contact[made.contact] = talk
        headers = {"X-CTI-Contact": made.contact} | ({"X-CTI-Queue": made.queue} if made.queue else {})
        ring_s = max(1.0, made.expires_at - self._owner.now())
        try:
            # A little longer than the offer lasts: the distribution says when it is over.
            call = "" if party.dial is not None else party.uuid
            self._legs.ring(talk, ring_s + 2, call, headers)
            if talk.permanent and talk.at_it:
                gevent.spawn(self.answer, talk)
        except CtiError as error:
            log.error("agent %s cannot be rung: %s", made.agent, error)
            self._owner.tell(i.OfferFailed(made.offer, "phone_down"))

    def place(self, party: Party, agent: str, phone: l.Phone) -> Talk:
        """Ring the phone of an agent who calls somebody: the party is to be joined by its ``dial``. CtiError:
        destination-denied, phone-not-open."""
        talk = self._legs.talk(party, agent, 0, phone)
        talk.moved, talk.at_it = self._moved, True
        self.admit(party)
        self._by_leg[talk.leg] = self._by_contact[party.contact] = talk
        try:
            if talk.permanent:
                gevent.spawn(self.answer, talk)
            else:
                self._legs.ring(talk, OWN_RING_S, "", {"X-CTI-Contact": party.contact})
        except CtiError:
            self.forget(talk)
            raise
        talk.touch()
        return talk

    def outside(self, party: Party, phone: l.Phone, ring_s: float) -> Talk:
        """Ring a phone that is nobody's of the floor, and join it with the party. CtiError: destination-denied."""
        talk = Talk(party, "", 0, str(uuids.uuid4()), phone, moved=self._moved)
        self._by_leg[talk.leg] = talk
        try:
            party.legs.ring(talk.leg, phone, ring_s=ring_s, call=party.uuid, caller_number="", headers={})
        except CtiError:
            del self._by_leg[talk.leg]
            raise
        return talk

    # ---- what the switch tells --------------------------------------------------------------------------------------

    def leg_event(self, event: l.LegEvent) -> None:
        for listener in self.leg_listeners:
            listener(event)
        match event:
            case l.LegRinging(leg) if leg in self._by_leg and self._by_leg[leg].at_it:
                self._by_leg[leg].party.legs.answer(leg)  # phones that cannot do it ring on
            case l.LegAnswered(leg) if leg in self._by_leg and self._by_leg[leg].stage is Stage.RINGING:
                self._answered(self._by_leg[leg])
            case l.LegFailed(leg, outcome) if leg in self._by_leg:
                self._failed(self._by_leg[leg], outcome)
            case l.LegPlayed(leg, ref) if leg in self._by_leg:
                self._played(self._by_leg[leg], ref)
            case l.LegsBridged(other, leg) if (talk := self._talk_with(leg, other)) is not None:
                self._bridged(talk)
            case l.BridgeFailed(other, leg, reason) if (talk := self._talk_with(leg, other)) is not None:
                self._not_bridged(talk, reason)
            case l.LegsUnbridged(other, leg) if (talk := self._talk_with(leg, other)) is not None:
                self._parted(talk)
            case l.ConferenceJoined(room, leg) if leg in self._by_leg and self._by_leg[leg].room == room:
                self._by_leg[leg].go(Stage.CONFERENCE)
            case l.ConferenceLeft(room, leg) if leg in self._by_leg and self._by_leg[leg].room == room:
                if self._by_leg[leg].leaving:
                    self.over(self._by_leg[leg], "NORMAL_CLEARING")
            case l.LegHungUp(leg, cause) if leg in self._by_leg:
                self._hung_up(self._by_leg[leg], cause)

    def _talk_with(self, leg: str, other: str) -> Talk | None:
        """A permanent leg was in other talks before: what is told of those says nothing of this one."""
        talk = self._by_leg.get(leg)
        parties = (talk.party, talk.joining) if talk is not None else ()
        return talk if any(party is not None and party.uuid == other for party in parties) else None

    def answer(self, talk: Talk) -> None:
        """Have the agent's phone answer, one that can."""
        if not talk.permanent:
            talk.party.legs.answer(talk.leg)
        elif talk.stage is Stage.RINGING:
            self._answered(talk)

    def hang_up(self, talk: Talk) -> None:
        """End the agent's side; `Stage.OVER` comes when it is so."""
        if self._legs.hang_up(talk):
            self.over(talk, "NORMAL_CLEARING")

    def _answered(self, talk: Talk) -> None:
        if talk.offer:
            self._owner.tell(i.Accept(talk.offer))
        else:
            self._tell(talk)

    def _failed(self, talk: Talk, outcome: str) -> None:
        log.info("%s did not take contact %s: %s", talk.agent or "a phone", talk.party.contact, outcome)
        if not talk.offer:
            self.forget(talk)
            talk.go(Stage.OVER)
            talk.party.dismissed(outcome)
            return
        match outcome:
            case "rejected":
                self._owner.tell(i.Reject(talk.offer))
            case "no_answer":
                self._owner.tell(i.OfferFailed(talk.offer, "no_answer"))
            case "cancelled":
                self.forget(talk)
            case _:
                self._owner.tell(i.OfferFailed(talk.offer, "phone_down"))

    def _tell(self, talk: Talk) -> None:
        """The agent is there: say who it is, and connect."""
        talk.go(Stage.TELLING)
        alerted = self._legs.quiet(talk)
        parts = talk.party.whisper
        if not parts:
            if not alerted:
                self._join(talk)
        elif (ready := self._prompts.find(parts)) is not None:
            talk.party.legs.play(talk.leg, talk.offer, ready)
        else:
            talk.worker = gevent.spawn(self._render, talk)

    def _played(self, talk: Talk, ref: int) -> None:
        """The whisper, or the alert of a permanent leg."""
        if ref == talk.offer:
            self._join(talk)
        elif talk.alerted and ref == -talk.offer:
            talk.alerted = False
            if not talk.party.whisper:
                self._join(talk)

    def _render(self, talk: Talk) -> None:
        try:
            ready = self._prompts.render(talk.party.contact, talk.party.whisper)
        except CtiError as error:
            log.warning("agent %s hears no whisper: %s", talk.agent, error)
            self._join(talk)
            return
        if talk.stage is Stage.TELLING:
            talk.party.legs.play(talk.leg, talk.offer, ready)

    def _join(self, talk: Talk) -> None:
        if talk.stage is Stage.TELLING:
            talk.go(Stage.JOINING)
            if talk.party.dial is not None:
                talk.party.dial(talk)
            else:
                talk.party.legs.bridge(talk.party.uuid, talk.leg)

    def _bridged(self, talk: Talk) -> None:
        if talk.joining is not None:
            self._handed_over(talk, talk.joining)
        talk.go(Stage.TALKING)
        if not talk.noted:
            talk.noted = True
            talk.party.joined(talk.record_id, talk.phone.target)
        if talk.agent:
            self._owner.tell(i.Connect(talk.party.contact))

    def _handed_over(self, talk: Talk, party: Party) -> None:
        """The one who was consulted has the caller now; the one who consulted is done."""
        first, talk.joining, talk.of = talk.of, None, None
        talk.party, talk.noted = party, False
        self._parties[party.contact] = party
        if first is not None:
            first.consult = first.heir = None
            self.over(first, "ATTENDED_TRANSFER", handed_over=True)

    def _not_bridged(self, talk: Talk, reason: str) -> None:
        log.warning("%s was not connected: %s", talk.agent or "a phone", reason)
        joining = talk.joining
        if talk.of is not None:
            self._not_joined(talk)
        elif joining is not None and joining is not talk.party:
            joining.talked()  # whose agent has gone meanwhile
        talk.joining = None
        if talk.stage in CONNECTED:
            talk.go(Stage.PARTING)  # a bridge that was to replace another
            talk.worker = gevent.spawn_later(PARTING_S, self.over, talk, "")
        elif talk.offer:
            self._owner.tell(i.OfferFailed(talk.offer, "phone_down"))
        else:
            self.end(talk)
            talk.party.dismissed("failed")

    def _parted(self, talk: Talk) -> None:
        """Who of the two has gone is told next; when nobody has, the agent's leg is let go."""
        if talk.stage is Stage.HOLDING:
            talk.go(Stage.HELD)
            self._owner.tell(i.Hold(talk.party.contact))
        elif talk.stage is Stage.TALKING and talk.joining is None and talk.leaving:
            self.over(talk, "NORMAL_CLEARING")
        elif talk.stage is Stage.TALKING and talk.joining is None:
            talk.go(Stage.PARTING)
            talk.worker = gevent.spawn_later(PARTING_S, self.over, talk, "NORMAL_CLEARING")

    def _hung_up(self, talk: Talk, cause: str) -> None:
        if talk.stage in CONNECTED:
            self.over(talk, cause)
        elif talk.offer:  # the agent hung up before the caller was there
            self._owner.tell(i.OfferFailed(talk.offer, "phone_down"))
        else:
            self.forget(talk)
            talk.go(Stage.OVER)
            talk.party.dismissed("failed")
