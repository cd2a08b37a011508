"""What happened, told to a run by the runtime. Past tense; ``ref`` is the number of the command that it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """One key: 0-9, ``*`` or ``#`` (A-D are dropped by the adapter)."""

    digit: str


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """``ok`` False: the audio could not be played (missing file, rendering failed); the run goes on."""

    ref: int
    ok: bool = True


@dataclass(frozen=True, slots=True)
class TimerFired:
    ref: int


@dataclass(frozen=True, slots=True)
class LookupEnded:
    """``outcome``: ok, not_found, timeout, error, throttled, or one that the source declares. ``values`` with ok."""

    ref: int
    outcome: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """``outcome``: done (with ``values``), rejected (the back office will not), accepted (taken; the engine sees it
    through), unknown (perhaps done; the engine asks on), error and throttled (not done)."""

    ref: int
    outcome: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundNotice:
    """``texts`` by language, the first for callers of another language; ``ends`` ISO 8601, None: not known."""

    id: str
    texts: Mapping[str, str]
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class NoticesFound:
    """Those that hold and match, the most urgent first."""

    ref: int
    notices: tuple[FoundNotice, ...] = ()


@dataclass(frozen=True, slots=True)
class TextReceived:
    """The caller wrote this, in a conversation by text."""

    text: str


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """``outcome``: talked (the far side ended, the caller is still there), busy, no_answer, failed, denied."""

    ref: int
    outcome: str


@dataclass(frozen=True, slots=True)
class QueueAnnounced:
    """Time for an announcement: place in the line (from 1) and expected wait in seconds (None: not known)."""

    ref: int
    position: int
    ewt_s: float | None


@dataclass(frozen=True, slots=True)
class QueueConnected:
    """An agent talks with the caller: keys belong to the talk now, on hold as well."""

    ref: int
    agent: str


@dataclass(frozen=True, slots=True)
class QueueEnded:
    """``outcome``: talked, timeout, full, no_agents; queued, of a document that now waits by itself."""

    ref: int
    outcome: str


@dataclass(frozen=True, slots=True)
class CallbackEnded:
    """``outcome``: accepted, declined, invalid."""

    ref: int
    outcome: str


@dataclass(frozen=True, slots=True)
class RecordEnded:
    """``duration_s`` of the recording and how it ended: done (key, limit or pause after speech), silence, failed."""

    ref: int
    duration_s: float
    outcome: str


@dataclass(frozen=True, slots=True)
class FaxEnded:
    """``outcome``: ok, failed. ``pages`` that went over; ``document``: the file received, relative to the folder of
    faxes, empty when there is none."""

    ref: int
    outcome: str
    pages: int = 0
    document: str = ""


@dataclass(frozen=True, slots=True)
class VideoEnded:
    """``outcome``: next (it was played, or stopped), unsupported (no video at the caller's end, or none here)."""

    ref: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Heard:
    """``outcome``: heard (``text`` as one would write it, ``confidence`` 0 to 1), silence, unavailable (no recogniser
    is there, or it broke)."""

    ref: int
    outcome: str
    text: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """``outcome``: sent, failed, unknown (perhaps sent, by an engine that is dead)."""

    ref: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """Another engine goes on with this run, at the wait where it was left. Keys pressed meanwhile are lost, and what
    was played was cut off: a node that asks asks again."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller's channel is gone. ``cause`` is the switch's Q.850 name. Nothing can be played after it."""

    cause: str


Event = (
    DigitPressed
    | PlayEnded
    | TimerFired
    | LookupEnded
    | RequestEnded
    | NoticesFound
    | TextReceived
    | TransferEnded
    | QueueAnnounced
    | QueueConnected
    | QueueEnded
    | CallbackEnded
    | RecordEnded
    | FaxEnded
    | VideoEnded
    | Heard
    | MessageEnded
    | Resumed
    | HungUp
)
