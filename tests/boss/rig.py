"""An interface server's core over ways that answer as a test tells them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from cti.boss.asking import Asking
from cti.boss.backend import Backend
from cti.boss.caching import Cache, MemoryCache
from cti.boss.guard.breaker import BreakerSettings
from cti.boss.guard.bulkhead import ConcurrencySettings
from cti.boss.mapping import Mapped
from cti.boss.plans import BackendPlan, OfficePlan, QuestionPlan, TargetPlan
from cti.boss.policies import PolicySettings
from cti.boss.routing import Kind, Route, Segments, Subscribers
from cti.boss.way import Question, Surroundings, TargetOptions, Way, WayError
from cti.core.issue import Place
from cti.flow.catalog import LookupSignature
from cti.store.sealing import Sealer
from cti.validating import Section

SIGNATURE = LookupSignature.parse({"msisdn": "phone"}, {"balance": "decimal"}, ("not_found", "locked"))
SUBSCRIBER = {"msisdn": "13800000000"}


class TestClock:
    """Wall and monotonic time that a test moves on top of the machine's."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> float:
        return 1_800_000_000.0 + self.monotonic()

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


@dataclass
class ScriptedWay:
    """``answer``: fields, an error, or what makes them of the question. Holds questions while ``gate`` is clear."""

    answer: Mapping[str, Any] | WayError | Callable[[Question], Mapping[str, Any]] = field(
        default_factory=lambda: {"balance": "12.50"}
    )
    asked: list[Question] = field(default_factory=list)
    gate: Event = field(default_factory=Event)
    closed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    def ask(self, question: Question) -> Mapping[str, Any]:
        self.asked.append(question)
        self.gate.wait()
        if isinstance(self.answer, WayError):
            raise self.answer
        return self.answer(question) if callable(self.answer) else self.answer

    def probe(self, deadline: float) -> None:
        if isinstance(self.answer, WayError):
            raise self.answer

    def facts(self) -> Mapping[str, int | float | str]:
        return {"asked": len(self.asked)}

    def close(self) -> None:
        self.closed = True


class ScriptedKind:
    name = "scripted"
    Backend = Section
    Target = TargetOptions

    def prove_backend(self, backend: Any) -> tuple[()]:
        return ()

    def prove_target(self, backend: Any, target: Any, carried: Any) -> tuple[()]:
        return ()

    def service(self, target: Any) -> str:
        return "QRYBAL"

    def open(self, backend: Any, around: Surroundings) -> Way:
        return ScriptedWay()


def target(backend: str, mapped: Mapped | None = None, service: str = "QRYBAL") -> TargetPlan:
    return TargetPlan(backend, service, TargetOptions(), mapped or Mapped())


def question(
    *to: TargetPlan, policy: PolicySettings | None = None, signature: LookupSignature = SIGNATURE, **more: Any
) -> QuestionPlan:
    routes = more.pop("routes", None) or (Route(None, to or (target("a"),)),)
    plain = {"deadline_s": 2.0, "place": Place("x"), "subscriber": "msisdn", **more}
    return QuestionPlan("balance.get", signature, routes, policy or PolicySettings(), **plain)


class Office:
    """``ways``: by the name of the back end."""

    def __init__(
        self,
        *plans: QuestionPlan,
        breaker: BreakerSettings | None = None,
        concurrency: ConcurrencySettings | None = None,
        rate: tuple[float, float] | None = None,
        segments: Segments | None = None,
        attributes_lookup: str | None = None,
    ) -> None:
        self.clock = TestClock()
        names = {t.backend for plan in plans for route in plan.routes for t in route.to}
        names |= {route.shadow.to.backend for plan in plans for route in plan.routes if route.shadow}
        self.ways = {name: ScriptedWay() for name in sorted(names)}
        self.plan = OfficePlan(
            {name: BackendPlan(name, ScriptedKind(), Section(), Place("x")) for name in self.ways},
            {plan.name: plan for plan in plans if not plan.write},
            {plan.name: plan for plan in plans if plan.write},
            Subscribers(kinds=(Kind("mobile", re.compile(r"^1[3-9]\d{9}$")),)),
            attributes_lookup=attributes_lookup,
        )
        self.backends = {
            name: Backend(
                name,
                way,
                self.clock,
                concurrency=concurrency or ConcurrencySettings(),
                breaker=breaker or BreakerSettings(),
                rate=rate,
            )
            for name, way in self.ways.items()
        }
        self.memory = MemoryCache()
        self.sealer = Sealer({"k1": b"k" * 32}, "k1", b"b" * 32)
        self.cache = Cache(self.memory, self.sealer)
        self.asking = Asking(self.plan, self.backends, self.cache, self.clock, segments=lambda: segments or Segments())

    def close(self) -> None:
        self.asking.close()
        for way in self.ways.values():
            way.gate.set()
        for backend in self.backends.values():
            backend.close()


@contextmanager
def opened(*plans: QuestionPlan, **more: Any) -> Iterator[Office]:
    office = Office(*plans, **more)
    try:
        yield office
    finally:
        office.close()


def until(condition: Callable[[], object], limit_s: float = 20.0, what: Callable[[], str] = str) -> None:
    """``what``: said of what did not come about. An AssertionError, for gevent's own is no Exception: raised while a
    test is cleared up, that would leave the test's other fixtures, its folder among them, to all that follow."""
    with gevent.Timeout(limit_s, False):
        while not condition():
            gevent.sleep(0.002)
        return
    raise AssertionError(what() or "not in time")
