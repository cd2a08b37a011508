"""Contacts that are written: SMS and chats, from the queue to the end of the conversation; and faxes that wait.

A customer who writes stands in the same queues as callers. Nothing rings: the agent's client takes the offer. What
both write is the transcript's (`cti.runtime.transcripts`), which follows the customer from agent to agent. A fax is a
document that waits by itself: its call is over long before somebody reads it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.model import Wish
from cti.acd.states import ContactState, Outcome, Presence
from cti.core import events as ev
from cti.core.commands import EnterQueue
from cti.core.transcripts import Author
from cti.runtime import messages as msg
from cti.runtime.floor.documents import types_of, wish_of
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.stays import Stay
from cti.runtime.floor.writers import AGAIN_S, Silence, Writer, Writers
from cti.runtime.transcripts import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cti.acd.cases import Case
    from cti.core.documents import DocumentLeft
    from cti.core.transcripts import Line
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.publisher import Publisher
    from cti.runtime.queues import Entrant
    from cti.runtime.transcripts import Transcripts

log = logging.getLogger("cti.queue")

BY_TEXT = ("sms", "chat")
#: After another engine, the agent with whom a customer wrote is asked alone for so long.
PREFER_S = 60.0
#: Why an agent who leaves customers without an answer takes no more contacts.
UNANSWERED = "unanswered"


class Texts(Writers):
    """``hunted``: queues that are hunt groups, where no skill is asked. ``silence``: by medium."""

    def __init__(
        self,
        owner: FloorOwner,
        lines: Lines,
        publisher: Publisher,
        hunted: Collection[str],
        silence: Mapping[str, Silence] | None = None,
    ) -> None:
        super().__init__(owner, lines, publisher, hunted, silence)
        owner.listeners.append(self._heard)

    def attach(self, transcripts: Transcripts) -> None:
        """Before the first conversation."""
        self.transcripts = transcripts
        transcripts.listeners.append(self._written)
        transcripts.in_use = self.holds

    # ---- what the last engine left ---------------------------------------------------------------------------------

    def resume(self, left: Iterable[DocumentLeft]) -> None:
        """What the last engine left waiting waits on. Before anybody is served."""
        for one in left:
            wish = wish_of(one)
            asked = EnterQueue(0, wish.queue, wish.skills, priority=wish.priority, document=one.document)
            writer = Writer(one.call_id, one.contact, wish.medium, asked, _nobody, None, one.began_at, kept=True)
            self._owner.taken(one.contact)
            self._resumed.add(one.call_id)
            self._by_contact[one.contact] = writer
            self._of_call.setdefault(one.call_id, []).append(one.contact)
            masked, clear = one.body["screens"]
            self._screens[one.call_id] = (masked, clear)
            self._publisher.know(one.call_id, types_of(one))
            self._owner.tell(i.Enter(wish))

    # ---- what a run asks -----------------------------------------------------------------------------------------

    def enter(self, who: Entrant, medium: str, send: Callable[[str, str], Line] | None) -> None:
        """Those who waited here before, under another engine, keep their place; who had an agent then waits anew at
        the old rank, for that one first if the agent is signed in by now."""
        uuid, wish, post, stay = who.uuid, who.wish, who.post, who.stay
        self.gone(uuid, Outcome.FLOW_OUT)
        if wish.queue not in self._owner.acd.floor.queues:
            post(ev.QueueEnded(wish.ref, "no_agents"))  # the checker knows the queues; it has gone since
            return
        contact = uuid if uuid not in self._owner.acd.floor.cases else self._owner.next_contact(uuid)
        if stay is not None:
            stay = stay.on(self._owner.ahead_s)
            self._owner.taken(stay.contact)
            contact = self._owner.next_contact(uuid) if stay.agent else stay.contact
        began_at = self._owner.now() if stay is None else stay.rank_at
        writer = Writer(uuid, contact, medium, wish, post, send, began_at)
        self._writers[uuid] = self._by_contact[contact] = writer
        self._of_call.setdefault(uuid, []).append(contact)
        self._remember(uuid)
        self._keep(writer, self._wish(writer))
        asked = self._wish(writer)
        self._owner.tell(i.Enter(asked if stay is None else self._again_as(asked, stay)))
        if self._writers.get(uuid) is not writer:
            return  # it was not taken
        if writer.document:
            del self._writers[uuid]
            post(ev.QueueEnded(wish.ref, "queued"))
        elif wish.announce_every_s and not writer.talking:
            writer.announcing = gevent.spawn_later(wish.announce_every_s, self._announce, writer)

    def _again_as(self, asked: Wish, stay: Stay) -> Wish:
        queue = stay.queue if stay.queue in self._owner.acd.floor.queues else asked.queue
        asked = replace(asked, queue=queue, priority=stay.priority, returns=True)
        if stay.agent:
            return replace(asked, prefer=stay.agent, prefer_s=PREFER_S)
        if stay.prefer:
            asked = replace(asked, prefer=stay.prefer, prefer_s=stay.prefer_s)
        return replace(asked, since=stay.since)

    def stay(self, uuid: str) -> Stay | None:
        """Where a customer waits, or with whom they write; None: nowhere."""
        writer = self._writers.get(uuid)
        case = self._owner.acd.floor.cases.get(writer.contact) if writer is not None else None
        if writer is None or writer.document or case is None:
            return None
        agent = case.desk.agent if case.desk is not None and writer.talking else ""
        queue = case.queue.config.name
        prefer = case.waits_for.profile.agent if case.waits_for is not None and not agent else ""
        stay = Stay(
            writer.contact, queue, case.began_at, case.ranked_at, case.priority, agent,
            number=case.number, prefer=prefer, prefer_s=(case.wish.prefer_s or 0.0) if prefer else 0.0,
        )  # fmt: skip
        return stay.on(-self._owner.ahead_s)

    def leave(self, uuid: str, ref: int) -> None:
        """The customer goes on elsewhere in the flow."""
        writer = self._writers.get(uuid)
        if writer is not None and writer.wish.ref == ref:
            self.gone(uuid, Outcome.FLOW_OUT)

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        """The customer has ended the conversation; nothing when it is in no queue and with no agent."""
        writer = self._writers.get(uuid)
        if writer is not None:
            self._remember(uuid)
            self._forget(writer)
            self._owner.tell(i.Leave(writer.contact, outcome))

    # ---- what agents do ------------------------------------------------------------------------------------------

    def accept(self, case: Case) -> None:
        """Raises FloorRefused (offer-over)."""
        assert case.offer is not None
        self._owner.ask(i.Accept(case.offer.number))
        self._owner.ask(i.Connect(case.contact))

    def end(self, writer: Writer) -> None:
        """The agent's side ends; the flow of the customer goes on."""
        self._remember(writer.uuid)
        self._owner.ask(i.TalkOver(writer.contact))
        self._served(writer)
        self._talked(writer)

    def hand_over(self, writer: Writer, wish: Wish) -> None:
        """To others, transcript and document and all. ``wish``: what is asked for, under any id."""
        before, writer.contact = writer.contact, self._owner.next_contact(writer.uuid)
        self._by_contact.pop(before, None)
        self._by_contact[writer.contact] = writer
        self._of_call.setdefault(writer.uuid, []).append(writer.contact)
        writer.talking, writer.owes = False, True
        self._watch(writer)
        self._keep(writer, _renamed(wish, writer))
        self._owner.tell(i.TalkOver(before))
        self._owner.tell(i.Enter(_renamed(wish, writer)))

    # ---- what the distribution says ------------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        match fact:
            case o.EntryBegan() | o.PriorityChanged():
                writer = self._by_contact.get(fact.contact)
                if writer is not None and not writer.document:
                    writer.post(msg.StayChanged())
            case o.EntryEnded(outcome=Outcome.ANSWERED):
                if (writer := self._by_contact.get(fact.contact)) is not None:
                    self._connected(writer, fact.agent)
            case o.Dismissed():
                if (writer := self._by_contact.get(fact.contact)) is not None:
                    self._dismissed(writer, fact.exit)
            case o.PresenceChanged(presence=Presence.LOGOUT):
                self._left(fact.agent)
            case o.ContactMoved(state=ContactState.TALKING):
                if fact.contact in self._by_contact:
                    self._publisher.touched(fact.contact)
            case o.Handled() | o.EntryEnded():
                self._over(fact.contact)

    def _connected(self, writer: Writer, agent: str) -> None:
        self._quiet(writer)
        writer.talking = writer.owes = True
        self._watch(writer)
        if not writer.document:
            writer.post(ev.QueueConnected(writer.wish.ref, agent))
            writer.post(msg.LegJoined(f"{writer.contact}@{agent}", "agent", self._extension(agent)))

    def _extension(self, agent: str) -> str:
        """Of the agent's phone: whose a call is goes by it (`cti.api.calls`), by text as well."""
        line = self._lines.find(agent)
        return line.phone.target if line is not None and line.phone is not None else ""

    def _dismissed(self, writer: Writer, exit: str) -> None:
        if writer.document and self._writers.get(writer.uuid) is not writer:
            log.warning("fax %s waits on: %s", writer.uuid, exit)  # it was taken once, and nobody holds the line
            gevent.spawn_later(AGAIN_S, self._again, writer)
            return
        self._forget(writer)
        writer.post(ev.QueueEnded(writer.wish.ref, exit))

    def _again(self, writer: Writer) -> None:
        if self._by_contact.get(writer.contact) is writer and writer.contact not in self._owner.acd.floor.cases:
            self._owner.tell(i.Enter(self._wish(writer)))

    def _left(self, agent: str) -> None:
        """Who signs out by force leaves conversations behind: they go on with somebody else."""
        desk = self._owner.acd.floor.desks.get(agent)
        for contact, case in list(desk.contacts.items()) if desk is not None else ():
            writer = self._by_contact.get(contact)
            if writer is not None and case.state is ContactState.TALKING:
                self.hand_over(writer, self._wish(writer))

    def _over(self, contact: str) -> None:
        """Nobody has it any more."""
        if contact in self._owner.acd.floor.cases:
            return
        writer = self._by_contact.get(contact)
        if writer is not None and (not writer.document or not writer.talking):
            return  # on its way: dismissed next, or waiting again
        if writer is not None:
            self._forget(writer)
        call = call_of(contact)
        if call in self._of_call and call not in self._writers and not self.holds(call):
            del self._of_call[call]
            self._screens.pop(call, None)
            self._resumed.discard(call)

    # ---- what is written -----------------------------------------------------------------------------------------

    def _written(self, call: str, line: Line) -> None:
        writer = self._writers.get(call)
        contact = writer.contact if writer is not None else self._with(call)
        case = self._owner.acd.floor.cases.get(contact)
        if writer is not None and line.author is not Author.FLOW:
            writer.owes = line.author is Author.CUSTOMER
            self._watch(writer)
        if case is not None:
            agent = case.desk.agent if case.desk is not None else ""
            type_ = "message.received" if line.author is Author.CUSTOMER else "message.sent"
            self._publisher.about(contact, type_, {"agent": agent, "message": shown(line)})

    def _watch(self, writer: Writer) -> None:
        """How long may it be silent now?"""
        if writer.silence is not None and writer.silence is not gevent.getcurrent():
            writer.silence.kill(block=False)
        writer.silence = None
        rules = self.silence.get(writer.medium, Silence())
        if writer.talking and not writer.document:
            seconds = rules.agent_s if writer.owes else rules.customer_s
            writer.silence = gevent.spawn_later(seconds, self._silent, writer)

    def _silent(self, writer: Writer) -> None:
        case = self._owner.acd.floor.cases.get(writer.contact)
        if not writer.talking or case is None or case.desk is None or case.state is not ContactState.TALKING:
            return
        if writer.owes:
            agent = case.desk.agent
            log.warning("agent %s leaves %s without an answer: it goes to somebody else", agent, writer.contact)
            self._owner.tell(i.SetNotReady(agent, UNANSWERED))
            self.hand_over(writer, self._wish(writer))
        else:
            log.info("conversation %s is over: the customer writes no more", writer.contact)
            self.end(writer)


def _nobody(_event: Any) -> None:
    """The call of this document is over."""


def _renamed(wish: Wish, writer: Writer) -> Wish:
    return replace(wish, contact=writer.contact, medium=writer.medium, patient=bool(writer.document))
