"""Conversations by SMS and chat, as calls of a switch that carries texts: what comes in becomes a call's text.

Whoever takes messages from a gateway hands each to `receive`; what the flow says goes out through the channel of that
medium (`cti.ports.MessageChannel`). A conversation is one between two addresses, until its flow ends it.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cti.channels.no_media import NoMedia
from cti.core import events as ev
from cti.core.calls import Caller, Medium, NewCall
from cti.core.errors import CtiError
from cti.core.numbers import normalise_number
from cti.core.transcripts import FETCHED, OPENED_BY, TEXT

if TYPE_CHECKING:
    from cti.ports import CallSink

BY_TEXT = (Medium.SMS, Medium.CHAT)
CUSTOMER_LEFT = "NORMAL_CLEARING"
Address = tuple[Medium, str, str]


class EngineLeaving(CtiError):
    """The conversations go on at the next engine, and so does what is written in them."""

    code = "engine-leaving"

    def __init__(self) -> None:
        super().__init__("this engine has left its conversations to the next one", remedy="write it again")


class Conversations(NoMedia):
    """Implements `cti.ports.Switch`: nothing can be heard, rung, recorded or faxed here."""

    name = "texts"

    def __init__(self, sink: CallSink, new_id: Callable[[], str] = lambda: str(uuids.uuid4())) -> None:
        super().__init__(sink)
        self._new_id = new_id
        self._ids: dict[Address, str] = {}
        self._addresses: dict[str, Address] = {}
        self._open: dict[str, str] = {}  # chats that were opened one by one, and who opened each
        self._left = False

    def __len__(self) -> int:
        return len(self._ids) + len(self._open)

    def leave(self) -> None:
        """The engine lets go of its calls: from here on whatever is written raises EngineLeaving."""
        self._left = True

    def require_here(self) -> None:
        """Raises EngineLeaving."""
        if self._left:
            raise EngineLeaving

    def receive(self, medium: Medium, sender: str, called: str, text: str) -> str:
        """A message came in; the id of its conversation. Raises EngineLeaving; ValueError for a medium that is not one
        by text."""
        self.require_here()
        if medium not in BY_TEXT:
            raise ValueError(f"{medium} is no conversation by text")
        address = (medium, normalise_number(sender), called)
        known = self._ids.get(address)
        if known is not None:
            self._sink.call_event(known, ev.TextReceived(text))
            return known
        call_id = self._new_id()
        self._ids[address], self._addresses[call_id] = call_id, address
        caller = Caller(sender, "", called)
        self._sink.call_arrived(NewCall(call_id, self.name, caller, medium, {TEXT: text}, answered=True))
        return call_id

    def open(self, owner: str, caller: Caller, text: str, attributes: Mapping[str, str]) -> str:
        """A chat of its own, whoever else writes from this customer; what is written there is fetched by its ``owner``,
        not sent. Raises EngineLeaving."""
        self.require_here()
        call_id = self._new_id()
        told = {**attributes, TEXT: text, FETCHED: "1", OPENED_BY: owner}
        self._open[call_id] = owner
        self._sink.call_arrived(NewCall(call_id, self.name, caller, Medium.CHAT, told, answered=True))
        return call_id

    def resume(self, call: NewCall) -> None:
        """A conversation that an earlier engine left: what is written in it comes to it again."""
        if FETCHED in call.attributes:
            self._open[call.uuid] = call.attributes.get(OPENED_BY, "")
            return
        address = (call.medium, normalise_number(call.caller.number or ""), call.caller.called)
        self._ids[address], self._addresses[call.uuid] = call.uuid, address

    def is_open(self, call_id: str) -> bool:
        """Whether a chat that was opened goes on."""
        return call_id in self._open

    def opened_by(self, call_id: str) -> str | None:
        """Who opened a chat that goes on."""
        return self._open.get(call_id)

    def write(self, call_id: str, text: str) -> None:
        """In a chat that goes on. Raises EngineLeaving."""
        self.require_here()
        self._sink.call_event(call_id, ev.TextReceived(text))

    def close(self, call_id: str) -> None:
        """The customer has left the chat."""
        self.hangup(call_id, CUSTOMER_LEFT)

    def hangup(self, uuid: str, cause: str) -> None:
        """The conversation is over: the next message begins another one."""
        address = self._addresses.pop(uuid, None)
        if address is not None:
            del self._ids[address]
        self._open.pop(uuid, None)
        self._sink.call_event(uuid, ev.HungUp(cause))
