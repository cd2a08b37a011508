"""A look-up, from the caller's arguments to the answer: cache, single-flight, route, target after target.

What is said of a look-up anywhere (screens, logs, ``--explain``) is names, codes and times, never a value.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cti.boss.backend import Backend
from cti.boss.caching import Cache, Kept, freshness
from cti.boss.flights import Flights
from cti.boss.guard.bulkhead import Priority
from cti.boss.mapping import UnknownCode, bind, incoming, outcome_of, outgoing
from cti.boss.plans import OfficePlan, QuestionPlan, TargetPlan
from cti.boss.policies import RetrySettings
from cti.boss.routing import Facts, Route, Segments, choose
from cti.boss.shadow import Shadows
from cti.boss.way import OUTCOME, Question, WayError
from cti.flow.expressions import EvalContext
from cti.flow.types import BadValue
from cti.ports import Clock

log = logging.getLogger("cti.boss")

AS_OF = "as_of"
#: Of the time that is left, for a target that another one follows.
FIRST_SHARE = 2 / 3
_ONCE = RetrySettings(attempts=1, budget_pct=0)


@dataclass(frozen=True, slots=True)
class Found:
    """``how``: asked, fresh, stale, if_error (kept values, for want of an answer), or none (nothing was asked).
    ``reason``: of a technical outcome. ``as_of``: wall clock, when the back end said so. ``steps``: what was tried."""

    outcome: str
    values: Mapping[str, Any] = field(default_factory=dict)
    how: str = "none"
    backend: str | None = None
    reason: str | None = None
    as_of: float | None = None
    took_s: float = 0.0
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one flight brought home."""

    kept: Kept | None
    outcome: str = ""
    reason: str = ""
    steps: tuple[str, ...] = ()


