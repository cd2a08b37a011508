"""What flows and floors ask of the rest: prompts, look-ups, requests, notices, callbacks, faxes, speech, messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from cti.core.commands import AudioPart, FindNotices, Listen, NoticeHeard, RequestCallback
from cti.core.events import FoundNotice, Heard, LookupEnded, RequestEnded
from cti.core.orders import Order, OrderAnswer
from cti.core.webhooks import Answer, Message


class Prompts(Protocol):
    """Turns parts of a prompt into playback arguments for the switch."""

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        """As `locate` when every part is ready now, else None. Never blocks."""

    def locate(self, parts: Sequence[AudioPart], deadline_s: float, *, call_id: str = "") -> list[str]:
        """Playback arguments, to be played one after the other. ``call_id`` owns what is rendered for one call.

        May block (rendering) up to ``deadline_s``; raises CtiError (code prompt-unavailable) when a part cannot be had.
        """

    def discard_call(self, call_id: str) -> None:
        """Delete what was rendered for one call."""


class LookupSource(Protocol):
    """The back office. Blocks up to ``deadline_s``; never raises for a business outcome."""

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        """Answer with ``ref`` 0; the runtime fills in the command's."""


class RequestSink(Protocol):
    """Writes of the back office. Blocks until its own deadline; never raises for a business outcome."""

    def request(self, source: str, arguments: Mapping[str, Any], key: str) -> RequestEnded:
        """Write once for each ``key``: the same key again gives the first answer. Answer with ``ref`` 0; outcomes
        done, rejected, unknown, and error or throttled when certainly nothing was written."""


class NoticeSource(Protocol):
    """Which notices hold, and how many callers heard each. Returns at once."""

    def find(self, wanted: FindNotices) -> tuple[FoundNotice, ...]: ...

    def heard(self, call_id: str, heard: NoticeHeard) -> None: ...


class CallbackDesk(Protocol):
    """Takes wishes to be called back."""

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """accepted, declined (nobody will call), or invalid (this number cannot be called). Blocks until the wish is
        kept."""


class FaxPages(Protocol):
    """Sets text on pages that a fax machine takes. May take a while; call it off the hub."""

    def write(self, text: str, language: str, path: str) -> int:
        """Write a TIFF file (Group 4, 204 × 196 dpi); how many pages. Raises CtiError."""


class Recogniser(Protocol):
    """Understands speech, in the audio of a call on the switch."""

    def listen(self, uuid: str, wanted: Listen, told: Callable[[Heard], None]) -> None:
        """Returns at once; ``told`` is called once, within the times that ``wanted`` names, unless stopped before, or
        the call has ended."""

    def stop(self, uuid: str, ref: int) -> None: ...


#: Where the same key is the same message. no: nowhere. here: among what this worker gives (its data folder).
#: everywhere: whoever carries it knows the keys.
Once = Literal["no", "here", "everywhere"]


class MessageChannel(Protocol):
    """One way to send texts out: SMS, chat. ``once``: where a text that is given again with its key goes out once."""

    @property
    def once(self) -> Once: ...

    def send(self, recipient: str, text: str, key: str) -> bool:
        """True when it was taken for delivery. ``key``: of this message alone, and the same when another engine gives
        it again. May block; keeps its own deadline; never raises."""


class WebhookSender(Protocol):
    """Sends messages to receivers by HTTP."""

    def check(self, url: str) -> None:
        """May a webhook go there? Returns at once; raises CtiError: bad-url, url-not-allowed."""

    def send(self, url: str, message: Message) -> Answer:
        """One attempt. Blocks its greenlet until its own deadline; never raises for what the receiver does."""

    def close(self) -> None: ...


class OrderTaker(Protocol):
    """Takes orders of other systems."""

    def take(self, order: Order) -> OrderAnswer:
        """Durable when it returns; the same (source, key) again gets the first answer. Raises StoreUnavailable: try
        again later."""
