"""Queues of this process: first come, first served, to the phones listed for a queue.

The place for the distribution core of a later release; until then a caller who asks for a person reaches one. State
is touched only between switches of the hub (no call in here yields), so it needs no lock.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.commands import EnterQueue, RequestCallback
    from cti.ports import Clock, Switch

log = logging.getLogger("cti.queue")

#: Refs of our own playbacks and bridges on a run's channel, far above any a run reaches.
MUSIC_REF = 1_000_000_000
TALK_REF = 2_000_000_000
RING_S = 20.0
#: A phone that did not answer is left alone this long.
REST_S = 10.0


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """``agents``: extensions rung in turn. ``limit``: waiting callers; more hear `full`."""

    name: str
    agents: tuple[str, ...] = ()
    limit: int = 100
    music: str = "silence_stream://10000"


@dataclass(slots=True)
class _Waiting:
    uuid: str
    switch: Switch
    wish: EnterQueue
    post: Callable[[Any], None]
    entered_at: float
    agent: str | None = None
    music: int = 0
    music_on: bool = False
    timers: list[gevent.Greenlet[Any, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    settings: QueueSettings
    waiting: deque[_Waiting] = field(default_factory=deque)
    handled: deque[float] = field(default_factory=lambda: deque(maxlen=50))  # waits of the last callers answered


class MemoryQueues:
    def __init__(self, queues: Mapping[str, QueueSettings], clock: Clock) -> None:
        self._lines = {name: _Line(settings) for name, settings in queues.items()}
        self._clock = clock
        self._calls: dict[str, tuple[_Line, _Waiting]] = {}
        self._busy: dict[str, str] = {}  # agent -> call
        self._resting: dict[str, float] = {}
        self.callbacks: list[tuple[str, RequestCallback]] = []

    def names(self) -> list[str]:
        return sorted(self._lines)

    def snapshot(self) -> dict[str, int]:
        return {name: len(line.waiting) for name, line in self._lines.items()}

    # ---- what a run asks ----------------------------------------------------------------------------------------

    def enter(self, uuid: str, switch: Switch, wish: EnterQueue, post: Callable[[Any], None]) -> None:
        line = self._lines.get(wish.queue)
        if line is None or not line.settings.agents:
            post(ev.QueueEnded(wish.ref, "no_agents"))
            return
        if len(line.waiting) >= line.settings.limit:
            post(ev.QueueEnded(wish.ref, "full"))
            return
        entry = _Waiting(uuid, switch, wish, post, self._clock.monotonic())
        line.waiting.append(entry)
        self._calls[uuid] = (line, entry)
        if wish.max_wait_s is not None:
            self._later(entry, wish.max_wait_s, self._waited_out, line)
        if wish.announce_every_s:
            self._later(entry, wish.announce_every_s, self._announce, line)
        self._start_music(line, entry)
        self._match(line)

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        del ref, keep_place  # the place of a callback needs the distribution core
        self._drop(uuid)

    def callback(self, uuid: str, wish: RequestCallback) -> ev.CallbackEnded:
        """Nobody dials callbacks in this release, so none is promised: the flow goes on as for a refusal."""
        log.info("call %s: callback declined, no distribution core is configured", uuid)
        return ev.CallbackEnded(wish.ref, "declined")

    def gone(self, uuid: str) -> None:
        self._drop(uuid)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def music_ended(self, uuid: str, ref: int) -> bool:
        """True when the playback was our hold music: it is finite and renewed (DESIGN 3.1)."""
        if ref < MUSIC_REF:
            return False
        found = self._calls.get(uuid)
        if found is not None:
            line, entry = found
            entry.music_on = False
            if entry.agent is None:
                self._start_music(line, entry)
            else:
                entry.switch.transfer(uuid, TALK_REF, "agent", entry.agent, RING_S)
        return True

    def talk_ended(self, uuid: str, ref: int, outcome: str) -> bool:
        """True when the bridge was ours: the talk is over, or the phone was not answered and the caller waits on."""
        if ref < TALK_REF:
            return False
        found = self._calls.get(uuid)
        if found is None:
            return True
        line, entry = found
        agent, entry.agent = entry.agent, None
        if agent is not None:
            self._busy.pop(agent, None)
        if outcome == "talked":
            line.handled.append(self._clock.monotonic() - entry.entered_at)
            self._drop(uuid)
            entry.post(ev.QueueEnded(entry.wish.ref, "talked"))
        else:
            log.info("queue %s: %s did not take call %s: %s", line.settings.name, agent, uuid, outcome)
            if agent is not None:
                self._resting[agent] = self._clock.monotonic() + REST_S
            self._start_music(line, entry)
            self._later(entry, REST_S, self._match_again, line)
        self._match_all()
        return True

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _match_all(self) -> None:
        for line in self._lines.values():
            self._match(line)

    def _match(self, line: _Line) -> None:
        for entry in line.waiting:
            if entry.agent is not None:
                continue
            agent = self._free_agent(line)
            if agent is None:
                return
            entry.agent = agent
            self._busy[agent] = entry.uuid
            if entry.music_on:  # the bridge follows the end of the music: two things at once would nest
                entry.switch.stop_play(entry.uuid, entry.music)
            else:
                entry.switch.transfer(entry.uuid, TALK_REF, "agent", agent, RING_S)

    def _match_again(self, line: _Line, entry: _Waiting) -> None:
        del entry
        self._match(line)

    def _free_agent(self, line: _Line) -> str | None:
        now = self._clock.monotonic()
        free = (a for a in line.settings.agents if a not in self._busy and self._resting.get(a, 0.0) <= now)
        return next(free, None)

    def _start_music(self, line: _Line, entry: _Waiting) -> None:
        entry.music = max(entry.music, MUSIC_REF) + 1
        entry.music_on = True
        entry.switch.play(entry.uuid, entry.music, [line.settings.music])

    def _waited_out(self, line: _Line, entry: _Waiting) -> None:
        if entry.agent is None:  # a phone that rings already may still be answered
            self._drop(entry.uuid)
            entry.post(ev.QueueEnded(entry.wish.ref, "timeout"))
        else:
            self._later(entry, 1.0, self._waited_out, line)

    def _announce(self, line: _Line, entry: _Waiting) -> None:
        if entry.agent is None and entry in line.waiting:
            position = line.waiting.index(entry) + 1
            entry.post(ev.QueueAnnounced(entry.wish.ref, position, self._ewt(line, position)))
        self._later(entry, entry.wish.announce_every_s or 30.0, self._announce, line)

    def _ewt(self, line: _Line, position: int) -> float | None:
        """Mean wait of the last callers answered, shared by place; None before anybody was answered."""
        if not line.handled:
            return None
        return sum(line.handled) / len(line.handled) * position / max(1, len(line.waiting))

    def _later(self, entry: _Waiting, seconds: float, work: Callable[[_Line, _Waiting], None], line: _Line) -> None:
        entry.timers = [timer for timer in entry.timers if not timer.dead]
        entry.timers.append(gevent.spawn_later(seconds, work, line, entry))

    def _drop(self, uuid: str) -> None:
        found = self._calls.pop(uuid, None)
        if found is None:
            return
        line, entry = found
        if entry in line.waiting:
            line.waiting.remove(entry)
        current = gevent.getcurrent()
        for timer in entry.timers:
            if timer is not current:
                timer.kill(block=False)
        if entry.agent is not None:
            self._busy.pop(entry.agent, None)
        if entry.music_on:
            entry.switch.stop_play(uuid, entry.music)
        self._match_all()
