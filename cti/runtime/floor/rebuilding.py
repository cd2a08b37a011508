"""A talk that an earlier engine left, put together again: as it was kept, and then told what it has missed.

The table of what becomes of it is in `cti.runtime.floor.talks_back`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd import inputs as i
from cti.core import legs as l
from cti.runtime.floor.talk import Party, Stage, Talk

if TYPE_CHECKING:
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.desk import Desk
    from cti.runtime.floor.left_talks import LeftTalk
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.talks_back import TalksBack

GONE = ("gone", "")


class Rebuilding:
    """``music``: what somebody on hold hears."""

    def __init__(self, owner: FloorOwner, talks: Talks, callers: Callers, desk: Desk, music: str) -> None:
        self._owner, self._talks, self._callers, self._desk, self._music = owner, talks, callers, desk, music
        self._alone_legs: set[str] = set()

    def connected(self, left: LeftTalk, back: TalksBack) -> None:
        """``left``: of which all is known that will be."""
        state, other = left.at
        if left.talk["of"]:
            self._adviser_left(left, back)
        elif left.talk["flow"] and left.party is None and not left.caller_gone:
            back.give_up(left)  # its run cannot go on; the talk does
        elif state == "bridged" and other not in (left.uuid, self._adviser(left)):
            back.give_up(left)
            if left.party is not None:
                self._callers.unknown_again(left.uuid)
        elif left.legs is None:
            self._owner.tell(i.TalkOver(left.contact))
            if left.party is not None:
                left.party.talked()
        else:
            self._rebuild(left, left.party or left.called or self._alone(left), back)

    def hung_up(self, leg: str) -> None:
        """Perhaps a customer's whom an agent had called."""
        if leg in self._alone_legs:
            self._alone_legs.discard(leg)
            for party in self._talks.parties(leg):
                self._owner.tell(i.Leave(party.contact))
                self._talks.dismiss(party.contact)

    def _rebuild(self, left: LeftTalk, party: Party, back: TalksBack) -> None:
        assert left.legs is not None
        talk = self._talk(left.talk, party)
        consult, advised = left.talk["consult"], GONE
        if consult is not None:
            advised = left.found.get(consult["leg"], GONE)
            # ``of`` of the consulted one's own contact is settled with it here.
            talk.consult = self._talk(consult, self._desk.adviser(talk, consult["contact"]))
            talk.consult.of = talk
            back.settled(consult["contact"], talk.leg)
        self._talks.restore(talk)
        if talk.consult is not None:
            self._talks.restore(talk.consult)
        if left.caller_gone or (not left.talk["flow"] and left.found.get(left.uuid, GONE) == GONE):
            self._owner.tell(i.Leave(left.contact))
            self._talks.dismiss(left.contact)
        elif talk.consult is not None and advised == ("bridged", party.uuid):
            self._handed_over(talk, talk.consult, party)
        else:
            self._goes_on(left, talk, advised)
            talk.touch()

    def _goes_on(self, left: LeftTalk, talk: Talk, advised: tuple[str, str]) -> None:
        (state, other), party, legs = left.at, talk.party, talk.party.legs
        consult = talk.consult
        if state == "bridged" and other == party.uuid:
            legs.take_up(party.uuid, talk.leg)
            talk.room = ""
            talk.stage = Stage.TALKING
            self._owner.tell(i.Connect(party.contact))
            self._talks.end_consult(talk)
            return
        if state == "conference" and talk.room == other and consult is not None:
            here = ("conference", other)
            legs_at = ((party.uuid, here), (talk.leg, left.at), (consult.leg, advised))
            room = [leg for leg, at in legs_at if at == here]
            legs.take_up_room(other, room)
            talk.stage = consult.stage = Stage.CONFERENCE
            self._owner.tell(i.Connect(party.contact))
            if advised != here:
                self._talks.leg_event(l.LegHungUp(consult.leg, ""))
            return
        if state == "bridged" and consult is not None:  # with who is consulted
            legs.take_up(talk.leg, consult.leg)
            consult.stage = Stage.TALKING
            self._held(talk)
            return
        alone = {state, advised[0]} == {"parked"} and not left.talking
        if consult is not None and talk.room and talk.stage is Stage.CONFERENCE and alone:
            self._room_again(talk, consult)
            return
        if consult is not None and advised[0] == "conference" and talk.room == advised[1]:
            legs.take_up_room(talk.room, [party.uuid, consult.leg])
            consult.stage = Stage.CONFERENCE  # who has the caller when the agent is out
        else:
            self._talks.end_consult(talk)
        # Both parked, and nobody has hung up: a hold that was not kept any more. A permanent leg parks at the end, too.
        on_hold = talk.stage in (Stage.TALKING, Stage.PARTING) and not talk.permanent and not left.talking
        if state == "parked" and (talk.stage in (Stage.HOLDING, Stage.HELD) or on_hold):
            self._held(talk)
        elif state in ("parked", "ringing") or left.talk["permanent"]:
            self._over(left, talk)
        else:
            talk.stage = Stage.TALKING if talk.stage is Stage.PARTING else talk.stage
            self._over(left, talk)

    def _room_again(self, talk: Talk, consult: Talk) -> None:
        """All three are there, and no room: a standby switch has made their calls again."""
        talk.party.legs.conference(talk.room, [talk.party.uuid, talk.leg, consult.leg])
        consult.stage = Stage.CONFERENCE
        self._owner.tell(i.Connect(talk.party.contact))

    def _over(self, left: LeftTalk, talk: Talk) -> None:
        """They have parted, or the agent's leg is gone: whoever the caller is with has the caller."""
        heir = talk.consult is not None and talk.consult.stage is Stage.CONFERENCE and bool(talk.room)
        elsewhere = left.talking and not heir and bool(left.talk["flow"])
        self._talks.over(talk, "", handed_over=elsewhere)
        if elsewhere:
            self._callers.unknown_again(left.uuid)

    def _held(self, talk: Talk) -> None:
        legs, uuid = talk.party.legs, talk.party.uuid
        talk.stage = Stage.HELD
        legs.park(uuid, [self._music])
        self._owner.tell(i.Hold(talk.party.contact))

    def _handed_over(self, talk: Talk, consult: Talk, party: Party) -> None:
        party.legs.take_up(party.uuid, consult.leg)
        consult.stage = Stage.TALKING
        consult.joining = self._talks.renamed(party, consult.party.contact) if consult.agent else party
        talk.heir = consult
        self._talks.leg_event(l.LegsBridged(party.uuid, consult.leg))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _talk(self, told: dict[str, Any], party: Party) -> Talk:
        return Talk(
            party,
            told["agent"],
            -int(told["offer"]),
            told["leg"],
            l.Phone(*told["phone"]),
            told["queue"],
            stage=Stage(told["stage"]),
            noted=bool(told["noted"]),
            room=told["room"],
            permanent=bool(told["permanent"]),
            muted=bool(told["muted"]),
        )

    def _adviser(self, left: LeftTalk) -> str:
        consult = left.talk["consult"]
        return str(consult["leg"]) if consult else ""

    def _adviser_left(self, left: LeftTalk, back: TalksBack) -> None:
        """Whose first talk is not there any more."""
        self._owner.tell(i.TalkOver(left.contact))
        back.endings.let_go(left, left.talk["leg"], left.agent)

    def _alone(self, left: LeftTalk) -> Party:
        """A customer whom an agent has called: no flow goes on behind it."""
        assert left.legs is not None
        legs, uuid = left.legs, left.uuid
        self._alone_legs.add(uuid)

        def over(*_: object) -> None:
            legs.hang_up(uuid)

        def nothing(*_: object) -> None: ...

        return Party(left.contact, uuid, legs, (), nothing, nothing, over, over)
