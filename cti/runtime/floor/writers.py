"""Customers who write, and documents that wait: by call and by contact, with what is asked for them and known of them.

What happens to them is `cti.runtime.floor.texts`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd.model import Relax, Wish
from cti.core import events as ev
from cti.core.commands import EnterQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.core.transcripts import Line
    from cti.runtime.floor.documents import Documents
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.publisher import Publisher
    from cti.runtime.transcripts import Transcripts

#: A document that no queue takes at present is brought again after so long.
AGAIN_S = 60.0


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


class Writers:
    """The part of `Texts` that knows them. ``hunted``, ``silence``: as there."""

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

    def _with(self, call: str) -> str:
        """The contact of this call that an agent still works on."""
        cases = self._owner.acd.floor.cases
        return next((contact for contact in self._of_call.get(call, ()) if contact in cases), "")

    # ---- what is asked for them, and known of them ------------------------------------------------------------------

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

    def _watch(self, writer: Writer) -> None:
        """How long may it be silent now?"""
        raise NotImplementedError
