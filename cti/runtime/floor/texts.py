"""Contacts that are written: SMS and chats, from the queue to the end of the conversation; and faxes that wait.

A customer who writes stands in the same queues as callers. Nothing rings: the agent's client takes the offer. What
both write is the transcript's (`cti.runtime.transcripts`), which follows the customer from agent to agent. A fax is a
document that waits by itself: its call is over long before somebody reads it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.model import Relax, Wish
from cti.acd.states import ContactState, Outcome, Presence
from cti.core import events as ev
from cti.core.commands import EnterQueue
from cti.core.transcripts import Author
from cti.runtime import messages as msg
from cti.runtime.floor.documents import types_of, wish_of
from cti.runtime.floor.ids import call_of
from cti.runtime.transcripts import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cti.acd.cases import Case
    from cti.core.documents import DocumentLeft
    from cti.core.transcripts import Line
    from cti.runtime.floor.documents import Documents
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.publisher import Publisher
    from cti.runtime.transcripts import Transcripts

log = logging.getLogger("cti.queue")

BY_TEXT = ("sms", "chat")
#: A document that no queue takes at present is brought again after so long.
AGAIN_S = 60.0
#: Why an agent who leaves customers without an answer takes no more contacts.
UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds: ``customer_s`` after an agent's last word the conversation is over; ``agent_s`` after the customer's
    it goes to another agent."""

    customer_s: float = 600.0
    agent_s: float = 300.0


@dataclass(slots=True, eq=False)
class Writer:
    """A customer who writes, or a document. ``contact``: as what the distribution knows them at present. ``send``:
    (text, agent) -> the line, once it is on its way; None for a document. ``owes``: the agent is to answer next."""

    uuid: str
    contact: str
    medium: str
    wish: EnterQueue
    post: Callable[[Any], None]
    send: Callable[[str, str], Line] | None
    began_at: float = 0.0
    talking: bool = False
    owes: bool = True
    silence: gevent.Greenlet[..., None] | None = None
    announcing: gevent.Greenlet[..., None] | None = None
    kept: bool = False  # a document that the next engine would go on with

    @property
    def document(self) -> str:
        return self.wish.document


