"""What is kept of a call: records going into a `Store`, and the rows that come back.

All times are wall-clock seconds since the epoch. ``call_id`` is the id of the conversation (the channel UUID of the
caller's first leg). Fields marked *sensitive* are encrypted by the store and come back masked unless asked otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cti.core.calls import Medium, TerminalCause
from cti.core.documents import DocumentServed, DocumentWaits
from cti.core.floor_records import FloorRecord
from cti.core.recordings import Recording, RecordingKind
from cti.core.transcripts import MessageKept, MessageRow
from cti.core.webhooks import EventKept
from cti.core.wrapups import WrapUpKept, WrapUpRow

# ---- in: what the runtime hands over -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallStarted:
    """First record of a call; every other record of the call comes after it."""

    call_id: str
    switch: str
    called: str
    started_at: float
    medium: Medium = Medium.VOICE
    caller: str | None = None  # sensitive; None: withheld
    caller_name: str = ""  # sensitive
    entry: str = ""  # the rule of the entry table that matched; empty: none did
    flow: str = ""
    flow_version: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class LegAdded:
    """Another channel of the call: ``role`` is caller, agent, extension or number."""

    call_id: str
    leg_id: str
    role: str
    added_at: float
    number: str | None = None  # sensitive
    switch: str = ""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The end of a leg. Legs still open when the call ends are closed with it."""

    call_id: str
    leg_id: str
    ended_at: float
    hangup_cause: str = ""


@dataclass(frozen=True, slots=True)
class NodeVisit:
    """One visit of a node, known by (flow, node, visit) within the call.

    Recorded when the node is entered (``left_at`` None) and again, completed, when it is left; the second completes
    the first. Recording it once, when left, is allowed too.
    """

    call_id: str
    flow: str
    node: str
    type: str
    visit: int
    entered_at: float
    left_at: float | None = None
    exit: str = ""
    note: str = ""  # for people, masked by whoever made it


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call detail record: exactly one per call. A second one for the same call is counted and dropped."""

    call_id: str
    ended_at: float
    terminal_cause: TerminalCause
    hangup_cause: str = ""  # Q.850 name as the switch gives it
    outcome: str = ""  # the author's word for how the flow ended
    goals: tuple[str, ...] = ()  # in the order in which they were reached
    answered_at: float | None = None
    error: str = ""  # stable code and message of what broke; no personal data
    language: str = ""  # the language at the end; empty: as at the start


@dataclass(frozen=True, slots=True)
class CallGap:
    """A time in which the call had no engine: from the last sign of life of the one to the next one's taking over.

    ``how`` it went on: resumed (where it was), begun_again (its flow, from the start), talked_on (in a talk, which goes
    on without us).
    """

    call_id: str
    began_at: float
    ended_at: float
    how: str


@dataclass(frozen=True, slots=True)
class JournalPart:
    """What the run of a call was fed and did since the part before (`cti.flow.replay_recorder`): sealed as a whole.

    ``begun_at`` tells the runs of one call apart (an adopted call begins again), ``part`` counts from 1 within a run.
    ``secrets`` are sealed with a key of the call that is destroyed with the call's record; none outlives it.
    """

    call_id: str
    begun_at: float
    part: int
    entries: tuple[Any, ...]  # JSON-ready
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordingKept:
    """A file that a call leaves behind, as whoever makes it knows it; what becomes of the file later is the store's.

    ``path`` of the plain file is relative to the data folder of ``node`` and holds no personal data. ``masked`` and
    ``paused`` are spans [from, to) in wall-clock seconds: in the former the recording is silent, the latter it has left
    out. ``agents``: (agent, team) who talk in it. ``pages`` of a fax. Recorded when the file is begun (``ended_at``
    None) and again, completed, when it is closed.
    """

    call_id: str
    path: str
    kind: RecordingKind
    started_at: float
    ended_at: float | None = None
    masked: tuple[tuple[float, float], ...] = ()
    paused: tuple[tuple[float, float], ...] = ()
    pages: int = 0
    error: str = ""  # stable code of what went wrong; empty: nothing did
    node: str = ""
    queue: str = ""
    agents: tuple[tuple[str, str], ...] = ()

    @property
    def recording_id(self) -> str:
        return PurePosixPath(self.path).stem


@dataclass(frozen=True, slots=True)
class NoticeCount:
    """How many callers this run of an engine has told a notice on a day, as of this call: not one more, but all, so
    that writing it again changes nothing. ``day`` is a date (YYYY-MM-DD) in the engine's timezone."""

    call_id: str
    notice: str
    day: str
    run: str  # tells engines, and starts of one engine, apart
    heard: int
    heard_whole: int  # of them, to the end
    hung_up: int  # of them, hung up meanwhile


