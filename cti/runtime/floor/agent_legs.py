"""The agent's leg of a talk: rung for the talk and hung up with it, or the permanent one, which outlasts it."""

from __future__ import annotations

import uuid as uuids
from typing import TYPE_CHECKING

from cti.runtime.floor.talk import Stage, Talk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.legs import Phone
    from cti.runtime.floor.permanent import PermanentLegs
    from cti.runtime.floor.talk import Party

#: What an agent hears in a permanent leg while a contact is offered. It ends by itself, later than every offer.
ALERT = "tone_stream://%(400,3600,660);loops=80"


class AgentLegs:
    """``alert``: a playback argument."""

    def __init__(self, permanent: PermanentLegs, alert: str = ALERT) -> None:
        self._permanent, self.alert = permanent, alert

    def talk(self, party: Party, agent: str, offer: int, phone: Phone, queue: str = "") -> Talk:
        """A talk that rings. Raises FloorRefused (phone-not-open)."""
        reached, leg = self._permanent.take(agent, phone, party.legs)
        return Talk(party, agent, offer, leg or str(uuids.uuid4()), reached, queue, permanent=bool(leg))

    def ring(self, talk: Talk, ring_s: float, call: str, headers: Mapping[str, str]) -> None:
        """Tell the agent of it. Raises CtiError (destination-denied)."""
        legs = talk.party.legs
        if talk.permanent:
            talk.alerted = True
            legs.play(talk.leg, -talk.offer, [self.alert])
        else:
            legs.ring(talk.leg, talk.phone, ring_s=ring_s, call=call, caller_number="", headers=headers)

    def quiet(self, talk: Talk) -> bool:
        """The agent knows by now. True: the alert's end is yet to be told (`LegPlayed`, minus the offer), and the leg
        must not be bridged before: a playback that has been sent and not begun would begin after the talk."""
        if talk.alerted:
            talk.party.legs.stop_play(talk.leg, -talk.offer)
        return talk.alerted

    def hang_up(self, talk: Talk) -> bool:
        """The agent's side is to end. True: it has; else the switch tells when it has."""
        legs, leg = talk.party.legs, talk.leg
        if not talk.permanent:
            if talk.stage is Stage.CONFERENCE:
                legs.kick(talk.room, leg)
            else:
                legs.hang_up(leg)
            return False
        talk.leaving = True
        if talk.stage is Stage.CONFERENCE:
            legs.leave(talk.room, leg)
        elif talk.stage is Stage.TALKING:
            legs.unbridge(talk.party.uuid, leg)
        return talk.stage not in (Stage.CONFERENCE, Stage.TALKING)

    def let_go(self, talk: Talk) -> None:
        """The talk is over, wherever the leg is."""
        legs, leg = talk.party.legs, talk.leg
        if talk.permanent:
            for ref in {0, -talk.offer, talk.offer}:  # the tone of ringing, the alert, the whisper
                legs.stop_play(leg, ref)
            if talk.muted:
                legs.mute(leg, False)
            self._permanent.give_back(leg)
        elif talk.stage is Stage.RINGING:
            legs.stop(leg)
        else:
            legs.hang_up(leg)
