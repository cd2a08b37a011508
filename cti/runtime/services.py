"""What every call actor works with: the ports and small helpers around them, put together once by `cti.app`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent.lock import BoundedSemaphore

from cti.core.errors import CtiError
from cti.core.events import LookupEnded, MessageEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cti.core.commands import AudioPart, Lookup, SendMessage
    from cti.ports import CallbackDesk, Clock, FaxPages, LookupSource, MessageChannel, NoticeSource, Prompts, Recogniser
    from cti.runtime.durable import DurableCalls
    from cti.runtime.journal import Journal
    from cti.runtime.queues import EngineQueues, WrittenQueues
    from cti.runtime.recordings.plain import PlainFiles
    from cti.runtime.requests import RequestDesk
    from cti.runtime.transcripts import Transcripts

#: How long a caller may wait for a prompt that is rendered for this call.
RENDER_DEADLINE_S = 4.0
#: A connector keeps its deadline by itself; one that does not is cut off this much later.
GRACE_S = 0.1


class Lookups:
    """The back office behind its port, with a deadline that holds whatever the connector does."""

    def __init__(self, source: LookupSource, at_once: int = 500) -> None:
        self._source = source
        self._slots = BoundedSemaphore(at_once)

    def ask(self, lookup: Lookup) -> LookupEnded:
        """Never raises: what goes wrong is an outcome (timeout, throttled, error)."""
        if not self._slots.acquire(blocking=False):
            return LookupEnded(lookup.ref, "throttled")
        try:
            with gevent.Timeout(lookup.deadline_s + GRACE_S) as overdue:
                ended = self._source.ask(lookup.source, lookup.arguments, lookup.deadline_s)
                return replace(ended, ref=lookup.ref)
        except gevent.Timeout as timeout:
            if timeout is not overdue:
                raise
            return LookupEnded(lookup.ref, "timeout")
        finally:
            self._slots.release()


class Messages:
    """Outgoing messages by channel name; a channel nobody configured fails the message, not the call."""

    def __init__(self, channels: dict[str, MessageChannel]) -> None:
        self._channels = channels

    def send(self, message: SendMessage) -> MessageEnded:
        """Its key is one of all messages', not of a call's."""
        channel = self._channels.get(message.channel)
        sent = channel is not None and channel.send(message.recipient, message.text, message.key)
        return MessageEnded(message.ref, "sent" if sent else "failed")

    def again(self, channel: str, *, here: bool) -> bool:
        """May one that was perhaps sent be given again? ``here``: it was given by this worker, if it was."""
        found = self._channels.get(channel)
        once = "everywhere" if found is None else found.once  # to one that is not there nothing was sent
        return once == "everywhere" or (here and once == "here")


class PromptDesk:
    """Finds prompts at once where they are ready and renders them with a deadline where they are not."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        """None: not ready, or not to be had; `render` will tell which."""
        try:
            return self._prompts.find(parts)
        except CtiError:
            return None

    def render(self, call: str, parts: Sequence[AudioPart]) -> list[str]:
        return self._prompts.locate(parts, RENDER_DEADLINE_S, call_id=call)

    def discard_call(self, call: str) -> None:
        self._prompts.discard_call(call)


@dataclass(frozen=True, slots=True)
class Services:
    clock: Clock
    zone: tzinfo
    journal: Journal
    prompts: PromptDesk
    lookups: Lookups
    queues: EngineQueues
    texts: WrittenQueues
    transcripts: Transcripts
    messages: Messages
    plain: PlainFiles
    recorded: Callable[[str], None]  # told of each file that the switch has closed
    faxes: Path  # those to be sent
    pages: FaxPages
    requests: RequestDesk
    notices: NoticeSource
    callbacks: CallbackDesk
    recogniser: Recogniser | None = None
    durable: DurableCalls | None = None  # None: calls do not outlive the engine
    silent_s: float = 0.0  # how long a caller may stay of whom nothing comes; 0: for ever

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), self.zone)
