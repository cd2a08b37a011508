"""Shadow questions of a migration: what the usual way has answered is asked of the new way as well, and compared.

Nobody waits for it, and it takes nothing from anybody who waits: it is asked behind the answer, in a greenlet of its
own, only while its back end has places to spare, with a breaker of its own, once. What is counted is names and
outcomes; of what differs the newest samples are kept in memory, masked before they are.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

import gevent

from cti.boss.backend import Backend
from cti.boss.caching import Kept
from cti.boss.plans import OfficePlan, QuestionPlan, TargetPlan
from cti.boss.routing import Shadow
from cti.boss.shadow_compare import differing, sample_of
from cti.boss.shadow_counts import Compared
from cti.boss.way import WayError
from cti.ports import Clock

log = logging.getLogger("cti.boss")

#: Asks one target once: (question, target, inputs, deadline on the monotonic clock). Raises WayError.
Ask = Callable[[QuestionPlan, TargetPlan, Mapping[str, Any], float], Kept]


class Shadows:
    """One for each engine. ``draw``: a number from 0 up to 1, for the share that is asked."""

    def __init__(
        self, backends: Mapping[str, Backend], clock: Clock, ask: Ask, draw: Callable[[], float] = random.random
    ) -> None:
        self._backends, self._clock, self._ask, self._draw = backends, clock, ask, draw
        self._compared: dict[str, Compared] = {}
        self._greenlets: dict[gevent.Greenlet[Any, Any], str] = {}

    def offer(self, plan: QuestionPlan, shadow: Shadow[TargetPlan], inputs: Mapping[str, Any], usual: Kept) -> None:
        """The usual way has answered ``usual``. Returns at once. Never raises."""
        if self._draw() * 100 >= shadow.percent:
            return
        counts = self._counts(plan.name)
        if sum(name == plan.name for name in self._greenlets.values()) >= shadow.at_once:
            counts.skipped["at-once"] += 1
            return
        greenlet = gevent.spawn(self._shadow, plan, shadow, inputs, usual, counts)
        self._greenlets[greenlet] = plan.name
        greenlet.rawlink(lambda ended: self._greenlets.pop(ended, None))

    @property
    def running(self) -> int:
        return len(self._greenlets)

    def report(self, plan: OfficePlan) -> dict[str, Compared]:
        """By look-up: those of ``plan`` that are shadowed, and those of which something is known."""
        shadowed = (name for name, one in plan.lookups.items() if any(route.shadow for route in one.routes))
        return {name: self._compared.get(name) or Compared(self._clock.now()) for name in {*shadowed, *self._compared}}

    def clear(self, name: str | None = None) -> int:
        """Forget what is known, of one look-up or of all: how many comparisons that were."""
        names = list(self._compared) if name is None else [name]
        gone = [self._compared.pop(one) for one in names if one in self._compared]
        return sum(one.compared for one in gone)

    def close(self) -> None:
        for greenlet in tuple(self._greenlets):
            greenlet.kill(block=False)

    def _counts(self, name: str) -> Compared:
        return self._compared.setdefault(name, Compared(self._clock.now()))

    # ---- in the greenlet -------------------------------------------------------------------------------------------

    def _shadow(
        self,
        plan: QuestionPlan,
        shadow: Shadow[TargetPlan],
        inputs: Mapping[str, Any],
        usual: Kept,
        counts: Compared,
    ) -> None:
        gevent.sleep(0)  # whoever waits for the usual answer goes first
        backend = self._backends.get(shadow.to.backend)
        if backend is None or not backend.spare(self._clock.monotonic()):
            counts.skipped["busy" if backend is not None else "gone"] += 1
            return
        try:
            new = self._ask(plan, shadow.to, inputs, self._clock.monotonic() + plan.deadline_s)
        except WayError as error:
            counts.failed[error.reason] += 1
            return
        except Exception as error:  # noqa: BLE001 - a bug here must end nothing but this question; no data is kept
            counts.failed[f"bug-{type(error).__name__}"] += 1
            log.error("%s: a shadow question broke: %s", plan.name, type(error).__name__)
            return
        fields = differing(plan, shadow, usual, new)
        difference = sample_of(plan, inputs, usual, new, fields, self._clock.now()) if fields is not None else None
        counts.add(usual.outcome, new.outcome, fields or (), difference)
