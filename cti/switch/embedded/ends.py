"""What a channel is made of besides itself: who is at its far end, and the messages in its queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cti.switch.embedded.wire import Header


@dataclass(slots=True)
class Heard:
    """Something the far end hears. ``kind``: say, file, tone, silence, ringback. Seconds since the epoch."""

    kind: str
    text: str
    at: float
    duration_s: float
    interrupted: bool = False


class FarEnd(Protocol):
    """Who is at the other end of a channel: a virtual caller or a virtual phone."""

    def answered(self) -> None: ...

    def heard(self, heard: Heard, ended: bool) -> None:
        """Called when something starts (``ended`` False) and again when it ends, with its real length."""

    def dtmf(self, digit: str) -> None: ...

    def gone(self, cause: str) -> None: ...


class Silent:
    """Nobody at the other end."""

    def answered(self) -> None: ...

    def heard(self, heard: Heard, ended: bool) -> None: ...

    def dtmf(self, digit: str) -> None: ...

    def gone(self, cause: str) -> None: ...


@dataclass(slots=True)
class Message:
    """A private event: what sendmsg or uuid_broadcast put into the channel's queue."""

    headers: dict[str, str]  # names in lower case
    body: str = ""
    raw: list[Header] = field(default_factory=list)
    event_name: str = "PRIVATE_COMMAND"

    def get(self, name: str) -> str:
        return self.headers.get(name, "")


def broadcast_message(application: str, argument: str, *, hold_bleg: bool = False, loops: int = 1) -> Message:
    """What switch_ivr_broadcast queues; ``loops`` -1 is for ever."""
    headers = {"call-command": "execute", "execute-app-name": application, "execute-app-arg": argument}
    headers |= {"event-lock": "true", "lead-frames": "5"}
    if loops != 1:
        headers["loops"] = str(loops)
    if hold_bleg:
        headers["hold-bleg"] = "true"
    return Message(headers, raw=list(headers.items()), event_name="COMMAND")


def true_word(text: str) -> bool:
    """switch_true: what the switch takes for yes."""
    return text.lower() in {"yes", "on", "true", "t", "enabled", "active", "allow"} or (
        text.lstrip("-").isdigit() and int(text) != 0
    )
