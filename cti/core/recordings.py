"""What was recorded: its row, how long it is kept, and what may be done with it.

A recording is a file that a call left behind. The switch writes it in clear; when it is complete it is sealed, and the
plain file is removed. Times are wall-clock seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cti.core.access.principal import ResourceScope

_DAY_S = 86_400.0
Span = tuple[float, float]


class RecordingKind(StrEnum):
    TALK = "talk"  # of an agent with a customer, by the policy of the queue
    FLOW = "flow"  # from the flow's node `recording`
    VOICEMAIL = "voicemail"
    FAX = "fax"  # pages that were received


class RecordingState(StrEnum):
    RUNNING = "running"  # the switch writes it
    COMPLETE = "complete"  # written; to be sealed
    SEALED = "sealed"
    FAILED = "failed"  # there is no file
    DELETED = "deleted"  # its content is gone; the row tells who deleted it, when and why


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did it, when and why: a hold, or a deletion."""

    at: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """``agents``: (agent, team at that time) of those whose talk it holds. ``path``: of the plain file while there is
    one, ``sealed_path``: of the sealed one, both relative to the data folder of ``node``. ``size`` (bytes) and
    ``digest`` (SHA-256) are of the content in clear; ``key_id`` is the key of the ring that its own key is sealed with.
    ``masked`` and ``paused``: spans [from, to) that are silent, or left out. ``until``: deleted then; None: kept."""

    recording_id: str
    call_id: str
    kind: RecordingKind
    node: str
    started_at: float
    ended_at: float | None = None
    path: str = ""
    sealed_path: str = ""
    queue: str = ""
    agents: tuple[tuple[str, str], ...] = ()
    length_s: float | None = None
    size: int | None = None
    digest: str = ""
    key_id: str = ""
    sealed_at: float | None = None
    until: float | None = None
    masked: tuple[Span, ...] = ()
    paused: tuple[Span, ...] = ()
    pages: int = 0
    error: str = ""
    held: Mark | None = None
    deleted: Mark | None = None
    call_over: bool = False  # there is a call detail record

    @property
    def state(self) -> RecordingState:
        if self.deleted is not None:
            return RecordingState.DELETED
        if self.sealed_at is not None:
            return RecordingState.SEALED
        if not self.path:
            return RecordingState.FAILED
        over = self.ended_at is not None or self.call_over
        return RecordingState.COMPLETE if over else RecordingState.RUNNING

    @property
    def scope(self) -> ResourceScope:
        """To whom it belongs: the teams whose agents talk in it, and its queue."""
        teams = frozenset(team for _, team in self.agents if team)
        return ResourceScope(teams=teams, queues=frozenset([self.queue] if self.queue else ()))


@dataclass(frozen=True, slots=True)
class Retention:
    """Days until a recording is deleted, by kind, and for talks of a queue of its own; 0: never."""

    days: Mapping[RecordingKind, int] = field(default_factory=dict)
    of_queue: Mapping[str, int] = field(default_factory=dict)

    def days_of(self, kind: RecordingKind, queue: str) -> int:
        if queue in self.of_queue:
            return self.of_queue[queue]
        return self.days.get(kind, 0)

    def until(self, kind: RecordingKind, queue: str, ended_at: float) -> float | None:
        """
        >>> Retention({RecordingKind.TALK: 2}).until(RecordingKind.TALK, "", 0.0)
        172800.0
        """
        days = self.days_of(kind, queue)
        return ended_at + days * _DAY_S if days else None
