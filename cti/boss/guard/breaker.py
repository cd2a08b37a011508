"""A circuit breaker with a failure rate and a slow rate, over a sliding window.

Closed: every question passes, and is remembered. Open: none does, until ``open_s`` is over; twice as long after each
trial that fails, up to ``open_max_s``. Half open: ``half_open_calls`` may try at once; if all end well it closes.

A question that still runs counts as slow once it has run for ``slow_ms``: a back end that hangs is noticed before the
first time-out. (Names and behaviour as resilience4j's count- and time-based windows,
https://resilience4j.readme.io/docs/circuitbreaker; counting what still runs is ours.)
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from cti.validating import Section

State = Literal["closed", "open", "half_open"]


class Window(Section):
    calls: int = Field(100, ge=1, le=100_000, description="the last so many answers are judged")
    seconds: float = Field(30.0, gt=0, le=3600, description="and none older than this")


class BreakerSettings(Section):
    window: Window = Window()
    min_calls: int = Field(20, ge=1, description="fewer answers are no ground for a judgement")
    failure_pct: float = Field(50.0, gt=0, le=100)
    slow_ms: float = Field(3000.0, gt=0, description="an answer that takes longer is slow; so is none after this time")
    slow_pct: float = Field(80.0, gt=0, le=100)
    open_s: float = Field(10.0, gt=0, le=3600)
    open_max_s: float = Field(120.0, gt=0, le=86_400)
    half_open_calls: int = Field(3, ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class Change:
    """``reason``: failures, slow, trial-failed, trial-passed, time."""

    state: State
    reason: str
    at: float


@dataclass(slots=True, eq=False)
class _Answer:
    at: float
    failed: bool
    slow: bool


@dataclass(slots=True, eq=False)
class Pass:
    """Permission for one question; goes back by `Breaker.ended` or `Breaker.withdrawn` exactly once."""

    began: float
    round: int
    answer: _Answer | None = None  # counted as slow while it still runs


class Breaker:
    """``changes``: the last transitions, the newest last, for operators."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._slow_s = settings.slow_ms / 1000
        self._answers: deque[_Answer] = deque(maxlen=settings.window.calls)
        self._running: OrderedDict[int, Pass] = OrderedDict()
        self._state: State = "closed"
        self._round = 0
        self._open_s = settings.open_s
        self._until = 0.0
        self._trials = self._passed = 0
        self.changes: deque[Change] = deque(maxlen=20)

    def state(self, now: float) -> State:
        self.look(now)
        return self._state

    def retry_in(self, now: float) -> float:
        """Seconds until somebody may try again; 0 unless it is open."""
        return max(0.0, self._until - now) if self.state(now) == "open" else 0.0

    def admit(self, now: float) -> Pass | None:
        """None: do not ask, it is ill."""
        self.look(now)
        if self._state == "open":
            return None
        if self._state == "half_open":
            if self._trials >= self._settings.half_open_calls:
                return None
            self._trials += 1
        permitted = Pass(now, self._round)
        self._running[id(permitted)] = permitted
        return permitted

    def ended(self, permitted: Pass, now: float, *, failed: bool) -> None:
        """``failed``: technically. What the business refuses is an answer like any other."""
        self.look(now)
        self._running.pop(id(permitted), None)
        if permitted.round != self._round:
            return  # asked before the last change: no news of what is now
        slow = now - permitted.began >= self._slow_s
        if self._state == "half_open":
            self._tried(now, bad=failed or slow)
        else:
            if permitted.answer is None:
                self._answers.append(_Answer(now, failed, slow))
            else:
                permitted.answer.failed = failed
            self._judge(now)

    def withdrawn(self, permitted: Pass) -> None:
        """It was not asked after all: as if it had never been admitted."""
        self._running.pop(id(permitted), None)
        if permitted.round == self._round and self._state == "half_open":
            self._trials -= 1

    def look(self, now: float) -> None:
        """What time alone brings: the end of being open, and questions that have become slow while they run."""
        if self._state == "open" and now >= self._until:
            self._change("half_open", "time", now)
        for permitted in self._running.values():
            if now - permitted.began < self._slow_s:
                break  # in the order of their beginning
            if permitted.answer is not None or permitted.round != self._round:
                continue
            permitted.answer = _Answer(now, failed=False, slow=True)
            if self._state == "half_open":
                self._tried(now, bad=True)
                return
            self._answers.append(permitted.answer)
        if self._state == "closed":
            self._judge(now)

    # ---- judgement -------------------------------------------------------------------------------------------------

    def _judge(self, now: float) -> None:
        settings, answers = self._settings, self._answers
        while answers and now - answers[0].at > settings.window.seconds:
            answers.popleft()
        if len(answers) < settings.min_calls:
            return
        failures, slow = sum(answer.failed for answer in answers), sum(answer.slow for answer in answers)
        if 100 * failures >= settings.failure_pct * len(answers):
            self._open(now, "failures")
        elif 100 * slow >= settings.slow_pct * len(answers):
            self._open(now, "slow")

    def _tried(self, now: float, *, bad: bool) -> None:
        if bad:
            self._open_s = min(2 * self._open_s, self._settings.open_max_s)
            self._open(now, "trial-failed")
            return
        self._passed += 1
        if self._passed >= self._settings.half_open_calls:
            self._open_s = self._settings.open_s
            self._change("closed", "trial-passed", now)

    def _open(self, now: float, reason: str) -> None:
        self._until = now + self._open_s
        self._change("open", reason, now)

    def _change(self, state: State, reason: str, now: float) -> None:
        self._state = state
        self._round += 1
        self._trials = self._passed = 0
        self._answers.clear()
        self.changes.append(Change(state, reason, now))
