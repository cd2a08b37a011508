"""Waiting for something that nobody announces, with a deadline."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import gevent

STEP_S = 0.02


def wait_until(true: Callable[[], bool], timeout_s: float) -> bool:
    """Ask again every 20 ms until ``true()``; False when it was not so before the deadline."""
    deadline = monotonic() + timeout_s
    while not true():
        if monotonic() >= deadline:
            return False
        gevent.sleep(STEP_S)
    return True
