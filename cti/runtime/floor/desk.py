"""What agents do with the contact at hand, told truthfully: a method returns when the switch has confirmed it.

Every method blocks its greenlet, `CONFIRM_S` at most; then it raises `Unconfirmed`, and an event brings the ending.
What the state does not allow raises FloorRefused with the error id of the published table.
"""

from __future__ import annotations

from cti.acd import inputs as i
from cti.runtime.floor.confirming import Told, confirm
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import CANCELLED, CONNECTED, Stage
from cti.runtime.floor.thirds import Thirds
from cti.runtime.messages import RecordTalk


class Desk(Thirds):
    # ---- the offer -------------------------------------------------------------------------------------------------

    def answer(self, agent: str, contact: str) -> None:
        """Have the agent's phone answer. Raises FloorRefused: phone-cannot-answer, not-offered."""
        talk = self._talk(agent, contact)
        if talk.stage is not Stage.RINGING:
            raise FloorRefused(f"contact '{contact}' does not ring", code="not-offered")
        if talk.phone.remote_answer == "none":
            raise FloorRefused(
                "this phone can only be answered by hand",
                code="phone-cannot-answer",
                remedy="set remote_answer of the agent's phone to what the phone can do",
            )
        self._talks.answer(talk)
        confirm(talk, lambda: talk.stage is not Stage.RINGING)

    def reject(self, agent: str, contact: str) -> None:
        talk = self._talk(agent, contact)
        self._owner.ask(i.Reject(talk.offer))

    # ---- the talk ---------------------------------------------------------------------------------------------------

    def hang_up(self, agent: str, contact: str) -> None:
        """End the agent's side; the caller goes on in the flow. What the agent dials is dialled no longer."""
        talk = self._talk(agent, contact)
        if talk.placed and talk.stage not in CONNECTED:
            talk.party.dismissed(CANCELLED)
        else:
            self._talks.hang_up(self._connected(agent, contact))
        confirm(talk, lambda: talk.stage is Stage.OVER)

    def retrieve(self, agent: str, contact: str) -> None:
        talk = self._in(agent, contact, Stage.HELD, "not-held")
        if talk.consult is not None:
            raise FloorRefused(
                "the agent consults somebody", code="consulting", remedy="return from it, or complete it"
            )
        self._retrieve(talk)

    def mute(self, agent: str, contact: str, on: bool) -> None:
        talk = self._connected(agent, contact)
        told = Told(talk)
        talk.muted = talk.muted or on  # until the switch has said so, it may be
        talk.party.legs.mute(talk.leg, on, told)
        told.confirm()
        talk.muted = on

    def send_dtmf(self, agent: str, contact: str, digits: str) -> None:
        """To the customer's side. Raises CtiError (bad-digits)."""
        talk = self._connected(agent, contact)
        told = Told(talk)
        talk.party.legs.send_dtmf(talk.party.uuid, digits, told)
        told.confirm()

    def pause_recording(self, agent: str, contact: str, on: bool) -> None:
        """Leave out of the recording what follows (a card's number, say), or go on. Raises FloorRefused
        (not-recorded)."""
        talk = self._connected(agent, contact)
        told = Told(talk, "not-recorded", f"contact '{contact}' is not being recorded")
        talk.party.record(RecordTalk("pause" if on else "resume", done=told))
        told.confirm()

    # ---- the work after it -----------------------------------------------------------------------------------------

    def extend_work(self, agent: str, contact: str, seconds: float) -> None:
        self.find(agent, contact)
        self._owner.ask(i.ExtendWork(contact, seconds))

    def finish_work(self, agent: str, contact: str) -> None:
        self.find(agent, contact)
        self._owner.ask(i.FinishWork(contact))
