"""What goes to the customer in a conversation by text: sent one after the other, in the order it was said.

What the flow says goes out when it is on disk that it is to be said, each with a key of its own; the next engine gives
it again with that key where the channel sends it once.
"""

from __future__ import annotations

import logging
import uuid as uuids
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult

from cti.core.commands import Reply, SendMessage
from cti.core.errors import CtiError
from cti.core.sms import parts_of
from cti.core.transcripts import FETCHED
from cti.runtime.messages import StayChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cti.core.calls import NewCall
    from cti.core.transcripts import Line
    from cti.runtime.durable import CallSaver
    from cti.runtime.services import Services
    from cti.runtime.transcripts import CallWords

log = logging.getLogger("cti.call")

#: How long an agent waits until what was written is taken for delivery, behind what is still to be sent.
SEND_S = 15.0
#: A longer SMS is sent by no operator; of a chat so many characters.
SMS_PARTS_MAX, CHAT_MAX = 10, 4_000


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """``taken``: whoever wrote it waits for that; None: the flow says it."""

    key: str
    text: str
    taken: AsyncResult[bool] | None = None


class Replies:
    """The last reply is often said at the end: it goes out though the call is over. ``post``: to the call."""

    def __init__(
        self,
        call: NewCall,
        services: Services,
        words: CallWords | None,
        saver: CallSaver,
        post: Callable[[Any], None],
    ) -> None:
        self._call, self._services, self._words = call, services, words
        self._saver, self._post = saver, post
        self._waiting: deque[_Outgoing] = deque()  # the first of them is being sent
        self._sending = False
        saver.replies = self._under_way

    def again(self, left: Iterable[tuple[str, str]], *, here: bool) -> None:
        """What an engine that is dead had not seen sent. ``here``: it was one of this worker."""
        medium = self._call.medium.value
        for key, text in left:
            if self._services.messages.again(medium, here=here):
                self._put(_Outgoing(key, text))
            else:
                log.warning("call %s: a reply by %s may have been sent, and is not sent again", self._call.uuid, medium)

    def send(self, reply: Reply) -> None:
        """What the flow says. Returns at once."""
        if self._words is not None:
            self._words.said(reply.text, reply.shown)
        if FETCHED not in self._call.attributes:
            self._put(_Outgoing(_new_key(), reply.text))

    def write(self, text: str, agent: str) -> Line:
        """What an agent writes; returns when it was taken for delivery. Raises CtiError: message-too-long,
        message-not-sent."""
        if self._call.medium.value == "sms" and (parts := parts_of(text)) > SMS_PARTS_MAX:
            raise CtiError(f"the text takes {parts} short messages, at most {SMS_PARTS_MAX}", code="message-too-long")
        if len(text) > CHAT_MAX:
            raise CtiError(f"{len(text)} characters, at most {CHAT_MAX}", code="message-too-long")
        if FETCHED not in self._call.attributes:
            taken: AsyncResult[bool] = AsyncResult()
            self._put(_Outgoing(_new_key(), text, taken))
            try:
                sent = taken.get(timeout=SEND_S)
            except gevent.Timeout:
                sent = False
            if not sent:
                raise CtiError(f"the channel {self._call.medium.value} did not take it", code="message-not-sent")
        assert self._words is not None  # of a conversation by text
        return self._words.written(text, agent)

    def _under_way(self) -> list[tuple[str, str]]:
        """What the flow says: of what agents write they are told themselves."""
        return [(one.key, one.text) for one in self._waiting if one.taken is None]

    def _put(self, outgoing: _Outgoing) -> None:
        self._waiting.append(outgoing)
        if not self._sending:
            self._sending = True
            gevent.spawn(self._drain)

    def _drain(self) -> None:
        said = False
        try:
            while self._waiting:
                one = self._waiting[0]
                sent = self._send(one)
                self._waiting.popleft()
                if one.taken is not None:
                    one.taken.set(sent)
                    continue
                said = True
                if not sent:
                    log.warning("call %s: a reply by %s was not taken", self._call.uuid, self._call.medium.value)
        finally:
            self._sending = False
        if said:
            self._post(StayChanged())  # kept anew, without what is sent

    def _send(self, one: _Outgoing) -> bool:
        medium, recipient, durable = self._call.medium.value, self._call.caller.number, self._services.durable
        if not recipient:
            return False
        self._saver.on_disk()
        if durable is not None and not durable.sure():
            log.error("call %s: a reply is not sent, the call is another engine's", self._call.uuid)
            return False
        try:
            message = SendMessage(0, medium, recipient, one.text, one.key)
            return self._services.messages.send(message).outcome == "sent"
        except Exception:
            log.exception("call %s: the channel %s broke its contract", self._call.uuid, medium)
            return False


def _new_key() -> str:
    return f"reply/{uuids.uuid4()}"
