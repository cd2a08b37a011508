"""What a run asks the outside to do, and the facts it reports. Returned by the interpreter, executed by the runtime.

``ref`` pairs a command with the event that ends it (`cti.core.events`): a number that rises within one run and is
never reused, so an ending that comes late (after the flow went on) is recognised by its number and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# ---- audio ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between the pieces of a text, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """Text to be spoken. ``fixed`` text is known at load and rendered ahead; other text is rendered for the call.

    ``pieces``: the same text as it is put together from pieces, nearly all of them fixed. Whoever plays files plays
    those one after the other; whoever speaks or shows texts takes ``text``.
    """

    text: str
    language: str
    fixed: bool = True
    sensitive: bool = False
    pieces: tuple[Say | Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Sound:
    """A prompt file; ``file`` is relative to the prompts folder (no drive, no `..`)."""

    file: str


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone in teletone script as mod_tone_stream reads it, e.g. ``%(200,0,500)``."""

    spec: str


AudioPart = Say | Sound | Tone


# ---- commands ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call. The run does not wait for it: the runtime orders audio behind the answer."""


@dataclass(frozen=True, slots=True)
class Play:
    ref: int
    parts: tuple[AudioPart, ...]


@dataclass(frozen=True, slots=True)
class StopPlay:
    """Barge-in or leaving the node: stop what plays. `PlayEnded(ref)` still comes and is then ignored."""

    ref: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Ask for `TimerFired(ref)` after ``seconds``."""

    ref: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    ref: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read from the back office. Ends with `LookupEnded(ref)` within ``deadline_s``; the runtime enforces it."""

    ref: int
    source: str
    arguments: Mapping[str, Any]
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Request:
    """A write to the back office. Ends with `RequestEnded(ref)` within ``deadline_s``; what lasts longer, or longer
    than the caller stays, is finished by the engine.

    ``key`` is the node and the visit, the same whenever this very request is made again: with the call's id before it
    the back office knows a repetition and does it once.
    """

    ref: int
    source: str
    arguments: Mapping[str, Any]
    key: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class FindNotices:
    """Which notices hold at this moment for an area, a service, a number? Ends with `NoticesFound(ref)`."""

    ref: int
    at: datetime
    area: str | None = None
    service: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to somebody. Ends with `TransferEnded(ref)`.

    ``kind`` is agent, extension, number or flow. For number the target is E.164 digits; the dial string is built by
    the adapter. ``timeout_s`` is how long it may ring.
    """

    ref: int
    kind: str
    target: str
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Put the contact into a queue. Ends with `QueueEnded(ref)`; announcements arrive as `QueueAnnounced(ref)`."""

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


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The caller leaves by a key or is called back; ``keep_place`` keeps the place for the callback."""

    ref: int
    keep_place: bool = False


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """Register a callback. Ends with `CallbackEnded(ref)`.

    ``when`` is ``now``, a moment in ISO 8601 with offset, or ``event:NAME`` for as soon as that event is raised (a
    notice's id when it is over). The person called is met by ``flow``, or put through from ``queue``; ``attempts``
    is how often the number is tried.
    """

    ref: int
    number: str
    when: str
    queue: str | None = None
    keep_place: bool = False
    flow: str | None = None
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller (voicemail). Ends with `RecordEnded(ref)`; stops at ``max_s`` or after ``silence_s`` quiet."""

    ref: int
    max_s: float
    silence_s: float = 5.0


@dataclass(frozen=True, slots=True)
class StopRecord:
    ref: int


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record the call, both sides of it, until `StopRecording` or its end. There is one such recording at a time.
    Nothing ends it: a recording that cannot be made is noted in the call's record, and the call goes on."""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """``on``: what follows is left out; else go on, in the same file."""

    on: bool = True


@dataclass(frozen=True, slots=True)
class MaskRecording:
    """``on``: what follows is silence of the same length; else record again."""

    on: bool = True


@dataclass(frozen=True, slots=True)
class StopRecording:
    pass


@dataclass(frozen=True, slots=True)
class SendFax:
    """Send a document to the fax machine at the other end of the call. Ends with `FaxEnded(ref)`.

    ``document`` is a TIFF file, relative to the prompts folder; or ``text`` is set on as many pages as it takes.
    """

    ref: int
    document: str = ""
    text: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ReceiveFax:
    """Receive what the fax machine at the other end sends. Ends with `FaxEnded(ref)`."""

    ref: int


@dataclass(frozen=True, slots=True)
class StopFax:
    """It took too long. `FaxEnded(ref)` still comes and is then ignored."""

    ref: int


@dataclass(frozen=True, slots=True)
class PlayVideo:
    """Play a video file, relative to the prompts folder. Ends with `VideoEnded(ref)`."""

    ref: int
    file: str


@dataclass(frozen=True, slots=True)
class StopVideo:
    ref: int


@dataclass(frozen=True, slots=True)
class Listen:
    """Recognise what the caller says from now on. Ends with `Heard(ref)`.

    ``expects``: the type of the answer as flows spell it, or yes_no; ``words``: the answers that there are, if they
    are known. Silence ends it after ``silence_s``, and speech lasts no longer than ``longest_s``.
    """

    ref: int
    expects: str
    language: str
    words: tuple[str, ...] = ()
    silence_s: float = 5.0
    longest_s: float = 10.0


@dataclass(frozen=True, slots=True)
class StopListen:
    """A key was pressed, or the flow went on. A `Heard(ref)` that still comes is ignored."""

    ref: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """SMS or chat. Ends with `MessageEnded(ref)`."""

    ref: int
    channel: str
    recipient: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the flow says in a conversation by text: one message back, by the channel it came on. Nothing ends it."""

    text: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call; ``cause`` is a Q.850 name as FreeSWITCH spells it."""

    cause: str = "NORMAL_CLEARING"


# ---- facts: nothing to execute, only to record -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeEntered:
    flow: str
    node: str
    type: str
    visit: int  # 1, 2, … within this run, per node


@dataclass(frozen=True, slots=True)
class NodeLeft:
    flow: str
    node: str
    visit: int
    exit: str
    note: str = ""  # masked, for people: the key pressed, the outcome of a look-up


@dataclass(frozen=True, slots=True)
class GoalReached:
    goal: str


@dataclass(frozen=True, slots=True)
class NoticeHeard:
    """The caller was told the notice; ``whole`` False: a key cut it short."""

    notice: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class FlowError:
    """Something went wrong inside the flow (an expression failed, a sub-system broke); the flow goes to `on.error`."""

    flow: str
    node: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last thing a run says. ``outcome`` is the author's word; ``reason`` flow_end, hangup, limit, system_error."""

    outcome: str
    reason: str
    returns: Mapping[str, Any] = field(default_factory=dict)


Command = (
    Answer
    | Play
    | StopPlay
    | StartTimer
    | CancelTimer
    | Lookup
    | Request
    | FindNotices
    | Transfer
    | EnterQueue
    | LeaveQueue
    | RequestCallback
    | Record
    | StopRecord
    | StartRecording
    | PauseRecording
    | MaskRecording
    | StopRecording
    | SendFax
    | ReceiveFax
    | StopFax
    | PlayVideo
    | StopVideo
    | Listen
    | StopListen
    | SendMessage
    | Reply
    | Hangup
)
Fact = NodeEntered | NodeLeft | GoalReached | NoticeHeard | FlowError | RunEnded
Work = Command | Fact
Sprint = list[Work]
