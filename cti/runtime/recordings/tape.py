"""A call's recording while it runs, with the spans that it is silent, and those that it leaves out.

There is one at a time: the flow's, which goes on through queues and talks, or, where there is none, that of a talk with
an agent, by the policy of the queue. It is paused as long as somebody has a reason: the flow, the agent, a hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Protocol

import gevent

from cti.core.recordings import RecordingKind
from cti.core.records import RecordingKept
from cti.runtime.messages import RecordTalk
from cti.runtime.runclock import RunClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import Clock
    from cti.runtime.recordings.plain import PlainFiles

#: A key's tone sounds on after the switch has told of it: it must not be heard in the recording either.
UNMASK_AFTER_S = 0.6
#: Whose pauses end with the talk.
OF_TALKS = ("agent", "hold")
Span = tuple[float, float]


class RecordsCalls(Protocol):
    """The part of `cti.ports.Switch`, and of `LegControl`, that is asked for here."""

    def start_recording(self, uuid: str, path: str) -> None: ...

    def pause_recording(self, uuid: str, on: bool, done: Callable[[bool], None] | None = None) -> None: ...

    def mask_recording(self, uuid: str, on: bool) -> None: ...

    def stop_recording(self, uuid: str) -> None: ...


@dataclass(slots=True)
class Running:
    """``masked_at``, ``paused_at``: since when, None: not. ``pauses``: who has a reason."""

    kept: RecordingKept
    masked_at: float | None = None
    paused_at: float | None = None
    pauses: set[str] = field(default_factory=set)
    masked: list[Span] = field(default_factory=list)
    paused: list[Span] = field(default_factory=list)
    unmasking: gevent.Greenlet[..., None] | None = None

    def closed(self, at: float) -> RecordingKept:
        masked = [*self.masked, *([(self.masked_at, at)] if self.masked_at is not None else [])]
        paused = [*self.paused, *([(self.paused_at, at)] if self.paused_at is not None else [])]
        return replace(self.kept, ended_at=at, masked=tuple(masked), paused=tuple(paused))


class CallTape:
    """``keep`` writes to the call's record. All on one greenlet, but for the end of a mask."""

    def __init__(
        self,
        uuid: str,
        switch: RecordsCalls,
        files: PlainFiles,
        clock: Clock,
        keep: Callable[[RecordingKept], None],
    ) -> None:
        self._uuid, self._switch, self._files, self._keep = uuid, switch, files, keep
        self._clock = RunClock(clock, UTC)  # spans lie where they lie in the file, whoever sets the clock
        self._running: Running | None = None

    def start(self, kind: RecordingKind, queue: str = "", agents: tuple[tuple[str, str], ...] = ()) -> None:
        self.close()
        kept = replace(self._files.new(self._uuid, kind, self._clock.time(), queue), agents=agents)
        self._running = Running(kept)
        self._keep(kept)
        self._switch.start_recording(self._uuid, str(self._files.path(kept)))

    def talk(self, told: RecordTalk) -> None:
        """By the policy of a queue (start, stop), the agent, or because the caller is on hold (pause, resume)."""
        running = self._running
        match told.action:
            case "start" if running is None:
                self.start(RecordingKind.TALK, told.queue, told.agents)
            case "start" | "joined" if running is not None:
                running.kept = replace(
                    running.kept,
                    queue=told.queue or running.kept.queue,
                    agents=tuple(dict.fromkeys((*running.kept.agents, *told.agents))),
                )
            case "stop" if running is not None and running.kept.kind is RecordingKind.TALK:
                self.stop()
            case "stop":
                for why in OF_TALKS:
                    self.pause(False, why)
            case "pause" | "resume":
                self.pause(told.action == "pause", told.why, told.done)

    def pause(self, on: bool, why: str, done: Callable[[bool], None] | None = None) -> None:
        """``done``: told what becomes of it; False: nothing is recorded, or the switch refuses."""
        running = self._running
        if running is None:
            if done is not None:
                done(False)
            return
        (running.pauses.add if on else running.pauses.discard)(why)
        if bool(running.pauses) == (running.paused_at is not None):
            if done is not None:
                done(True)  # for another reason it is paused already, or still
        elif running.pauses:
            running.paused_at = self._clock.time()
            self._switch.pause_recording(self._uuid, True, done)
        elif running.paused_at is not None:
            self._switch.pause_recording(self._uuid, False, done)
            running.paused.append((running.paused_at, self._clock.time()))
            running.paused_at = None

    def mask(self, on: bool) -> None:
        running = self._running
        if running is None:
            return
        if running.unmasking is not None:
            running.unmasking.kill(block=False)
            running.unmasking = None
        if not on:
            running.unmasking = gevent.spawn_later(UNMASK_AFTER_S, self._unmask, running)
        elif running.masked_at is None:
            running.masked_at = self._clock.time()
            self._switch.mask_recording(self._uuid, True)

    def _unmask(self, running: Running) -> None:
        running.unmasking = None
        if running is self._running and running.masked_at is not None:
            self._switch.mask_recording(self._uuid, False)
            running.masked.append((running.masked_at, self._clock.time()))
            running.masked_at = None

    def stop(self) -> None:
        if self._running is not None:
            self._switch.stop_recording(self._uuid)
            self.close()

    def failed(self, action: str) -> str:
        """Note it, and give the words for the call's record."""
        if self._running is not None:
            self._running.kept = replace(self._running.kept, error=f"recording-failed: {action}")
        return f"recording-failed: {action}"

    def close(self) -> None:
        """The switch has closed it, or does so with the call."""
        running, self._running = self._running, None
        if running is None:
            return
        if running.unmasking is not None:
            running.unmasking.kill(block=False)
        self._keep(running.closed(self._clock.time()))
