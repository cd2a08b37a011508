"""A place in a queue outlives an engine that ends before it has let those in who came back to it."""

from __future__ import annotations

from time import monotonic
from typing import Any

from cti.core.commands import EnterQueue
from cti.runtime.floor.stays import Stay
from cti.runtime.queues import Entrant

from .platform import Platform


def test_who_came_back_and_is_not_let_in_yet_keeps_place_and_time(platform: Platform) -> None:
    callers = platform.application.floor.callers
    callers.returning.settling = lambda: True
    switch: Any = object()
    now = monotonic()
    stay = Stay("c1", "service", now - 120.0, now - 300.0, 4)
    callers.enter(Entrant("c1", switch, EnterQueue(1, "service"), lambda _: None, True, stay))
    kept = callers.stay("c1")
    callers.gone("c1")
    assert kept is not None
    assert (kept["contact"], kept["queue"], kept["priority"]) == ("c1", "service", 4)
    assert kept["waited_s"] >= 120.0
    assert kept["ranked_s"] >= 300.0
    assert callers.stay("c1") is None