Record = (
    CallStarted
    | LegAdded
    | LegEnded
    | NodeVisit
    | CallEnded
    | CallGap
    | JournalPart
    | RecordingKept
    | MessageKept
    | NoticeCount
    | WrapUpKept
    | DocumentWaits
    | DocumentServed
    | EventKept
    | FloorRecord
)


# ---- out: what people and the API read ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What `Store.list_calls` looks for; None: any. ``caller`` is a number in any usual spelling.

    ``served_by``: phones of agents, one of whom had the call; none of them is no call."""

    caller: str | None = None
    called: str | None = None
    flow: str | None = None
    outcome: str | None = None
    terminal_cause: TerminalCause | None = None
    since: float | None = None  # started_at >= since
    until: float | None = None  # started_at < until
    live: bool | None = None  # True: no call detail record yet
    served_by: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as listed. ``cursor`` is what `Store.list_calls` takes as ``before`` for the next page."""

    call_id: str
    switch: str
    medium: str
    called: str
    caller: str | None  # masked unless asked otherwise
    caller_name: str  # masked unless asked otherwise
    entry: str
    flow: str
    flow_version: str
    language: str
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    terminal_cause: str | None = None  # None: the call is live
    hangup_cause: str = ""
    outcome: str = ""
    goals: tuple[str, ...] = ()
    error: str = ""
    cursor: str = ""

    @property
    def duration_s(self) -> float | None:
        """From the start to the end of the call; None while it lives."""
        return None if self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class LegRow:
    leg_id: str
    role: str
    switch: str
    number: str | None  # masked unless asked otherwise
    added_at: float
    ended_at: float | None
    hangup_cause: str


@dataclass(frozen=True, slots=True)
class VisitRow:
    flow: str
    node: str
    type: str
    visit: int
    entered_at: float
    left_at: float | None
    exit: str
    note: str


@dataclass(frozen=True, slots=True)
class CallDetail:
    """A call with its legs (in the order added), node visits (in the order entered) and recordings (as they began).
    ``messages``: what was written, in a conversation by text. ``wrapups``: what agents wrote about it. ``gaps``: times
    without an engine."""

    call: CallRow
    legs: tuple[LegRow, ...]
    visits: tuple[VisitRow, ...]
    recordings: tuple[Recording, ...] = ()
    messages: tuple[MessageRow, ...] = ()
    wrapups: tuple[WrapUpRow, ...] = ()
    gaps: tuple[CallGap, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the call's fields with ``legs``, ``visits``, ``recordings``, ``messages``, ``wrapups`` and
        ``gaps`` beside them."""
        found = asdict(self)
        shown = [{name: getattr(one, name) for name in _OF_RECORDING} for one in self.recordings]
        beside = {name: found[name] for name in ("legs", "visits", "messages", "wrapups")}
        gaps = [{"began_at": gap.began_at, "ended_at": gap.ended_at, "how": gap.how} for gap in self.gaps]
        return {**found["call"], **beside, "recordings": shown, "gaps": gaps}


#: Of a recording, for whoever may see its call; the rest is for those who may see recordings.
_OF_RECORDING = ("recording_id", "kind", "state", "started_at", "ended_at", "masked", "paused", "pages", "error")


@dataclass(frozen=True, slots=True)
class CallJournal:
    """The journal of the last run of a call, whole and in clear. ``secrets``: those whose key still exists."""

    call_id: str
    begun_at: float
    entries: tuple[Any, ...]
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoticeTotal:
    """Callers who were told a notice, over all engines and days; ``first_day`` and ``last_day`` are dates."""

    notice: str
    heard: int
    heard_whole: int
    hung_up: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """State of the store's writer. ``healthy`` False: writes are kept (queued, then spilled) until it can go on."""

    healthy: bool
    queued: int  # records in memory, not yet in the database
    spilled: int  # records in the spill file
    written: int
    rejected: int  # records that the database refuses for good; kept in the rejected file
    lost: int  # records dropped: memory and spill file were both full
    duplicates: int  # second call detail records, dropped
    error: str = ""  # why it is not healthy

    @property
    def late(self) -> int:
        """Records that wait although the database answers: it cannot keep up, or catches up after it was away."""
        return self.queued + self.spilled if self.healthy else 0
