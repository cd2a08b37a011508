"""The wall clock is set an hour forward or back while calls are up: what lasts goes by the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

import pytest

from cti.runtime.durable import Instant, RunClock


@dataclass
class SetClock:
    wall: float = 1_800_000_000.0
    since_boot: float = 5_000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since_boot

    def pass_s(self, seconds: float, jump_s: float = 0.0) -> None:
        self.wall += seconds + jump_s
        self.since_boot += seconds


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_run_and_a_gap_last_as_long_as_they_lasted(jump_s: float) -> None:
    clock = SetClock()
    run, began = RunClock(clock, UTC), Instant(clock.now(), clock.monotonic(), "boot")
    at = run.time()
    clock.pass_s(20.0, jump_s)
    assert run.time() - at == 20.0
    assert Instant(clock.now(), clock.monotonic(), "boot").seconds_since(began) == 20.0
