"""Before a write that nobody else holds back: an engine that others may have replaced asks whether it still is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cti.core.snapshots import Ownership
from cti.runtime.durable import desk
from cti.runtime.durable.desk import DurableCalls
from cti.switch.liveness import BEAT_S, LIFE_S

#: Another engine may have the slot so soon after anything that this one did (its last beat was up to a beat before).
REPLACED_S = LIFE_S - BEAT_S


class Book:
    """Of owners, in which another engine has begun."""

    def __init__(self) -> None:
        self.asked = 0

    def begin(self, _owner: str, _at: float) -> Ownership:
        return Ownership(1)

    def seen(self, _owner: str, _epoch: int, _at: float) -> bool:
        self.asked += 1
        return False


@pytest.mark.parametrize(("stopped_s", "sure"), [(desk.SIGN_S, True), (REPLACED_S, False), (30.0, False)])
def test_an_engine_that_may_have_been_replaced_asks_first(stopped_s: float, sure: bool) -> None:
    now, lost, book = [100.0], list[str](), Book()
    store: Any = SimpleNamespace(fence=lambda *_: None, find_snapshots=lambda _owner: ())
    clock: Any = SimpleNamespace(now=lambda: 0.0)
    plans: Any = None
    calls = DurableCalls(store, book, clock, "n-0", plans, boottime=lambda: now[0])  # type: ignore[arg-type]
    calls.lost = lambda: lost.append("told")
    calls.begin()
    now[0] += stopped_s
    assert calls.sure() is sure
    assert (book.asked, lost) == ((0, []) if sure else (1, ["told"]))
