"""Calling a person: by an agent who is on the line already (a callback, or what the agent dials), or for a flow.

    a callback:     offer -> the agent's phone -> whisper -> `Party.dial`: the person's phone rings -> bridge -> talk
    an agent dials: the agent's phone -> `Party.dial`, and on as above
    with a flow:    the person's phone rings -> answered: the leg becomes a call (`LegControl.meet`), the engine's

The leg's uuid is the contact's id, and that of the record. How an attempt ended is told to the `Errand`, once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cti.acd import inputs as i
from cti.acd.states import Outcome
from cti.core import legs as l
from cti.core.calls import Caller, NewCall, TerminalCause
from cti.core.errors import CtiError
from cti.runtime.floor.out_call import OutCall
from cti.runtime.floor.talk import CANCELLED, Party
from cti.runtime.floor.talk_record import TalkRecord
from cti.runtime.recordings.tape import CallTape

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.commands import AudioPart
    from cti.ports import LegControl
    from cti.runtime.floor.errands import Errand
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks
    from cti.runtime.journal import Journal
    from cti.runtime.recordings.plain import PlainFiles

log = logging.getLogger("cti.callback")

#: What the agent hears while the person's phone rings; it ends by itself.
RINGING = "tone_stream://%(1000,4000,450);loops=12"
ANSWERED = "answered"
#: The phone of the agent who dials was not answered, or hung up before the other one was there.
OWN_PHONE = "own_phone"


class OutCalls:
    """``legs``: of a switch that is up, with its name; None: none is. ``shown``: the number that is shown."""

    def __init__(
        self,
        owner: FloorOwner,
        talks: Talks,
        journal: Journal,
        legs: Callable[[], tuple[str, LegControl] | None],
        plain: PlainFiles,
        *,
        shown: str,
    ) -> None:
        self._owner, self._talks, self._journal, self._legs, self._plain = owner, talks, journal, legs, plain
        self._shown = shown
        self._calls: dict[str, OutCall] = {}
        talks.leg_listeners.append(self._leg_event)
        self._renamed, talks.renamed = talks.renamed, self._rename
        talks.called_moved = self.move

    @property
    def for_flows(self) -> int:
        """How many phones ring for flows."""
        return sum(1 for call in self._calls.values() if not call.contact)

    def check(self, phone: l.Phone) -> None:
        """May it be dialled? Raises CtiError: destination-denied; switch-unavailable."""
        found = self._legs()
        if found is None:
            raise CtiError("no switch is up", code="switch-unavailable")
        found[1].check(phone)

    def numbers(self, uuid: str) -> tuple[str, str] | None:
        """Who is called, and the number shown, of a call that we placed and that is up; in clear."""
        call = self._calls.get(uuid)
        return None if call is None else (call.errand.number, self._shown)

    # ---- with an agent -------------------------------------------------------------------------------------------

    def admit(self, errand: Errand, uuid: str, whisper: tuple[AudioPart, ...]) -> bool:
        """Before contact ``uuid`` enters its queue. False: no switch is up."""
        found = self._legs()
        if found is None:
            return False
        self._talks.admit(self._party(OutCall(uuid, errand, *found, contact=uuid), whisper))
        return True

    def place(self, errand: Errand, uuid: str, agent: str, phone: l.Phone) -> OutCall:
        """Ring the agent's phone, then the other one. Raises FloorRefused (agent-not-signed-in, agent-busy), CtiError
        (switch-unavailable, destination-denied)."""
        found = self._legs()
        if found is None:
            raise CtiError("no switch is up", code="switch-unavailable")
        self._owner.ask(i.PlaceCall(uuid, agent))
        call = OutCall(uuid, errand, *found, contact=uuid)
        try:
            call.talk = self._talks.place(self._party(call, ()), agent, phone)
        except CtiError:
            self._fail(call, "failed")
            raise
        return call

    def move(self, uuid: str, legs: LegControl) -> None:
        """Who is talked to is driven by somebody else by now."""
        call = self._calls.get(uuid)
        if call is not None:
            call.legs = legs

    def _party(self, call: OutCall, whisper: tuple[AudioPart, ...]) -> Party:
        uuid, journal = call.uuid, self._journal
        self._calls[uuid] = call
        tape = call.tape = CallTape(uuid, call.legs, self._plain, journal.clock, journal.store.record)
        return Party(
            contact=uuid,
            uuid=uuid,
            legs=call.legs,
            whisper=whisper,
            joined=lambda leg, number: self._joined(call, leg, number),
            left=lambda leg, cause: call.record.left(leg, cause) if call.record is not None else None,
            talked=lambda: self._agent_done(call),
            dismissed=lambda exit: self._dismissed(call, exit),
            dial=lambda talk: self._dial_for(call, talk),
            record=tape.talk,
        )

    def withdraw(self, uuid: str) -> None:
        """It waits no longer: cancelled, or put off. A talk goes on."""
        call = self._calls.get(uuid)
        if call is None or call.connected:
            return
        call.over = True
        self._leave(call, Outcome.FLOW_OUT)
        self._forget(call, "ORIGINATOR_CANCEL")

    def _dial_for(self, call: OutCall, talk: Talk) -> None:
        reason = "agent_gone" if call.dialled else call.errand.may_dial()
        if reason:
            self._fail(call, reason)
            return
        call.talk, call.dialled = talk, True
        call.legs.play(talk.leg, 0, [RINGING])
        self._ring(call)

    def _joined(self, call: OutCall, leg: str, number: str) -> None:
        call.connected = True
        if call.record is not None:
            call.record.joined(leg, number)
        self._tell(call, ANSWERED, call.talk.agent if call.talk is not None else "")

    def _agent_done(self, call: OutCall) -> None:
        """The agent's side has ended, and the other one is still there."""
        if call.record is not None:
            call.record.cause = TerminalCause.FLOW_END
        call.legs.hang_up(call.uuid)

    def _dismissed(self, call: OutCall, exit: str) -> None:
        if call.connected:
            self._agent_done(call)  # transferred to a queue that gave it back
            return
        self._tell(call, OWN_PHONE if call.errand.placed and exit != CANCELLED else exit, "")
        self._leave(call, Outcome.FLOW_OUT)
        self._forget(call, "ORIGINATOR_CANCEL")

    def _rename(self, party: Party, contact: str) -> Party:
        """After a transfer: another contact, the same person."""
        call = self._calls.get(party.uuid)
        if call is None:
            return self._renamed(party, contact)
        call.contact = contact
        return replace(party, contact=contact, dial=None)

    # ---- with a flow ---------------------------------------------------------------------------------------------

    def call_for_flow(self, errand: Errand, uuid: str) -> bool:
        """False: no switch is up."""
        found = self._legs()
        if found is None:
            return False
        call = self._calls[uuid] = OutCall(uuid, errand, *found, contact="", dialled=True)
        self._ring(call)
        return True

    def _answered(self, call: OutCall) -> None:
        call.up = True
        if not call.contact:
            errand = call.errand
            caller = Caller(errand.number, "", self._shown)
            del self._calls[call.uuid]
            now = self._journal.clock.now()
            new = NewCall(
                call.uuid,
                call.switch,
                caller,
                answered=True,
                answered_at=now,
                flow=errand.flow,
                why=errand.entry,
            )
            self._tell(call, ANSWERED, "")
            call.legs.meet(call.uuid, new)
        elif call.talk is not None:
            assert call.record is not None
            call.record.answered()
            call.legs.bridge(call.uuid, call.talk.leg)

    # ---- both ----------------------------------------------------------------------------------------------------

    def _ring(self, call: OutCall) -> None:
        errand = call.errand
        errand.began(call.uuid)
        call.record = TalkRecord(self._journal, call.uuid, call.switch, errand, self._shown)
        if call.contact:
            call.record.start()
        if errand.placed and call.talk is not None:
            call.record.with_agent(call.talk.record_id, call.talk.phone.target)
        shown, headers = self._shown if errand.phone.kind == "number" else "", errand.headers
        try:
            call.legs.ring(call.uuid, errand.phone, ring_s=errand.ring_s, call="", caller_number=shown, headers=headers)
        except CtiError as error:
            log.error("%s cannot be dialled: %s", errand.entry, error)
            self._missed(call, "denied")

    def _leg_event(self, event: l.LegEvent) -> None:
        leg: Any = getattr(event, "leg", None)
        call = self._calls.get(leg) if isinstance(leg, str) else None
        if call is None:
            return
        if isinstance(event, l.LegRinging):
            self._rings(call)
        elif isinstance(event, l.LegAnswered):
            self._answered(call)
        elif isinstance(event, l.LegRecordingFailed) and call.tape is not None:
            log.warning("%s: %s", call.errand.entry, call.tape.failed(event.action))
        elif isinstance(event, l.LegFailed):
            self._missed(call, event.outcome)
        elif isinstance(event, l.LegHungUp):
            self._hung_up(call, event.cause)

    def _rings(self, call: OutCall) -> None:
        call.rang = True
        call.errand.rang()
        if call.talk is not None:
            call.talk.touch()

    def _missed(self, call: OutCall, outcome: str) -> None:
        log.info("%s: %s", call.errand.entry, outcome)
        if call.record is not None:
            call.record.missed(outcome)
        self._fail(call, outcome)

    def _fail(self, call: OutCall, outcome: str) -> None:
        self._tell(call, outcome, "")
        self._leave(call, Outcome.FLOW_OUT)
        self._forget(call, "ORIGINATOR_CANCEL")

    def _hung_up(self, call: OutCall, cause: str) -> None:
        if call.tape is not None:
            call.tape.close()
        if call.record is not None:
            call.record.ended(cause)
        self._tell(call, "hung_up", "")
        self._leave(call, Outcome.ABANDONED)
        self._calls.pop(call.uuid, None)

    def _leave(self, call: OutCall, outcome: Outcome) -> None:
        if call.contact:
            if call.contact in self._owner.acd.floor.cases:
                self._owner.tell(i.Leave(call.contact, outcome))
            self._talks.dismiss(call.contact)

    def _forget(self, call: OutCall, cause: str) -> None:
        self._calls.pop(call.uuid, None)
        if call.dialled:
            call.legs.hang_up(call.uuid, cause)
            if call.tape is not None:
                call.tape.close()
            if call.record is not None:
                call.record.ended(cause)

    def _tell(self, call: OutCall, how: str, agent: str) -> None:
        if not call.over:
            call.over, call.how = True, how
            call.errand.ended(how, agent)
            if call.talk is not None:
                call.talk.touch()
