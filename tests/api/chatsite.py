"""Conversations by text under an API, with a test in the place of their flows."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from cti.channels.conversations import Conversations
from cti.core import events as ev
from cti.core.calls import NewCall
from cti.core.commands import EnterQueue
from cti.core.transcripts import TEXT, Author
from cti.runtime.chats import Chats
from cti.runtime.floor import Floor
from cti.runtime.keeping import Kept
from cti.runtime.queues import Entrant
from cti.runtime.transcripts import Transcripts


class Flows:
    """A `CallSink` that writes down what customers write. ``full``: the platform takes no more."""

    def __init__(self, floor: Floor, clock: Any) -> None:
        store: Any = SimpleNamespace(record=lambda _record: None, together=nullcontext)
        self.transcripts = Transcripts(store, clock)
        self.floor, self.full = floor, False
        floor.texts.attach(self.transcripts)
        self.arrived: list[NewCall] = []
        self.conversations = Conversations(self)  # type: ignore[arg-type]
        self.kept = Kept.ON_DISK
        self.chats = Chats(self.conversations, self.transcripts, clock, lambda _call, _timeout_s: self.kept)

    def call_arrived(self, call: NewCall) -> None:
        if not self.full:
            self.arrived.append(call)
            self._said(call.uuid, call.attributes[TEXT])

    def call_event(self, uuid: str, event: ev.Event) -> None:
        if isinstance(event, ev.TextReceived):
            self._said(uuid, event.text)
        elif isinstance(event, ev.HungUp):
            self.floor.texts.gone(uuid)
            self.transcripts.ended(uuid)

    def say(self, chat: str, text: str) -> None:
        self.transcripts.note(chat, Author.FLOW, text, text)

    def queue(self, chat: str, queue: str = "service") -> list[Any]:
        """The flow asks for a person; what it is told comes in the list."""
        told: list[Any] = []
        note = self.transcripts.note
        nowhere: Any = None  # music is for those who hear it
        who = Entrant(chat, nowhere, EnterQueue(1, queue), told.append)
        self.floor.texts.enter(who, "chat", lambda text, agent: note(chat, Author.AGENT, text, text, agent))
        return told

    def _said(self, chat: str, text: str) -> None:
        self.transcripts.note(chat, Author.CUSTOMER, text, text)
