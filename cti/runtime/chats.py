"""The door for web chats and gateways of SMS: machines bring what customers write, and fetch what is written back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.core.access.rate import RateLimit
from cti.core.calls import Caller, Medium
from cti.core.errors import CtiError
from cti.runtime.keeping import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.channels.conversations import Conversations
    from cti.core.transcripts import Line
    from cti.ports import Clock
    from cti.runtime.transcripts import Transcript, Transcripts

#: What a customer may write: so many messages a second in the long run, and at once, in one conversation.
WRITE_PER_SECOND, WRITE_BURST = 1.0, 10.0
#: What was written is taken when its flow has come to it, and then when it is on disk; each for so long at most. A
#: database that is away holds nobody up for ever: it is then as safe as all that waits for the database.
KEPT_S = 2.0


class TooFast(CtiError):
    code = "too-many-messages"

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"a customer may write {WRITE_BURST:g} messages at once, then {WRITE_PER_SECOND:g} a second")
        self.retry_after_s = max(1, round(wait_s + 0.5))


class ChatOver(CtiError):
    code = "chat-over"

    def __init__(self) -> None:
        super().__init__("the chat has ended")


class Chats:
    """A chat belongs to the machine that opened it. ``owner``: its user's id.

    Who writes is told so when an engine that is killed then would not lose it. All raise CtiError (engine-leaving) for
    what is written while the engine lets go of its conversations: it was not taken.
    """

    def __init__(
        self,
        conversations: Conversations,
        transcripts: Transcripts,
        clock: Clock,
        keep: Callable[[str, float], Kept],
    ) -> None:
        """``keep``: as `cti.runtime.keeping.Keeping.wait`."""
        self._conversations, self._transcripts, self._clock = conversations, transcripts, clock
        self._keep = keep
        self._owners: dict[str, str] = {}
        self._rate = RateLimit(WRITE_PER_SECOND, WRITE_BURST)

    def owner(self, chat: str) -> str | None:
        """None: there is no such chat, or no longer."""
        if self._transcripts.find(chat) is None:
            return None
        if chat not in self._owners and (opened := self._conversations.opened_by(chat)):
            self._owners[chat] = opened  # an earlier engine's chat
        return self._owners.get(chat)

    def open(self, owner: str, caller: Caller, text: str, attributes: Mapping[str, str]) -> str:
        """Raises CtiError (busy): the platform takes no more at present."""
        for gone in [chat for chat in self._owners if self._transcripts.find(chat) is None]:
            del self._owners[gone]
        chat = self._conversations.open(owner, caller, text, attributes)
        self._written(chat)
        if self._transcripts.find(chat) is None:
            raise CtiError("the platform takes no more conversations at present", code="busy")
        self._owners[chat] = owner
        return chat

    def get(self, chat: str) -> Transcript:
        """Raises CtiError (unknown-chat)."""
        found = self._transcripts.find(chat)
        if found is None:
            raise CtiError(f"no chat {chat[:64]!r} is here", code="unknown-chat")
        return found

    def goes_on(self, chat: str) -> bool:
        return self._conversations.is_open(chat)

    def write(self, chat: str, text: str) -> None:
        """Raises CtiError: unknown-chat, chat-over, too-many-messages."""
        self.get(chat)
        if not self.goes_on(chat):
            raise ChatOver
        self._take(chat)
        self._conversations.write(chat, text)
        if not self._written(chat):
            raise ChatOver

    def read(self, chat: str, after: int, wait_s: float) -> list[Line]:
        """The lines after that number; where there is none, those that come within ``wait_s``."""
        return self.get(chat).wait(after, wait_s)

    def end(self, chat: str) -> None:
        """The customer has left. Nothing when the chat has ended."""
        self.get(chat)
        if self.goes_on(chat):
            self._conversations.close(chat)

    def sms(self, sender: str, called: str, text: str) -> str:
        """An SMS came in; the id of its conversation. Raises CtiError (too-many-messages)."""
        self._take(f"sms {sender}")
        while True:
            call = self._conversations.receive(Medium.SMS, sender, called, text)
            if self._written(call):
                return call

    def _written(self, call: str) -> bool:
        """What was written last is taken; False: the conversation had ended before it came to that."""
        kept = self._keep(call, KEPT_S)
        if kept is not Kept.ON_DISK:
            self._conversations.require_here()
        return kept is not Kept.UNREAD

    def _take(self, who: str) -> None:
        wait_s = self._rate.take(who, self._clock.monotonic())
        if wait_s:
            raise TooFast(wait_s)
