"""Queues of this process: first come, first served, to the phones listed for a queue.

The place for the distribution core of a later release; until then a caller who asks for a person reaches one. State
is touched only between switches of the hub (no call in here yields), so it needs no lock.

An entry is waiting (in `_Line.waiting`, its place is its position), ringing (still there, ``agent`` set) or talking
(no longer in the line). Every way out goes through `_drop`.
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

    from cti.core.commands import EnterQueue
    from cti.ports import Clock, Switch

log = logging.getLogger("cti.queue")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """``agents``: extensions rung in turn. ``limit``: waiting callers; more hear `full`. ``music``: played again and
    again, so it is to be finite (DESIGN 3.1). A phone rings for ``ring_s`` and rests ``rest_s`` when nobody came."""

    name: str
    agents: tuple[str, ...] = ()
    limit: int = 100
    music: str = "tone_stream://%(300,9700,350,440)"
    ring_s: float = 20.0
    rest_s: float = 10.0


@dataclass(slots=True, eq=False)
class _Entry:
    uuid: str
    switch: Switch
    wish: EnterQueue
    post: Callable[[Any], None]
    line: _Line
    entered_at: float
    agent: str | None = None
    talking: bool = False
    timers: set[gevent.Greenlet[Any, Any]] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Line:
    settings: QueueSettings
    waiting: deque[_Entry] = field(default_factory=deque)
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=50))  # of the last callers answered, seconds


class MemoryQueues:
    def __init__(self, queues: Mapping[str, QueueSettings], clock: Clock) -> None:
        self._lines = {name: _Line(settings) for name, settings in queues.items()}
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._busy: dict[str, str] = {}  # agent -> call
        self._leaving: dict[tuple[str, int], str] = {}  # (call, ref) -> agent whose phone is being stopped
        self._resting: dict[str, gevent.Greenlet[..., None]] = {}

    def names(self) -> list[str]:
        return sorted(self._lines)

    def snapshot(self) -> dict[str, int]:
        """Callers waiting, by queue."""
        return {name: len(line.waiting) for name, line in self._lines.items()}

    def idle(self) -> bool:
        """Nobody waits, rings or talks."""
        return not (self._entries or self._busy or any(line.waiting for line in self._lines.values()))

    # ---- what a run asks ----------------------------------------------------------------------------------------

    def enter(self, uuid: str, switch: Switch, wish: EnterQueue, post: Callable[[Any], None]) -> None:
        line = self._lines.get(wish.queue)
        self._drop(uuid)
        if line is None or not line.settings.agents:
            post(ev.QueueEnded(wish.ref, "no_agents"))
            return
        if len(line.waiting) >= line.settings.limit:
            post(ev.QueueEnded(wish.ref, "full"))
            return
        entry = self._entries[uuid] = _Entry(uuid, switch, wish, post, line, self._clock.monotonic())
        line.waiting.append(entry)
        if wish.max_wait_s is not None:
            self._later(entry, wish.max_wait_s, self._waited_out)
        if wish.announce_every_s:
            self._later(entry, wish.announce_every_s, self._announce)
        self._match(line)
        if entry.agent is None:
            switch.start_music(uuid, [line.settings.music])

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        """The caller goes on elsewhere: a phone that rings is stopped."""
        del keep_place  # the place of a callback needs the distribution core
        entry = self._entries.get(uuid)
        if entry is None or entry.wish.ref != ref:
            return
        if entry.agent is not None:  # it stays busy until it has stopped ringing
            self._leaving[uuid, ref], entry.agent = entry.agent, None
            entry.switch.stop_transfer(uuid, ref)
        self._drop(uuid)

    def gone(self, uuid: str) -> None:
        """The caller hung up; the switch stops the ringing with that."""
        for key in [key for key in self._leaving if key[0] == uuid]:
            self._busy.pop(self._leaving.pop(key), None)
        self._drop(uuid)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def joined(self, uuid: str) -> None:
        """The agent's phone was answered."""
        entry = self._entries.get(uuid)
        if entry is None or entry.agent is None or entry.talking:
            return
        entry.talking = True
        entry.line.waiting.remove(entry)
        entry.line.waits.append(self._clock.monotonic() - entry.entered_at)
        self._stop_timers(entry)

    def talk_ended(self, uuid: str, ref: int, outcome: str) -> bool:
        """True when the bridge was ours: the talk is over, or the phone was not answered and the caller waits on."""
        if (left := self._leaving.pop((uuid, ref), None)) is not None:
            self._busy.pop(left, None)
            self._match_all()
            return True
        entry = self._entries.get(uuid)
        if entry is None or entry.wish.ref != ref:
            return False
        agent, entry.agent = entry.agent, None
        line = entry.line
        if agent is not None:
            self._busy.pop(agent, None)
        if entry.talking or outcome == "talked":
            self._drop(uuid)
            entry.post(ev.QueueEnded(ref, "talked"))
            self._match_all()
            return True
        log.info("queue %s: %s did not take call %s: %s", line.settings.name, agent, uuid, outcome)
        if agent is not None:
            self._rest(agent, line.settings.rest_s)
        self._match_all()
        if entry.agent is None:
            entry.switch.start_music(uuid, [line.settings.music])
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
            entry.switch.stop_music(entry.uuid)
            entry.switch.transfer(entry.uuid, entry.wish.ref, "agent", agent, line.settings.ring_s)

    def _free_agent(self, line: _Line) -> str | None:
        free = (a for a in line.settings.agents if a not in self._busy and a not in self._resting)
        return next(free, None)

    def _rest(self, agent: str, seconds: float) -> None:
        def over() -> None:
            self._resting.pop(agent, None)
            self._match_all()

        self._resting[agent] = gevent.spawn_later(seconds, over)

    def _waited_out(self, entry: _Entry) -> None:
        if entry.agent is not None:  # a phone that rings already may still be answered
            self._later(entry, 0.5, self._waited_out)
            return
        self._drop(entry.uuid)
        entry.post(ev.QueueEnded(entry.wish.ref, "timeout"))

    def _announce(self, entry: _Entry) -> None:
        if entry.agent is None:
            position = entry.line.waiting.index(entry) + 1
            entry.post(ev.QueueAnnounced(entry.wish.ref, position, self._ewt(entry.line)))
        self._later(entry, entry.wish.announce_every_s or 30.0, self._announce)

    def _ewt(self, line: _Line) -> float | None:
        """What the last callers waited, on average; None before anybody was answered."""
        return sum(line.waits) / len(line.waits) if line.waits else None

    def _later(self, entry: _Entry, seconds: float, work: Callable[[_Entry], None]) -> None:
        timer = gevent.spawn_later(seconds, work, entry)
        entry.timers.add(timer)
        timer.rawlink(entry.timers.discard)

    def _stop_timers(self, entry: _Entry) -> None:
        current = gevent.getcurrent()
        for timer in tuple(entry.timers):
            if timer is not current:
                timer.kill(block=False)

    def _drop(self, uuid: str) -> None:
        entry = self._entries.pop(uuid, None)
        if entry is None:
            return
        if entry in entry.line.waiting:
            entry.line.waiting.remove(entry)
        self._stop_timers(entry)
        entry.switch.stop_music(uuid)
        if entry.agent is not None:
            self._busy.pop(entry.agent, None)
        self._match_all()
