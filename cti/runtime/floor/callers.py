"""What a flow sees of queues: a caller enters, hears where they stand, leaves, or has talked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.model import Relax, Wish
from cti.acd.states import ContactState, Outcome
from cti.core import events as ev
from cti.runtime import messages as msg
from cti.runtime.floor.comfort import MUSIC, Caller, Comfort
from cti.runtime.floor.returning import Returning
from cti.runtime.floor.stays import Stay
from cti.runtime.floor.talk import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.core.commands import AudioPart
    from cti.ports import LegControl
    from cti.runtime.floor.left_talks import LeftTalk
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talks import Talks
    from cti.runtime.queues import Entrant


class Callers:
    """`cti.runtime.queues.EngineQueues`. ``legs``: by switch. ``hunted``: queues that are hunt groups, where no skill
    is asked."""

    def __init__(
        self,
        owner: FloorOwner,
        talks: Talks,
        legs: Callable[[str], LegControl],
        music: Mapping[str, str],
        hunted: Collection[str],
    ) -> None:
        self._owner, self._talks, self._legs, self._hunted = owner, talks, legs, hunted
        self._callers: dict[str, Caller] = {}
        self._uuids: dict[str, str] = {}  # contact -> uuid, of those who go on as another contact
        self._comfort = Comfort(owner, music, lambda caller: self._callers.get(caller.uuid) is caller)
        self.returning = Returning(self._let_in)
        self._recalls: dict[str, Callable[[], Wish | None]] = {}
        self.parker_s = 30.0  # as of `Thirds`
        #: The contact at an agent that an earlier engine left this caller as.
        self.left_at: Callable[[str], LeftTalk | None] = lambda _uuid: None
        #: Told of each call that is over, or goes on without the queue that it was in.
        self.over: Callable[[str], None] = lambda _uuid: None
        #: Told of calls that ended while no engine was there: their places are free.
        self.lost: Callable[[Collection[str]], None] = lambda _calls: None
        #: Told when a switch comes up: by name, and the callers that are there. The record of one that is not may have
        #: been written just before the end of an engine, and that its contact is over not.
        self.there: Callable[[str, Collection[str]], None] = lambda _switch, _calls: None
        talks.renamed = self._rename
        owner.listeners.append(self._heard)

    def idle(self) -> bool:
        """Nobody waits, rings or talks; agents may still have work."""
        return all(case.state is ContactState.WORK for case in self._owner.acd.floor.cases.values())

    def waiting(self) -> dict[str, int]:
        """Callers not connected yet, by queue."""
        return {name: len(queue.line) for name, queue in self._owner.acd.floor.queues.items()}

    # ---- what a run asks ----------------------------------------------------------------------------------------

    def enter(self, who: Entrant) -> None:
        if who.stay is None:
            self._let_in(who)
        else:
            stay = who.stay.on(self._owner.ahead_s)
            self.returning.add(replace(who, stay=stay), stay)

    def take_back(self, who: Entrant, *, talking: bool, connected: bool) -> bool:
        """What it was kept as is known here, whatever its ``stay``."""
        left = self.left_at(who.uuid)
        if left is None or not (left.connected or talking):
            return False
        caller = self._callers[who.uuid] = Caller(who, left.contact)
        if left.contact != who.uuid:
            self._uuids[left.contact] = who.uuid
        if not connected:
            who.post(ev.QueueConnected(who.wish.ref, left.agent))
        left.caller_here(self._party(caller), talking)
        return True

    def part(self, uuid: str) -> None:
        """Nobody can reach its run at present: it is back with `take_back`."""
        caller = self._callers.pop(uuid, None)
        if caller is not None:
            self._uuids.pop(caller.contact, None)
            self._comfort.silence(caller)

    def unknown_again(self, uuid: str) -> None:
        """It is with no agent of ours after all: `CameBack` tells its run when it is with nobody."""
        caller = self._callers.pop(uuid, None)
        if caller is not None:
            self._uuids.pop(caller.contact, None)

    def _let_in(self, who: Entrant) -> None:
        """Its ``stay`` is by the distribution's clock."""
        self.gone(who.uuid, Outcome.FLOW_OUT)
        queue = self._queue(who)
        if queue and queue not in self._owner.acd.floor.queues:
            who.post(ev.QueueEnded(who.wish.ref, "no_agents"))  # the checker knows the queues; it has gone since
            return
        caller = self._callers[who.uuid] = Caller(who, self._contact(who))
        if caller.contact != who.uuid:
            self._uuids[caller.contact] = who.uuid
        self._talks.admit(self._party(caller))
        self._comfort.play(caller)
        self._owner.tell(i.Enter(self._asked(caller, queue)))
        self._comfort.announce(caller)

    def _queue(self, who: Entrant) -> str:
        """The one it stood in, if that is still there; empty: beside no line, for who parked it."""
        stay = who.stay
        if stay is not None and stay.parked_until is not None and not stay.queue:
            return ""
        return who.wish.queue if stay is None or stay.queue not in self._owner.acd.floor.queues else stay.queue

    def _contact(self, who: Entrant) -> str:
        cases, stay = self._owner.acd.floor.cases, who.stay
        if stay is not None and stay.contact not in cases:
            self._owner.taken(stay.contact)
            return stay.contact
        taken = who.uuid in cases  # an agent still has work with the last talk
        return self._owner.next_contact(who.uuid) if taken else who.uuid

    def _asked(self, caller: Caller, queue: str) -> Wish:
        wish, stay = caller.who.wish, caller.who.stay
        hunted = queue in self._hunted
        asked = Wish(
            caller.contact,
            queue,
            "voice",
            skills={} if hunted else wish.skills,
            relax=() if hunted else tuple(Relax(after, skills) for after, skills in wish.relax),
            priority=wish.priority if stay is None else stay.priority,
            prefer=wish.prefer,
            prefer_s=wish.prefer_s,
            max_wait_s=wish.max_wait_s,
            returns=caller.who.returns,
            rank_at=None if stay is None else stay.rank_at,
            since=None if stay is None else stay.since,
        )
        if stay is None or stay.parked_until is None:
            return asked
        return replace(
            asked, skills={}, relax=(), max_wait_s=None, counted=False,
            parked_s=max(0.0, stay.parked_until - self._owner.now()),
            prefer=stay.parked_by or None, prefer_s=self.parker_s if queue else None,
        )  # fmt: skip

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        self.returning.forget(uuid)
        caller = self._callers.get(uuid)
        if caller is None or caller.who.wish.ref != ref:
            return
        if not keep_place:
            self.gone(uuid, Outcome.FLOW_OUT)
            return
        caller.suspended = True
        self._comfort.end(caller)
        self._owner.tell(i.Suspend(caller.contact))

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        self.returning.forget(uuid)
        if (left := self.left_at(uuid)) is not None:
            left.caller_left()
        caller, recall = self._callers.get(uuid), self._recalls.pop(uuid, None)
        if caller is not None:
            self._forget(caller)
            wish = recall() if recall is not None and caller.suspended else None
            if wish is not None:
                self._owner.tell(i.CallBack(caller.contact, wish))
            else:
                self._owner.tell(i.Leave(caller.contact, Outcome.FLOW_OUT if caller.suspended else outcome))
            self._talks.dismiss(caller.contact)
        self.over(uuid)

    def place_of(self, uuid: str) -> tuple[Wish, float] | None:
        """What a caller who decides about a callback has asked of the queue, and since when that counts."""
        caller = self._callers.get(uuid)
        case = self._owner.acd.floor.cases.get(caller.contact) if caller is not None else None
        if caller is None or case is None or not caller.suspended:
            return None
        return case.wish, case.began_at if case.wish.rank_at is None else case.wish.rank_at

    def stay(self, uuid: str) -> Stay | None:
        if (returning := self.returning.find(uuid)) is not None:  # about to be let in where they stood
            return returning.on(-self._owner.ahead_s)
        caller = self._callers.get(uuid)
        case = self._owner.acd.floor.cases.get(caller.contact) if caller is not None else None
        if caller is None or case is None:
            return None
        agent = case.desk.agent if case.desk is not None and not case.in_line else ""
        stay = Stay(
            caller.contact, case.queue.config.name, case.began_at, case.ranked_at, case.priority, agent,
            case.entered_at + (case.wish.parked_s or 0.0) if case.parked else None,
            (case.wish.prefer or "") if case.parked else "", case.number,
        )  # fmt: skip
        return stay.on(-self._owner.ahead_s)

    def contact_of(self, uuid: str) -> str | None:
        """As what the distribution knows a caller; None: in no queue."""
        caller = self._callers.get(uuid)
        return None if caller is None else caller.contact

    def whisper_of(self, uuid: str) -> tuple[AudioPart, ...]:
        """What an agent would have been told of this caller."""
        caller = self._callers.get(uuid)
        return caller.who.wish.whisper if caller is not None else ()

    def recall(self, uuid: str, wish: Callable[[], Wish | None]) -> None:
        """When the call is over, what ``wish`` gives takes the caller's place; None: the caller just leaves."""
        self._recalls[uuid] = wish

    def wait(self, party: Party) -> None:
        """Music and announcements again: the caller goes to somebody else."""
        caller = self._callers.get(party.uuid)
        if caller is None:  # called by us
            party.legs.park(party.uuid, [MUSIC])
        else:
            self._comfort.play(caller)
            self._comfort.announce(caller)

    # ---- what the distribution says ---------------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        match fact:
            case o.EntryBegan():
                caller = self._caller_of(fact.contact)
                if caller is not None:
                    if caller.stood:  # transferred, on to another queue; where it enters its run keeps it by itself
                        caller.who.post(msg.StayChanged())
                    caller.stood = True
            case o.PriorityChanged():
                if (caller := self._caller_of(fact.contact)) is not None:
                    caller.who.post(msg.StayChanged())
            case o.EntryEnded(outcome=Outcome.ANSWERED):
                if (caller := self._caller_of(fact.contact)) is not None:
                    self._comfort.end(caller)
                    caller.who.post(ev.QueueConnected(caller.who.wish.ref, fact.agent))

    def _caller_of(self, contact: str) -> Caller | None:
        return self._callers.get(self._uuids.get(contact, contact))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _party(self, caller: Caller) -> Party:
        def ended(exit: str) -> None:
            if self._callers.get(caller.uuid) is caller:
                self._forget(caller)
                caller.who.post(ev.QueueEnded(caller.who.wish.ref, exit))

        return Party(
            contact=caller.contact,
            uuid=caller.uuid,
            legs=self._legs(caller.who.switch.name),
            whisper=caller.who.wish.whisper,
            joined=lambda leg, number: caller.who.post(msg.LegJoined(leg, "agent", number)),
            left=lambda leg, cause: caller.who.post(msg.LegLeft(leg, cause)),
            talked=lambda: ended("talked"),
            dismissed=ended,
            record=caller.who.post,
        )

    def _rename(self, party: Party, contact: str) -> Party:
        """The caller goes on as another contact: after a transfer, say."""
        caller = self._callers.get(party.uuid)
        if caller is not None:
            self._uuids.pop(caller.contact, None)
            caller.contact = contact
            self._uuids[contact] = caller.uuid
        return replace(party, contact=contact)

    def _forget(self, caller: Caller) -> None:
        self._callers.pop(caller.uuid, None)
        self._uuids.pop(caller.contact, None)
        self._comfort.end(caller)
