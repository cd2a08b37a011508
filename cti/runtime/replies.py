"""What goes to the customer in a conversation by text: sent one after the other, in the order it was said."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult

from cti.core.commands import Reply, SendMessage
from cti.core.errors import CtiError
from cti.core.sms import parts_of
from cti.core.transcripts import FETCHED

if TYPE_CHECKING:
    from cti.core.calls import NewCall
    from cti.core.transcripts import Line
    from cti.runtime.services import Messages
    from cti.runtime.transcripts import CallWords

log = logging.getLogger("cti.call")

#: How long an agent waits until what was written is taken for delivery, behind what is still to be sent.
SEND_S = 15.0
#: A longer SMS is sent by no operator; of a chat so many characters.
SMS_PARTS_MAX, CHAT_MAX = 10, 4_000


class Replies:
    """The last reply is often said at the end: it goes out though the call is over."""

    def __init__(self, call: NewCall, messages: Messages, words: CallWords | None) -> None:
        self._call, self._messages, self._words = call, messages, words
        self._waiting: deque[tuple[str, AsyncResult[bool] | None]] = deque()
        self._sending = False

    def send(self, reply: Reply) -> None:
        """What the flow says. Returns at once."""
        if self._words is not None:
            self._words.said(reply.text, reply.shown)
        if FETCHED not in self._call.attributes:
            self._put(reply.text, None)

    def write(self, text: str, agent: str) -> Line:
        """What an agent writes; returns when it was taken for delivery. Raises CtiError: message-too-long,
        message-not-sent."""
        if self._call.medium.value == "sms" and (parts := parts_of(text)) > SMS_PARTS_MAX:
            raise CtiError(f"the text takes {parts} short messages, at most {SMS_PARTS_MAX}", code="message-too-long")
        if len(text) > CHAT_MAX:
            raise CtiError(f"{len(text)} characters, at most {CHAT_MAX}", code="message-too-long")
        if FETCHED not in self._call.attributes:
            taken: AsyncResult[bool] = AsyncResult()
            self._put(text, taken)
            try:
                sent = taken.get(timeout=SEND_S)
            except gevent.Timeout:
                sent = False
            if not sent:
                raise CtiError(f"the channel {self._call.medium.value} did not take it", code="message-not-sent")
        assert self._words is not None  # of a conversation by text
        return self._words.written(text, agent)

    def _put(self, text: str, taken: AsyncResult[bool] | None) -> None:
        self._waiting.append((text, taken))
        if not self._sending:
            self._sending = True
            gevent.spawn(self._drain)

    def _drain(self) -> None:
        try:
            while self._waiting:
                text, taken = self._waiting.popleft()
                sent = self._send(text)
                if taken is not None:
                    taken.set(sent)
                elif not sent:
                    log.warning("call %s: a reply by %s was not taken", self._call.uuid, self._call.medium.value)
        finally:
            self._sending = False

    def _send(self, text: str) -> bool:
        medium, recipient = self._call.medium.value, self._call.caller.number
        if not recipient:
            return False
        try:
            return self._messages.send(SendMessage(0, medium, recipient, text)).outcome == "sent"
        except Exception:
            log.exception("call %s: the channel %s broke its contract", self._call.uuid, medium)
            return False