class Texts:
    """``hunted``: queues that are hunt groups, where no skill is asked. ``silence``: by medium."""

    def __init__(
        self,
        owner: FloorOwner,
        lines: Lines,
        publisher: Publisher,
        hunted: Collection[str],
        silence: Mapping[str, Silence] | None = None,
    ) -> None:
        self._owner, self._lines, self._publisher, self._hunted = owner, lines, publisher, hunted
        self.silence = dict(silence or {})
        self.transcripts: Transcripts | None = None
        self._writers: dict[str, Writer] = {}  # by call; a document is its contact's alone
        self._by_contact: dict[str, Writer] = {}
        self._of_call: dict[str, list[str]] = {}  # call -> its contacts that somebody waits or works in
        self._screens: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}  # call -> masked, clear
        self.documents: Documents | None = None  # where those that wait are kept
        self._resumed: set[str] = set()  # calls of documents that an earlier engine left
        owner.listeners.append(self._heard)

    def attach(self, transcripts: Transcripts) -> None:
        """Before the first conversation."""
        self.transcripts = transcripts
        transcripts.listeners.append(self._written)
        transcripts.in_use = self.holds

    # ---- looking -------------------------------------------------------------------------------------------------

    def find(self, contact: str) -> Writer | None:
        return self._by_contact.get(contact)

    def holds(self, call: str) -> bool:
        """Whether somebody waits for an agent, or an agent still works, on this call."""
        return bool(self._with(call))

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        """What was known of a call that is over. Empty: nothing was kept."""
        kept = self._screens.get(call)
        return {} if kept is None else kept[unmask]

    def document_of(self, contact: str) -> str:
        """The file that a fax left behind; empty: this is no fax."""
        writer = self._by_contact.get(contact)
        return writer.document if writer is not None else ""

    def resumed(self, call: str) -> bool:
        """Whether an earlier engine left its document."""
        return call in self._resumed

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

    def enter(
        self,
        uuid: str,
        medium: str,
        wish: EnterQueue,
        post: Callable[[Any], None],
        send: Callable[[str, str], Line] | None,
    ) -> None:
        self.gone(uuid, Outcome.FLOW_OUT)
        if wish.queue not in self._owner.acd.floor.queues:
            post(ev.QueueEnded(wish.ref, "no_agents"))  # the checker knows the queues; it has gone since
            return
        contact = uuid if uuid not in self._owner.acd.floor.cases else self._owner.next_contact(uuid)
        writer = Writer(uuid, contact, medium, wish, post, send, self._owner.now())
        self._writers[uuid] = self._by_contact[contact] = writer
        self._of_call.setdefault(uuid, []).append(contact)
        self._remember(uuid)
        self._keep(writer, self._wish(writer))
        self._owner.tell(i.Enter(self._wish(writer)))
        if self._writers.get(uuid) is not writer:
            return  # it was not taken
        if writer.document:
            del self._writers[uuid]
            post(ev.QueueEnded(wish.ref, "queued"))
        elif wish.announce_every_s and not writer.talking:
            writer.announcing = gevent.spawn_later(wish.announce_every_s, self._announce, writer)

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

    def _with(self, call: str) -> str:
        """The contact of this call that an agent still works on."""
        cases = self._owner.acd.floor.cases
        return next((contact for contact in self._of_call.get(call, ()) if contact in cases), "")

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

    # ---- inside --------------------------------------------------------------------------------------------------

    def _wish(self, writer: Writer) -> Wish:
        own = writer.wish
        case = self._owner.acd.floor.cases.get(writer.contact)
        hunted = own.queue in self._hunted
        return Wish(
            writer.contact,
            own.queue if case is None else case.queue.config.name,
            writer.medium,
            skills={} if hunted else own.skills,
            relax=() if hunted else tuple(Relax(after, skills) for after, skills in own.relax),
            priority=own.priority if case is None else case.priority,
            prefer=own.prefer if case is None else None,
            prefer_s=own.prefer_s,
            max_wait_s=own.max_wait_s,
            rank_at=writer.began_at,
            patient=bool(writer.document),
        )

    def _talked(self, writer: Writer) -> None:
        if not writer.document:  # which may be read until the agent's work is done
            self._forget(writer)
            writer.post(ev.QueueEnded(writer.wish.ref, "talked"))

    def _keep(self, writer: Writer, wish: Wish) -> None:
        """``wish``: what the document is asked to be served by from now on."""
        if self.documents is None or not writer.document:
            return
        writer.kept = True
        screens = self._screens.get(writer.uuid, ({}, {}))
        types = self._publisher.types(writer.uuid)
        self.documents.waits(wish, writer.uuid, writer.document, writer.began_at, screens, types)

    def _served(self, writer: Writer) -> None:
        if self.documents is not None and writer.kept:
            writer.kept = False
            self.documents.served(writer.uuid, writer.document)

    def _forget(self, writer: Writer) -> None:
        self._served(writer)
        if self._writers.get(writer.uuid) is writer:
            del self._writers[writer.uuid]
        if self._by_contact.get(writer.contact) is writer:
            del self._by_contact[writer.contact]
        writer.talking = False
        self._watch(writer)
        self._quiet(writer)

    def _quiet(self, writer: Writer) -> None:
        if writer.announcing is not None and writer.announcing is not gevent.getcurrent():
            writer.announcing.kill(block=False)
        writer.announcing = None

    def _announce(self, writer: Writer) -> None:
        if self._writers.get(writer.uuid) is not writer or writer.talking:
            return
        case, place = self._owner.acd.floor.cases.get(writer.contact), self._owner.place(writer.contact)
        if case is not None and case.desk is None and place is not None:
            writer.post(ev.QueueAnnounced(writer.wish.ref, place.position, place.wait_s))
        writer.announcing = gevent.spawn_later(writer.wish.announce_every_s or AGAIN_S, self._announce, writer)

    def _remember(self, call: str) -> None:
        """While the call is up: the agent may look at it, or get it, after its end."""
        screens = self._publisher.screens
        masked = screens.screen(call)
        if masked:
            bare = ("messages", "document")
            self._screens[call] = (
                {name: value for name, value in masked.items() if name not in bare},
                {name: value for name, value in screens.screen(call, unmask=True).items() if name not in bare},
            )


def _nobody(_event: Any) -> None:
    """The call of this document is over."""


def _renamed(wish: Wish, writer: Writer) -> Wish:
    return replace(wish, contact=writer.contact, medium=writer.medium, patient=bool(writer.document))
