"""What is posted to a call's mailbox beside the events of `cti.core.events`, and the call's timers."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import TerminalCause


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over without the switch having said so: the switch is gone, or has taken the call."""

    cause: TerminalCause
    detail: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The call ended while the link was down; nobody told how."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Ended from outside (operator, API)."""


@dataclass(frozen=True, slots=True)
class AudioReady:
    """Rendering ended for ``Play(ref)``; None: it failed."""

    ref: int
    arguments: list[str] | None


@dataclass(frozen=True, slots=True)
class CameBack:
    """A caller who talked by an earlier engine's doing is parked again."""


@dataclass(frozen=True, slots=True)
class StayChanged:
    """The caller stands elsewhere by somebody else's doing (parked, transferred): it is kept anew."""


@dataclass(frozen=True, slots=True)
class Answered:
    pass


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The switch would not ``action`` (start, mask, …) the recording of the call."""

    action: str


@dataclass(frozen=True, slots=True)
class RecordTalk:
    """The queue's policy (start, stop), somebody who talks from now on (joined), or a pause: ``action`` is one of
    these, or pause or resume. ``why``: whose pause it is (agent, hold). ``agents``: (agent, team) who talk. ``done``:
    told of a pause or its end: the switch has done it; False: it refused, or nothing is recorded."""

    action: str
    why: str = "agent"
    queue: str = ""
    agents: tuple[tuple[str, str], ...] = ()
    done: Callable[[bool], None] | None = None


@dataclass(frozen=True, slots=True)
class LegJoined:
    uuid: str
    role: str
    number: str


@dataclass(frozen=True, slots=True)
class LegLeft:
    uuid: str
    cause: str


@dataclass(slots=True)
class Timers:
    """Timers of one call as a heap: the mailbox wait ends at the earliest, so no greenlet per timer."""

    heap: list[tuple[float, int]] = field(default_factory=list)
    live: set[int] = field(default_factory=set)

    def start(self, ref: int, at: float) -> None:
        self.live.add(ref)
        heapq.heappush(self.heap, (at, ref))

    def cancel(self, ref: int) -> None:
        self.live.discard(ref)

    def due(self) -> dict[int, float]:
        """Those that run: reference -> when."""
        return {ref: at for at, ref in self.heap if ref in self.live}

    def next_at(self) -> float | None:
        while self.heap and self.heap[0][1] not in self.live:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def pop_due(self, now: float) -> int | None:
        at = self.next_at()
        if at is None or at > now:
            return None
        ref = heapq.heappop(self.heap)[1]
        self.live.discard(ref)
        return ref
