"""Conversations by text that the last engine left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.transcripts import Author, Line

if TYPE_CHECKING:
    from cti.channels.conversations import Conversations
    from cti.core.calls import NewCall
    from cti.ports import Store
    from cti.runtime.durable import DurableCalls
    from cti.runtime.engine import Engine
    from cti.runtime.transcripts import Transcripts

log = logging.getLogger("cti.app")


def resume_conversations(
    durable: DurableCalls, conversations: Conversations, transcripts: Transcripts, store: Store, engine: Engine
) -> None:
    """Before anything is written: no switch tells which of them are still there, so all of them are. Those that were
    left without where they stood are closed as lost."""
    engine.switch_up(conversations.name, False, _take_up(durable, conversations, transcripts, store))


def go_on(
    durable: DurableCalls, conversations: Conversations, transcripts: Transcripts, store: Store, engine: Engine
) -> None:
    """Those of another worker beside ours."""
    left = _take_up(durable, conversations, transcripts, store)
    if left:
        engine.calls_left(conversations.name, left, left.keys())


def _take_up(
    durable: DurableCalls, conversations: Conversations, transcripts: Transcripts, store: Store
) -> dict[str, NewCall]:
    left = {call.uuid: call for call in durable.by_text(conversations.name)}
    for call in left.values():
        try:
            found = store.find_call(call.uuid, unmask=True)
        except CtiError as error:
            found = None
            log.error("what was written in %s is not known: %s", call.uuid, error)
        lines = () if found is None else found.messages
        told = (Line(one.number, one.at, Author(one.author), one.text, one.text, one.agent) for one in lines)
        transcripts.resume(call.uuid, told)
        conversations.resume(call)
    if left:
        log.warning("%d conversations by text go on", len(left))
    return left