class Asking:
    """Reads of the back office. One for each engine; used by many greenlets."""

    def __init__(
        self,
        plan: OfficePlan,
        backends: Mapping[str, Backend],
        cache: Cache,
        clock: Clock,
        *,
        segments: Callable[[], Segments] = Segments,
    ) -> None:
        self._plan, self._backends, self._cache, self._clock = plan, backends, cache, clock
        self._segments = segments
        self._flights: Flights[_Asked] = Flights()
        self.shadows = Shadows(backends, clock, self._put_shadow)

    def ask(
        self, name: str, arguments: Mapping[str, Any], deadline_s: float, priority: Priority = Priority.IVR
    ) -> Found:
        """Blocks up to ``deadline_s`` (or the look-up's own deadline, if shorter). Never raises."""
        began = self._clock.monotonic()
        found = self._ask(name, arguments, deadline_s, priority, began)
        return replace(found, took_s=self._clock.monotonic() - began)

    def use(self, plan: OfficePlan, segments: Callable[[], Segments]) -> None:
        """For questions from now on."""
        self._plan, self._segments = plan, segments

    @property
    def flying(self) -> int:
        """Questions on their way."""
        return len(self._flights)

    def close(self) -> None:
        self.shadows.close()
        self._flights.close()

    def _ask(
        self, name: str, arguments: Mapping[str, Any], deadline_s: float, priority: Priority, began: float
    ) -> Found:
        plan = self._plan.lookups.get(name)
        if plan is None:
            log.error("the look-up '%s' is asked for, which is not configured", name)
            return Found("error", reason="unknown-lookup")
        try:
            inputs = bind(plan.signature, arguments)
        except BadValue as error:
            log.warning("%s: an argument is unusable: %s", name, error)
            return Found("error", reason="bad-argument")
        settings, kept, age = plan.policy.cache, None, "gone"
        key = self._cache.key(name, inputs, plan.version)
        if settings is not None:
            kept = self._cache.find(key, settings)
            age = freshness(kept, settings, self._clock.now()) if kept is not None else "gone"
        if kept is not None and age == "fresh":
            return _from_cache(kept, "fresh")

        def fly() -> _Asked:
            return self._answer(plan, inputs, key, priority, self._clock.monotonic() + plan.deadline_s)

        if kept is not None and age == "stale":
            self._flights.start(key, fly)
            return _from_cache(kept, "stale")
        wait_s = min(deadline_s, plan.deadline_s) - (self._clock.monotonic() - began)
        asked, first = self._flights.join(key if plan.policy.collapse else None, fly, wait_s)
        steps = asked.steps if asked is not None else ()
        if not first:
            steps = ("joined a question that is on its way", *steps)
        if asked is not None and asked.kept is not None:
            return replace(_from_cache(asked.kept, "asked"), steps=steps)
        if kept is not None and age == "if_error":
            return replace(_from_cache(kept, "if_error"), reason=asked.reason if asked else "no-answer", steps=steps)
        if asked is None:
            return Found("timeout", reason="no-answer", steps=steps)
        return Found(asked.outcome, reason=asked.reason, how="asked", steps=steps)

    # ---- in the flight ---------------------------------------------------------------------------------------------

    def _answer(
        self, plan: QuestionPlan, inputs: Mapping[str, Any], key: str, priority: Priority, deadline: float
    ) -> _Asked:
        route, steps = self.route(plan, inputs, deadline)
        if route is None:
            log.error("%s: no route matches", plan.name)
            return _Asked(None, "error", "no-route", tuple(steps))
        last = WayError("error", "no-target", sent=False)
        for at, target in enumerate(route.to, 1):
            until = deadline if at == len(route.to) else self._share(target, deadline)
            try:
                kept = self._put(plan, target, inputs, priority, until, plan.policy.retry)
            except WayError as error:
                last = error
                steps.append(f"{target.backend}: {error.outcome}, {error.reason}")
                continue
            steps.append(f"{target.backend}: {kept.outcome}")
            if plan.policy.cache is not None and not _unkept(plan, kept):
                self._cache.keep(key, kept, plan.policy.cache)
            if route.shadow is not None:
                self.shadows.offer(plan, route.shadow, inputs, kept)
            return _Asked(kept, steps=tuple(steps))
        return _Asked(None, last.outcome, last.reason, tuple(steps))

    def _share(self, target: TargetPlan, deadline: float) -> float:
        """Until when a target that others follow is asked: one that hangs must leave time for the next."""
        now, within = self._clock.monotonic(), target.options.within_ms
        return min(deadline, now + ((deadline - now) * FIRST_SHARE if within is None else within / 1000))

    def route(
        self, plan: QuestionPlan, inputs: Mapping[str, Any], deadline: float
    ) -> tuple[Route[TargetPlan] | None, list[str]]:
        """Which route this question takes, and why."""
        number = inputs.get(plan.subscriber) if plan.subscriber else None
        subscribers = self._plan.subscribers
        facts = Facts(
            inputs,
            subscribers.normalising.apply(number) if isinstance(number, str) else None,
            subscribers,
            self._segments(),
            lambda: self._attributes(plan, number, deadline),
            self._attribute_names(plan),
        )
        return choose(plan.routes, facts, EvalContext("", datetime.fromtimestamp(self._clock.now(), UTC)), plan.name)

    def _attribute_names(self, plan: QuestionPlan) -> frozenset[str]:
        source = self._plan.lookups.get(self._plan.attributes_lookup or "")
        return frozenset(source.signature.outputs) if source is not None and source is not plan else frozenset()

    def _attributes(self, plan: QuestionPlan, number: Any, deadline: float) -> Mapping[str, Any]:
        name = self._plan.attributes_lookup
        source = self._plan.lookups.get(name or "")
        if name is None or source is None or source.subscriber is None or number is None:
            return {}
        left = deadline - self._clock.monotonic()
        return self.ask(name, {source.subscriber: number}, left).values

    def _put_shadow(self, plan: QuestionPlan, target: TargetPlan, inputs: Mapping[str, Any], deadline: float) -> Kept:
        """Once, and with nothing of the budget that those have who wait. Raises WayError."""
        return self._put(plan, target, inputs, Priority.BATCH, deadline, _ONCE)

    def _put(
        self,
        plan: QuestionPlan,
        target: TargetPlan,
        inputs: Mapping[str, Any],
        priority: Priority,
        deadline: float,
        retry: RetrySettings,
    ) -> Kept:
        """One target's answer. Raises WayError."""
        backend = self._backends[target.backend]
        question = Question(target.options, outgoing(target.mapped, inputs, None), None, deadline)
        fields = backend.ask(target.service, question, priority, attempts=retry.attempts, budget_pct=retry.budget_pct)
        outcome, values = interpret(plan, target, fields)
        now = self._clock.now()
        if outcome == "ok" and AS_OF in plan.signature.outputs and values.get(AS_OF) is None:
            values = {**values, AS_OF: datetime.fromtimestamp(now, UTC)}
        return Kept(outcome, values, now, target.backend)


def interpret(plan: QuestionPlan, target: TargetPlan, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The outcome and, with ok, the values. Raises WayError for what the back end should not have said."""
    try:
        outcome = _said(plan, fields) or outcome_of(target.mapped, fields)
        return outcome, incoming(target.mapped, plan.signature, fields, (AS_OF,)) if outcome == "ok" else {}
    except UnknownCode as error:
        log.error("%s: %s answered with the code '%s', which is not declared", plan.name, target.backend, error.code)
        raise WayError("error", "unknown-code", sent=True) from None
    except BadValue as error:
        log.error("%s: the answer of %s does not fit: %s", plan.name, target.backend, error)
        raise WayError("error", "bad-answer", sent=True) from None


def _said(plan: QuestionPlan, fields: Mapping[str, Any]) -> str | None:
    """What the way itself tells of the outcome. Raises UnknownCode for one that is not declared."""
    said = fields.get(OUTCOME)
    if said is None:
        return None
    if said != "ok" and said not in plan.signature.outcomes:
        raise UnknownCode(str(said))
    return str(said)


def _from_cache(kept: Kept, how: str) -> Found:
    return Found(kept.outcome, kept.values, how, kept.backend, as_of=kept.at)


def _unkept(plan: QuestionPlan, kept: Kept) -> bool:
    """Does it hold something of a class that must not be kept?"""
    return any(name in plan.classes and not plan.classes[name].cached for name in kept.values)
