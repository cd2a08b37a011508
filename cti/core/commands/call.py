"""The call itself: answered, put through, queued, ended; and the timers of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti.core.commands.audio import AudioPart


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call. The run does not wait for it: the runtime orders audio behind the answer."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Ask for `TimerFired(ref)` after ``seconds``."""

    ref: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    ref: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to somebody. Ends with `TransferEnded(ref)`.

    ``kind`` is agent, extension, number, platform or flow. For number the target is E.164 digits; the dial string is
    built by the adapter. ``timeout_s`` is how long it may ring. ``identity``: what has been proved of the caller, for
    the other platform; sensitive.
    """

    ref: int
    kind: str
    target: str
    timeout_s: float = 30.0
    identity: str = ""


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Put the contact into a queue. Ends with `QueueEnded(ref)`; `QueueAnnounced(ref)` and
    `QueueConnected(ref)` come before. ``document``: a fax that was received; it waits by itself (outcome queued)."""

    ref: int
    queue: str
    skills: Mapping[str, int] = field(default_factory=dict)
    relax: tuple[tuple[float, Mapping[str, int]], ...] = ()
    priority: int = 0
    prefer: str | None = None
    prefer_s: float = 0.0
    max_wait_s: float | None = None
    announce_every_s: float | None = None
    whisper: tuple[AudioPart, ...] = ()
    document: str = ""


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The caller leaves by a key or is called back; ``keep_place`` keeps the place for the callback."""

    ref: int
    keep_place: bool = False


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call; ``cause`` is a Q.850 name as FreeSWITCH spells it."""

    cause: str = "NORMAL_CLEARING"
