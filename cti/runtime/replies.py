"""What a flow says in a conversation by text: sent one after the other, in the order it was said."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import gevent

from cti.core.commands import SendMessage

if TYPE_CHECKING:
    from cti.core.calls import NewCall
    from cti.runtime.services import Messages

log = logging.getLogger("cti.call")


class Replies:
    """The last reply is often said at the end: it goes out though the call is over."""

    def __init__(self, call: NewCall, messages: Messages) -> None:
        self._call, self._messages = call, messages
        self._waiting: deque[str] = deque()
        self._sending = False

    def send(self, text: str) -> None:
        """Returns at once."""
        self._waiting.append(text)
        if not self._sending:
            self._sending = True
            gevent.spawn(self._drain)

    def _drain(self) -> None:
        medium, recipient = self._call.medium.value, self._call.caller.number
        try:
            while self._waiting:
                text = self._waiting.popleft()
                ended = self._messages.send(SendMessage(0, medium, recipient, text)) if recipient else None
                if ended is None or ended.outcome != "sent":
                    log.warning("call %s: a reply by %s was not taken", self._call.uuid, medium)
        except Exception:
            log.exception("call %s: the channel %s broke its contract", self._call.uuid, medium)
        finally:
            self._sending = False
