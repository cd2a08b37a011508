"""One back end behind its guards: rate, bulkhead, breaker and retry budget around a `Way`; what operators see of it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from cti.boss.guard.breaker import Breaker, BreakerSettings
from cti.boss.guard.budget import RetryBudget
from cti.boss.guard.bulkhead import Bulkhead, ConcurrencySettings, Priority, Ticket, Verdict
from cti.boss.way import AWAITED, Question, Way, WayError
from cti.core.access.rate import RateLimit
from cti.ports import Clock

#: Upper bounds of the latency histogram, in seconds.
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Failures that say nothing of the back end's health: it was not asked.
_NOT_ASKED = frozenset({"breaker-open", "rate", "queue-full", "queue-late", "deadline"})
_NO_ILLNESS = _NOT_ASKED | {AWAITED}


@dataclass
class Tally:
    """``reasons``: how often a question failed so; ``last_failure``: of those that the back end had to do with, the
    reason and the wall clock. ``latency``: counts by `LATENCY_S`, the last: longer."""

    asked: int = 0
    repeated: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_S) + 1))
    last_failure: tuple[str, float] | None = None


class Backend:
    """Implements what is around a way. ``rate``: (per second, burst), None: no limit."""

    def __init__(
        self,
        name: str,
        way: Way,
        clock: Clock,
        *,
        concurrency: ConcurrencySettings,
        breaker: BreakerSettings,
        rate: tuple[float, float] | None = None,
    ) -> None:
        self.name, self._way, self._clock = name, way, clock
        self._bulkhead = Bulkhead(concurrency)
        self._breakers: dict[str, Breaker] = {}
        if getattr(way, "patient", False):  # its answers take minutes by their nature: none is slow
            breaker = breaker.model_copy(update={"slow_ms": math.inf})
        self._breaker_settings = breaker
        self._rate = RateLimit(*rate) if rate is not None else None
        self._burst = rate[1] if rate is not None else 0.0
        self._waiters: dict[int, Event] = {}
        self._budgets: dict[float, RetryBudget] = {}
        self._running: set[gevent.Greenlet[Any, Any]] = set()
        self.tally = Tally()

    def ask(
        self,
        service: str,
        question: Question,
        priority: Priority,
        *,
        attempts: int = 1,
        budget_pct: float = 20.0,
    ) -> Mapping[str, Any]:
        """The answer's fields, within the question's deadline. Raises WayError.

        ``service`` has a breaker of its own. A question is repeated when it failed in a way that another attempt may
        mend, never when it is a write that may have been received.
        """
        budget = self._budgets.setdefault(budget_pct, RetryBudget(budget_pct))
        budget.asked(self._clock.monotonic())
        for left in range(attempts - 1, -1, -1):
            try:
                return self._once(service, question, priority)
            except WayError as error:
                self._failed(error)
                if not left or not self._worth_repeating(error, question, budget):
                    raise
                self.tally.repeated += 1
        raise AssertionError("attempts is at least 1")

    @property
    def busy(self) -> bool:
        return self._bulkhead.running > 0 or self._bulkhead.waiting > 0

    @property
    def ill(self) -> bool:
        """Does a breaker of one of its services keep questions away? Those of shadow questions do not count."""
        now = self._clock.monotonic()
        return any(b.state(now) == "open" for name, b in self._breakers.items() if not name.endswith("~shadow"))

    def spare(self, now: float) -> bool:
        """May it be asked something that nobody waits for? While a place stays free after that, and half the burst of
        its rate."""
        if self._rate is not None and self._rate.left(self.name, now) - 1 < self._burst / 2:
            return False
        return self._bulkhead.spare

    def probe(self, deadline: float) -> None:
        """Past all guards: an operator wants to know. Raises WayError."""
        self._way.probe(deadline)

    def close(self) -> None:
        self._way.close()
        for greenlet in tuple(self._running):
            greenlet.kill(block=False)

    def facts(self) -> dict[str, Any]:
        now = self._clock.monotonic()
        breakers = {name: breaker.state(now) for name, breaker in sorted(self._breakers.items())}
        worst = next((state for state in ("open", "half_open") if state in breakers.values()), "closed")
        return {
            "name": self.name,
            "breaker": worst,
            "services": breakers,
            "retry_in_s": round(max((b.retry_in(now) for b in self._breakers.values()), default=0.0), 1),
            "running": self._bulkhead.running,
            "waiting": self._bulkhead.waiting,
            "asked": self.tally.asked,
            "repeated": self.tally.repeated,
            "failures": dict(self.tally.reasons),
            "last_failure": self.tally.last_failure,
            "latency": list(self.tally.latency),
            "way": dict(self._way.facts()),
        }

    # ---- one attempt -----------------------------------------------------------------------------------------------

    def _once(self, service: str, question: Question, priority: Priority) -> Mapping[str, Any]:
        now = self._clock.monotonic()
        if question.deadline <= now:
            raise WayError("timeout", "deadline", sent=False)
        breaker = self._breakers.setdefault(service, Breaker(self._breaker_settings))
        if breaker.state(now) == "open":
            raise WayError("error", "breaker-open", sent=False)
        if self._rate is not None and self._rate.take(self.name, now) > 0:
            raise WayError("throttled", "rate", sent=False)
        self._enter(priority, question.deadline)
        permitted = breaker.admit(self._clock.monotonic())
        if permitted is None:
            self._leave()
            raise WayError("error", "breaker-open", sent=False)
        self.tally.asked += 1
        result = _Result()
        worker = gevent.spawn(self._work, question, result)
        self._running.add(worker)

        def settle(_greenlet: object) -> None:
            self._running.discard(worker)
            self._leave()
            ended = self._clock.monotonic()
            self.tally.latency[bisect_left(LATENCY_S, ended - permitted.began)] += 1
            failed = result.error is not None and result.error.reason != AWAITED
            breaker.ended(permitted, ended, failed=failed)

        worker.rawlink(settle)
        worker.join(timeout=max(0.0, question.deadline - self._clock.monotonic()))
        if result.fields is not None:
            return result.fields
        raise result.error or WayError("timeout", "no-answer", sent=True)

    def _work(self, question: Question, result: _Result) -> None:
        try:
            result.fields = self._way.ask(question)
        except WayError as error:
            result.error = error
        except Exception as error:  # noqa: BLE001 - a way's bug must not end more than its question; no data is kept
            result.error = WayError("error", f"bug-{type(error).__name__}", sent=True)

    def _enter(self, priority: Priority, deadline: float) -> None:
        """Raises WayError when there is no place in time."""
        ticket, changed = self._bulkhead.enter(priority, self._clock.monotonic(), deadline)
        self._wake(changed)
        if ticket.verdict == "shed":
            raise WayError("throttled", "queue-full", sent=False)
        if ticket.verdict == "go":
            return
        verdict = self._wait(ticket)
        if verdict != "go":
            late = self._clock.monotonic() >= deadline
            reason = "queue-full" if verdict == "shed" else "queue-late"
            raise WayError("timeout" if late else "throttled", reason, sent=False)

    def _wait(self, ticket: Ticket) -> Verdict:
        woken = self._waiters[id(ticket)] = Event()
        try:
            woken.wait(timeout=max(0.0, ticket.expires - self._clock.monotonic()))
        except BaseException:
            if ticket.verdict == "go":  # whoever waited is gone, and has just been let in
                self._leave()
            raise
        finally:
            del self._waiters[id(ticket)]
            self._bulkhead.give_up(ticket)
        return ticket.verdict

    def _leave(self) -> None:
        self._wake(self._bulkhead.leave(self._clock.monotonic()))

    def _wake(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            self._waiters[id(ticket)].set()

    def _failed(self, error: WayError) -> None:
        self.tally.reasons[error.reason] += 1
        if error.reason not in _NO_ILLNESS:
            self.tally.last_failure = (error.reason, self._clock.now())

    def _worth_repeating(self, error: WayError, question: Question, budget: RetryBudget) -> bool:
        if error.reason in _NO_ILLNESS or error.outcome not in ("error", "timeout"):
            return False
        if question.key is not None and error.sent:
            return False
        now = self._clock.monotonic()
        return now < question.deadline and budget.repeat(now)


@dataclass
class _Result:
    fields: Mapping[str, Any] | None = None
    error: WayError | None = None
