"""Keeps Python's cycle collector off what lives long. A full collection walks every flow that is loaded: 137 ms for
one of 500 nodes, in which no call is served.

Plans hold no cycles and are freed by their counts; so they are set aside (`gc.freeze`) once they are taken, and while
one is put together nothing is collected.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TURN_S, _REST_S = 0.001, 0.002


def set_aside() -> None:
    """At the start, before the first call: everything loaded so far is never walked again."""
    gc.collect()
    gc.freeze()


def let_go(things: list[Any]) -> None:
    """Give up what is no longer used, a little at a time: to free 500 nodes at once holds the hub for 20 ms. What a
    running call still uses lives on."""
    import gevent  # the command line pauses the collector, too, and most of it does without

    def free() -> None:
        turn = time.perf_counter()
        while things:
            things.pop()
            if time.perf_counter() - turn > _TURN_S:
                gevent.sleep(_REST_S)
                turn = time.perf_counter()

    gevent.spawn(free)


class Pause:
    """``begin`` any time within the context; collecting goes on at its end, without what was built if it is kept."""

    def __init__(self) -> None:
        self._paused = False

    def begin(self) -> None:
        if not self._paused and gc.isenabled():
            self._paused = True
            gc.disable()

    def keep(self) -> None:
        """What was built is used from now on. Garbage in cycles that lies around at this moment is set aside with it
        and lost; looking for it would cost 20 ms."""
        gc.freeze()

    def end(self) -> None:
        if self._paused:
            self._paused = False
            gc.enable()


@contextmanager
def paused_collector() -> Iterator[Pause]:
    pause = Pause()
    try:
        yield pause
    finally:
        pause.end()
