"""Conversations by SMS and chat, as calls of a switch that carries texts: what comes in becomes a call's text.

Whoever takes messages from a gateway hands each to `receive`; what the flow says goes out through the channel of that
medium (`cti.ports.MessageChannel`). A conversation is one between two addresses, until its flow ends it.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cti.core import events as ev
from cti.core.calls import Caller, Medium, NewCall
from cti.core.numbers import normalise_number

if TYPE_CHECKING:
    from cti.ports import CallSink

BY_TEXT = (Medium.SMS, Medium.CHAT)
TEXT = "text"  # the attribute of a new call that holds what was written first
Address = tuple[Medium, str, str]


class Conversations:
    """Implements `cti.ports.Switch`: nothing can be heard, rung, recorded or faxed here."""

    name = "texts"
    up = True

    def __init__(self, sink: CallSink, new_id: Callable[[], str] = lambda: str(uuids.uuid4())) -> None:
        self._sink, self._new_id = sink, new_id
        self._ids: dict[Address, str] = {}
        self._addresses: dict[str, Address] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def receive(self, medium: Medium, sender: str, called: str, text: str) -> str:
        """A message came in; the id of its conversation. Raises ValueError for a medium that is not one by text."""
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

    def hangup(self, uuid: str, cause: str) -> None:
        """The conversation is over: the next message begins another one."""
        address = self._addresses.pop(uuid, None)
        if address is not None:
            del self._ids[address]
        self._sink.call_event(uuid, ev.HungUp(cause))

    # ---- what a flow for the telephone may ask, and does not get here ------------------------------------------

    def transfer(self, uuid: str, ref: int, kind: str, target: str, timeout_s: float) -> None:
        self._sink.call_event(uuid, ev.TransferEnded(ref, "failed"))

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None:
        self._sink.call_event(uuid, ev.RecordEnded(ref, 0.0, "failed"))

    def play(self, uuid: str, ref: int, audio: Sequence[str]) -> None:
        self._sink.call_event(uuid, ev.PlayEnded(ref, ok=False))

    def send_fax(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.FaxEnded(ref, "failed"))

    def receive_fax(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.FaxEnded(ref, "failed"))

    def play_video(self, uuid: str, ref: int, path: str) -> None:
        self._sink.call_event(uuid, ev.VideoEnded(ref, "unsupported"))

    def answer(self, uuid: str) -> None:
        pass

    def stop_play(self, uuid: str, ref: int) -> None:
        pass

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        pass

    def stop_music(self, uuid: str) -> None:
        pass

    def stop_transfer(self, uuid: str, ref: int) -> None:
        pass

    def stop_record(self, uuid: str, ref: int) -> None:
        pass

    def start_recording(self, uuid: str, path: str) -> None:
        pass

    def pause_recording(self, uuid: str, on: bool) -> None:
        pass

    def mask_recording(self, uuid: str, on: bool) -> None:
        pass

    def stop_recording(self, uuid: str) -> None:
        pass

    def stop_fax(self, uuid: str, ref: int) -> None:
        pass

    def stop_video(self, uuid: str, ref: int) -> None:
        pass
