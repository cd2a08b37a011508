"""Tasks of a channel look at the world on the edge of a media frame."""

from __future__ import annotations

import pytest

from cti.switch.embedded.clock import VirtualClock
from cti.switch.embedded.task import FRAME_S, Steps, Task


@pytest.mark.parametrize("past_edge_s", [0.0, 1e-6, 1e-5, 0.001])
def test_what_is_wanted_just_after_an_edge_is_waited_for(past_edge_s: float) -> None:
    clock = VirtualClock()
    until, looked = clock.now() + 5 * FRAME_S + past_edge_s, []

    def steps() -> Steps[float]:
        while clock.now() < until:
            looked.append(clock.now())
            assert len(looked) < 10, "it looks again and again, and time stands still"
            yield until
        return clock.now()

    task = Task(clock, steps(), FRAME_S)
    task.start()
    clock.run_for(1.0)
    assert task.error is None
    assert task.result is not None
    assert until <= task.result <= until + FRAME_S
